//! What a subscriber of this format gets: Meta's envelope around one message or one status, never both, and never an empty list,
//! on which clients fail.

mod ascii;
mod contacts;
mod envelope;
mod event;
mod message;
mod seconds;
mod status;

use serde::Deserialize;

use crate::bindings::exports::switchboard::plugin::dialect::{Problem, WebhookBody};
use envelope::{Envelope, Item};
use event::{Event, Happened};

#[derive(Deserialize)]
struct Config {
    business_account_id: String,
}

/// The body for an event; none for one that Meta has no webhook for.
pub(crate) fn body(config: &str, event: &str) -> Result<Option<WebhookBody>, Problem> {
    let Config { business_account_id } =
        serde_json::from_str(config).map_err(|error| fault("the configuration", &error))?;
    let event: Event = serde_json::from_str(event).map_err(|error| fault("the event", &error))?;
    let Some(happened) = event.happened().map_err(|error| fault("the event", &error))? else {
        return Ok(None);
    };
    let Some(item) = item(&happened) else {
        return Ok(None);
    };
    let envelope = Envelope::of(&happened, &business_account_id, item);
    let json = serde_json::to_string(&envelope).map_err(|error| fault("the webhook", &error))?;
    Ok(Some(WebhookBody {
        content_type: "application/json".to_owned(),
        body: ascii::escaped(&json),
    }))
}

fn item(happened: &Happened) -> Option<Item> {
    match happened {
        Happened::Arrived(arrived) => message::of(&arrived.message).map(Item::Messages),
        Happened::Moved(moved) => status::of(moved).map(Item::Statuses),
    }
}

/// The error's own words may quote a message; its class does not.
fn fault(what: &str, error: &serde_json::Error) -> Problem {
    Problem::Internal(format!("{what} has another shape ({:?})", error.classify()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn hook(event: &Value) -> Option<String> {
        let body = body(r#"{"business_account_id": ""}"#, &event.to_string()).unwrap();
        body.map(|body| body.body)
    }

    fn inbound(kind: &str, text: &Value, content: &Value) -> Value {
        json!({
            "type": "message",
            "session": {"mobid": "104857600000001", "mobile_number": "919846303025"},
            "message": {
                "messageId": "msg_1", "wamid": "wamid.X", "sessionId": "qr_1", "direction": "inbound",
                "chat": {"jid": "917012729389@s.whatsapp.net", "phone": "917012729389", "lid": null},
                "from": {"jid": "917012729389@s.whatsapp.net", "phone": "917012729389", "lid": null},
                "pushName": "Asha 🙂", "type": kind, "text": text, "content": content, "status": "received",
                "createdAt": "2026-05-28T20:26:40.250Z",
            },
        })
    }

    #[test]
    fn a_text_arrives_in_metas_envelope_and_in_ascii() {
        let body = hook(&inbound("text", &json!("hé"), &Value::Null)).unwrap();
        assert_eq!(
            body,
            concat!(
                r#"{"object":"whatsapp_business_account","entry":[{"id":"104857600000001","changes":[{"value":{"#,
                r#""messaging_product":"whatsapp","metadata":{"display_phone_number":"919846303025","phone_number_id":"104857600000001"},"#,
                r#""contacts":[{"profile":{"name":"Asha \ud83d\ude42"},"wa_id":"917012729389","user_id":"IN.917012729389"}],"#,
                r#""messages":[{"from":"917012729389","from_user_id":"IN.917012729389","id":"wamid.X","timestamp":"1780000000","#,
                r#""type":"text","text":{"body":"h\u00e9"}}]},"field":"messages"}]}]}"#
            )
        );
    }

    #[test]
    fn what_meta_has_no_webhook_for_makes_none() {
        let mut outbound = inbound("text", &json!("hi"), &Value::Null);
        outbound["message"]["direction"] = json!("outbound");
        let poll = inbound("poll", &Value::Null, &json!({"question": "?"}));
        let session = json!({"type": "session.status", "session": {"sessionId": "qr_1"}});
        for event in [outbound, poll, session, json!({"type": "message.edited", "message": 7})] {
            assert_eq!(hook(&event), None, "{event}");
        }
    }

    #[test]
    fn an_event_of_another_shape_is_a_fault_and_is_not_repeated() {
        let mut broken = inbound("text", &json!("secret"), &Value::Null);
        broken["message"]["createdAt"] = json!(7);
        for event in [broken, json!({"type": "message"}), json!([])] {
            let fault = body(r#"{"business_account_id": ""}"#, &event.to_string());
            assert!(
                matches!(fault, Err(Problem::Internal(sentence)) if !sentence.contains("secret")),
                "{event}"
            );
        }
    }
}
