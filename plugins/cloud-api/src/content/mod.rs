//! What a message says: one file for each `type` that can be sent.

mod contacts;
mod location;
mod reaction;
mod text;

use crate::bindings::switchboard::plugin::content::Content;
use crate::graph_error::GraphError;
use crate::meaning::UNSUPPORTED_TYPE;
use crate::params::Params;

/// The content of a send. Without a `type` it is a text, as Meta documents.
pub(crate) fn of(params: &Params) -> Result<Content, GraphError> {
    match params.words("type")?.as_deref() {
        None | Some("text") => text::of(&params.needed_object("text")?).map(Content::Text),
        Some("location") => location::of(&params.needed_object("location")?).map(Content::Location),
        Some("contacts") => contacts::of(params).map(Content::Contacts),
        Some("reaction") => reaction::of(&params.needed_object("reaction")?).map(Content::Reaction),
        Some(_) => Err(GraphError::new(
            &UNSUPPORTED_TYPE,
            "Message type is not currently supported. Supported are text, location, contacts and reaction.",
        )),
    }
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
        ] {
            assert!(matches!(of(&params(&body)), Ok(Content::Text(_))));
        }
    }

    #[test]
    fn a_type_without_its_object_is_missing_it() {
        for kind in ["text", "location", "contacts", "reaction"] {
            let error = of(&params(&json!({"type": kind}))).unwrap_err();
            assert_eq!(error.message, format!("(#100) The parameter {kind} is required."));
        }
    }

    #[test]
    fn a_type_that_cannot_be_sent_is_said_so() {
        for kind in ["template", "image", "call_permission_request", "x"] {
            let error = of(&params(&json!({"type": kind}))).unwrap_err();
            assert_eq!(error.message, "(#131051) Unsupported message type");
        }
    }
}
