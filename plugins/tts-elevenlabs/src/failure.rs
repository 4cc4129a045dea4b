//! What an answer without sound means, in sentences for whoever made the request.
//!
//! ElevenLabs says why in `detail`: a sentence, an object with a `status` such as `quota_exceeded`, or the list that FastAPI makes
//! of a body it does not understand. A sentence may quote the text that was to be spoken, and ours are logged, so only identifiers
//! are passed on.

use serde_json::Value;

use crate::bindings::switchboard::plugin::effects::Outcome;
use crate::bindings::switchboard::plugin::http::{Body, Data, Response};
use crate::bindings::switchboard::plugin::types::{FieldProblem, Problem, UpstreamProblem};
use crate::config::CREDENTIAL;

/// When to try again if the service does not say: as many requests run at once as the plan allows, and one of them ends soon.
const QUEUE_MS: u32 = 1000;
/// The same when the service itself has too much to do.
const BACK_OFF_MS: u32 = 5000;

/// The answer to a fetch, if it has a status of 200 to 299.
pub(crate) fn answer(outcome: &Outcome) -> Result<&Response, Problem> {
    match outcome {
        Outcome::Fetched(response) if (200..300).contains(&response.status) => Ok(response),
        Outcome::Fetched(response) => Err(refusal(response)),
        Outcome::Failed(Problem::Upstream(silence)) if silence.status == 0 => Err(Problem::Upstream(UpstreamProblem {
            message: format!("ElevenLabs gave no answer. {}", silence.message),
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

fn refusal(response: &Response) -> Problem {
    let status = response.status;
    let told = Told::read(response);
    let code = told.code.as_deref();
    match (status, code) {
        (_, Some("quota_exceeded")) => upstream(status, "The credits of the ElevenLabs account are used up."),
        (401 | 403, _) => upstream(
            status,
            &format!(
                "ElevenLabs refused the credential `{CREDENTIAL}`{}: check its value and what it may do.",
                told.in_brackets()
            ),
        ),
        (400 | 404, Some("voice_not_found")) => voice_unknown(),
        (422, _) if told.field.as_deref() == Some("voice_id") => voice_unknown(),
        (429, Some("system_busy")) => again(
            response,
            "ElevenLabs has too much to do for now.".to_owned(),
            Some(BACK_OFF_MS),
        ),
        (429, _) => again(
            response,
            "ElevenLabs takes no more requests at once from this account.".to_owned(),
            Some(QUEUE_MS),
        ),
        (400..500, _) => upstream(
            status,
            &format!("ElevenLabs refused the request ({}).", told.said(status)),
        ),
        (500..600, _) => again(response, format!("ElevenLabs failed ({}).", told.said(status)), None),
        _ => upstream(
            status,
            &format!("ElevenLabs answered with the status {status}, which is neither sound nor a failure."),
        ),
    }
}

/// A voice that the account does not have.
pub(crate) fn voice_unknown() -> Problem {
    Problem::InvalidField(FieldProblem {
        field: "voice".to_owned(),
        message: "ElevenLabs does not know this voice. GET /api/messages/voices lists those it has.".to_owned(),
    })
}

/// A failure that may pass, and when: as the service says, or else after `otherwise_ms`.
fn again(response: &Response, message: String, otherwise_ms: Option<u32>) -> Problem {
    let header = response.headers.iter().find(|(name, _)| name == "retry-after");
    let seconds = header.and_then(|(_, value)| value.trim().parse::<u32>().ok());
    Problem::Upstream(UpstreamProblem {
        status: response.status,
        message,
        retry_after_ms: seconds.map(|seconds| seconds.saturating_mul(1000)).or(otherwise_ms),
    })
}

/// What ElevenLabs says of its failure, as far as it may be repeated.
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
        let detail = &body["detail"];
        Self {
            code: [&detail["status"], &detail["code"], &detail[0]["type"]]
                .into_iter()
                .find_map(identifier),
            field: detail[0]["loc"]
                .as_array()
                .and_then(|path| path.last())
                .and_then(identifier),
        }
    }

    /// `422 missing, in text`.
    fn said(&self, status: u16) -> String {
        let code = self.code.as_ref().map(|code| format!(" {code}"));
        let field = self.field.as_ref().map(|field| format!(", in {field}"));
        format!("{status}{}{}", code.unwrap_or_default(), field.unwrap_or_default())
    }

    /// ` (missing_permissions)`, or nothing.
    fn in_brackets(&self) -> String {
        self.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default()
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
        answer(&outcome).expect_err("a problem")
    }

    fn upstream_of(problem: Problem) -> (u16, String, Option<u32>) {
        match problem {
            Problem::Upstream(problem) => (problem.status, problem.message, problem.retry_after_ms),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refused_key_and_used_up_credits_are_told_apart() {
        let key = json!({"detail": {"status": "invalid_api_key", "message": "secret"}});
        let (status, message, _) = upstream_of(refused(401, &[], &key));
        assert_eq!(status, 401);
        assert!(
            message.contains("`elevenlabs` (invalid_api_key)") && !message.contains("secret"),
            "{message}"
        );
        let credits = json!({"detail": {"status": "quota_exceeded", "message": "secret"}});
        assert!(upstream_of(refused(401, &[], &credits)).1.contains("credits"));
    }

    #[test]
    fn throttling_says_when_to_try_again() {
        for (code, header, retry) in [
            ("too_many_concurrent_requests", None, 1000),
            ("system_busy", None, 5000),
            ("system_busy", Some("9"), 9000),
        ] {
            let headers: Vec<_> = header.map(|value| ("retry-after", value)).into_iter().collect();
            let body = json!({"detail": {"status": code, "message": "secret"}});
            assert_eq!(upstream_of(refused(429, &headers, &body)).2, Some(retry), "{code}");
        }
    }

    #[test]
    fn an_unknown_voice_is_the_clients_field() {
        for (status, body) in [
            (
                404,
                json!({"detail": {"status": "voice_not_found", "message": "secret"}}),
            ),
            (
                422,
                json!({"detail": [{"loc": ["path", "voice_id"], "msg": "secret", "type": "string_type"}]}),
            ),
        ] {
            assert!(matches!(refused(status, &[], &body), Problem::InvalidField(problem) if problem.field == "voice"));
        }
    }

    #[test]
    fn a_detail_is_read_in_each_of_its_shapes_and_no_sentence_is_repeated() {
        for (body, said) in [
            (json!({"detail": "a secret sentence"}), "(422)"),
            (
                json!({"detail": [{"loc": ["body", "text"], "msg": "secret", "type": "missing"}]}),
                "(422 missing, in text)",
            ),
            (
                json!({"detail": {"status": "max_character_limit_exceeded", "message": "secret"}}),
                "(422 max_character_limit_exceeded)",
            ),
            (json!({"detail": []}), "(422)"),
            (json!(null), "(422)"),
        ] {
            let (_, message, _) = upstream_of(refused(422, &[], &body));
            assert_eq!(message, format!("ElevenLabs refused the request {said}."));
        }
    }

    #[test]
    fn an_outage_is_told_as_one() {
        let (status, message, retry) = upstream_of(refused(503, &[], &Value::Null));
        assert_eq!(
            (status, message.as_str(), retry),
            (503, "ElevenLabs failed (503).", None)
        );
        let silence = Outcome::Failed(Problem::Upstream(UpstreamProblem {
            status: 0,
            message: "It took longer than 30 s.".to_owned(),
            retry_after_ms: None,
        }));
        let (status, message, _) = upstream_of(answer(&silence).unwrap_err());
        assert_eq!(
            (status, message.as_str()),
            (0, "ElevenLabs gave no answer. It took longer than 30 s.")
        );
    }
}
