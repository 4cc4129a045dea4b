//! From what a plugin says to what WhatsApp is sent: what it names is looked up, and what it claims is checked.

use std::str::FromStr;

use switchboard_core::content::{
    Address, Contact, Content, InvalidLocation, Labelled, Location, MessageKey, Name, Organization, Phone, Reaction,
    Text,
};
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Jid, Server, SessionId};
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::content as contract;
use switchboard_store::messages::Message;
use switchboard_whatsapp::Quoted;

use super::reference::MessageRef;
use crate::parts::Parts;

/// The longest emoji, in bytes: families with skin tones have some 40.
const LONGEST_EMOJI: usize = 64;
/// The longest text of a message, in bytes: WhatsApp takes 65,536 characters.
const LONGEST_BODY: usize = 4 * 65_536;
/// The longest text beside a location, in bytes.
const LONGEST_TEXT: usize = 4096;
/// The largest entry of an address book, in bytes as JSON.
const LARGEST_CONTACT: usize = 16 * 1024;
/// Entries of an address book in one message.
const MOST_CONTACTS: usize = 256;

/// What is on its way to one chat of a session.
pub(super) struct Preparing<'a> {
    pub(super) parts: &'a Parts,
    pub(super) session: SessionId,
    pub(super) chat: &'a Jid,
}

impl Preparing<'_> {
    /// One content.
    pub(super) async fn content(&self, content: contract::Content) -> Result<Content, Problem> {
        Ok(match content {
            contract::Content::Text(words) => Content::Text(text(words)?),
            contract::Content::Location(place) => Content::Location(location(place)?),
            contract::Content::Contacts(entries) => Content::Contacts(contacts(entries)?),
            contract::Content::Reaction(reaction) => Content::Reaction(self.reaction(reaction).await?),
            contract::Content::Image(_) => return Err(not_yet("pictures")),
            contract::Content::Video(_) => return Err(not_yet("films")),
            contract::Content::Audio(_) => return Err(not_yet("sounds")),
            contract::Content::Voice(_) => return Err(not_yet("voice notes")),
            contract::Content::Speech(_) => return Err(not_yet("speech")),
            contract::Content::Document(_) => return Err(not_yet("documents")),
            contract::Content::Sticker(_) => return Err(not_yet("stickers")),
            contract::Content::Poll(_) => return Err(not_yet("polls")),
            contract::Content::Interactive(_) => return Err(not_yet("buttons and lists")),
            contract::Content::Other(open) => {
                let sentence = format!("This version sends no content of the kind {}.", open.name);
                return Err(Problem::new(Code::NOT_SUPPORTED, sentence).field("type"));
            }
        })
    }

    /// The message that is answered.
    pub(super) async fn quoted(&self, message: &MessageRef) -> Result<Quoted, Problem> {
        let message = self.find(message, "replyTo").await?;
        Ok(Quoted {
            wire: self.parts.messages.wire(message.id).await?.unwrap_or_default(),
            id: message.stanza_id,
            sender: message.sender,
        })
    }

    async fn reaction(&self, reaction: contract::Reaction) -> Result<Reaction, Problem> {
        const FIELD: &str = "messageId";
        let contract::Reaction { message, emoji } = reaction;
        let message = MessageRef::from_str(&message)
            .map_err(|invalid| Problem::invalid_field(FIELD, format!("{FIELD} {invalid}.")))?;
        if !may_be_emoji(&emoji) {
            return Err(Problem::invalid_field("emoji", "emoji must be one emoji, or empty."));
        }
        let message = self.find(&message, FIELD).await?;
        let from_me = message.direction == Direction::Outbound;
        let in_group = message.chat.server() == Server::Group;
        Ok(Reaction {
            emoji,
            message: MessageKey {
                from_me,
                id: message.stanza_id,
                sender: (in_group && !from_me).then_some(message.sender),
                chat: message.chat,
            },
        })
    }

    /// A message of this chat. WhatsApp would show anything else as an answer to nothing.
    async fn find(&self, message: &MessageRef, field: &'static str) -> Result<Message, Problem> {
        let message = self.parts.message_of(self.session, message.clone(), field).await?;
        if is_another(self.chat, &message) {
            let sentence = format!("{field} names a message of another chat.");
            return Err(Problem::invalid_field(field, sentence));
        }
        Ok(message)
    }
}

/// A person may be known by a number and by an address without one. What is not known to be the same is another: a quotation shows
/// what it answers.
fn is_another(chat: &Jid, message: &Message) -> bool {
    let is_inbound = message.direction == Direction::Inbound;
    let known_as = message
        .sender_alt
        .as_ref()
        .filter(|_| is_inbound && message.chat == message.sender);
    *chat != message.chat && Some(chat) != known_as
}

/// Whether this may be an emoji: short, no letters, no control characters, and something beyond ASCII. Or nothing.
fn may_be_emoji(text: &str) -> bool {
    let is_out = |c: char| c.is_control() || c.is_alphabetic() && c.is_ascii() || c == ' ';
    text.is_empty() || (text.len() <= LONGEST_EMOJI && !text.is_ascii() && !text.chars().any(is_out))
}

fn not_yet(what: &str) -> Problem {
    Problem::new(Code::NOT_SUPPORTED, format!("This version does not send {what} yet.")).field("type")
}

fn text(words: contract::Text) -> Result<Text, Problem> {
    let contract::Text { body, preview_url } = words;
    if body.is_empty() || body.len() > LONGEST_BODY {
        let sentence = format!("text must be 1 to {LONGEST_BODY} bytes.");
        return Err(Problem::invalid_field("text", sentence));
    }
    Ok(Text { body, preview_url })
}

fn location(place: contract::Location) -> Result<Location, Problem> {
    let contract::Location {
        latitude,
        longitude,
        name,
        address,
        url,
    } = place;
    let mut location = Location::new(latitude, longitude).map_err(|invalid| {
        let field = match invalid {
            InvalidLocation::Latitude => "latitude",
            InvalidLocation::Longitude => "longitude",
        };
        Problem::invalid_field(field, format!("{field} {invalid}."))
    })?;
    for (field, text) in [("name", &name), ("address", &address), ("url", &url)] {
        if text.as_ref().is_some_and(|text| text.len() > LONGEST_TEXT) {
            let sentence = format!("{field} must be at most {LONGEST_TEXT} bytes.");
            return Err(Problem::invalid_field(field, sentence));
        }
    }
    (location.name, location.address, location.url) = (name, address, url);
    Ok(location)
}

fn contacts(entries: Vec<contract::Contact>) -> Result<Vec<Contact>, Problem> {
    if !(1..=MOST_CONTACTS).contains(&entries.len()) {
        let sentence = format!("contacts must be a list of 1 to {MOST_CONTACTS} entries.");
        return Err(Problem::invalid_field("contacts", sentence));
    }
    if let Some(place) = entries.iter().position(|entry| entry.name.formatted.trim().is_empty()) {
        let field = format!("contacts.{place}.name");
        let sentence = format!("{field} must not be empty.");
        return Err(Problem::invalid_field(field, sentence));
    }
    let contacts: Vec<_> = entries.into_iter().map(contact).collect();
    for (place, contact) in contacts.iter().enumerate() {
        let numbers = contact.phones.iter().filter_map(|phone| phone.whatsapp.as_deref());
        let is_digits = |digits: &str| (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !numbers.into_iter().all(is_digits) {
            let field = format!("contacts.{place}.phones");
            let sentence = format!("{field} must give a number on WhatsApp as 7 to 15 digits.");
            return Err(Problem::invalid_field(field, sentence));
        }
        if serde_json::to_vec(contact).map_err(Problem::internal)?.len() > LARGEST_CONTACT {
            let field = format!("contacts.{place}");
            let sentence = format!("{field} must be at most {} KiB.", LARGEST_CONTACT / 1024);
            return Err(Problem::invalid_field(field, sentence));
        }
    }
    Ok(contacts)
}

fn contact(entry: contract::Contact) -> Contact {
    let labelled = |list: Vec<contract::Labelled>| {
        let list = list
            .into_iter()
            .map(|contract::Labelled { value, label }| Labelled { value, label });
        list.collect()
    };
    let contract::ContactName {
        formatted,
        first,
        last,
        middle,
        prefix,
        suffix,
    } = entry.name;
    let phones = entry.phones.into_iter().map(|phone| {
        let contract::ContactPhone {
            number,
            label,
            whatsapp,
        } = phone;
        Phone {
            number,
            label,
            whatsapp,
        }
    });
    let addresses = entry.addresses.into_iter().map(|address| {
        let contract::ContactAddress {
            street,
            city,
            state,
            zip,
            country,
            label,
        } = address;
        Address {
            street,
            city,
            state,
            zip,
            country,
            label,
        }
    });
    Contact {
        name: Name {
            formatted,
            first,
            last,
            middle,
            prefix,
            suffix,
        },
        phones: phones.collect(),
        emails: labelled(entry.emails),
        urls: labelled(entry.urls),
        addresses: addresses.collect(),
        organization: entry.organization.map(|works| {
            let contract::ContactOrganization {
                company,
                department,
                title,
            } = works;
            Organization {
                company,
                department,
                title,
            }
        }),
        birthday: entry.birthday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_no_text() {
        for emoji in ["", "👍", "👍🏽", "❤️", "1️⃣", "👨‍👩‍👧‍👦", "🇦🇹", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
        {
            assert!(may_be_emoji(emoji), "{emoji}");
        }
        for text in ["hello", "5", "👍 yes", "a👍", "\0\n", "👍\n", &"👍".repeat(17)] {
            assert!(!may_be_emoji(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_large_or_no_number_is_refused_whoever_made_it() {
        let entry = |formatted: &str, whatsapp: Option<&str>| contract::Contact {
            name: contract::ContactName {
                formatted: formatted.to_owned(),
                first: None,
                last: None,
                middle: None,
                prefix: None,
                suffix: None,
            },
            phones: vec![contract::ContactPhone {
                number: "+1 555".to_owned(),
                label: None,
                whatsapp: whatsapp.map(str::to_owned),
            }],
            emails: vec![],
            urls: vec![],
            addresses: vec![],
            organization: None,
            birthday: None,
        };
        assert!(contacts(vec![entry("Ada", Some("15550000002"))]).is_ok());
        for (wrong, field) in [
            (vec![], "contacts"),
            (vec![entry("Ada", None), entry(" ", None)], "contacts.1.name"),
            (vec![entry("Ada", Some("15550000002;type=x"))], "contacts.0.phones"),
            (vec![entry(&"x".repeat(LARGEST_CONTACT), None)], "contacts.0"),
            (vec![entry("Ada", None); MOST_CONTACTS + 1], "contacts"),
        ] {
            assert_eq!(contacts(wrong).unwrap_err().field_name(), Some(field));
        }
    }
}
