//! `otp`: a one-time code in the recipient's language.
//!
//! A plugin is a pure function. The host has held the body against the schema before it calls `next`, so what is left to do here
//! is what a schema cannot say, and the words.

mod code;
mod languages;
mod render;

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "message-handler-plugin",
        additional_derives: [PartialEq],
    });
}

use serde::Deserialize;
use serde::de::DeserializeOwned;

use bindings::exports::switchboard::plugin::message_handler::{Content, Context, Guest, Kind, Outcome, Problem, Step};
use bindings::switchboard::plugin::content::Text;
use bindings::switchboard::plugin::types::FieldProblem;

/// The component.
#[derive(Debug)]
pub struct Otp;

/// The body of a send, as the schema allows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    code: String,
    language: Option<String>,
    brand: Option<String>,
    /// Whole, but JSON may write it as 10.0.
    expires_minutes: Option<f64>,
}

/// The table `[config]` of plugin.toml, with what the operator has set over it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    default_language: String,
}

impl Guest for Otp {
    fn kinds() -> Vec<Kind> {
        vec![Kind {
            name: "otp".to_owned(),
            summary: "A one-time code, with its sentence in the language of the recipient.".to_owned(),
            schema: include_str!("otp.schema.json").to_owned(),
            example: r#"{"code": "493027", "language": "en", "brand": "Acme", "expiresMinutes": 10}"#.to_owned(),
        }]
    }

    fn next(context: Context, _kind: String, body: String, _outcomes: Vec<Outcome>) -> Result<Step, Problem> {
        let body: Body = read("the body", &body)?;
        let config: Config = read("the configuration", &context.config)?;
        if let Err(message) = code::check(&body.code) {
            return Err(Problem::InvalidField(FieldProblem {
                field: "code".to_owned(),
                message: message.to_owned(),
            }));
        }
        let asked = body.language.as_deref().unwrap_or(&config.default_language);
        let language = languages::find(asked)
            .or_else(|| languages::find(&config.default_language))
            .ok_or_else(|| Problem::Internal("default_language is not a language of this plugin".to_owned()))?;
        let text = render::message(language, &body.code, body.brand.as_deref(), body.expires_minutes);
        Ok(Step::Send(vec![Content::Text(Text {
            body: text,
            preview_url: false,
        })]))
    }
}

/// Reads what the host has checked already, so that a fault is this plugin's own or its operator's. The error does not quote it.
fn read<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Problem> {
    serde_json::from_str(json)
        .map_err(|error| Problem::Internal(format!("{what} has another shape ({:?})", error.classify())))
}

/// Only in the component: natively these symbols do not link, and the tests below need none of them.
#[cfg(target_family = "wasm")]
#[expect(
    unsafe_code,
    reason = "the component model's calling convention, generated from wit/"
)]
mod export {
    use super::{Otp, bindings};

    bindings::export!(Otp with_types_in bindings);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(config: &str, body: &str) -> Result<Step, Problem> {
        let context = Context {
            request_id: "r".to_owned(),
            accepted_at_ms: 0,
            config: config.to_owned(),
        };
        Otp::next(context, "otp".to_owned(), body.to_owned(), vec![])
    }

    fn text(default_language: &str, body: &str) -> String {
        match next(&format!(r#"{{"default_language": "{default_language}"}}"#), body) {
            Ok(Step::Send(contents)) => match contents.as_slice() {
                [Content::Text(text)] => text.body.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_example_is_one_text() {
        let kind = &Otp::kinds()[0];
        assert!(text("en", &kind.example).contains("493027"));
    }

    #[test]
    fn a_language_falls_back_to_its_base_and_then_to_the_operators_choice() {
        let spanish = text("es", r#"{"code": "493027"}"#);
        assert_eq!(text("en", r#"{"code": "493027", "language": "es-MX"}"#), spanish);
        assert_eq!(text("es", r#"{"code": "493027", "language": "tlh"}"#), spanish);
        assert_ne!(text("en", r#"{"code": "493027"}"#), spanish);
    }

    #[test]
    fn a_code_that_is_refused_is_not_repeated() {
        for code in ["1234", "000000", "ABCDEF"] {
            let Err(Problem::InvalidField(problem)) =
                next(r#"{"default_language": "en"}"#, &format!(r#"{{"code": "{code}"}}"#))
            else {
                panic!("{code} was taken")
            };
            assert_eq!(problem.field, "code");
            assert!(!problem.message.contains(code));
        }
    }

    #[test]
    fn a_default_language_that_does_not_exist_is_told_to_the_operator() {
        let answer = next(
            r#"{"default_language": "tlh"}"#,
            r#"{"code": "493027", "language": "nv"}"#,
        );
        assert!(matches!(answer, Err(Problem::Internal(sentence)) if sentence.contains("default_language")));
    }
}
