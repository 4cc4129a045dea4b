//! `text`: `body` and `preview_url`.

use crate::bindings::switchboard::plugin::content::Text;
use crate::graph_error::GraphError;
use crate::params::Params;

/// The longest text of the Cloud API, in characters; WhatsApp itself takes more.
const LONGEST: usize = 4096;

pub(super) fn of(params: &Params) -> Result<Text, GraphError> {
    let body = params.needed_words("body")?;
    if body.chars().count() > LONGEST {
        let must = format!("must be at most {LONGEST} characters long");
        return Err(GraphError::wrong(&params.name_of("body"), &must));
    }
    Ok(Text {
        body,
        preview_url: params.flag("preview_url")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::params;
    use serde_json::json;

    #[test]
    fn a_text_is_one_to_4096_characters() {
        let longest = "é".repeat(LONGEST);
        let text = of(&params(&json!({"body": longest, "preview_url": true}))).unwrap();
        assert!(text.preview_url && text.body == longest);
        assert!(of(&params(&json!({"body": format!("{longest}x")}))).is_err());
        assert!(of(&params(&json!({"body": ""}))).is_err());
    }
}
