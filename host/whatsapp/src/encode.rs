//! Content as WhatsApp's bytes.

use bytes::Bytes;
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::{Contact, Content, Location, Reaction, Text};
use switchboard_core::ids::{Jid, StanzaId};
use switchboard_core::problem::{Code, Problem};
use url::Url;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::proto_helpers::MessageExt as _;
use whatsapp_rust::waproto::codec;
use whatsapp_rust::waproto::whatsapp::message::{
    ContactMessage, ContactsArrayMessage, ExtendedTextMessage, LocationMessage, ReactionMessage,
};
use whatsapp_rust::waproto::whatsapp::{ContextInfo, Message, MessageContextInfo, MessageKey};

use crate::vcard;

/// What goes with a content.
#[derive(Debug, Clone)]
pub struct Wrapping {
    /// Must be random: later reactions, edits and poll votes are encrypted with keys derived from it.
    pub message_secret: [u8; 32],
    /// The message it answers.
    pub quoted: Option<Quoted>,
    /// When it was accepted.
    pub at: UnixMillis,
}

/// A message that is answered, as it is shown above the answer.
#[derive(Debug, Clone)]
pub struct Quoted {
    /// Its id in the conversation.
    pub id: StanzaId,
    /// Who wrote it.
    pub sender: Jid,
    /// The encoded `wa.Message`.
    pub wire: Bytes,
}

/// The encoded `wa.Message` for a content, to be kept and sent as it is: with the secret inside, sending it again is sending the
/// same message.
///
/// # Errors
/// `unknown_type` when WhatsApp has no shape for the kind, `invalid_field` for an answer of a kind that cannot be one.
pub fn encode(content: &Content, wrapping: &Wrapping) -> Result<Vec<u8>, Problem> {
    let quotation = wrapping
        .quoted
        .as_ref()
        .map(quotation)
        .map_or_else(MessageField::default, MessageField::some);
    let mut message = match content {
        Content::Text(written) => text(written, quotation),
        Content::Location(place) => location(place, quotation),
        Content::Contacts(entries) => contacts(entries, quotation),
        Content::Reaction(_) if wrapping.quoted.is_some() => {
            return Err(Problem::invalid_field(
                "replyTo",
                "A reaction names its message itself and cannot be a reply.",
            ));
        }
        // It has no secret: nothing is ever said about a reaction.
        Content::Reaction(emoji) => return Ok(codec::message_to_vec(&reaction(emoji, wrapping.at))),
        Content::Other(open) => {
            let sentence = format!(
                "WhatsApp has no message of the type {:?} that this version can make.",
                open.kind
            );
            return Err(Problem::new(Code::UNKNOWN_TYPE, sentence).field("type"));
        }
    };
    message.message_context_info = MessageField::some(MessageContextInfo {
        message_secret: Some(wrapping.message_secret.to_vec()),
        ..Default::default()
    });
    Ok(codec::message_to_vec(&message))
}

/// WhatsApp Web writes plain text as `conversation`; `extendedTextMessage` is for text that carries something with it, such as a
/// quotation or a preview.
fn text(text: &Text, quotation: MessageField<ContextInfo>) -> Message {
    let link = link(&text.body).filter(|_| text.preview_url);
    if link.is_none() && quotation.is_unset() {
        return Message {
            conversation: Some(text.body.clone()),
            ..Default::default()
        };
    }
    Message {
        extended_text_message: MessageField::some(ExtendedTextMessage {
            text: Some(text.body.clone()),
            matched_text: link.map(str::to_owned),
            context_info: quotation,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn location(place: &Location, quotation: MessageField<ContextInfo>) -> Message {
    Message {
        location_message: MessageField::some(LocationMessage {
            degrees_latitude: Some(place.latitude()),
            degrees_longitude: Some(place.longitude()),
            name: place.name.clone(),
            address: place.address.clone(),
            url: place.url.clone(),
            context_info: quotation,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// One entry is a message of its own kind; several are a list of them.
fn contacts(entries: &[Contact], quotation: MessageField<ContextInfo>) -> Message {
    let entry = |contact: &Contact| ContactMessage {
        display_name: Some(contact.name.formatted.clone()),
        vcard: Some(vcard::write(contact)),
        ..Default::default()
    };
    if let [one] = entries {
        return Message {
            contact_message: MessageField::some(ContactMessage {
                context_info: quotation,
                ..entry(one)
            }),
            ..Default::default()
        };
    }
    Message {
        contacts_array_message: MessageField::some(ContactsArrayMessage {
            display_name: Some(format!("{} contacts", entries.len())),
            contacts: entries.iter().map(entry).collect(),
            context_info: quotation,
        }),
        ..Default::default()
    }
}

fn reaction(reaction: &Reaction, at: UnixMillis) -> Message {
    let key = &reaction.message;
    Message {
        reaction_message: MessageField::some(ReactionMessage {
            key: MessageField::some(MessageKey {
                remote_jid: Some(key.chat.to_string()),
                from_me: Some(key.from_me),
                id: Some(key.id.to_string()),
                participant: key.sender.as_ref().map(Jid::to_string),
            }),
            text: Some(reaction.emoji.clone()),
            sender_timestamp_ms: Some(at.0),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The quoted message is shown without what it quoted itself. One that cannot be read any more is still answered.
fn quotation(quoted: &Quoted) -> ContextInfo {
    let mut message = codec::message_decode(&quoted.wire)
        .map(|message| message.get_base_message().clone())
        .unwrap_or_default();
    message.message_context_info = MessageField::default();
    if let Some(extended) = message.extended_text_message.as_option_mut() {
        extended.context_info = MessageField::default();
    }
    ContextInfo {
        stanza_id: Some(quoted.id.to_string()),
        participant: Some(quoted.sender.to_string()),
        quoted_message: MessageField::some(message),
        ..Default::default()
    }
}

/// The first web address in a text, as it is written there, without the punctuation of the sentence around it.
fn link(body: &str) -> Option<&str> {
    body.split_whitespace().find_map(|word| {
        let link = word
            .trim_start_matches(['(', '[', '{', '<', '"', '\''])
            .trim_end_matches(['.', ',', ';', ':', '!', '?', ']', '}', '>', '"', '\'']);
        // Some addresses end in a bracket of their own.
        let link = if link.contains('(') {
            link
        } else {
            link.trim_end_matches(')')
        };
        let url = Url::parse(link).ok()?;
        (matches!(url.scheme(), "http" | "https") && link.contains("://")).then_some(link)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use switchboard_core::content;

    use super::*;
    use crate::decode::decode;

    /// With the secret alone.
    fn plain(content: &Content, message_secret: [u8; 32]) -> Result<Vec<u8>, Problem> {
        let wrapping = Wrapping {
            message_secret,
            quoted: None,
            at: UnixMillis(1_700_000_000_000),
        };
        encode(content, &wrapping)
    }

    fn text(body: &str) -> Content {
        Content::Text(Text {
            body: body.to_owned(),
            preview_url: false,
        })
    }

    #[test]
    fn the_same_content_and_secret_give_the_same_bytes() {
        assert_eq!(
            plain(&text("hi"), [1; 32]).unwrap(),
            plain(&text("hi"), [1; 32]).unwrap()
        );
        assert_ne!(
            plain(&text("hi"), [1; 32]).unwrap(),
            plain(&text("hi"), [2; 32]).unwrap()
        );
    }

    #[test]
    fn a_message_carries_its_own_secret() {
        let message = codec::message_decode(&plain(&text("hi"), [9; 32]).unwrap()).unwrap();
        let info = message.message_context_info.as_option().unwrap();
        assert_eq!(info.message_secret.as_deref(), Some([9; 32].as_slice()));
    }

    #[test]
    fn a_kind_without_a_shape_is_refused_by_name() {
        let content = Content::from_parts("hologram", serde_json::json!({})).unwrap();
        let problem = plain(&content, [0; 32]).unwrap_err();
        assert_eq!(
            (problem.code(), problem.field_name()),
            (&Code::UNKNOWN_TYPE, Some("type"))
        );
        assert!(problem.message().contains("hologram"), "{problem}");
    }

    #[test]
    fn a_preview_is_asked_for_with_the_link_that_it_shows_and_without_a_link_not_at_all() {
        let sent = |body: &str, preview_url| {
            let content = Content::Text(Text {
                body: body.to_owned(),
                preview_url,
            });
            codec::message_decode(&plain(&content, [1; 32]).unwrap()).unwrap()
        };
        let with_link = "see https://example.com/a?b=1, then http://example.org";
        let message = sent(with_link, true);
        let extended = message.extended_text_message.as_option().unwrap();
        assert_eq!(
            (extended.text.as_deref(), extended.matched_text.as_deref()),
            (Some(with_link), Some("https://example.com/a?b=1"))
        );
        assert_eq!(message.conversation, None);
        for (body, preview_url) in [(with_link, false), ("no link, ftp://example.com", true)] {
            let message = sent(body, preview_url);
            assert_eq!(message.conversation.as_deref(), Some(body));
            assert!(message.extended_text_message.as_option().is_none());
        }
    }

    #[test]
    fn a_link_is_found_without_the_punctuation_around_it() {
        for (body, found) in [
            ("(http://a.example/x).", Some("http://a.example/x")),
            ("\"HTTPS://A.example\"!", Some("HTTPS://A.example")),
            ("https://a.example/x_(y)", Some("https://a.example/x_(y)")),
            ("https://", None),
            ("http:a.example", None),
            ("", None),
        ] {
            assert_eq!(link(body), found, "{body}");
        }
    }

    #[test]
    fn a_place_and_entries_of_an_address_book_read_back() {
        let mut place = Location::new(48.2084, 16.3731).unwrap();
        place.name = Some("Stephansdom".into());
        let (ada, bob) = (Contact::named("Ada Lovelace"), Contact::named("Bob"));
        for content in [
            Content::Location(place),
            Content::Contacts(vec![ada.clone()]),
            Content::Contacts(vec![ada, bob]),
        ] {
            let wire = plain(&content, [1; 32]).unwrap();
            assert_eq!(decode(&codec::message_decode(&wire).unwrap()), content);
        }
    }

    #[test]
    fn a_reaction_reads_back_and_is_never_a_reply() {
        let content = Content::Reaction(Reaction {
            emoji: "👍".into(),
            message: content::MessageKey {
                chat: "15550000002@s.whatsapp.net".parse().unwrap(),
                from_me: false,
                id: "3EB0FF".parse().unwrap(),
                sender: None,
            },
        });
        let wire = plain(&content, [1; 32]).unwrap();
        assert_eq!(decode(&codec::message_decode(&wire).unwrap()), content);
        let wrapping = Wrapping {
            message_secret: [1; 32],
            quoted: Some(quoted(&text("hi"))),
            at: UnixMillis(0),
        };
        assert_eq!(encode(&content, &wrapping).unwrap_err().field_name(), Some("replyTo"));
    }

    fn quoted(content: &Content) -> Quoted {
        Quoted {
            id: "3EB0AA".parse().unwrap(),
            sender: "15550000002@s.whatsapp.net".parse().unwrap(),
            wire: plain(content, [7; 32]).unwrap().into(),
        }
    }

    #[test]
    fn a_reply_shows_what_it_answers_without_what_that_answered() {
        let reply = |content: &Content, quoted: Quoted| {
            let wrapping = Wrapping {
                message_secret: [1; 32],
                quoted: Some(quoted),
                at: UnixMillis(0),
            };
            Bytes::from(encode(content, &wrapping).unwrap())
        };
        let first = reply(&text("second"), quoted(&text("first")));
        let again = Quoted {
            wire: first.clone(),
            ..quoted(&text("unused"))
        };
        for (wire, above) in [(first, "first"), (reply(&text("third"), again), "second")] {
            let message = codec::message_decode(&wire).unwrap();
            let context = &message.extended_text_message.as_option().unwrap().context_info;
            let context = context.as_option().unwrap();
            assert_eq!(
                (context.stanza_id.as_deref(), context.participant.as_deref()),
                (Some("3EB0AA"), Some("15550000002@s.whatsapp.net"))
            );
            let shown = context.quoted_message.as_option().unwrap();
            assert_eq!(decode(shown), text(above));
            assert!(shown.message_context_info.is_unset(), "its secret is nobody's business");
            let within = shown.extended_text_message.as_option();
            assert!(within.is_none_or(|text| text.context_info.is_unset()));
        }
    }

    #[test]
    fn a_message_that_cannot_be_read_any_more_is_still_answered() {
        let unreadable = Quoted {
            wire: Bytes::from_static(b"\xff\xff"),
            ..quoted(&text("unused"))
        };
        let wrapping = Wrapping {
            message_secret: [1; 32],
            quoted: Some(unreadable),
            at: UnixMillis(0),
        };
        let place = Content::Location(Location::new(1.0, 2.0).unwrap());
        let message = codec::message_decode(&encode(&place, &wrapping).unwrap()).unwrap();
        let context = &message.location_message.as_option().unwrap().context_info;
        assert_eq!(context.as_option().unwrap().stanza_id.as_deref(), Some("3EB0AA"));
    }

    proptest! {
        #[test]
        fn any_text_with_a_link_reads_back_as_one_with_a_preview(before in ".*", after in ".*") {
            let content = Content::Text(Text { body: format!("{before} https://example.com {after}"), preview_url: true });
            let wire = plain(&content, [3; 32]).unwrap();
            prop_assert_eq!(decode(&codec::message_decode(&wire).unwrap()), content);
        }

        #[test]
        fn any_text_reads_back(body in ".*") {
            let wire = plain(&text(&body), [3; 32]).unwrap();
            prop_assert_eq!(decode(&codec::message_decode(&wire).unwrap()), text(&body));
        }
    }
}
