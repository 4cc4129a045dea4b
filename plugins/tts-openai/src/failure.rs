//! What an answer without sound means, in sentences for whoever made the request.
//!
//! What the service itself says may quote the text that was to be spoken, and sentences are logged. So only its identifiers are
//! passed on, such as `invalid_value`. They come in three shapes: OpenAI's and LocalAI's `error`, Kokoro's `detail` as an object,
//! and the list that FastAPI makes of a body it does not understand.

use serde_json::Value;

use crate::bindings::switchboard::plugin::effects::Outcome;
use crate::bindings::switchboard::plugin::http::{Body, Data, Response};
use crate::bindings::switchboard::plugin::types::{FieldProblem, Problem, UpstreamProblem};
use crate::config::Config;

/// The answer to a fetch, if it has a status of 200 to 299.
pub(crate) fn answer<'a>(config: &Config, outcome: &'a Outcome) -> Result<&'a Response, Problem> {
    match outcome {
        Outcome::Fetched(response) if (200..300).contains(&response.status) => Ok(response),
        Outcome::Fetched(response) => Err(refusal(config, response)),
        Outcome::Failed(Problem::Upstream(silence)) if silence.status == 0 => Err(Problem::Upstream(UpstreamProblem {
            message: format!("The speech service gave no answer. {}", silence.message),
            ..silence.clone()
        })),
        // A grant or a credential is missing, and the host has said so.
        Outcome::Failed(problem) => Err(problem.clone()),
        _ => Err(Problem::Internal("a fetch has an outcome of another kind".to_owned())),
    }
}

/// A failure of the service that trying again does not mend.
pub(crate) fn upstream(status: u16, message: &str) -> Problem {
    Problem::Upstream(UpstreamProblem {
        status,
        message: message.to_owned(),
        retry_after_ms: None,
    })
}

fn refusal(config: &Config, response: &Response) -> Problem {
    let status = response.status;
    let told = Told::read(response);
    match status {
        401 | 403 if config.credential.is_empty() => upstream(
            status,
            "The speech service wants a key: set `credential` in the configuration of this plugin.",
        ),
        401 | 403 => upstream(
            status,
            &format!(
                "The speech service refused the credential `{}`: check its value and what it may do.",
                config.credential
            ),
        ),
        429 if told.code.as_deref() == Some("insufficient_quota") => {
            upstream(status, "The quota at the speech service is used up.")
        }
        429 => again(
            response,
            "The speech service takes no more requests for now.".to_owned(),
        ),
        400 | 404 | 422 if told.field.as_deref() == Some("voice") => Problem::InvalidField(FieldProblem {
            field: "voice".to_owned(),
            message: "The speech service does not know this voice. GET /api/messages/voices lists those it has."
                .to_owned(),
        }),
        400..500 => upstream(
            status,
            &format!("The speech service refused the request ({}).", told.said(status)),
        ),
        500..600 => again(response, format!("The speech service failed ({}).", told.said(status))),
        _ => upstream(
            status,
            &format!("The speech service answered with the status {status}, which is neither sound nor a failure."),
        ),
    }
}

/// A failure that may pass, and when, if the service says so.
fn again(response: &Response, message: String) -> Problem {
    let header = |wanted: &str| {
        let value = response.headers.iter().find(|(name, _)| name == wanted)?;
        value.1.trim().parse::<u32>().ok()
    };
    let retry_after_ms =
        header("retry-after-ms").or_else(|| header("retry-after").map(|seconds| seconds.saturating_mul(1000)));
    Problem::Upstream(UpstreamProblem {
        status: response.status,
        message,
        retry_after_ms,
    })
}

/// What a service says of its failure, as far as it may be repeated.
#[derive(Debug, Default, PartialEq)]
struct Told {
    code: Option<String>,
    field: Option<String>,
}

impl Told {
    fn read(response: &Response) -> Self {
        let Body::Whole(Data::Text(text)) = &response.body else {
            return Self::default();
        };
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        let (error, detail) = (&body["error"], &body["detail"]);
        let field = detail[0]["loc"].as_array().and_then(|path| path.last());
        Self {
            code: [&error["code"], &error["type"], &detail["error"], &detail[0]["type"]]
                .into_iter()
                .find_map(identifier),
            field: [Some(&error["param"]), field]
                .into_iter()
                .flatten()
                .find_map(identifier),
        }
    }

    /// `400 invalid_value, in voice`.
    fn said(&self, status: u16) -> String {
        let code = self.code.as_ref().map(|code| format!(" {code}"));
        let field = self.field.as_ref().map(|field| format!(", in {field}"));
        format!("{status}{}{}", code.unwrap_or_default(), field.unwrap_or_default())
    }
}

/// A short word of letters, digits and joints: what a program says, and no person.
fn identifier(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    ((1..=64).contains(&text.len()) && text.chars().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;
    use serde_json::json;

    fn refused(status: u16, headers: &[(&str, &str)], body: &Value) -> Problem {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let outcome = Outcome::Fetched(Response {
            status,
            headers: headers.collect(),
            body: Body::Whole(Data::Text(body.to_string())),
        });
        answer(&config(json!({})), &outcome).expect_err("a problem")
    }

    fn upstream_of(problem: Problem) -> (u16, String, Option<u32>) {
        match problem {
            Problem::Upstream(problem) => (problem.status, problem.message, problem.retry_after_ms),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refused_key_is_named_and_not_shown() {
        let body = json!({"error": {"message": "Incorrect API key provided: sk-abc", "code": "invalid_api_key"}});
        let (status, message, retry) = upstream_of(refused(401, &[], &body));
        assert_eq!((status, retry), (401, None));
        assert!(message.contains("`openai`") && !message.contains("sk-abc"), "{message}");
    }

    #[test]
    fn throttling_says_when_to_try_again_and_a_used_up_quota_does_not() {
        let body = json!({"error": {"type": "requests", "code": "rate_limit_exceeded"}});
        assert_eq!(upstream_of(refused(429, &[("retry-after", "7")], &body)).2, Some(7000));
        assert_eq!(
            upstream_of(refused(429, &[("retry-after", "1"), ("retry-after-ms", "250")], &body)).2,
            Some(250)
        );
        assert_eq!(upstream_of(refused(429, &[("retry-after", "soon")], &body)).2, None);
        let quota = json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota"}});
        let (_, message, retry) = upstream_of(refused(429, &[("retry-after", "7")], &quota));
        assert!(message.contains("quota") && retry.is_none());
    }

    #[test]
    fn an_unknown_voice_is_the_clients_field_whatever_the_service_calls_it() {
        for (status, body) in [
            (
                400,
                json!({"error": {"message": "no", "type": "invalid_request_error", "param": "voice", "code": null}}),
            ),
            (
                422,
                json!({"detail": [{"loc": ["body", "voice"], "msg": "no", "type": "enum"}]}),
            ),
        ] {
            assert!(matches!(refused(status, &[], &body), Problem::InvalidField(problem) if problem.field == "voice"));
        }
    }

    #[test]
    fn a_refusal_repeats_identifiers_and_no_sentence() {
        for (body, said) in [
            (
                json!({"error": {"message": "secret", "type": "invalid_request_error", "param": "input", "code": "string_above_max_length"}}),
                "(400 string_above_max_length, in input)",
            ),
            (
                json!({"detail": {"error": "validation_error", "message": "secret", "type": "invalid_request_error"}}),
                "(400 validation_error)",
            ),
            (
                json!({"detail": [{"loc": ["body", "speed"], "msg": "secret", "type": "less_than_equal"}]}),
                "(400 less_than_equal, in speed)",
            ),
            (json!({"detail": "secret"}), "(400)"),
            (json!({"error": {"code": "two words"}}), "(400)"),
        ] {
            let (_, message, _) = upstream_of(refused(400, &[], &body));
            assert_eq!(message, format!("The speech service refused the request {said}."));
        }
    }

    #[test]
    fn an_outage_is_told_as_one() {
        let (status, message, retry) = upstream_of(refused(503, &[("retry-after", "30")], &Value::Null));
        assert_eq!(
            (status, message.as_str(), retry),
            (503, "The speech service failed (503).", Some(30_000))
        );
        let silence = Outcome::Failed(Problem::Upstream(UpstreamProblem {
            status: 0,
            message: "It took longer than 30 s.".to_owned(),
            retry_after_ms: Some(1000),
        }));
        let (status, message, retry) = upstream_of(answer(&config(json!({})), &silence).unwrap_err());
        assert_eq!((status, retry), (0, Some(1000)));
        assert_eq!(message, "The speech service gave no answer. It took longer than 30 s.");
    }

    #[test]
    fn a_missing_grant_is_told_in_the_hosts_words() {
        let refused = Problem::NotSupported("This plugin may not reach that host.".to_owned());
        let outcome = Outcome::Failed(refused.clone());
        assert_eq!(answer(&config(json!({})), &outcome), Err(refused));
    }
}
