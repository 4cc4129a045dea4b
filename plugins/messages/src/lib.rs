//! The kinds of messages that need nothing but their own fields. Each kind is a file with its description and its one function.

mod text;

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "message-handler-plugin",
    });
}

use bindings::exports::switchboard::plugin::message_handler::{Context, Guest, Kind, Outcome, Problem, Step};

/// The component.
#[derive(Debug)]
pub struct Messages;

impl Guest for Messages {
    fn kinds() -> Vec<Kind> {
        vec![text::kind()]
    }

    fn next(_context: Context, kind: String, body: String, _outcomes: Vec<Outcome>) -> Result<Step, Problem> {
        match kind.as_str() {
            text::NAME => text::next(&body),
            _ => Err(Problem::NotSupported(format!(
                "This plugin does not handle the type {kind}."
            ))),
        }
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

    #[test]
    fn a_kind_of_somebody_else_is_refused() {
        let context = Context {
            request_id: "r".into(),
            accepted_at_ms: 0,
            config: "{}".into(),
        };
        let answer = Messages::next(context, "image".into(), "{}".into(), vec![]);
        assert!(matches!(answer, Err(Problem::NotSupported(sentence)) if sentence.contains("image")));
    }
}
