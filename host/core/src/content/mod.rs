//! What a message says, independent of WhatsApp's encoding and of anybody's API.
//!
//! A kind that has no shape of its own here is carried as [`Open`]: its name and JSON. So an inbound message of any kind is kept,
//! and a plugin built for a newer host still loads. `Debug` shows sizes, never what was written.

mod contacts;
mod location;
mod reaction;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use self::contacts::{Address, Contact, Labelled, Name, Organization, Phone};
pub use self::location::{InvalidLocation, Location};
pub use self::reaction::{MessageKey, Reaction};

/// The content of one message.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(Text),
    /// A place.
    Location(Location),
    /// Entries of an address book.
    Contacts(Vec<Contact>),
    /// An emoji on a message.
    Reaction(Reaction),
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
    /// The kind, such as `image`.
    pub kind: String,
    /// A JSON object.
    pub json: serde_json::Map<String, Value>,
}

impl Content {
    /// The kind as it stands in `type`: `text`, `image`, ...
    pub fn kind(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Location(_) => "location",
            Self::Contacts(_) => "contact",
            Self::Reaction(_) => "reaction",
            Self::Other(open) => &open.kind,
        }
    }

    /// The content without its kind, as a JSON object: the inverse of [`Content::from_parts`].
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!({"body": text.body, "previewUrl": text.preview_url}),
            Self::Location(location) => location.to_json(),
            Self::Contacts(contacts) => json!({"contacts": contacts}),
            Self::Reaction(reaction) => json!({"emoji": reaction.emoji, "message": reaction.message}),
            Self::Other(open) => Value::Object(open.json.clone()),
        }
    }

    /// From a kind and its JSON object, as stored. An object of a kind with a shape that it does not have is kept as it is: rows from
    /// before the kind had one still read.
    ///
    /// # Errors
    /// When the JSON is not an object.
    pub fn from_parts(kind: &str, json: Value) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Contacts {
            contacts: Vec<Contact>,
        }
        fn shaped<T: DeserializeOwned>(json: &Map<String, Value>) -> Option<T> {
            serde_json::from_value(Value::Object(json.clone())).ok()
        }
        let json: Map<String, Value> = serde_json::from_value(json)?;
        let shaped = match kind {
            "text" => shaped(&json).map(Self::Text),
            "location" => shaped(&json).map(Self::Location),
            "contact" => shaped(&json).map(|Contacts { contacts }| Self::Contacts(contacts)),
            "reaction" => shaped(&json).map(Self::Reaction),
            _ => None,
        };
        Ok(shaped.unwrap_or_else(|| {
            Self::Other(Open {
                kind: kind.to_owned(),
                json,
            })
        }))
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
        let location = Content::Location(Location::new(48.2082, 16.3738).unwrap());
        let contacts = Content::Contacts(vec![Contact::named("Ada")]);
        let reaction = Content::Reaction(Reaction {
            emoji: "👍".into(),
            message: MessageKey {
                chat: "15550000002@s.whatsapp.net".parse().unwrap(),
                from_me: true,
                id: "3EB0FF".parse().unwrap(),
                sender: None,
            },
        });
        let other = Content::from_parts("image", json!({"caption": "x"})).unwrap();
        assert_eq!(other.kind(), "image");
        for content in [text, location, contacts, reaction, other] {
            assert_eq!(Content::from_parts(content.kind(), content.to_json()).unwrap(), content);
        }
    }

    #[test]
    fn an_object_of_another_shape_is_kept_as_it_is_and_anything_else_refused() {
        for (kind, json) in [
            ("text", json!({})),
            ("location", json!({"degreesLatitude": 1})),
            ("location", json!({"latitude": 91, "longitude": 0})),
        ] {
            let kept = Content::from_parts(kind, json.clone()).unwrap();
            assert_eq!((kept.kind(), kept.to_json()), (kind, json));
        }
        assert!(Content::from_parts("image", json!([])).is_err());
    }

    #[test]
    fn debug_never_shows_what_was_written() {
        let text = Content::Text(Text {
            body: "meet me at nine".into(),
            preview_url: false,
        });
        assert_eq!(format!("{text:?}"), "Text(Text(15 bytes))");
        let contacts = Content::Contacts(vec![Contact::named("nine")]);
        let open = Content::from_parts("note", json!({"body": "nine"})).unwrap();
        let mut place = Location::new(9.0, 9.0).unwrap();
        place.name = Some("nine".into());
        for content in [contacts, open, Content::Location(place)] {
            let shown = format!("{content:?}");
            assert!(!shown.contains("nine") && !shown.contains("9.0"), "{shown}");
        }
    }
}
