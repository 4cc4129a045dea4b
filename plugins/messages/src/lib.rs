//! The kinds of messages that need nothing but their own fields. Each kind is a file with its description and its one function.

mod body;
mod contact;
mod emoji;
mod location;
mod reaction;
mod text;

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "message-handler-plugin",
        additional_derives: [PartialEq],
    });
}

use bindings::exports::switchboard::plugin::message_handler::{Content, Context, Guest, Kind, Outcome, Problem, Step};

/// The component.
#[derive(Debug)]
pub struct Messages;

impl Guest for Messages {
    fn kinds() -> Vec<Kind> {
        vec![text::kind(), location::kind(), contact::kind(), reaction::kind()]
    }

    fn next(_context: Context, kind: String, body: String, _outcomes: Vec<Outcome>) -> Result<Step, Problem> {
        let content = match kind.as_str() {
            text::NAME => text::content(&body),
            location::NAME => location::content(&body),
            contact::NAME => contact::content(&body),
            reaction::NAME => reaction::content(&body),
            _ => Err(Problem::NotSupported(format!(
                "This plugin does not handle the type {kind}."
            ))),
        };
        content.map(|content: Content| Step::Send(vec![content]))
    }
}

/// Only in the component: natively these symbols do not link, and the tests below need none of them.
#[cfg(target_family = "wasm")]
#[expect(
    unsafe_code,
    reason = "the component model's calling convention, generated from wit/"
)]
mod export {
    use super::{Messages, bindings};

    bindings::export!(Messages with_types_in bindings);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(kind: &str, body: &str) -> Result<Step, Problem> {
        let context = Context {
            request_id: "r".into(),
            accepted_at_ms: 0,
            config: "{}".into(),
        };
        Messages::next(context, kind.into(), body.into(), vec![])
    }

    #[test]
    fn a_kind_of_somebody_else_is_refused() {
        assert!(matches!(next("image", "{}"), Err(Problem::NotSupported(sentence)) if sentence.contains("image")));
    }

    #[test]
    fn the_example_of_every_kind_makes_one_content() {
        for kind in Messages::kinds() {
            let step = next(&kind.name, &kind.example);
            assert!(
                matches!(&step, Ok(Step::Send(contents)) if contents.len() == 1),
                "{}: {step:?}",
                kind.name
            );
        }
    }

    #[test]
    fn every_schema_is_strict() {
        for kind in Messages::kinds() {
            let schema: serde_json::Value = serde_json::from_str(&kind.schema).unwrap();
            assert_eq!(schema["type"], "object", "{}", kind.name);
            assert_eq!(schema["additionalProperties"], false, "{}", kind.name);
        }
    }
}
