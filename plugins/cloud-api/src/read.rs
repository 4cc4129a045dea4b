//! `status: "read"`: a message was read and, with `typing_indicator`, an answer to it is being written.

use serde_json::json;

use crate::bindings::exports::switchboard::plugin::dialect::{Effect, Outcome, Step};
use crate::bindings::switchboard::plugin::effects::{MessageOf, Typing, TypingPlace, TypingState};
use crate::graph_error::GraphError;
use crate::meaning::WRONG_VALUE;
use crate::messages::refusal;
use crate::params::Params;
use crate::reply::Reply;

pub(crate) fn next(phone: &str, params: &Params, outcomes: &[Outcome], reply: &Reply) -> Result<Step, GraphError> {
    match outcomes {
        [] => effects(phone, params).map(Step::Do),
        // That nobody sees the typing does not undo the reading, so its outcome does not count.
        [Outcome::Done, ..] => Ok(Step::Respond(reply.ok(&json!({"success": true})))),
        [Outcome::Missing, ..] => Err(GraphError::new(
            &WRONG_VALUE,
            "There is no message with this message_id.",
        )),
        [outcome, ..] => Err(refusal(phone, outcome)),
    }
}

fn effects(phone: &str, params: &Params) -> Result<Vec<Effect>, GraphError> {
    if params
        .words("status")?
        .is_none_or(|status| !status.eq_ignore_ascii_case("read"))
    {
        return Err(GraphError::wrong("status", "must be one of {READ}"));
    }
    let message = params.needed_words("message_id")?;
    let session = phone.to_owned();
    let typing = params.object("typing_indicator")?.map(|_| {
        Effect::Typing(Typing {
            session: session.clone(),
            place: TypingPlace::Message(message.clone()),
            state: TypingState::Writing,
        })
    });
    let read = Effect::MarkRead(MessageOf { session, message });
    Ok([Some(read), typing].into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::params;
    use serde_json::Value;

    const WAMID: &str = "wamid.HBgMOTE5ODQ2MzAzMDI1FQIAEhgUM0E0QTY1OTlBRUUwMzgxMDE0NEYA";

    fn asked(body: &Value) -> Vec<Effect> {
        effects("qr_1", &params(body)).unwrap()
    }

    #[test]
    fn a_message_is_read_and_an_answer_is_written() {
        let read = Effect::MarkRead(MessageOf {
            session: "qr_1".to_owned(),
            message: WAMID.to_owned(),
        });
        let typing = Effect::Typing(Typing {
            session: "qr_1".to_owned(),
            place: TypingPlace::Message(WAMID.to_owned()),
            state: TypingState::Writing,
        });
        let body = json!({"status": "read", "message_id": WAMID, "typing_indicator": {"type": "text"}});
        assert_eq!(asked(&body), [read.clone(), typing.clone()]);
        let empty = json!({"status": "read", "message_id": WAMID, "typing_indicator": []});
        assert_eq!(asked(&empty), [read.clone(), typing], "as PHP writes an empty object");
        for nothing in [json!(null), json!("")] {
            let body = json!({"status": "read", "message_id": WAMID, "typing_indicator": nothing});
            assert_eq!(asked(&body), std::slice::from_ref(&read), "{body}");
        }
    }

    #[test]
    fn another_status_and_no_message_are_refused() {
        for body in [
            json!({"status": "delivered", "message_id": WAMID}),
            json!({"status": "read"}),
        ] {
            assert!(effects("qr_1", &params(&body)).is_err(), "{body}");
        }
    }
}
