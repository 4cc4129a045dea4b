//! The two names of a message: ours and WhatsApp's.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use ulid::Ulid;

use super::{InvalidId, serde_as_text};
use crate::clock::Clock;
use crate::random::{self, Random};

/// Our id of a message: `msg_` and a ULID, 26 characters of Crockford's base 32, so that ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Ulid);

impl MessageId {
    /// A new id.
    pub fn mint(clock: &dyn Clock, random: &dyn Random) -> Self {
        Self(mint_ulid(clock, random))
    }
}

/// A ULID from the given time and chance.
pub(super) fn mint_ulid(clock: &dyn Clock, random: &dyn Random) -> Ulid {
    let ms = u64::try_from(clock.now().0).unwrap_or(0);
    let mut chance = [0; 16];
    random.fill(&mut chance[6..]);
    Ulid::from_parts(ms, u128::from_be_bytes(chance))
}

/// Reads a ULID in its one spelling: upper case, and no value above 128 bits.
pub(super) fn parse_ulid(text: &str) -> Option<Ulid> {
    let ulid = Ulid::from_string(text).ok()?;
    (ulid.to_string() == text).then_some(ulid)
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "msg_{}", self.0)
    }
}

impl FromStr for MessageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.strip_prefix("msg_")
            .and_then(parse_ulid)
            .map(Self)
            .ok_or(InvalidId::new("must be a message id: msg_ and 26 characters of a ULID"))
    }
}

/// WhatsApp's id of a message (the `id` of its stanza), chosen by the sender; unique only together with chat and sender.
///
/// 1 to 128 printable ASCII characters without spaces. Ours are `3EB0` and 18 upper-case hexadecimal digits, as WhatsApp Web makes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StanzaId(Box<str>);

impl StanzaId {
    /// A new id.
    pub fn mint(random: &dyn Random) -> Self {
        let mut id = String::with_capacity(22);
        id.push_str("3EB0");
        for byte in random::array::<9>(random) {
            // Writing to a String cannot fail.
            let _ = write!(id, "{byte:02X}");
        }
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StanzaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StanzaId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId::new(
                "must be a WhatsApp message id: 1 to 128 printable characters without spaces",
            ))
        }
    }
}

serde_as_text!(MessageId, StanzaId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::{ManualClock, UnixMillis};
    use crate::random::SeededRandom;

    #[test]
    fn vectors_of_message_ids() {
        let good = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        assert_eq!(good.parse::<MessageId>().unwrap().to_string(), good);
        for bad in [
            "",
            "msg_",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "msg_01ARZ3NDEKTSV4RRFFQ69G5FA",
            "msg_01ARZ3NDEKTSV4RRFFQ69G5FAVV",
            "msg_01arz3ndektsv4rrffq69g5fav",
            "msg_81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "msg_01ARZ3NDEKTSV4RRFFQ69G5FAU\n",
            "msg_01ARZ3NDEKTSV4RRFFQ69G5FAI",
        ] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_later_message_sorts_behind_an_earlier_one() {
        let clock = ManualClock::at(UnixMillis(1_700_000_000_000));
        let first = MessageId::mint(&clock, &SeededRandom::new(9));
        clock.set(UnixMillis(1_700_000_000_001));
        let second = MessageId::mint(&clock, &SeededRandom::new(1));
        assert!(first < second && first.to_string() < second.to_string());
    }

    #[test]
    fn our_stanza_ids_look_like_those_of_whatsapp_web() {
        let id = StanzaId::mint(&SeededRandom::new(3)).to_string();
        assert!(id.len() == 22 && id.starts_with("3EB0"), "{id}");
        assert!(
            id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)),
            "{id}"
        );
    }

    #[test]
    fn a_stanza_id_has_no_spaces_and_an_end() {
        for bad in ["", " ", "a b", "ü", "a\n", &"A".repeat(129)] {
            assert!(bad.parse::<StanzaId>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn minted_ids_read_back(seed: u64, ms in 0i64..(1 << 48)) {
            let (clock, random) = (ManualClock::at(UnixMillis(ms)), SeededRandom::new(seed));
            let (id, stanza) = (MessageId::mint(&clock, &random), StanzaId::mint(&random));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(stanza.to_string().parse(), Ok(stanza));
        }
    }
}
