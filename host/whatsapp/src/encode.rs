//! Content as WhatsApp's bytes.

use switchboard_core::content::Content;
use switchboard_core::problem::{Code, Problem};
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::waproto::codec;
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
        Content::Text(text) => Message {
            conversation: Some(text.body.clone()),
            ..Default::default()
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

    proptest! {
        #[test]
        fn any_text_reads_back(body in ".*") {
            let wire = encode(&text(&body), [3; 32]).unwrap();
            prop_assert_eq!(decode(&codec::message_decode(&wire).unwrap()), text(&body));
        }
    }
}
