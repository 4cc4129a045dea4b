//! Problems between the contract and the house. What comes out of a guest is checked here: it was written by a stranger.

use std::time::Duration;

use serde_json::{Map, Value, json};
use switchboard_core::problem::{Code, Problem};

use crate::contract::types;
use crate::fault::Fault;

/// Characters of a plugin's sentence that are shown.
const MAX_SENTENCE: usize = 500;

/// A guest's own problem, or the fault that it is. `plugin` is its id and version.
pub(crate) fn of_guest(problem: types::Problem, plugin: &str) -> Problem {
    match problem {
        types::Problem::InvalidField(at) => Problem::invalid_field(clip(&at.field), clip(&at.message)),
        types::Problem::NotSupported(sentence) => Problem::new(Code::NOT_SUPPORTED, clip(&sentence)),
        types::Problem::Upstream(upstream) => {
            let problem = Problem::new(Code::UPSTREAM_FAILED, clip(&upstream.message))
                .cause(format!("status {}", upstream.status));
            match upstream.retry_after_ms {
                Some(ms) => problem.retry_after(Duration::from_millis(ms.into())),
                None => problem,
            }
        }
        types::Problem::Internal(sentence) => Fault::Own(clip(&sentence)).into_problem(plugin),
        types::Problem::Other(other) => foreign(&other).unwrap_or_else(|fault| fault.into_problem(plugin)),
    }
}

fn foreign(other: &types::OpenProblem) -> Result<Problem, Fault> {
    let code = Code::foreign(other.status, &other.code).ok_or_else(|| {
        Fault::Contract(format!(
            "a problem with status {} and a code that is not allowed",
            other.status
        ))
    })?;
    let details: Map<String, Value> = serde_json::from_str(&other.details)
        .map_err(|_| Fault::Contract("the details of a problem are not a JSON object".to_owned()))?;
    let mut problem = Problem::new(code, clip(&other.message));
    if let Some(field) = details.get("field").and_then(Value::as_str) {
        problem = problem.field(clip(field));
    }
    if let Some(ms) = details.get("retryAfterMs").and_then(Value::as_u64) {
        problem = problem.retry_after(Duration::from_millis(ms));
    }
    Ok(problem)
}

/// A stranger's sentence, at a length that can be shown.
fn clip(sentence: &str) -> String {
    sentence.chars().take(MAX_SENTENCE).collect()
}

/// What a guest is told of one of the host's problems: what the client would be told, and nothing of the cause.
pub fn for_guest(problem: &Problem) -> types::Problem {
    let (code, message) = (problem.code(), problem.message().to_owned());
    if *code == Code::NOT_SUPPORTED {
        return types::Problem::NotSupported(message);
    }
    if let (true, Some(field)) = (*code == Code::INVALID_FIELD, problem.field_name()) {
        return types::Problem::InvalidField(types::FieldProblem {
            field: field.to_owned(),
            message,
        });
    }
    let mut details = Map::new();
    if let Some(field) = problem.field_name() {
        details.insert("field".to_owned(), field.into());
    }
    if let Some(delay) = problem.retry_delay() {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        details.insert("retryAfterMs".to_owned(), json!(ms));
    }
    types::Problem::Other(types::OpenProblem {
        status: code.status(),
        code: code.name().to_owned(),
        message,
        details: Value::Object(details).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(status: u16, code: &str, details: &str) -> Problem {
        let problem = types::Problem::Other(types::OpenProblem {
            status,
            code: code.into(),
            message: "no".into(),
            details: details.into(),
        });
        of_guest(problem, "x 1.0.0")
    }

    #[test]
    fn a_problem_of_the_plugins_own_keeps_its_status_code_field_and_delay() {
        let problem = other(429, "slow_down", r#"{"field": "to", "retryAfterMs": 1500, "x": 1}"#);
        assert_eq!((problem.code().status(), problem.code().name()), (429, "slow_down"));
        assert_eq!(
            (problem.field_name(), problem.retry_delay()),
            (Some("to"), Some(Duration::from_millis(1500)))
        );
    }

    #[test]
    fn a_problem_that_is_none_is_a_broken_contract() {
        for (status, code, details) in [
            (200, "fine", "{}"),
            (600, "beyond", "{}"),
            (400, "With-Capitals", "{}"),
            (400, "", "{}"),
            (400, "x", "[]"),
            (400, "x", ""),
        ] {
            assert_eq!(
                other(status, code, details).code(),
                &Code::PLUGIN_TRAP,
                "{status} {code}"
            );
        }
    }

    #[test]
    fn a_long_sentence_is_cut() {
        let long = types::Problem::NotSupported("é".repeat(10_000));
        assert_eq!(of_guest(long, "x 1.0.0").message().chars().count(), MAX_SENTENCE);
    }

    #[test]
    fn every_problem_of_the_host_reads_back_from_what_a_guest_is_told_without_its_cause() {
        for code in Code::ALL {
            let problem = Problem::new(code.clone(), "A sentence.")
                .field("to")
                .retry_after(Duration::from_secs(2))
                .cause("secret".to_owned());
            let told = for_guest(&problem);
            assert!(!format!("{told:?}").contains("secret"));
            let back = of_guest(told, "x 1.0.0");
            assert_eq!((back.code(), back.message()), (code, "A sentence."));
        }
    }
}
