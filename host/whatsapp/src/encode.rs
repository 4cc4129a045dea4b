//! Content as WhatsApp's bytes.

use switchboard_core::content::Content;
use switchboard_core::problem::{Code, Problem};
use url::Url;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::waproto::codec;
use whatsapp_rust::waproto::whatsapp::message::ExtendedTextMessage;
use whatsapp_rust::waproto::whatsapp::{Message, MessageContextInfo};

/// The encoded `wa.Message` for a content, to be kept and sent as it is: with the secret inside, sending it again is sending the
/// same message.
///
/// `message_secret` must be random: later reactions, edits and poll votes are encrypted with keys derived from it.
///
/// # Errors
/// `unknown_type` when WhatsApp has no shape for the kind.
pub fn encode(content: &Content, message_secret: [u8; 32]) -> Result<Vec<u8>, Problem> {
    let mut message = match content {
        // WhatsApp Web writes plain text as `conversation`; `extendedTextMessage` is for text that carries something with it,
        // such as a quotation or a preview.
        Content::Text(text) => match link(&text.body).filter(|_| text.preview_url) {
            Some(link) => Message {
                extended_text_message: MessageField::some(ExtendedTextMessage {
                    text: Some(text.body.clone()),
                    matched_text: Some(link.to_owned()),
                    ..Default::default()
                }),
                ..Default::default()
            },
            None => Message {
                conversation: Some(text.body.clone()),
                ..Default::default()
            },
        },
        Content::Other(open) => {
            let sentence = format!(
                "WhatsApp has no message of the type {:?} that this version can make.",
                open.kind
            );
            return Err(Problem::new(Code::UNKNOWN_TYPE, sentence).field("type"));
        }
    };
    message.message_context_info = MessageField::some(MessageContextInfo {
        message_secret: Some(message_secret.to_vec()),
        ..Default::default()
    });
    Ok(codec::message_to_vec(&message))
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
    use switchboard_core::content::Text;

    use super::*;
    use crate::decode::decode;

    fn text(body: &str) -> Content {
        Content::Text(Text {
            body: body.to_owned(),
            preview_url: false,
        })
    }

    #[test]
    fn the_same_content_and_secret_give_the_same_bytes() {
        assert_eq!(
            encode(&text("hi"), [1; 32]).unwrap(),
            encode(&text("hi"), [1; 32]).unwrap()
        );
        assert_ne!(
            encode(&text("hi"), [1; 32]).unwrap(),
            encode(&text("hi"), [2; 32]).unwrap()
        );
    }

    #[test]
    fn a_message_carries_its_own_secret() {
        let message = codec::message_decode(&encode(&text("hi"), [9; 32]).unwrap()).unwrap();
        let info = message.message_context_info.as_option().unwrap();
        assert_eq!(info.message_secret.as_deref(), Some([9; 32].as_slice()));
    }

    #[test]
    fn a_kind_without_a_shape_is_refused_by_name() {
        let content = Content::from_parts("hologram", serde_json::json!({})).unwrap();
        let problem = encode(&content, [0; 32]).unwrap_err();
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
            codec::message_decode(&encode(&content, [1; 32]).unwrap()).unwrap()
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

    proptest! {
        #[test]
        fn any_text_with_a_link_reads_back_as_one_with_a_preview(before in ".*", after in ".*") {
            let content = Content::Text(Text { body: format!("{before} https://example.com {after}"), preview_url: true });
            let wire = encode(&content, [3; 32]).unwrap();
            prop_assert_eq!(decode(&codec::message_decode(&wire).unwrap()), content);
        }

        #[test]
        fn any_text_reads_back(body in ".*") {
            let wire = encode(&text(&body), [3; 32]).unwrap();
            prop_assert_eq!(decode(&codec::message_decode(&wire).unwrap()), text(&body));
        }
    }
}
