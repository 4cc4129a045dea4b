//! A failure as the Graph API tells it.

use serde_json::{Map, Value, json};

use crate::bindings::switchboard::plugin::http::Method;
use crate::bindings::switchboard::plugin::types::{OpenProblem, Problem};
use crate::field;
use crate::meaning::{Kind, Meaning, TOO_MANY_REQUESTS};

/// The end of the sentence about an object that nobody knows.
const UNKNOWN: &str = "does not exist, cannot be loaded due to missing permissions, or does not support this operation. \
                       Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api";

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphError {
    /// The status of the answer, 400 to 599.
    pub(crate) status: u16,
    kind: Kind,
    code: u32,
    subcode: Option<u32>,
    /// The sentence that Meta has for it.
    pub(crate) message: String,
    /// What is wrong in this request.
    details: Option<String>,
    /// When trying again may help.
    pub(crate) retry_after_ms: Option<u64>,
}

impl GraphError {
    fn invalid(message: String) -> Self {
        Self {
            status: 400,
            kind: Kind::OAuthException,
            code: 100,
            subcode: None,
            message,
            details: None,
            retry_after_ms: None,
        }
    }

    /// A parameter that is not there, such as `text['body']`.
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::invalid(format!("(#100) The parameter {parameter} is required."))
    }

    /// A parameter that is there and wrong. `must` goes on a sentence that begins with it: "must be a JSON object".
    pub(crate) fn wrong(parameter: &str, must: &str) -> Self {
        Self::invalid(format!("(#100) Param {parameter} {must}."))
    }

    /// An edge that a phone number does not have, or not for this method.
    pub(crate) fn no_edge(method: Method, id: &str, edge: &str) -> Self {
        let nonexisting =
            || format!("(#100) Tried accessing nonexisting field ({edge}) on node type (WhatsAppBusinessPhoneNumber)");
        let error = match method {
            Method::Get => Self::invalid(nonexisting()),
            _ => Self::unknown_object(method, id),
        };
        Self {
            details: Some("This server supports no such request yet.".to_owned()),
            ..error
        }
    }

    /// An id that stands for nothing, or for nothing that this method works on.
    pub(crate) fn unknown_object(method: Method, id: &str) -> Self {
        let method = match method {
            Method::Get => "get",
            Method::Post => "post",
            Method::Put => "put",
            Method::Patch => "patch",
            Method::Delete => "delete",
        };
        Self {
            kind: Kind::GraphMethodException,
            subcode: Some(33),
            ..Self::invalid(format!("Unsupported {method} request. Object with ID '{id}' {UNKNOWN}"))
        }
    }

    /// A path that leads nowhere.
    pub(crate) fn unknown_path(path: &str) -> Self {
        Self {
            code: 2500,
            ..Self::invalid(format!("Unknown path components: {path}"))
        }
    }

    /// One of Meta's errors, with what is wrong in this request.
    pub(crate) fn new(meaning: &Meaning, details: impl Into<String>) -> Self {
        Self {
            status: meaning.status,
            kind: meaning.kind,
            code: meaning.code,
            subcode: meaning.subcode,
            message: meaning.message(),
            details: Some(details.into()),
            retry_after_ms: None,
        }
    }

    /// A problem of the host in Meta's words. The host's own sentence goes into the details.
    pub(crate) fn of(problem: &Problem) -> Self {
        match problem {
            Problem::InvalidField(problem) => Self::new(&Meaning::of("invalid_field", 400), field::sentence(problem)),
            Problem::NotSupported(sentence) => Self::new(&Meaning::of("not_supported", 501), sentence),
            Problem::Upstream(upstream) => Self {
                retry_after_ms: upstream.retry_after_ms.map(u64::from),
                ..Self::new(&Meaning::of("upstream_failed", 502), &upstream.message)
            },
            Problem::Internal(_) => Self::new(
                &Meaning::of("internal", 500),
                "Something failed on our side. The request id leads to the details in the log.",
            ),
            Problem::Other(OpenProblem {
                status,
                code,
                message,
                details,
            }) => {
                let details: Value = serde_json::from_str(details).unwrap_or_default();
                Self {
                    retry_after_ms: details["retryAfterMs"].as_u64(),
                    ..Self::new(&Meaning::of(code, *status), message)
                }
            }
        }
    }

    /// A problem of a whole request, of which nothing was done: too many of those are not too many messages.
    pub(crate) fn of_request(problem: &Problem) -> Self {
        let error = Self::of(problem);
        match problem {
            Problem::Other(OpenProblem { code, message, .. }) if code == "rate_limited" => Self {
                retry_after_ms: error.retry_after_ms,
                ..Self::new(&TOO_MANY_REQUESTS, message)
            },
            _ => error,
        }
    }

    /// Whether it is about too many requests, or about a service that is down for now.
    pub(crate) fn is_throttling(&self) -> bool {
        matches!(self.status, 429 | 503)
    }

    /// The envelope.
    pub(crate) fn json(&self, trace_id: &str) -> Value {
        let mut error = Map::new();
        error.insert("message".to_owned(), self.message.as_str().into());
        error.insert("type".to_owned(), self.kind.name().into());
        error.insert("code".to_owned(), self.code.into());
        if let Some(subcode) = self.subcode {
            error.insert("error_subcode".to_owned(), subcode.into());
        }
        if let Some(details) = &self.details {
            let data = json!({"messaging_product": "whatsapp", "details": details});
            error.insert("error_data".to_owned(), data);
        }
        error.insert("fbtrace_id".to_owned(), trace_id.into());
        json!({"error": error})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::types::{FieldProblem, UpstreamProblem};

    #[test]
    fn a_missing_parameter_is_named_as_meta_names_it() {
        assert_eq!(
            GraphError::missing("text['body']").json("A"),
            json!({"error": {
                "message": "(#100) The parameter text['body'] is required.",
                "type": "OAuthException",
                "code": 100,
                "fbtrace_id": "A",
            }})
        );
    }

    #[test]
    fn an_unknown_object_is_a_graph_method_exception() {
        let body = GraphError::unknown_object(Method::Post, "42").json("A");
        let error = &body["error"];
        assert_eq!((&error["code"], &error["error_subcode"]), (&json!(100), &json!(33)));
        assert_eq!(error["type"], "GraphMethodException");
        assert!(error["message"].as_str().unwrap().starts_with(
            "Unsupported post request. Object with ID '42' does not exist, cannot be loaded due to missing permissions"
        ));
    }

    #[test]
    fn an_edge_that_there_is_not_is_no_field_to_be_read_and_nothing_to_be_posted_to() {
        for (method, kind, message) in [
            (
                Method::Get,
                "OAuthException",
                "(#100) Tried accessing nonexisting field (media) on node type (WhatsAppBusinessPhoneNumber)",
            ),
            (
                Method::Post,
                "GraphMethodException",
                "Unsupported post request. Object with ID '42' does not exist",
            ),
            (
                Method::Delete,
                "GraphMethodException",
                "Unsupported delete request. Object with ID '42' does not exist",
            ),
        ] {
            let body = GraphError::no_edge(method, "42", "media").json("A");
            let error = &body["error"];
            assert_eq!((&error["code"], &error["type"]), (&json!(100), &json!(kind)));
            assert!(error["message"].as_str().unwrap().starts_with(message), "{body}");
            assert_eq!(
                error["error_data"]["details"],
                "This server supports no such request yet."
            );
        }
    }

    #[test]
    fn too_many_requests_are_not_too_many_messages() {
        let problem = Problem::Other(OpenProblem {
            status: 429,
            code: "rate_limited".to_owned(),
            message: "Why.".to_owned(),
            details: r#"{"retryAfterMs": 1500}"#.to_owned(),
        });
        for (error, code) in [
            (GraphError::of(&problem), 130_429),
            (GraphError::of_request(&problem), 4),
        ] {
            assert_eq!(
                (error.status, error.code, error.retry_after_ms),
                (429, code, Some(1500))
            );
            assert_eq!(error.details.as_deref(), Some("Why."));
        }
    }

    #[test]
    fn every_problem_keeps_the_hosts_sentence_as_details_but_a_fault_of_the_plugin() {
        for (problem, status, code) in [
            (
                Problem::InvalidField(FieldProblem {
                    field: "query".to_owned(),
                    message: "Why.".to_owned(),
                }),
                400,
                131_009,
            ),
            (Problem::NotSupported("Why.".to_owned()), 400, 3),
            (
                Problem::Upstream(UpstreamProblem {
                    status: 500,
                    message: "Why.".to_owned(),
                    retry_after_ms: Some(1500),
                }),
                502,
                131_016,
            ),
            (
                Problem::Other(OpenProblem {
                    status: 429,
                    code: "rate_limited".to_owned(),
                    message: "Why.".to_owned(),
                    details: r#"{"retryAfterMs": 1500}"#.to_owned(),
                }),
                429,
                130_429,
            ),
        ] {
            let error = GraphError::of(&problem);
            let body = error.json("A");
            assert_eq!((error.status, &body["error"]["code"]), (status, &json!(code)));
            assert_eq!(
                body["error"]["error_data"],
                json!({"messaging_product": "whatsapp", "details": "Why."})
            );
            assert_eq!(error.retry_after_ms, (status > 400).then_some(1500));
        }
        let internal = GraphError::of(&Problem::Internal("Why.".to_owned()));
        assert!(!internal.json("A").to_string().contains("Why."));
    }
}
