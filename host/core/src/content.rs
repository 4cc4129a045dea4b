//! What a message says, independent of WhatsApp's encoding and of anybody's API.
//!
//! A kind that has no shape of its own here is carried as [`Open`]: its name and JSON. So an inbound message of any kind is kept,
//! and a plugin built for a newer host still loads. `Debug` shows sizes, never what was written.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The content of one message.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(Text),
    /// Any other kind, by name and JSON.
    Other(Open),
}

/// Plain text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Text {
    /// What is written; WhatsApp's own marks (`*bold*`, `_italic_`) are part of it.
    pub body: String,
    /// Whether a link in the body may be shown with a preview.
    #[serde(default)]
    pub preview_url: bool,
}

/// Content without a shape of its own.
#[derive(Clone, PartialEq)]
pub struct Open {
    /// The kind, such as `image`; never that of a kind with a shape.
    pub kind: String,
    /// A JSON object.
    pub json: serde_json::Map<String, Value>,
}

impl Content {
    /// The kind as it stands in `type`: `text`, `image`, ...
    pub fn kind(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Other(open) => &open.kind,
        }
    }

    /// The content without its kind, as a JSON object: the inverse of [`Content::from_parts`].
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => serde_json::json!({"body": text.body, "previewUrl": text.preview_url}),
            Self::Other(open) => Value::Object(open.json.clone()),
        }
    }

    /// From a kind and its JSON object, as stored.
    ///
    /// # Errors
    /// When the JSON is not an object, or not of the shape that the kind has.
    pub fn from_parts(kind: &str, json: Value) -> Result<Self, serde_json::Error> {
        match kind {
            "text" => serde_json::from_value(json).map(Self::Text),
            _ => serde_json::from_value(json).map(|json| {
                Self::Other(Open {
                    kind: kind.to_owned(),
                    json,
                })
            }),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.body.len())
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Open({}, {} fields)", self.kind, self.json.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_reads_back_from_its_parts() {
        let text = Content::Text(Text {
            body: "hi 👋".into(),
            preview_url: true,
        });
        let other = Content::from_parts("image", serde_json::json!({"caption": "x"})).unwrap();
        assert_eq!(other.kind(), "image");
        for content in [text, other] {
            assert_eq!(Content::from_parts(content.kind(), content.to_json()).unwrap(), content);
        }
    }

    #[test]
    fn a_text_without_a_body_and_a_kind_without_an_object_are_refused() {
        assert!(Content::from_parts("text", serde_json::json!({})).is_err());
        assert!(Content::from_parts("image", serde_json::json!([])).is_err());
    }

    #[test]
    fn debug_never_shows_what_was_written() {
        let text = Content::Text(Text {
            body: "meet me at nine".into(),
            preview_url: false,
        });
        assert_eq!(format!("{text:?}"), "Text(Text(15 bytes))");
        let open = Content::from_parts("note", serde_json::json!({"body": "nine"})).unwrap();
        assert!(!format!("{open:?}").contains("nine"));
    }
}
