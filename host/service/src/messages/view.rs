//! Messages as clients read them.

use serde::Serialize;
use serde_json::{Value, json};
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::{Content, Reaction};
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Jid, MessageId, PhoneNumber, Server, SessionId, StanzaId};
use switchboard_core::status::MessageStatus;
use switchboard_core::wamid;
use switchboard_store::messages::{Failure, Message, Step};
use utoipa::ToSchema;

use crate::wording::{DirectionWord, rfc3339};

/// One message of a session's log.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// Our id.
    #[schema(value_type = String, example = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV")]
    pub message_id: MessageId,
    /// The id in the form of Meta's Cloud API; null in groups, and for parties without a known number.
    pub wamid: Option<String>,
    /// Whose log it is in.
    #[schema(value_type = String, example = "qr_1700000000000_1a2b3c4d")]
    pub session_id: SessionId,
    /// Which way it went. What the phone itself sent is outbound too.
    #[schema(value_type = DirectionWord)]
    pub direction: Direction,
    /// The conversation: a person or a group.
    pub chat: Party,
    /// Who wrote it.
    pub from: Party,
    /// The writer's name as WhatsApp showed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
    /// What kind of message it is.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    pub kind: String,
    /// What is written, in a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is in a message of any other kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub content: Option<Value>,
    /// How far it has come.
    #[schema(value_type = String, example = "delivered")]
    pub status: MessageStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<FailureView>,
    /// The caller's own reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ref: Option<String>,
    /// When it was accepted here, or sent by the other party.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, example = "2026-11-23T08:15:30.250Z")]
    pub created_at: UnixMillis,
    /// What became of it, in the order of progress. Only in the answer about one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<StepView>>,
}

/// A person or a group, by every address that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Party {
    /// WhatsApp's address.
    #[schema(value_type = String, example = "15550000002@s.whatsapp.net")]
    pub jid: Jid,
    /// The number.
    #[schema(value_type = Option<String>, example = "15550000002")]
    pub phone: Option<PhoneNumber>,
    /// The number-free address.
    #[schema(value_type = Option<String>)]
    pub lid: Option<Jid>,
}

/// Why a message failed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FailureView {
    /// The code, such as `whatsapp_refused`.
    pub code: String,
    /// The sentence.
    pub message: String,
}

/// A step of a message's way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StepView {
    /// What happened.
    #[schema(value_type = String, example = "read")]
    pub status: MessageStatus,
    /// When.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String)]
    pub at: UnixMillis,
    /// Which recipient reported it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Party>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<FailureView>,
}

impl Party {
    fn of(jid: Jid, other: Option<&Jid>) -> Self {
        let known = [Some(&jid), other];
        let lid = known
            .into_iter()
            .flatten()
            .find(|jid| jid.server() == Server::Lid)
            .cloned();
        let phone = known.into_iter().flatten().find_map(Jid::number);
        Self { jid, phone, lid }
    }
}

/// The wamid of a message in a conversation with a number.
pub(super) fn wamid(chat: &Jid, direction: Direction, stanza_id: &StanzaId) -> Option<String> {
    wamid::encode(&chat.number()?, direction, stanza_id)
}

/// A reaction, with its message as this session knows it: the key is written from the view of whoever reacted.
fn reaction_view(chat: &Jid, direction: Direction, reaction: &Reaction) -> Value {
    let key = &reaction.message;
    let from_us = key.from_me == (direction == Direction::Outbound);
    let of = if from_us {
        Direction::Outbound
    } else {
        Direction::Inbound
    };
    json!({"emoji": reaction.emoji, "message": {"wamid": wamid(chat, of, &key.id), "fromMe": from_us, "id": key.id}})
}

impl MessageView {
    pub(super) fn of(message: Message) -> Self {
        let kind = message.content.kind().to_owned();
        let (text, content) = match message.content {
            Content::Text(text) => (Some(text.body), None),
            Content::Reaction(reaction) => (None, Some(reaction_view(&message.chat, message.direction, &reaction))),
            other => (None, Some(other.to_json())),
        };
        let with_sender = message.chat == message.sender;
        Self {
            message_id: message.id,
            wamid: wamid(&message.chat, message.direction, &message.stanza_id),
            session_id: message.session,
            direction: message.direction,
            chat: Party::of(message.chat, message.sender_alt.as_ref().filter(|_| with_sender)),
            from: Party::of(message.sender, message.sender_alt.as_ref()),
            push_name: message.push_name,
            kind,
            text,
            content,
            status: message.status,
            error: message.failure.map(FailureView::of),
            client_ref: message.client_ref,
            created_at: message.created_at,
            timeline: None,
        }
    }

    pub(super) fn with_timeline(message: Message, steps: Vec<Step>) -> Self {
        let mut view = Self::of(message);
        let first = match view.direction {
            Direction::Inbound => Some(MessageStatus::Received),
            // What another device of the account sent was never accepted here.
            Direction::Outbound if steps.is_empty() && view.status != MessageStatus::Accepted => Some(view.status),
            Direction::Outbound => Some(MessageStatus::Accepted),
        };
        let first = first.map(|status| StepView {
            status,
            at: view.created_at,
            recipient: None,
            error: None,
        });
        let later = steps.into_iter().map(|step| StepView {
            error: view.error.clone().filter(|_| step.status == MessageStatus::Failed),
            status: step.status,
            at: step.at,
            recipient: step.recipient.map(|jid| Party::of(jid, None)),
        });
        view.timeline = Some(first.into_iter().chain(later).collect());
        view
    }
}

impl FailureView {
    fn of(failure: Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_shows_every_address_that_is_known_of_it() {
        let (number, lid): (Jid, Jid) = (
            "15550000002@s.whatsapp.net".parse().unwrap(),
            "123456789@lid".parse().unwrap(),
        );
        let phone = Some("15550000002".parse().unwrap());
        for (jid, other) in [(&number, &lid), (&lid, &number)] {
            let party = Party::of(jid.clone(), Some(other));
            assert_eq!(
                party,
                Party {
                    jid: jid.clone(),
                    phone: phone.clone(),
                    lid: Some(lid.clone())
                }
            );
        }
        let group: Jid = "120363012345678901@g.us".parse().unwrap();
        assert_eq!(
            Party::of(group.clone(), None),
            Party {
                jid: group,
                phone: None,
                lid: None
            }
        );
    }
}
