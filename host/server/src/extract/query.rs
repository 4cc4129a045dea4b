//! The query of a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::fault;
use crate::problem::Failure;

/// The query as a `T`; a parameter that `T` does not know, or a value that it does not allow, is 400 `invalid_field`.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        Ok(parse(parts.uri.query().unwrap_or_default()).map(Self)?)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, switchboard_core::problem::Problem> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
        .map_err(|error| fault::invalid(&error.path().to_string(), &error.inner().to_string()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use switchboard_core::status::SessionStatus;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        status: Option<SessionStatus>,
        wait: Option<bool>,
    }

    #[test]
    fn a_query_is_read_and_an_empty_one_is_all_defaults() {
        assert_eq!(parse::<Sample>("").unwrap(), Sample::default());
        let full = Sample {
            status: Some(SessionStatus::Ready),
            wait: Some(false),
        };
        assert_eq!(parse::<Sample>("status=READY&wait=false").unwrap(), full);
    }

    #[test]
    fn a_wrong_parameter_is_named_with_what_is_allowed() {
        for (query, field, part) in [
            ("status=ready", "status", "READY"),
            ("status=", "status", "READY"),
            ("wait=0", "wait", "true"),
            ("stauts=READY", "stauts", "`status`"),
            ("wait=true&wait=true", "wait", "once"),
        ] {
            let problem = parse::<Sample>(query).unwrap_err();
            assert_eq!(problem.field_name(), Some(field), "{query}: {problem}");
            assert!(problem.message().contains(part), "{query}: {problem}");
        }
    }
}
