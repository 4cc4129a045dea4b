//! The envelope around one message or one status, in the order of Meta's own fields.

use serde::Serialize;

use super::event::{Happened, Message, Party};
use super::message::InboundMessage;
use super::status::Status;

#[derive(Serialize)]
pub(super) struct Envelope {
    object: &'static str,
    entry: [Entry; 1],
}

#[derive(Serialize)]
struct Entry {
    id: String,
    changes: [Change; 1],
}

#[derive(Serialize)]
struct Change {
    value: Value,
    field: &'static str,
}

#[derive(Serialize)]
struct Value {
    messaging_product: &'static str,
    metadata: Metadata,
    /// Beside statuses too: pywa looks up the person of a status here.
    contacts: [Person; 1],
    #[serde(flatten)]
    item: One,
}

#[derive(Serialize)]
struct Metadata {
    display_phone_number: String,
    phone_number_id: String,
}

#[derive(Serialize)]
struct Person {
    profile: Profile,
    wa_id: String,
    user_id: String,
}

#[derive(Serialize)]
struct Profile {
    name: String,
}

/// What it is about.
pub(super) enum Item {
    Messages(InboundMessage),
    Statuses(Status),
}

/// The same as a list of one: several clients read only the first.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum One {
    Messages([InboundMessage; 1]),
    Statuses([Status; 1]),
}

impl Envelope {
    pub(super) fn of(happened: &Happened, business_account_id: &str, item: Item) -> Self {
        let session = happened.session();
        let account = match business_account_id {
            "" => &session.mobid,
            id => id,
        };
        let value = Value {
            messaging_product: "whatsapp",
            metadata: Metadata {
                display_phone_number: session.mobile_number.clone().unwrap_or_default(),
                phone_number_id: session.mobid.clone(),
            },
            contacts: [Person::of(happened)],
            item: match item {
                Item::Messages(message) => One::Messages([message]),
                Item::Statuses(status) => One::Statuses([status]),
            },
        };
        Self {
            object: "whatsapp_business_account",
            entry: [Entry {
                id: account.to_owned(),
                changes: [Change {
                    value,
                    field: "messages",
                }],
            }],
        }
    }
}

impl Person {
    fn of(happened: &Happened) -> Self {
        match happened {
            Happened::Arrived(arrived) => {
                let Message { from, push_name, .. } = &arrived.message;
                Self::named(from, push_name.as_deref())
            }
            // The name beside an outbound message would be our own.
            Happened::Moved(moved) => Self::named(moved.recipient.as_ref().unwrap_or(&moved.message.chat), None),
        }
    }

    /// Some clients fail without a name, so the number stands in for it.
    fn named(party: &Party, name: Option<&str>) -> Self {
        let wa_id = party.wa_id();
        let name = name.filter(|name| !name.is_empty()).unwrap_or(&wa_id).to_owned();
        Self {
            profile: Profile { name },
            user_id: party.user_id(),
            wa_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Moved;
    use super::super::status;
    use super::*;
    use serde_json::json;

    fn value_of(recipient: &serde_json::Value) -> serde_json::Value {
        let moved: Moved = serde_json::from_value(json!({
            "session": {"mobid": "104857600000001", "mobile_number": null},
            "message": {
                "messageId": "msg_1", "wamid": null, "direction": "outbound", "pushName": "Ourselves",
                "chat": {"jid": "120363012345678901@g.us", "phone": null},
                "from": {"jid": "919846303025@s.whatsapp.net", "phone": "919846303025"},
                "type": "text", "text": "hi", "createdAt": "2026-05-28T20:26:40Z",
            },
            "status": "read", "at": "2026-05-28T20:26:41Z", "recipient": recipient,
        }))
        .unwrap();
        let item = Item::Statuses(status::of(&moved).unwrap());
        let envelope = Envelope::of(&Happened::Moved(moved), "102290129340398", item);
        let envelope = serde_json::to_value(envelope).unwrap();
        assert_eq!(envelope["entry"][0]["id"], "102290129340398");
        envelope["entry"][0]["changes"][0]["value"].clone()
    }

    #[test]
    fn a_status_comes_alone_and_with_its_person() {
        let value = value_of(&json!({"jid": "917012729389@s.whatsapp.net", "phone": "917012729389"}));
        assert_eq!(value.get("messages"), None);
        assert_eq!(value["statuses"].as_array().unwrap().len(), 1);
        assert_eq!(value["contacts"][0]["wa_id"], "917012729389");
        assert_eq!(value["metadata"]["display_phone_number"], "");
    }

    #[test]
    fn nobodys_name_is_ever_our_own() {
        let value = value_of(&serde_json::Value::Null);
        assert_eq!(value["contacts"][0]["profile"]["name"], "120363012345678901@g.us");
        assert_eq!(
            value["contacts"][0]["user_id"],
            value["statuses"][0]["recipient_participant_user_id"]
        );
    }
}
