//! Between the contract's types and the house's own. What comes out of a guest is checked here: it was written by a stranger.

use std::time::Duration;

use serde_json::{Map, Value};
use switchboard_core::content::{Content, Text};
use switchboard_core::problem::{Code, Problem};

use crate::bindings::{content, handler, types};
use crate::fault::Fault;
use crate::kind::is_name;
use crate::step::{Effect, Outcome, Step};

/// Effects in one step.
const MAX_EFFECTS: usize = 32;
/// Contents in one answer.
const MAX_CONTENTS: usize = 8;
/// Characters of a plugin's sentence that are shown.
const MAX_SENTENCE: usize = 500;

/// A guest's step, if it keeps to the contract.
pub(crate) fn step(step: handler::Step) -> Result<Step, Fault> {
    match step {
        handler::Step::Do(effects) => {
            counted("effects", effects.len(), MAX_EFFECTS)?;
            let named = effects.into_iter().map(|types::Effect::Other(open)| effect(open));
            named.collect::<Result<_, _>>().map(Step::Do)
        }
        handler::Step::Send(contents) => {
            counted("contents", contents.len(), MAX_CONTENTS)?;
            contents
                .into_iter()
                .map(one_content)
                .collect::<Result<_, _>>()
                .map(Step::Send)
        }
    }
}

fn counted(what: &str, count: usize, most: usize) -> Result<(), Fault> {
    if (1..=most).contains(&count) {
        Ok(())
    } else {
        Err(Fault::Contract(format!("{count} {what}; 1 to {most} are allowed")))
    }
}

fn one_content(content: content::Content) -> Result<Content, Fault> {
    match content {
        content::Content::Text(content::Text { body, preview_url }) => Ok(Content::Text(Text { body, preview_url })),
        content::Content::Other(open) => {
            let Effect { name, json } = effect(open)?;
            match Content::from_parts(&name, Value::Object(json)) {
                Ok(other @ Content::Other(_)) => Ok(other),
                Ok(_) | Err(_) => Err(Fault::Contract(format!(
                    "a content of kind {name} without its own type"
                ))),
            }
        }
    }
}

fn effect(open: types::Open) -> Result<Effect, Fault> {
    if !is_name(&open.name) {
        return Err(Fault::Contract(
            "a name that is not 1 to 64 of a-z, 0-9, - and _".to_owned(),
        ));
    }
    let json =
        object(&open.json).ok_or_else(|| Fault::Contract(format!("the JSON of {} is not a JSON object", open.name)))?;
    Ok(Effect { name: open.name, json })
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

/// A guest's own problem, or the fault that it is.
pub(crate) fn problem(problem: types::Problem, plugin: &str) -> Problem {
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
    let details = object(&other.details)
        .ok_or_else(|| Fault::Contract("the details of a problem are not a JSON object".to_owned()))?;
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

/// What a guest is told about an effect.
pub(crate) fn outcome(outcome: &Outcome) -> types::Outcome {
    match outcome {
        Outcome::Failed(failure) if failure.code == Code::NOT_SUPPORTED.name() => {
            types::Outcome::Failed(types::Problem::NotSupported(failure.message.clone()))
        }
        Outcome::Failed(failure) => types::Outcome::Failed(types::Problem::Other(types::OpenProblem {
            status: failure.status,
            code: failure.code.clone(),
            message: failure.message.clone(),
            details: "{}".to_owned(),
        })),
        Outcome::Other(effect) => types::Outcome::Other(types::Open {
            name: effect.name.clone(),
            json: Value::Object(effect.json.clone()).to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str, json: &str) -> types::Open {
        types::Open {
            name: name.into(),
            json: json.into(),
        }
    }

    fn send(contents: Vec<content::Content>) -> Result<Step, Fault> {
        step(handler::Step::Send(contents))
    }

    fn text() -> content::Content {
        content::Content::Text(content::Text {
            body: "hi".into(),
            preview_url: true,
        })
    }

    #[test]
    fn one_to_eight_contents_pass_and_no_other_number() {
        for count in 0..12 {
            assert_eq!(send(vec![text(); count]).is_ok(), (1..=8).contains(&count), "{count}");
        }
    }

    #[test]
    fn one_to_thirty_two_effects_pass_and_no_other_number() {
        for count in [0, 1, 32, 33] {
            let effects = vec![types::Effect::Other(open("fetch", "{}")); count];
            assert_eq!(
                step(handler::Step::Do(effects)).is_ok(),
                (1..=32).contains(&count),
                "{count}"
            );
        }
    }

    #[test]
    fn an_open_content_must_be_an_object_under_a_name_without_a_type() {
        let other = send(vec![content::Content::Other(open("poll", r#"{"name": "?"}"#))]).unwrap();
        let Step::Send(contents) = other else {
            panic!("not sent")
        };
        assert_eq!(contents[0].kind(), "poll");
        for (name, json) in [
            ("poll", "[]"),
            ("poll", "nope"),
            ("poll", "\u{fffd}"),
            ("", "{}"),
            ("A", "{}"),
            ("text", r#"{"body": "x"}"#),
            ("text", "{}"),
        ] {
            let broken = send(vec![content::Content::Other(open(name, json))]);
            assert!(matches!(broken, Err(Fault::Contract(_))), "{name} {json}");
        }
    }

    #[test]
    fn a_plugins_problem_keeps_its_status_its_field_and_its_delay() {
        let other = |status, code: &str, details: &str| {
            let (code, details) = (code.to_owned(), details.to_owned());
            problem(
                types::Problem::Other(types::OpenProblem {
                    status,
                    code,
                    message: "No.".into(),
                    details,
                }),
                "otp 1.0.0",
            )
        };
        let expired = other(422, "otp_expired", r#"{"field": "code", "retryAfterMs": 1500}"#);
        assert_eq!(
            (expired.code().status(), expired.code().name(), expired.message()),
            (422, "otp_expired", "No.")
        );
        assert_eq!(
            (expired.field_name(), expired.retry_delay()),
            (Some("code"), Some(Duration::from_millis(1500)))
        );
        for (status, code, details) in [
            (200, "ok", "{}"),
            (422, "Not Ok", "{}"),
            (422, "ok", "[]"),
            (422, "ok", "nope"),
        ] {
            assert_eq!(
                other(status, code, details).code(),
                &Code::PLUGIN_TRAP,
                "{status} {code} {details}"
            );
        }
    }

    #[test]
    fn each_case_of_a_problem_has_its_own_code() {
        let upstream = types::UpstreamProblem {
            status: 429,
            message: "Slow down.".into(),
            retry_after_ms: Some(2000),
        };
        let upstream = problem(types::Problem::Upstream(upstream), "otp 1.0.0");
        assert_eq!(
            (upstream.code(), upstream.retry_delay()),
            (&Code::UPSTREAM_FAILED, Some(Duration::from_secs(2)))
        );
        let field = types::FieldProblem {
            field: "code".into(),
            message: "Six digits.".into(),
        };
        assert_eq!(
            problem(types::Problem::InvalidField(field), "otp 1.0.0").field_name(),
            Some("code")
        );
        assert_eq!(
            problem(types::Problem::NotSupported("No.".into()), "otp 1.0.0").code(),
            &Code::NOT_SUPPORTED
        );
        let own = problem(types::Problem::Internal("the secret table is gone".into()), "otp 1.0.0");
        assert_eq!((own.code(), own.message().contains("secret")), (&Code::INTERNAL, false));
    }

    #[test]
    fn a_sentence_without_end_is_cut() {
        let problem = problem(types::Problem::NotSupported("ü".repeat(10_000)), "otp 1.0.0");
        assert_eq!(problem.message().chars().count(), MAX_SENTENCE);
    }
}
