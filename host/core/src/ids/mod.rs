//! Ids, parsed once: a value of one of these types cannot be wrong.
//!
//! Each has `FromStr` with a sentence for a person as its error, `Display` as its one spelling, and serde as that text.

mod jid;
mod message;
mod phone_number;
mod recipient;
mod request;
mod session;

pub use jid::{Jid, Server};
pub use message::{MessageId, StanzaId};
pub use phone_number::PhoneNumber;
pub use recipient::Recipient;
pub use request::RequestId;
pub use session::{LinkMethod, Mobid, SessionId, SessionRef};

/// A text that is not the id it was taken for. The sentence says what the id looks like; it never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct InvalidId {
    expected: &'static str,
}

impl InvalidId {
    const fn new(expected: &'static str) -> Self {
        Self { expected }
    }
}

/// Gives a type with `FromStr` and `Display` the same text in serde.
macro_rules! serde_as_text {
    ($($id:ty),*) => {$(
        impl serde::Serialize for $id {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $id {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize<'de>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use serde_as_text;

/// Lower-case hexadecimal digits only, and at least one.
fn is_lower_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// ASCII digits only, and at least one.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
