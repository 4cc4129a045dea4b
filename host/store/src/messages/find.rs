//! One message and its timeline.

use bytes::Bytes;
use switchboard_core::access::Sight;
use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::{Jid, MessageId};
use switchboard_core::status::MessageStatus;
use switchboard_core::wamid::Wamid;

use super::{Message, Messages, message_columns, read_message, wire};
use crate::StoreError;
use crate::sight::sight_column;

/// What a message can be asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Our id.
    Id(MessageId),
    /// Meta's.
    Wamid(Wamid),
}

/// What was reported on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub status: MessageStatus,
    /// By whom; `None` for WhatsApp's server and for ourselves.
    pub recipient: Option<Jid>,
    /// When.
    pub at: UnixMillis,
}

/// A message and what was reported on it, in the order of progress. Not of time: WhatsApp's clock is another one, and its receipts
/// count whole seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The message.
    pub message: Message,
    /// The reports.
    pub steps: Vec<Step>,
}

macro_rules! find_query {
    ($where:literal, $then:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages WHERE (?1 IS NULL OR session_id IN (SELECT value FROM json_each(?1))) AND ",
            $where,
            $then
        )
    };
}

impl Messages {
    /// The encoded `wa.Message` of a message.
    ///
    /// # Errors
    /// When the database cannot be read, or the message was not sealed for its row.
    pub async fn wire(&self, id: MessageId) -> Result<Option<Bytes>, StoreError> {
        const WIRE: &str = "SELECT wire FROM messages WHERE message_id = ?1";
        let id = id.to_string();
        let key = id.clone();
        let sealed = self
            .store
            .read(move |reader| reader.query_one(WIRE, (key,), |row| row.get::<Vec<u8>>(0)))
            .await?;
        let opened = sealed.map(|sealed| wire::open(self.store.sealer(), &id, &sealed));
        Ok(opened.transpose()?)
    }

    /// A message of one of these sessions, with its timeline. Two sessions of one account both have what its phone sent; a wamid
    /// finds the first of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, name: Name, sessions: &Sight) -> Result<Option<Timeline>, StoreError> {
        const BY_ID: &str = find_query!("message_id = ?2", "");
        const BY_WAMID: &str = find_query!(
            "stanza_id = ?2 AND chat = ?3 AND direction = ?4",
            " ORDER BY seq LIMIT 1"
        );
        const STEPS: &str = "SELECT status, recipient, at_ms FROM timeline WHERE seq = ?1";
        let sessions = sight_column(sessions)?;
        self.store
            .read(move |reader| {
                let found = match &name {
                    Name::Id(id) => reader.query_one(BY_ID, (sessions, id.to_string()), read_message)?,
                    Name::Wamid(wamid) => {
                        let chat = Jid::of_number(&wamid.user).to_string();
                        let key = (sessions, wamid.stanza_id.as_str(), chat, wamid.direction.as_str());
                        reader.query_one(BY_WAMID, key, read_message)?
                    }
                };
                let Some(message) = found else { return Ok(None) };
                let mut steps = reader.query(STEPS, (message.seq.0,), |row| {
                    let recipient: String = row.get(1)?;
                    Ok(Step {
                        status: row.parse(0)?,
                        recipient: (!recipient.is_empty()).then(|| row.parse(1)).transpose()?,
                        at: row.get(2)?,
                    })
                })?;
                steps.sort_by_key(|step| (step.status, step.at));
                Ok(Some(Timeline { message, steps }))
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::direction::Direction;

    use super::*;
    use crate::messages::fixtures::fixture;

    #[tokio::test]
    async fn a_message_is_found_by_either_name_and_a_strange_name_finds_nothing() {
        let f = fixture().await;
        let (seq, message) = f.accepted(f.a, 15_550_000_002, "hi").await;
        let by_id = f
            .messages
            .find(Name::Id(message.id), &Sight::All)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (by_id.message.seq, by_id.message.status),
            (seq, MessageStatus::Accepted)
        );
        assert_eq!((&by_id.message.content, by_id.steps.len()), (&message.content, 0));

        let wamid = Wamid {
            user: "15550000002".parse().unwrap(),
            direction: Direction::Outbound,
            stanza_id: message.stanza_id.clone(),
        };
        assert_eq!(
            f.messages
                .find(Name::Wamid(wamid.clone()), &Sight::All)
                .await
                .unwrap()
                .unwrap(),
            by_id
        );
        for stranger in [
            Wamid {
                direction: Direction::Inbound,
                ..wamid.clone()
            },
            Wamid {
                user: "15550000003".parse().unwrap(),
                ..wamid
            },
        ] {
            assert_eq!(f.messages.find(Name::Wamid(stranger), &Sight::All).await.unwrap(), None);
        }
        assert_eq!(
            f.messages
                .find(Name::Id(f.text(f.a, 2, "").id), &Sight::All)
                .await
                .unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn a_message_is_found_only_among_the_sessions_that_are_asked_for() {
        let f = fixture().await;
        let (_, first) = f.accepted(f.a, 15_550_000_002, "hi").await;
        // What the phone of an account sends reaches each of its sessions.
        let copy = f.text(f.b, 15_550_000_002, "hi");
        let copy = crate::messages::NewMessage {
            stanza_id: first.stanza_id.clone(),
            ..copy
        };
        f.messages.accept(vec![copy.clone()]).await.unwrap();
        let wamid = || {
            Name::Wamid(Wamid {
                user: "15550000002".parse().unwrap(),
                direction: Direction::Outbound,
                stanza_id: first.stanza_id.clone(),
            })
        };
        let both = Sight::from_iter([f.a, f.b]);
        for (name, sessions, expected) in [
            (Name::Id(first.id), &both, Some(first.id)),
            (Name::Id(first.id), &Sight::from_iter([f.b]), None),
            (Name::Id(first.id), &Sight::from_iter([]), None),
            (wamid(), &both, Some(first.id)),
            (wamid(), &Sight::from_iter([f.b]), Some(copy.id)),
        ] {
            let found = f.messages.find(name.clone(), sessions).await.unwrap();
            assert_eq!(found.map(|found| found.message.id), expected, "{name:?} {sessions:?}");
        }
    }
}
