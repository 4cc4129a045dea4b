//! Meta's message id around WhatsApp's: `wamid.` and the base64 of a small Thrift-compact struct.
//!
//! Decoded from ids that Meta has published, all of which agree:
//! ```text
//! 1C { 18 <len> <user digits> ; 15 02 ; 00 } ; 11 | 12 ; 18 <len> <stanza id> ; 00
//! ```
//! `11` marks a message from the business, `12` one to it. With WhatsApp's stanza id in the last field the id reads back to chat,
//! direction and stanza id without a table. How Meta encodes groups and number-free addresses is not known, so such a chat has no
//! wamid and its messages go by our own id.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::direction::Direction;
use crate::ids::{PhoneNumber, StanzaId};

const PREFIX: &str = "wamid.";
/// Lengths are varints; one byte holds those below 128, and both texts are shorter.
const LONGEST: usize = 127;

/// What a wamid stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wamid {
    /// The other party of the conversation.
    pub user: PhoneNumber,
    /// Which way the message went.
    pub direction: Direction,
    /// WhatsApp's id of the message.
    pub stanza_id: StanzaId,
}

/// The wamid as text; `None` for a stanza id longer than the format can hold (127 characters).
pub fn encode(user: &PhoneNumber, direction: Direction, stanza_id: &StanzaId) -> Option<String> {
    let (user, stanza_id) = (user.digits().as_bytes(), stanza_id.as_str().as_bytes());
    let stanza_len = u8::try_from(stanza_id.len())
        .ok()
        .filter(|len| usize::from(*len) <= LONGEST)?;
    let user_len = u8::try_from(user.len()).ok()?;
    let mut bytes = vec![0x1c, 0x18, user_len];
    bytes.extend_from_slice(user);
    bytes.extend_from_slice(&[0x15, 0x02, 0x00]);
    bytes.push(match direction {
        Direction::Outbound => 0x11,
        Direction::Inbound => 0x12,
    });
    bytes.extend_from_slice(&[0x18, stanza_len]);
    bytes.extend_from_slice(stanza_id);
    bytes.push(0x00);
    Some(PREFIX.to_owned() + &BASE64_STANDARD.encode(bytes))
}

/// What the text stands for; `None` if it is not a wamid of this form, to the last byte.
pub fn decode(text: &str) -> Option<Wamid> {
    let bytes = BASE64_STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let rest = bytes.strip_prefix(&[0x1c, 0x18])?;
    let (user, rest) = take_text(rest)?;
    let (direction, rest) = match rest.strip_prefix(&[0x15, 0x02, 0x00])? {
        [0x11, rest @ ..] => (Direction::Outbound, rest),
        [0x12, rest @ ..] => (Direction::Inbound, rest),
        _ => return None,
    };
    let (stanza_id, rest) = take_text(rest.strip_prefix(&[0x18])?)?;
    if rest != [0x00] {
        return None;
    }
    let number: PhoneNumber = user.parse().ok()?;
    (number.digits() == user).then_some(())?;
    Some(Wamid {
        user: number,
        direction,
        stanza_id: stanza_id.parse().ok()?,
    })
}

/// A length byte and that many bytes of text, then what follows.
fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&len, rest) = bytes.split_first()?;
    let (text, rest) = rest
        .split_at_checked(usize::from(len))
        .filter(|_| usize::from(len) <= LONGEST)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn vectors() {
        for (user, direction, stanza_id, wamid) in [
            (
                "919846303025",
                Direction::Outbound,
                "3EB0A1B2C3D4E5F6A7B8C9",
                "wamid.HBgMOTE5ODQ2MzAzMDI1FQIAERgWM0VCMEExQjJDM0Q0RTVGNkE3QjhDOQA=",
            ),
            (
                "919846303025",
                Direction::Inbound,
                "3A4A6599AEE03810144F",
                "wamid.HBgMOTE5ODQ2MzAzMDI1FQIAEhgUM0E0QTY1OTlBRUUwMzgxMDE0NEYA",
            ),
        ] {
            let parts = Wamid {
                user: user.parse().unwrap(),
                direction,
                stanza_id: stanza_id.parse().unwrap(),
            };
            assert_eq!(encode(&parts.user, direction, &parts.stanza_id).as_deref(), Some(wamid));
            assert_eq!(decode(wamid), Some(parts));
        }
    }

    #[test]
    fn what_is_not_of_this_form_is_refused() {
        let good = "wamid.HBgMOTE5ODQ2MzAzMDI1FQIAEhgUM0E0QTY1OTlBRUUwMzgxMDE0NEYA";
        for bad in [
            "",
            "wamid.",
            "wamid.!!!!",
            "HBgMOTE5ODQ2MzAzMDI1FQIAEhgUM0E0QTY1OTlBRUUwMzgxMDE0NEYA",
            &good[..good.len() - 4],
            &format!("{good}AAAA"),
            "wamid.HBgLOTE5ODQ2MzAzMDI1FQIAEhgUM0E0QTY1OTlBRUUwMzgxMDE0NEYA",
        ] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
        let longest: StanzaId = "A".repeat(128).parse().unwrap();
        assert_eq!(
            encode(&"15550000001".parse().unwrap(), Direction::Inbound, &longest),
            None
        );
    }

    proptest! {
        #[test]
        fn any_number_and_stanza_id_read_back(user in "[1-9][0-9]{6,14}", stanza in "[!-~]{1,127}", out: bool) {
            let direction = if out { Direction::Outbound } else { Direction::Inbound };
            let parts = Wamid { user: user.parse().unwrap(), direction, stanza_id: stanza.parse().unwrap() };
            prop_assert_eq!(decode(&encode(&parts.user, direction, &parts.stanza_id).unwrap()), Some(parts));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            decode(&text);
            decode(&format!("wamid.{text}"));
        }
    }
}
