//! A message that arrived, as Meta tells it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contacts::{Contact, Listed};
use super::event::Message;

#[derive(Serialize)]
pub(super) struct InboundMessage {
    from: String,
    from_user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<String>,
    id: String,
    timestamp: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    content: Content,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    Text { body: String },
    Location(Location),
    Contacts(Vec<Contact>),
    Reaction(Reaction),
}

#[derive(Serialize, Deserialize)]
struct Location {
    latitude: f64,
    longitude: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Reaction {
    message_id: String,
    emoji: String,
}

/// A reaction as the host tells it.
#[derive(Deserialize)]
struct Reacted {
    message: Reference,
    emoji: String,
}

/// A message that another one is about.
#[derive(Deserialize)]
struct Reference {
    /// The id that clients of this API know; none in a group.
    wamid: Option<String>,
    /// WhatsApp's own.
    id: String,
}

/// The message; none if it went out, or if its kind cannot be told.
pub(super) fn of(message: &Message) -> Option<InboundMessage> {
    if message.direction != "inbound" {
        return None;
    }
    let (kind, content) = content(message)?;
    Some(InboundMessage {
        from: message.from.wa_id(),
        from_user_id: message.from.user_id(),
        group_id: message.chat.is_group().then(|| message.chat.wa_id()),
        id: message.id(),
        timestamp: message.created_at.to_string(),
        kind,
        content,
    })
}

fn content(message: &Message) -> Option<(&'static str, Content)> {
    fn read<T: for<'a> Deserialize<'a>>(content: &Value) -> Option<T> {
        serde_json::from_value(content.clone()).ok()
    }
    let content = &message.content;
    Some(match message.kind.as_str() {
        "text" => (
            "text",
            Content::Text {
                body: message.text.clone()?,
            },
        ),
        "location" => ("location", Content::Location(read(content)?)),
        "contact" => {
            let Listed { contacts } = read(content)?;
            (
                "contacts",
                Content::Contacts(contacts.into_iter().map(Contact::of).collect()),
            )
        }
        "reaction" => {
            let Reacted { message, emoji } = read(content)?;
            let message_id = message.wamid.unwrap_or(message.id);
            ("reaction", Content::Reaction(Reaction { message_id, emoji }))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(kind: &str, content: &Value, chat: &str) -> Value {
        let message: Message = serde_json::from_value(json!({
            "messageId": "msg_1", "wamid": "wamid.X", "direction": "inbound",
            "chat": {"jid": chat, "phone": null},
            "from": {"jid": "917012729389@s.whatsapp.net", "phone": "917012729389"},
            "type": kind, "content": content, "createdAt": "2026-05-28T20:26:40Z",
        }))
        .unwrap();
        serde_json::to_value(of(&message)).unwrap()
    }

    #[test]
    fn a_place_leaves_out_what_is_not_known_of_it() {
        let content =
            json!({"latitude": 9.9312, "longitude": 76.2673, "name": "Fort Kochi", "address": null, "url": null});
        let message = told("location", &content, "917012729389@s.whatsapp.net");
        assert_eq!(message["type"], "location");
        assert_eq!(
            message["location"],
            json!({"latitude": 9.9312, "longitude": 76.2673, "name": "Fort Kochi"})
        );
        assert_eq!(message.get("group_id"), None);
    }

    #[test]
    fn a_reaction_names_the_message_as_clients_know_it() {
        let chat = "917012729389@s.whatsapp.net";
        let message = told(
            "reaction",
            &json!({"message": {"wamid": "wamid.Y", "fromMe": true, "id": "3EB0Y"}, "emoji": "👍"}),
            chat,
        );
        assert_eq!(message["reaction"], json!({"message_id": "wamid.Y", "emoji": "👍"}));
        let in_a_group = json!({"message": {"wamid": null, "fromMe": false, "id": "3EB0Y"}, "emoji": ""});
        let removed = told("reaction", &in_a_group, "120363012345678901@g.us");
        assert_eq!(removed["reaction"], json!({"message_id": "3EB0Y", "emoji": ""}));
    }

    #[test]
    fn a_message_in_a_group_names_the_group() {
        let content = json!({"latitude": 1.5, "longitude": 2.5});
        let message = told("location", &content, "120363012345678901@g.us");
        assert_eq!(
            (&message["group_id"], &message["from"]),
            (&json!("120363012345678901@g.us"), &json!("917012729389"))
        );
    }

    #[test]
    fn content_of_another_shape_is_not_told() {
        assert_eq!(
            told("location", &json!({"latitude": "x"}), "1@s.whatsapp.net"),
            Value::Null
        );
        assert_eq!(told("image", &json!({}), "1@s.whatsapp.net"), Value::Null);
    }
}
