//! The events of the host, as far as webhooks are made of them. Fields that are not read may be anything.

use serde::Deserialize;
use serde_json::Value;

use super::seconds::Seconds;
use crate::user_id;

/// Any event; its type says whether the rest is read at all.
#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    rest: Value,
}

/// An event that Meta has a webhook for.
pub(super) enum Happened {
    /// `message`
    Arrived(Arrived),
    /// `message.status`
    Moved(Moved),
}

#[derive(Deserialize)]
pub(super) struct Arrived {
    pub(super) session: Session,
    pub(super) message: Message,
}

#[derive(Deserialize)]
pub(super) struct Moved {
    pub(super) session: Session,
    pub(super) message: Message,
    pub(super) status: String,
    pub(super) at: Seconds,
    /// Who reported, in a group.
    pub(super) recipient: Option<Party>,
}

#[derive(Deserialize)]
pub(super) struct Session {
    pub(super) mobid: String,
    pub(super) mobile_number: Option<String>,
}

/// A message as `GET /api/messages` shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) message_id: String,
    pub(super) wamid: Option<String>,
    pub(super) direction: String,
    pub(super) chat: Party,
    pub(super) from: Party,
    pub(super) push_name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) content: Value,
    pub(super) error: Option<Failure>,
    pub(super) client_ref: Option<String>,
    pub(super) created_at: Seconds,
}

#[derive(Deserialize)]
pub(super) struct Party {
    pub(super) jid: String,
    pub(super) phone: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
}

impl Event {
    pub(super) fn happened(self) -> Result<Option<Happened>, serde_json::Error> {
        Ok(match self.kind.as_str() {
            "message" => Some(Happened::Arrived(serde_json::from_value(self.rest)?)),
            "message.status" => Some(Happened::Moved(serde_json::from_value(self.rest)?)),
            _ => None,
        })
    }
}

impl Happened {
    pub(super) const fn session(&self) -> &Session {
        match self {
            Self::Arrived(arrived) => &arrived.session,
            Self::Moved(moved) => &moved.session,
        }
    }
}

impl Message {
    /// The id that clients know it by.
    pub(super) fn id(&self) -> String {
        self.wamid.clone().unwrap_or_else(|| self.message_id.clone())
    }
}

impl Party {
    /// The number or, of a group and of a person whose number is hidden, the address: what a client answers to.
    pub(super) fn wa_id(&self) -> String {
        self.phone.clone().unwrap_or_else(|| self.jid.clone())
    }

    /// Meta's id of a person for this business.
    pub(super) fn user_id(&self) -> String {
        user_id::of(&self.wa_id())
    }

    pub(super) fn is_group(&self) -> bool {
        self.jid.ends_with("@g.us")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_goes_by_its_number_if_that_is_known() {
        let party = |jid: &str, phone: Option<&str>| Party {
            jid: jid.to_owned(),
            phone: phone.map(str::to_owned),
        };
        assert_eq!(party("123@lid", Some("917012729389")).wa_id(), "917012729389");
        assert_eq!(party("123@lid", None).wa_id(), "123@lid");
        assert!(party("120363012345678901@g.us", None).is_group());
    }
}
