//! `POST /{phone}/messages`: a message to be sent, or one that was read.

use serde_json::{Value, json};

use crate::bindings::exports::switchboard::plugin::dialect::{Effect, Outcome, Problem, Request, Step};
use crate::bindings::switchboard::plugin::effects::{Send, Sent};
use crate::bindings::switchboard::plugin::http::Method;
use crate::content;
use crate::graph_error::GraphError;
use crate::meaning::{FAILED, UNSUPPORTED_TYPE};
use crate::params::Params;
use crate::read;
use crate::reply::Reply;
use crate::user_id;

/// The longest `biz_opaque_callback_data`, as Meta documents it; the host's reference holds as many bytes.
const LONGEST_REFERENCE: usize = 512;

pub(crate) fn next(phone: &str, request: &Request, outcomes: &[Outcome], reply: &Reply) -> Result<Step, GraphError> {
    let params = Params::of(request)?;
    let product = params.needed_words("messaging_product")?;
    if !product.eq_ignore_ascii_case("whatsapp") {
        return Err(GraphError::wrong("messaging_product", "must be one of {WHATSAPP}"));
    }
    if params.has("status") {
        return read::next(phone, &params, outcomes, reply);
    }
    let send = send(phone, &params)?;
    match outcomes {
        [] => Ok(Step::Do(vec![Effect::Send(send)])),
        // What it answers may be older than this session, or have an id of Meta's own. Meta sends such a message as well, as an
        // answer to nothing.
        [Outcome::Failed(problem)] if send.reply_to.is_some() && is_about_reply(problem) => {
            let send = Send { reply_to: None, ..send };
            Ok(Step::Do(vec![Effect::Send(send)]))
        }
        [.., Outcome::Sent(sent)] => {
            // As it was given, and the host may have been told something else: see `recipient`.
            let given = params.words("to")?.or(params.words("recipient")?);
            let input = given.unwrap_or(send.to);
            Ok(Step::Respond(reply.ok(&answer(&input, sent))))
        }
        [.., Outcome::Failed(Problem::NotSupported(sentence))] => Err(GraphError::new(&UNSUPPORTED_TYPE, sentence)),
        [.., outcome] => Err(refusal(phone, outcome)),
    }
}

/// Whether a send failed because of the message that it answers, and not because of the one that it reacts to.
fn is_about_reply(problem: &Problem) -> bool {
    const FIELD: &str = "replyTo";
    match problem {
        Problem::InvalidField(problem) => problem.field == FIELD,
        Problem::Other(problem) if problem.code == "message_not_found" => {
            let details: Value = serde_json::from_str(&problem.details).unwrap_or_default();
            details["field"] == FIELD
        }
        _ => false,
    }
}

/// What went wrong with an effect on the session of this phone number.
pub(crate) fn refusal(phone: &str, outcome: &Outcome) -> GraphError {
    match outcome {
        Outcome::Failed(Problem::Other(problem)) if problem.code == "session_not_found" => {
            GraphError::unknown_object(Method::Post, phone)
        }
        Outcome::Failed(problem) => GraphError::of(problem),
        _ => GraphError::new(&FAILED, "The host answered with something else than was asked for."),
    }
}

fn send(phone: &str, params: &Params) -> Result<Send, GraphError> {
    let to = recipient(params)?;
    let reference = params.words("biz_opaque_callback_data")?;
    if reference
        .as_ref()
        .is_some_and(|reference| reference.len() > LONGEST_REFERENCE)
    {
        return Err(GraphError::wrong(
            "biz_opaque_callback_data",
            "must be at most 512 characters long",
        ));
    }
    let context = params.object("context")?;
    Ok(Send {
        session: phone.to_owned(),
        to,
        content: content::of(params)?,
        reply_to: context
            .map(|context| context.words("message_id"))
            .transpose()?
            .flatten(),
        reference,
        options: "{}".to_owned(),
    })
}

/// `to`, or whom a user id stands for that this dialect's webhooks have given out.
fn recipient(params: &Params) -> Result<String, GraphError> {
    let kind = params.words("recipient_type")?.unwrap_or_default();
    if !["", "individual", "group"]
        .iter()
        .any(|known| kind.eq_ignore_ascii_case(known))
    {
        return Err(GraphError::wrong(
            "recipient_type",
            "must be one of {INDIVIDUAL, GROUP}",
        ));
    }
    if let Some(to) = params.words("to")? {
        // pywa writes a user id here when it answers somebody whose number is hidden.
        return Ok(user_id::read(&to).unwrap_or(to));
    }
    let Some(user) = params.words("recipient")? else {
        return Err(GraphError::missing("to"));
    };
    user_id::read(&user).ok_or_else(|| GraphError::wrong("recipient", "must be a user id that came with a webhook"))
}

/// Exactly what Meta answers; pywa fails without either list.
fn answer(input: &str, sent: &Sent) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": input, "wa_id": sent.to}],
        "messages": [{"id": sent.wamid.as_ref().unwrap_or(&sent.message_id)}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::content::{Content, Text};
    use crate::bindings::switchboard::plugin::types::{FieldProblem, OpenProblem};
    use crate::params::tests::params;

    fn sends(changes: Value) -> Result<Send, GraphError> {
        let mut body = json!({"to": "919846303025", "text": {"body": "hi"}});
        if let (Value::Object(body), Value::Object(changes)) = (&mut body, changes) {
            body.extend(changes);
        }
        send("qr_1", &params(&body))
    }

    #[test]
    fn everything_around_the_content_arrives() {
        let send = sends(json!({
            "recipient_type": "individual",
            "context": {"message_id": "wamid.X"},
            "biz_opaque_callback_data": "order 7",
        }));
        assert_eq!(
            send,
            Ok(Send {
                session: "qr_1".to_owned(),
                to: "919846303025".to_owned(),
                content: Content::Text(Text {
                    body: "hi".to_owned(),
                    preview_url: false
                }),
                reply_to: Some("wamid.X".to_owned()),
                reference: Some("order 7".to_owned()),
                options: "{}".to_owned(),
            })
        );
    }

    #[test]
    fn null_and_what_nobody_knows_are_passed_over() {
        let nulls = json!({"context": null, "recipient_type": null, "biz_opaque_callback_data": null, "ttl": 7});
        for nothing in [
            nulls,
            json!({"context": []}),
            json!({"context": ""}),
            json!({"recipient_type": "INDIVIDUAL"}),
        ] {
            let send = sends(nothing);
            assert!(matches!(send, Ok(send) if send.reply_to.is_none() && send.reference.is_none()));
        }
    }

    #[test]
    fn only_a_fault_of_what_is_answered_is_passed_over() {
        let wrong = |field: &str| {
            Problem::InvalidField(FieldProblem {
                field: field.to_owned(),
                message: String::new(),
            })
        };
        let unknown = |field: &str| {
            Problem::Other(OpenProblem {
                status: 404,
                code: "message_not_found".to_owned(),
                message: String::new(),
                details: json!({"field": field}).to_string(),
            })
        };
        for (problem, passes) in [
            (wrong("replyTo"), true),
            (unknown("replyTo"), true),
            (wrong("to"), false),
            (unknown("messageId"), false),
            (Problem::NotSupported(String::new()), false),
        ] {
            assert_eq!(is_about_reply(&problem), passes, "{problem:?}");
        }
    }

    #[test]
    fn a_user_id_from_a_webhook_leads_back_to_the_number() {
        let send = sends(json!({"to": null, "recipient": "IN.917012729389"})).unwrap();
        assert_eq!(send.to, "917012729389");
        let hidden = sends(json!({"to": "IN.lid123456789", "recipient_type": "group"})).unwrap();
        assert_eq!(hidden.to, "123456789@lid");
        assert!(sends(json!({"to": null, "recipient": "IN.abc"})).is_err());
    }

    #[test]
    fn a_recipient_is_needed_and_of_a_known_kind() {
        let missing = sends(json!({"to": ""})).unwrap_err();
        assert_eq!(missing.message, "(#100) The parameter to is required.");
        let wrong = sends(json!({"recipient_type": "everybody"})).unwrap_err();
        assert_eq!(
            wrong.message,
            "(#100) Param recipient_type must be one of {INDIVIDUAL, GROUP}."
        );
        assert!(sends(json!({"biz_opaque_callback_data": "x".repeat(513)})).is_err());
    }

    #[test]
    fn a_message_in_a_group_goes_by_our_own_id() {
        let sent = Sent {
            message_id: "msg_1".to_owned(),
            wamid: None,
            to: "120363012345678901@g.us".to_owned(),
            acknowledged: false,
        };
        assert_eq!(answer("x", &sent)["messages"], json!([{"id": "msg_1"}]));
    }
}
