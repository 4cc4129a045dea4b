//! How far an outbound message has come, as Meta tells it.

use serde::Serialize;

use super::event::{Failure, Moved};
use crate::meaning::Meaning;

const CODES: &str = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/";

#[derive(Serialize)]
pub(super) struct Status {
    id: String,
    status: &'static str,
    timestamp: String,
    recipient_id: String,
    recipient_user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_type: Option<&'static str>,
    /// Who of a group reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_participant_id: Option<String>,
    /// The same as the id of a person, by which pywa looks for that person among the contacts; of the whole group if nobody is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_participant_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_opaque_callback_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[Error; 1]>,
}

#[derive(Serialize)]
struct Error {
    code: u32,
    title: &'static str,
    message: &'static str,
    error_data: ErrorData,
    href: &'static str,
}

#[derive(Serialize)]
struct ErrorData {
    details: String,
}

/// The status; none for what Meta does not tell, such as that a message was accepted.
pub(super) fn of(moved: &Moved) -> Option<Status> {
    let status = ["sent", "delivered", "read", "played", "failed"]
        .into_iter()
        .find(|status| *status == moved.status)?;
    let message = &moved.message;
    if message.direction != "outbound" {
        return None;
    }
    let chat = &message.chat;
    let participant = moved.recipient.as_ref().filter(|_| chat.is_group());
    let user_id = participant.unwrap_or(chat).user_id();
    Some(Status {
        id: message.id(),
        status,
        timestamp: moved.at.to_string(),
        recipient_id: chat.wa_id(),
        recipient_participant_user_id: chat.is_group().then(|| user_id.clone()),
        recipient_user_id: user_id,
        recipient_type: chat.is_group().then_some("group"),
        recipient_participant_id: participant.map(super::event::Party::wa_id),
        biz_opaque_callback_data: message.client_ref.clone(),
        errors: message
            .error
            .as_ref()
            .filter(|_| status == "failed")
            .map(|failure| [Error::of(failure)]),
    })
}

impl Error {
    fn of(failure: &Failure) -> Self {
        // A failure has no status of its own any more; what is unknown is then one of Meta's own making.
        let meaning = Meaning::of(&failure.code, 500);
        Self {
            code: meaning.code,
            title: meaning.title,
            message: meaning.title,
            error_data: ErrorData {
                details: failure.message.clone(),
            },
            href: CODES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn told(status: &str, message: Value, recipient: &Value) -> Value {
        let mut whole = json!({
            "messageId": "msg_1", "wamid": "wamid.X", "direction": "outbound",
            "chat": {"jid": "917012729389@s.whatsapp.net", "phone": "917012729389"},
            "from": {"jid": "919846303025@s.whatsapp.net", "phone": "919846303025"},
            "type": "text", "text": "hi", "createdAt": "2026-05-28T20:26:40Z",
        });
        if let (Value::Object(whole), Value::Object(message)) = (&mut whole, message) {
            whole.extend(message);
        }
        let moved: Moved = serde_json::from_value(json!({
            "session": {"mobid": "104857600000001", "mobile_number": "919846303025"},
            "message": whole, "status": status, "at": "2026-05-28T20:26:41Z", "recipient": recipient,
        }))
        .unwrap();
        serde_json::to_value(of(&moved)).unwrap()
    }

    #[test]
    fn a_delivery_holds_what_clients_read_and_nothing_empty() {
        assert_eq!(
            told("delivered", json!({"clientRef": "order 7"}), &Value::Null),
            json!({
                "id": "wamid.X",
                "status": "delivered",
                "timestamp": "1780000001",
                "recipient_id": "917012729389",
                "recipient_user_id": "IN.917012729389",
                "biz_opaque_callback_data": "order 7",
            })
        );
    }

    #[test]
    fn a_failure_says_why_in_metas_numbers() {
        let error = json!({"error": {"code": "recipient_not_on_whatsapp", "message": "Nobody there."}});
        let errors = told("failed", error.clone(), &Value::Null)["errors"].clone();
        assert_eq!(errors[0]["code"], 131_026);
        assert_eq!(errors[0]["title"], "Message undeliverable");
        assert_eq!(errors[0]["error_data"], json!({"details": "Nobody there."}));
        assert_eq!(told("sent", error, &Value::Null).get("errors"), None);
    }

    #[test]
    fn a_group_and_who_of_it_reported_are_told_apart() {
        let group = json!({"wamid": null, "chat": {"jid": "120363012345678901@g.us", "phone": null}});
        let status = told(
            "read",
            group,
            &json!({"jid": "917012729389@s.whatsapp.net", "phone": "917012729389"}),
        );
        assert_eq!(
            (&status["id"], &status["recipient_id"]),
            (&json!("msg_1"), &json!("120363012345678901@g.us"))
        );
        assert_eq!(
            (&status["recipient_type"], &status["recipient_participant_id"]),
            (&json!("group"), &json!("917012729389"))
        );
    }

    #[test]
    fn a_group_of_which_nobody_reported_stands_for_everybody() {
        let group = json!({"wamid": null, "chat": {"jid": "120363012345678901@g.us", "phone": null}});
        let status = told("sent", group, &Value::Null);
        assert_eq!(status["recipient_participant_user_id"], "IN.gus120363012345678901");
        assert_eq!(status.get("recipient_participant_id"), None);
    }

    #[test]
    fn what_meta_does_not_tell_makes_no_status() {
        assert_eq!(told("accepted", json!({}), &Value::Null), Value::Null);
        assert_eq!(told("read", json!({"direction": "inbound"}), &Value::Null), Value::Null);
    }
}
