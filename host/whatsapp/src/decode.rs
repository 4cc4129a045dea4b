//! WhatsApp's messages as content.
//!
//! What can be sent has a shape of its own. Everything else keeps WhatsApp's own name and fields, so that nothing is lost and a new kind of
//! message needs no new code to be seen.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use switchboard_core::content::{Contact, Content, Location, MessageKey, Open, Reaction, Text};
use whatsapp_rust::proto_helpers::MessageExt;
use whatsapp_rust::waproto::whatsapp::Message;
use whatsapp_rust::waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use whatsapp_rust::waproto::whatsapp::message::{ContactMessage, LocationMessage, ReactionMessage};

use crate::vcard;

/// Fields of a message that say nothing by themselves.
const BESIDE_THE_POINT: [&str; 2] = ["message_context_info", "sender_key_distribution_message"];

/// What a message says. Wrappers (disappearing, view once, sent by another device) are taken off first.
pub(crate) fn decode(message: &Message) -> Content {
    let base = message.get_base_message();
    if let Some(body) = &base.conversation {
        return text(body, false);
    }
    if let Some(extended) = base.extended_text_message.as_option() {
        return text(
            extended.text.as_deref().unwrap_or_default(),
            extended.matched_text.is_some(),
        );
    }
    // What does not keep to its own kind's rules is kept as it is.
    shaped(base).unwrap_or_else(|| Content::Other(open(base)))
}

fn shaped(base: &Message) -> Option<Content> {
    if let Some(place) = base.location_message.as_option() {
        return location(place).map(Content::Location);
    }
    if let Some(one) = base.contact_message.as_option() {
        return contact(one).map(|contact| Content::Contacts(vec![contact]));
    }
    if let Some(list) = base.contacts_array_message.as_option() {
        let entries: Option<Vec<_>> = list.contacts.iter().map(contact).collect();
        return entries.map(Content::Contacts);
    }
    reaction(base.reaction_message.as_option()?).map(Content::Reaction)
}

fn location(place: &LocationMessage) -> Option<Location> {
    let mut location = Location::new(place.degrees_latitude?, place.degrees_longitude?).ok()?;
    location.name.clone_from(&place.name);
    location.address.clone_from(&place.address);
    location.url.clone_from(&place.url);
    Some(location)
}

fn contact(entry: &ContactMessage) -> Option<Contact> {
    vcard::read(
        entry.vcard.as_deref()?,
        entry.display_name.as_deref().unwrap_or_default(),
    )
}

fn reaction(reaction: &ReactionMessage) -> Option<Reaction> {
    let key = reaction.key.as_option()?;
    Some(Reaction {
        emoji: reaction.text.clone().unwrap_or_default(),
        message: MessageKey {
            chat: key.remote_jid.as_deref()?.parse().ok()?,
            from_me: key.from_me.unwrap_or(false),
            id: key.id.as_deref()?.parse().ok()?,
            sender: key.participant.as_deref().map(str::parse).transpose().ok()?,
        },
    })
}

/// Whether a message is for the device and not for a person: keys, history and settings that an account's devices hand to each
/// other. The library acts on it; it holds keys in the clear and is never shown or kept. Of the protocol's own messages only
/// those that change a conversation are for people: an edit, a deletion, a timer.
pub(crate) fn is_between_devices(message: &Message) -> bool {
    let Some(protocol) = message.get_base_message().protocol_message.as_option() else {
        return false;
    };
    let for_people = [
        ProtocolType::Revoke,
        ProtocolType::MessageEdit,
        ProtocolType::EphemeralSetting,
    ];
    !protocol.r#type.is_some_and(|kind| for_people.contains(&kind))
}

fn text(body: &str, preview_url: bool) -> Content {
    Content::Text(Text {
        body: body.to_owned(),
        preview_url,
    })
}

/// The kind is the name of the one field that is set: `image_message` is an `image`.
fn open(message: &Message) -> Open {
    let mut fields = match serde_json::to_value(message).map(tidy) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    for name in BESIDE_THE_POINT {
        fields.remove(name);
    }
    let (name, value) = fields
        .into_iter()
        .next()
        .unwrap_or_else(|| ("empty".to_owned(), Value::Null));
    let json = match value {
        Value::Object(json) => json,
        Value::Null => Map::new(),
        single => Map::from_iter([("value".to_owned(), single)]),
    };
    let kind = name.strip_suffix("_message").unwrap_or(&name).to_owned();
    Open { kind, json }
}

/// Leaves out what is not set, and writes bytes as Base64 instead of as a list of numbers.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, tidy(value)))
            .filter(|(_, value)| !is_hollow(value))
            .collect(),
        Value::Array(items) => match bytes(&items) {
            Some(bytes) => Value::String(BASE64_STANDARD.encode(bytes)),
            None => items.into_iter().map(tidy).collect(),
        },
        other => other,
    }
}

/// A list that was never filled. An empty object stays: that a field is set may be all it says.
fn is_hollow(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.is_empty())
}

/// The bytes, if a list has nothing but numbers that fit one.
fn bytes(items: &[Value]) -> Option<Vec<u8>> {
    if items.is_empty() {
        return None;
    }
    items.iter().map(|item| u8::try_from(item.as_u64()?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::buffa::MessageField;
    use whatsapp_rust::waproto::whatsapp::MessageContextInfo;
    use whatsapp_rust::waproto::whatsapp::message::{
        DeviceSentMessage, ExtendedTextMessage, FutureProofMessage, ImageMessage, ProtocolMessage,
    };

    use super::*;

    fn plain(body: &str) -> Message {
        Message {
            conversation: Some(body.to_owned()),
            ..Default::default()
        }
    }

    fn wrapped(message: Message) -> MessageField<FutureProofMessage> {
        MessageField::some(FutureProofMessage {
            message: MessageField::some(message),
        })
    }

    #[test]
    fn text_is_read_in_both_of_its_forms() {
        let extended = Message {
            extended_text_message: MessageField::some(ExtendedTextMessage {
                text: Some("see https://example.com".into()),
                matched_text: Some("https://example.com".into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(decode(&plain("hi")), text("hi", false));
        assert_eq!(decode(&extended), text("see https://example.com", true));
    }

    #[test]
    fn wrappers_are_taken_off() {
        let ephemeral = Message {
            ephemeral_message: wrapped(plain("hi")),
            ..Default::default()
        };
        let from_another_device = Message {
            device_sent_message: MessageField::some(DeviceSentMessage {
                message: MessageField::some(ephemeral.clone()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let view_once = Message {
            view_once_message_v2: wrapped(plain("hi")),
            ..Default::default()
        };
        for message in [ephemeral, from_another_device, view_once] {
            assert_eq!(decode(&message), text("hi", false));
        }
    }

    #[test]
    fn what_devices_tell_each_other_is_not_for_people_but_a_deletion_is() {
        let protocol = |kind| Message {
            protocol_message: MessageField::some(ProtocolMessage {
                r#type: kind,
                ..Default::default()
            }),
            ..Default::default()
        };
        for kind in [
            ProtocolType::AppStateSyncKeyShare,
            ProtocolType::HistorySyncNotification,
        ] {
            let shared = protocol(Some(kind));
            let wrapped = Message {
                device_sent_message: MessageField::some(DeviceSentMessage {
                    message: MessageField::some(shared.clone()),
                    ..Default::default()
                }),
                ..Default::default()
            };
            assert!(is_between_devices(&shared) && is_between_devices(&wrapped), "{kind:?}");
        }
        assert!(is_between_devices(&protocol(None)));
        assert!(!is_between_devices(&protocol(Some(ProtocolType::Revoke))));
        assert!(!is_between_devices(&plain("hi")));
    }

    #[test]
    fn a_kind_without_a_shape_keeps_its_name_and_fields() {
        let message = Message {
            image_message: MessageField::some(ImageMessage {
                caption: Some("a cat".into()),
                file_sha256: Some(vec![0, 1, 255]),
                file_length: Some(1000),
                ..Default::default()
            }),
            message_context_info: MessageField::some(MessageContextInfo::default()),
            ..Default::default()
        };
        let content = decode(&message);
        assert_eq!(content.kind(), "image");
        let expected = serde_json::json!({"caption": "a cat", "file_sha256": "AAH/", "file_length": 1000});
        assert_eq!(content.to_json(), expected);
    }

    #[test]
    fn a_reaction_without_its_message_and_a_place_beyond_the_pole_are_kept_as_they_are() {
        let reaction = Message {
            reaction_message: MessageField::some(ReactionMessage {
                text: Some("👍".into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let place = Message {
            location_message: MessageField::some(LocationMessage {
                degrees_latitude: Some(91.0),
                degrees_longitude: Some(0.0),
                ..Default::default()
            }),
            ..Default::default()
        };
        for (message, kind) in [(reaction, "reaction"), (place, "location")] {
            let content = decode(&message);
            assert!(
                matches!(content, Content::Other(_)) && content.kind() == kind,
                "{content:?}"
            );
        }
    }

    #[test]
    fn a_message_that_says_nothing_is_still_a_message() {
        assert_eq!(decode(&Message::default()).kind(), "empty");
    }
}
