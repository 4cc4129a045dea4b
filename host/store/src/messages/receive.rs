//! Committing what arrived.
//!
//! WhatsApp sends again what was not acknowledged, and a message that could not be decrypted may come from two sides: from its sender
//! once more, and from the own phone. The same message is recognised by its session, its stanza id, its writer and its conversation.
//! The writer may be named by number the one time and by LID the other, so one address in common is enough; so may a conversation
//! of two. A group has one address: the same writer's same id in another group is another message.

use bytes::Bytes;
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::Content;
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Jid, MessageId, Server, SessionId, StanzaId};

use super::{Messages, wire};
use crate::StoreError;

/// A message that arrived, or one that another device of the session's own account sent.
#[derive(Debug, Clone)]
pub struct NewInbound {
    /// Our id, should the message be new.
    pub id: MessageId,
    /// The session that received it.
    pub session: SessionId,
    /// `Outbound` if another device of the session's own account wrote it.
    pub direction: Direction,
    /// The conversation.
    pub chat: Jid,
    /// Who wrote it.
    pub sender: Jid,
    /// The writer's other address, if known.
    pub sender_alt: Option<Jid>,
    /// The writer's id for it.
    pub stanza_id: StanzaId,
    /// What it says.
    pub content: Content,
    /// The `wa.Message` as it was decrypted.
    pub wire: Bytes,
    /// The writer's name as WhatsApp showed it.
    pub push_name: Option<String>,
    /// When it was sent, by WhatsApp's clock.
    pub at: UnixMillis,
}

/// Whether a message is there: by stanza id (1), session (2), the writer's addresses (3 and 4), the conversation's address (5), and
/// whether that is one of two people (6).
macro_rules! known {
    () => {
        "EXISTS (SELECT 1 FROM messages WHERE stanza_id = ?1 AND session_id = ?2 \
           AND (sender IN (?3, ?4) OR sender_alt IN (?3, ?4)) \
           AND (chat = ?5 OR ?6 AND (chat GLOB '*@s.whatsapp.net' OR chat GLOB '*@lid')))"
    };
}

const KNOWN: &str = concat!("SELECT ", known!());

const RECEIVE: &str = concat!(
    "INSERT INTO messages (stanza_id, session_id, sender, sender_alt, chat, message_id, direction, kind, content, wire, status, \
     push_name, created_ms) SELECT ?1, ?2, ?3, ?4, ?5, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14 WHERE NOT ",
    known!()
);

impl Messages {
    /// Whether a message is in a session's log, as far as one address of its conversation and one of its writer tell.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has(
        &self,
        session: SessionId,
        chat: &Jid,
        sender: &Jid,
        stanza_id: &StanzaId,
    ) -> Result<bool, StoreError> {
        let params = (
            stanza_id.to_string(),
            session.to_string(),
            sender.to_string(),
            None::<String>,
            chat.to_string(),
            is_of_two(chat),
        );
        let found = self
            .store
            .read(move |reader| reader.query_one(KNOWN, params, |row| row.get::<bool>(0)))
            .await?;
        Ok(found.unwrap_or_default())
    }

    /// Commits a batch, all or none. A message that is there already is left as it is. Returns how many were new.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn receive(&self, batch: Vec<NewInbound>) -> Result<u64, StoreError> {
        let rows = batch
            .into_iter()
            .map(|message| {
                let status = match message.direction {
                    Direction::Inbound => "received",
                    Direction::Outbound => "sent",
                };
                let id = message.id.to_string();
                let wire = wire::seal(self.store.sealer(), &id, &message.wire)?;
                Ok((
                    message.stanza_id.to_string(),
                    message.session.to_string(),
                    message.sender.to_string(),
                    message.sender_alt.map(|jid| jid.to_string()),
                    message.chat.to_string(),
                    is_of_two(&message.chat),
                    id,
                    message.direction.as_str(),
                    message.content.kind().to_owned(),
                    message.content.to_json().to_string(),
                    wire,
                    status,
                    // The database refuses a text with a NUL; the wire has the name as it came.
                    message.push_name.map(|name| name.replace('\0', "")),
                    message.at,
                ))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.store
            .write(move |tx| {
                let mut fresh = 0;
                for row in rows {
                    fresh += tx.execute(RECEIVE, row)?;
                }
                Ok(fresh)
            })
            .await
    }
}

fn is_of_two(chat: &Jid) -> bool {
    matches!(chat.server(), Server::User | Server::Lid)
}

#[cfg(test)]
mod tests {
    use switchboard_core::status::MessageStatus;

    use super::*;
    use crate::messages::Message;
    use crate::messages::fixtures::{everything, fixture, jid};

    async fn log(messages: &Messages) -> Vec<Message> {
        messages.log(everything(), 100).await.unwrap()
    }

    #[tokio::test]
    async fn a_message_that_comes_again_is_kept_once() {
        let f = fixture().await;
        let first = f.inbound(f.a, 2, "hello 👋");
        let again = NewInbound {
            id: f.text(f.a, 2, "").id,
            ..first.clone()
        };
        assert_eq!(f.messages.receive(vec![first.clone(), again.clone()]).await.unwrap(), 1);
        assert_eq!(f.messages.receive(vec![again]).await.unwrap(), 0);
        let rows = log(&f.messages).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].id, &rows[0].content, rows[0].status),
            (first.id, &first.content, MessageStatus::Received)
        );
    }

    #[tokio::test]
    async fn the_same_stanza_id_from_another_sender_or_in_another_session_is_another_message() {
        let f = fixture().await;
        let one = f.inbound(f.a, 2, "one");
        let other_sender = NewInbound {
            id: f.text(f.a, 2, "").id,
            sender: jid(3),
            ..one.clone()
        };
        let other_session = NewInbound {
            id: f.text(f.a, 2, "").id,
            session: f.b,
            ..one.clone()
        };
        assert_eq!(
            f.messages
                .receive(vec![one, other_sender, other_session])
                .await
                .unwrap(),
            3
        );
    }

    #[tokio::test]
    async fn a_message_whose_writer_is_named_by_another_address_is_the_same_message() {
        let f = fixture().await;
        let lid: Jid = "100200300@lid".parse().unwrap();
        let by_number = NewInbound {
            sender_alt: Some(lid.clone()),
            ..f.inbound(f.a, 2, "one")
        };
        let by_lid = NewInbound {
            id: f.text(f.a, 2, "").id,
            chat: lid.clone(),
            sender: lid.clone(),
            sender_alt: None,
            ..by_number.clone()
        };
        for pair in [[by_number.clone(), by_lid.clone()], [by_lid, by_number]] {
            let f = fixture().await;
            let pair = pair.map(|message| NewInbound {
                session: f.a,
                ..message
            });
            assert_eq!(f.messages.receive(pair.to_vec()).await.unwrap(), 1);
        }
    }

    #[tokio::test]
    async fn the_same_writer_s_id_in_another_group_is_another_message() {
        let f = fixture().await;
        let in_group = |chat: &str| NewInbound {
            id: f.text(f.a, 2, "").id,
            chat: chat.parse().unwrap(),
            stanza_id: "3EB0AA".parse().unwrap(),
            ..f.inbound(f.a, 2, "one")
        };
        let chats = [
            "120363000000000001@g.us",
            "120363000000000002@g.us",
            "15550000002@s.whatsapp.net",
        ];
        let batch = chats.map(in_group).to_vec();
        assert_eq!(f.messages.receive(batch).await.unwrap(), 3);
        let elsewhere: Jid = "120363000000000003@g.us".parse().unwrap();
        let stanza_id = "3EB0AA".parse().unwrap();
        assert!(!f.messages.has(f.a, &elsewhere, &jid(2), &stanza_id).await.unwrap());
    }

    #[tokio::test]
    async fn a_batch_is_all_or_nothing() {
        let f = fixture().await;
        let good = f.inbound(f.a, 2, "good");
        let bad = NewInbound {
            id: good.id,
            ..f.inbound(f.a, 2, "bad")
        };
        assert!(f.messages.receive(vec![good.clone(), bad]).await.is_err());
        assert!(log(&f.messages).await.is_empty());
        assert_eq!(f.messages.receive(vec![good]).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_the_phone_sent_is_outbound_and_is_never_sent_again() {
        let f = fixture().await;
        let own = NewInbound {
            direction: Direction::Outbound,
            sender: jid(1),
            ..f.inbound(f.a, 2, "from my phone")
        };
        f.messages.receive(vec![own]).await.unwrap();
        assert_eq!(f.messages.pending_count(f.a).await.unwrap(), 0);
        assert_eq!(log(&f.messages).await[0].status, MessageStatus::Sent);
    }

    #[tokio::test]
    async fn a_name_with_a_nul_costs_no_message() {
        let f = fixture().await;
        let odd = NewInbound {
            push_name: Some("A\0da".to_owned()),
            ..f.inbound(f.a, 2, "nul \0 inside")
        };
        f.messages.receive(vec![odd.clone()]).await.unwrap();
        let row = &log(&f.messages).await[0];
        assert_eq!((row.push_name.as_deref(), &row.content), (Some("Ada"), &odd.content));
    }
}
