//! Answers with the headers that Meta sends.

use serde_json::Value;

use crate::bindings::exports::switchboard::plugin::dialect::{Context, Response};
use crate::bindings::switchboard::plugin::http::{Body, Data};
use crate::graph_error::GraphError;
use crate::trace;

/// The version of an answer to a request that names none, as it is with Meta.
const DEFAULT_VERSION: &str = "v23.0";

/// What every answer to one request has in common.
#[derive(Debug)]
pub(crate) struct Reply {
    version: String,
    trace_id: String,
}

impl Reply {
    /// For the request of this context, which asked for this version, or for none.
    pub(crate) fn new(context: &Context, version: Option<String>) -> Self {
        Self {
            version: version.unwrap_or_else(|| DEFAULT_VERSION.to_owned()),
            trace_id: trace::id(&context.request_id),
        }
    }

    /// 200 and nothing else: some clients take 201 for a failure.
    pub(crate) fn ok(&self, body: &Value) -> Response {
        self.response(200, body, Vec::new())
    }

    /// A failure.
    pub(crate) fn refusal(&self, error: &GraphError) -> Response {
        let mut headers = Vec::new();
        if let Some(reason) = match error.status {
            400 => Some("invalid_request"),
            401 => Some("invalid_token"),
            _ => None,
        } {
            let challenge = format!(r#"OAuth "Facebook Platform" "{reason}" "{}""#, quotable(&error.message));
            headers.push(("www-authenticate".to_owned(), challenge));
        }
        if error.is_throttling() || error.retry_after_ms.is_some() {
            let seconds = error.retry_after_ms.unwrap_or_default().div_ceil(1000).max(1);
            headers.push(("retry-after".to_owned(), seconds.to_string()));
        }
        self.response(error.status, &error.json(&self.trace_id), headers)
    }

    fn response(&self, status: u16, body: &Value, more: Vec<(String, String)>) -> Response {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-fb-trace-id".to_owned(), self.trace_id.clone()),
            ("x-fb-request-id".to_owned(), self.trace_id.clone()),
            ("facebook-api-version".to_owned(), self.version.clone()),
        ];
        headers.extend(more);
        Response {
            status,
            headers,
            body: Body::Whole(Data::Text(body.to_string())),
        }
    }
}

/// `text` as it may stand between quotes in a header.
fn quotable(text: &str) -> String {
    let quotable = |c: char| {
        if (' '..='~').contains(&c) && c != '"' && c != '\\' {
            c
        } else {
            '\''
        }
    };
    text.chars().map(quotable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meaning::Meaning;

    fn reply() -> Reply {
        Reply {
            version: "v20.0".to_owned(),
            trace_id: "A".to_owned(),
        }
    }

    fn headers(error: &GraphError) -> Vec<(String, String)> {
        reply().refusal(error).headers
    }

    fn header(error: &GraphError, wanted: &str) -> Option<String> {
        headers(error)
            .into_iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    }

    #[test]
    fn a_bad_token_and_a_bad_request_are_challenged_apart() {
        let token = GraphError::new(&Meaning::of("unauthorized", 401), "");
        assert_eq!(
            header(&token, "www-authenticate").as_deref(),
            Some(
                r#"OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token - Cannot parse access token""#
            )
        );
        assert!(
            header(&GraphError::missing("to"), "www-authenticate")
                .unwrap()
                .contains(r#""invalid_request""#)
        );
        let forbidden = GraphError::new(&Meaning::of("forbidden", 403), "");
        assert_eq!(header(&forbidden, "www-authenticate"), None);
    }

    #[test]
    fn throttling_says_when_to_try_again() {
        let throttled = |retry_after_ms| {
            let mut error = GraphError::new(&Meaning::of("rate_limited", 429), "");
            error.retry_after_ms = retry_after_ms;
            error
        };
        assert_eq!(header(&throttled(Some(1500)), "retry-after").as_deref(), Some("2"));
        assert_eq!(header(&throttled(None), "retry-after").as_deref(), Some("1"));
        assert_eq!(header(&GraphError::missing("to"), "retry-after"), None);
    }

    #[test]
    fn no_client_can_write_a_header() {
        let error = GraphError::unknown_path("/\"\r\nx-evil: 1é");
        assert_eq!(
            header(&error, "www-authenticate").as_deref(),
            Some(r#"OAuth "Facebook Platform" "invalid_request" "Unknown path components: /'''x-evil: 1'""#)
        );
    }
}
