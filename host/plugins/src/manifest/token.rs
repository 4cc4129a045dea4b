//! Where a dialect's API has its token, besides the header that every API has.

use serde::Deserialize;

use crate::load_error::Refusal;

/// Headers that carry no token of an API, because they mean something else.
const TAKEN: [&str; 6] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
];

/// The places of a token besides `Authorization: Bearer`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenPlaces {
    /// A parameter of the query, such as `access_token`.
    pub parameter: Option<String>,
    /// A header that holds the token alone, such as `apikey`; in lower case.
    pub header: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenDialect {
    token_parameter: Option<String>,
    token_header: Option<String>,
}

impl TokenPlaces {
    pub(super) fn check(written: WrittenDialect) -> Result<Self, Refusal> {
        let WrittenDialect {
            token_parameter: parameter,
            token_header: header,
        } = written;
        if parameter.as_ref().is_some_and(|name| !(1..=64).contains(&name.len())) {
            return Err(refused("token_parameter must be 1 to 64 bytes"));
        }
        let header = header.map(|name| name.to_ascii_lowercase());
        if let Some(name) = &header {
            let is_name =
                (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !is_name {
                return Err(refused("token_header must be 1 to 64 letters, digits and hyphens"));
            }
            if TAKEN.contains(&name.as_str()) {
                return Err(refused("token_header must be a header that means nothing else"));
            }
        }
        Ok(Self { parameter, header })
    }
}

fn refused(why: &str) -> Refusal {
    Refusal::Manifest(format!("[dialect] {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parameter: &str, header: &str) -> Option<TokenPlaces> {
        let written = WrittenDialect {
            token_parameter: Some(parameter.to_owned()),
            token_header: Some(header.to_owned()),
        };
        TokenPlaces::check(written).ok()
    }

    #[test]
    fn a_token_may_be_in_a_parameter_and_in_a_header_that_means_nothing_else() {
        let places = TokenPlaces {
            parameter: Some("access_token".to_owned()),
            header: Some("x-api-key".to_owned()),
        };
        assert_eq!(check("access_token", "X-Api-Key"), Some(places));
        for (parameter, header) in [
            ("", "apikey"),
            ("t", ""),
            ("t", "api key"),
            ("t", "apikey:"),
            ("t", "Cookie"),
            ("t", "authorization"),
            ("t", "Host"),
        ] {
            assert_eq!(check(parameter, header), None, "{parameter:?} {header:?}");
        }
    }
}
