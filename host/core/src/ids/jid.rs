//! WhatsApp's addresses.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, PhoneNumber, is_digits, serde_as_text};

/// What kind of party an address names: the part behind `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    /// A person by phone number.
    User,
    /// A person by a number-free address (LID).
    Lid,
    /// A group.
    Group,
    /// A channel.
    Newsletter,
    /// A broadcast list, or `status@broadcast`.
    Broadcast,
    /// A bot.
    Bot,
}

impl Server {
    /// The part behind `@`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "s.whatsapp.net",
            Self::Lid => "lid",
            Self::Group => "g.us",
            Self::Newsletter => "newsletter",
            Self::Broadcast => "broadcast",
            Self::Bot => "bot",
        }
    }
}

/// The address of a person, a group, a channel or a list, without a device: `15550000001@s.whatsapp.net`.
///
/// `Debug` hides all but the last two characters of the user part, as log lines must.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Jid {
    user: Box<str>,
    server: Server,
}

impl Jid {
    /// The address of the person with this number.
    pub fn of_number(number: &PhoneNumber) -> Self {
        Self {
            user: number.digits().into(),
            server: Server::User,
        }
    }

    /// The part before `@`.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The kind of party.
    pub const fn server(&self) -> Server {
        self.server
    }

    /// The number, if the address is that of a person by number.
    pub fn number(&self) -> Option<PhoneNumber> {
        (self.server == Server::User).then(|| self.user.parse().ok()).flatten()
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.server.as_str())
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.user.len().saturating_sub(2);
        write!(f, "Jid(…{}@{})", &self.user[shown..], self.server.as_str())
    }
}

impl FromStr for Jid {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: InvalidId = InvalidId::new(
            "must be a WhatsApp address such as 15550000001@s.whatsapp.net, 120363012345678901@g.us or 123456789@lid",
        );
        let (user, server) = text.split_once('@').ok_or(EXPECTED)?;
        let server = match server {
            // c.us is how the browser library of old wrote it; people still paste it.
            "s.whatsapp.net" | "c.us" => Server::User,
            "lid" => Server::Lid,
            "g.us" => Server::Group,
            "newsletter" => Server::Newsletter,
            "broadcast" => Server::Broadcast,
            "bot" => Server::Bot,
            _ => return Err(EXPECTED),
        };
        let fits = match server {
            // 0@s.whatsapp.net is WhatsApp's own account.
            Server::User | Server::Lid | Server::Newsletter | Server::Bot => is_digits(user) && user.len() <= 24,
            // Groups made before 2021 are <creator>-<time>.
            Server::Group => user.len() <= 40 && user.split('-').all(is_digits) && user.matches('-').count() <= 1,
            Server::Broadcast => user == "status" || (is_digits(user) && user.len() <= 24),
        };
        if fits {
            Ok(Self {
                user: user.into(),
                server,
            })
        } else {
            Err(EXPECTED)
        }
    }
}

serde_as_text!(Jid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back() {
        for text in [
            "15550000001@s.whatsapp.net",
            "0@s.whatsapp.net",
            "123456789@lid",
            "120363012345678901@g.us",
            "15550000001-1600000000@g.us",
            "status@broadcast",
            "120363000000000000@newsletter",
            "867051314767696@bot",
        ] {
            assert_eq!(text.parse::<Jid>().unwrap().to_string(), text);
        }
        assert_eq!(
            "15550000001@c.us".parse::<Jid>().unwrap().to_string(),
            "15550000001@s.whatsapp.net"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "@",
            "@g.us",
            "1@",
            "1@example.com",
            "1@g.us@g.us",
            "a@s.whatsapp.net",
            "1:2@s.whatsapp.net",
            "1.0@lid",
            "1--2@g.us",
            "1-2-3@g.us",
            "status@g.us",
            "1 @g.us",
            "1@G.US",
            &format!("{}@lid", "1".repeat(25)),
        ] {
            assert!(text.parse::<Jid>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn debug_hides_the_number() {
        let jid: Jid = "15550000001@s.whatsapp.net".parse().unwrap();
        assert_eq!(format!("{jid:?}"), "Jid(…01@s.whatsapp.net)");
        assert_eq!(jid.number().unwrap().digits(), "15550000001");
    }
}
