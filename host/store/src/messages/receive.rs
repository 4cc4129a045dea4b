//! Committing what arrived.

use bytes::Bytes;
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::Content;
use switchboard_core::ids::{Jid, MessageId, SessionId, StanzaId};
use switchboard_core::wamid::Direction;

use super::{Messages, direction_word, wire};
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

impl Messages {
    /// Commits a batch, all or none. A message that is there already is left as it is: WhatsApp sends again what was not
    /// acknowledged. Returns how many were new.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn receive(&self, batch: Vec<NewInbound>) -> Result<u64, StoreError> {
        const RECEIVE: &str = "INSERT INTO messages (message_id, session_id, direction, chat, sender, sender_alt, stanza_id, kind, \
                               content, wire, status, push_name, created_ms) \
                               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
                               ON CONFLICT (stanza_id, session_id, chat, sender) DO NOTHING";
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
                    id,
                    message.session.to_string(),
                    direction_word(message.direction),
                    message.chat.to_string(),
                    message.sender.to_string(),
                    message.sender_alt.map(|jid| jid.to_string()),
                    message.stanza_id.to_string(),
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
