//! Reading a body that the host has already held against the kind's schema.

use serde::de::DeserializeOwned;

use crate::bindings::switchboard::plugin::types::Problem;

/// The body as the kind's own type. Another shape here means that the schema and the type have parted, which is this plugin's fault.
pub(crate) fn read<T: DeserializeOwned>(body: &str) -> Result<T, Problem> {
    serde_json::from_str(body).map_err(|error| {
        // The error's own words may quote the message; its class does not.
        let class = error.classify();
        Problem::Internal(format!("the body does not have the shape of the schema ({class:?})"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_another_shape_is_not_repeated() {
        for body in ["", "{}", r#"["secret"]"#, r#""secret""#] {
            let Err(Problem::Internal(sentence)) = read::<u8>(body) else {
                panic!("{body} was taken")
            };
            assert!(!sentence.contains("secret"));
        }
    }
}
