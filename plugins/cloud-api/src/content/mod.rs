//! What a message says: one file for each `type` that can be sent.

mod contacts;
mod location;
mod reaction;
mod text;

use crate::bindings::switchboard::plugin::content::Content;
use crate::graph_error::GraphError;
use crate::meaning::{UNSUPPORTED_TYPE, WRONG_BODY};
use crate::params::Params;

/// Every type that Meta knows.
const TYPES: &str = "AUDIO, CONTACTS, DOCUMENT, GIF, IMAGE, INTERACTIVE, LINK_PREVIEW, LOCATION, PIN, REACTION, STICKER, \
                     TEMPLATE, TEXT, VIDEO";

/// The content of a send. Without a `type` it is a text, as Meta documents.
pub(crate) fn of(params: &Params) -> Result<Content, GraphError> {
    let kind = params.words("type")?.unwrap_or_else(|| "text".to_owned());
    let kind = kind.to_ascii_lowercase();
    let object = || params.object(&kind)?.ok_or_else(|| mandatory(&kind));
    match kind.as_str() {
        "text" => text::of(&object()?).map(Content::Text),
        "location" => location::of(&object()?).map(Content::Location),
        "contacts" => contacts::of(params).map(Content::Contacts),
        "reaction" => reaction::of(&object()?).map(Content::Reaction),
        other if TYPES.split(", ").any(|known| known.eq_ignore_ascii_case(other)) => Err(GraphError::new(
            &UNSUPPORTED_TYPE,
            "Message type is not currently supported. Supported are text, location, contacts and reaction.",
        )),
        _ => Err(GraphError::wrong("type", &format!("must be one of {{{TYPES}}}"))),
    }
}

/// The answer to a type whose object is not there.
fn mandatory(kind: &str) -> GraphError {
    let details = format!("Parameter '{kind}' is mandatory for type '{kind}'");
    GraphError::new(&WRONG_BODY, details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::params;
    use serde_json::json;

    #[test]
    fn a_message_without_a_type_is_a_text() {
        for body in [
            json!({"text": {"body": "hi"}}),
            json!({"type": null, "text": {"body": "hi"}}),
            json!({"type": "TEXT", "text": {"body": "hi"}}),
        ] {
            assert!(matches!(of(&params(&body)), Ok(Content::Text(_))));
        }
    }

    #[test]
    fn a_type_without_its_object_is_missing_it() {
        for kind in ["text", "location", "contacts", "reaction"] {
            let error = of(&params(&json!({"type": kind}))).unwrap_err();
            assert_eq!(error.message, "(#100) Invalid parameter");
            let details = format!("Parameter '{kind}' is mandatory for type '{kind}'");
            assert_eq!(error.json("A")["error"]["error_data"]["details"], json!(details));
        }
    }

    #[test]
    fn a_type_that_cannot_be_sent_is_said_so() {
        for kind in ["template", "image", "Interactive"] {
            let error = of(&params(&json!({"type": kind}))).unwrap_err();
            assert_eq!(error.message, "(#131051) Unsupported message type");
        }
    }

    #[test]
    fn a_type_that_there_is_not_is_told_which_there_are() {
        for kind in ["hologram", "audio, contacts"] {
            let error = of(&params(&json!({"type": kind}))).unwrap_err();
            assert_eq!(
                error.message,
                "(#100) Param type must be one of {AUDIO, CONTACTS, DOCUMENT, GIF, IMAGE, INTERACTIVE, LINK_PREVIEW, LOCATION, \
                 PIN, REACTION, STICKER, TEMPLATE, TEXT, VIDEO}."
            );
        }
    }
}
