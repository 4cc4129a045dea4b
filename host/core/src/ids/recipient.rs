//! What `to` in a request may be.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, Jid, PhoneNumber, Server, serde_as_text};

/// A party that a message can be sent to: a phone number in any common spelling, a WhatsApp address, or a group's bare id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// A person by number, who may or may not be on WhatsApp.
    Number(PhoneNumber),
    /// A person by number-free address, or a group.
    Address(Jid),
}

impl Recipient {
    /// WhatsApp's address for it.
    pub fn jid(&self) -> Jid {
        match self {
            Self::Number(number) => Jid::of_number(number),
            Self::Address(jid) => jid.clone(),
        }
    }
}

/// As it is given back in answers: a number as digits, anything else as its address.
impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Address(jid) => jid.fmt(f),
        }
    }
}

impl FromStr for Recipient {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: InvalidId = InvalidId::new(
            "must be a phone number with its country code (7 to 15 digits, with or without +, spaces, dashes), a WhatsApp address (...@s.whatsapp.net, ...@lid) or a group id (...@g.us)",
        );
        if text.contains('@') {
            let jid: Jid = text.parse().map_err(|_| EXPECTED)?;
            return match jid.server() {
                Server::User => jid.number().map(Self::Number).ok_or(EXPECTED),
                Server::Lid | Server::Group => Ok(Self::Address(jid)),
                Server::Newsletter | Server::Broadcast | Server::Bot => Err(EXPECTED),
            };
        }
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        // A group's bare id has more digits than any number, or a dash between creator and time.
        let bare = text.trim();
        let group = (bare.starts_with("120363") && bare.len() > 15) || bare.contains('-');
        if group {
            format!("{bare}@g.us").parse().map(Self::Address).map_err(|_| EXPECTED)
        } else {
            Err(EXPECTED)
        }
    }
}

serde_as_text!(Recipient);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_addresses_and_group_ids_are_told_apart() {
        for (text, jid) in [
            ("+1 555-000-0001", "15550000001@s.whatsapp.net"),
            ("15550000001@s.whatsapp.net", "15550000001@s.whatsapp.net"),
            ("15550000001@c.us", "15550000001@s.whatsapp.net"),
            ("1000155@lid", "1000155@lid"),
            ("120363012345678901@g.us", "120363012345678901@g.us"),
            ("120363012345678901", "120363012345678901@g.us"),
            ("15550000001-1600000000", "15550000001-1600000000@g.us"),
        ] {
            assert_eq!(text.parse::<Recipient>().unwrap().jid().to_string(), jid, "{text}");
        }
    }

    #[test]
    fn nobody_is_sent_to_a_channel_a_list_or_nonsense() {
        for text in [
            "",
            "status@broadcast",
            "1@newsletter",
            "0@s.whatsapp.net",
            "hello",
            "12-",
            "1@g.us@x",
            "1203",
        ] {
            assert!(text.parse::<Recipient>().is_err(), "{text:?}");
        }
    }
}
