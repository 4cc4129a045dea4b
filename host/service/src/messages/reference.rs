//! What a message can be asked for by.

use std::str::FromStr;

use switchboard_core::ids::MessageId;
use switchboard_core::wamid::{self, Wamid};
use switchboard_store::messages::Name;

/// Our id or Meta's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageRef {
    /// By our id.
    Id(MessageId),
    /// By Meta's.
    Wamid(Wamid),
}

impl From<MessageRef> for Name {
    fn from(message: MessageRef) -> Self {
        match message {
            MessageRef::Id(id) => Self::Id(id),
            MessageRef::Wamid(wamid) => Self::Wamid(wamid),
        }
    }
}

/// The text is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a message id (msg_ and 26 characters) or a wamid")]
pub struct InvalidMessageRef;

impl FromStr for MessageRef {
    type Err = InvalidMessageRef;

    fn from_str(text: &str) -> Result<Self, InvalidMessageRef> {
        let id = text.parse().map(Self::Id);
        id.or_else(|_| wamid::decode(text).map(Self::Wamid).ok_or(InvalidMessageRef))
    }
}

impl<'de> serde::Deserialize<'de> for MessageRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize<'de>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::direction::Direction;

    use super::*;

    #[test]
    fn a_message_has_two_names_and_no_third() {
        let id = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        assert_eq!(id.parse(), Ok(MessageRef::Id(id.parse().unwrap())));
        let (user, stanza_id) = ("15550000001".parse().unwrap(), "3EB0FF".parse().unwrap());
        let text = wamid::encode(&user, Direction::Inbound, &stanza_id).unwrap();
        let wamid = Wamid {
            user,
            direction: Direction::Inbound,
            stanza_id,
        };
        assert_eq!(text.parse(), Ok(MessageRef::Wamid(wamid)));
        for stranger in ["", "3EB0FF", "wamid.", "msg_1"] {
            assert_eq!(stranger.parse::<MessageRef>(), Err(InvalidMessageRef), "{stranger:?}");
        }
    }
}
