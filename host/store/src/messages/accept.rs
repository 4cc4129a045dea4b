//! Accepting messages to be sent.

use bytes::Bytes;
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::Content;
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Jid, MessageId, SessionId, StanzaId};

use super::{Cursor, Messages, wire};
use crate::StoreError;

/// A message to be sent, complete: what is committed is what goes out, now or after a restart.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Our id.
    pub id: MessageId,
    /// The session that sends it.
    pub session: SessionId,
    /// Where to.
    pub chat: Jid,
    /// The session's own address.
    pub sender: Jid,
    /// WhatsApp's id, chosen beforehand, so that sending again sends the same message.
    pub stanza_id: StanzaId,
    /// What it says.
    pub content: Content,
    /// The encoded `wa.Message`.
    pub wire: Bytes,
    /// The caller's own reference.
    pub client_ref: Option<String>,
    /// When the request was accepted.
    pub accepted_at: UnixMillis,
}

impl Messages {
    /// Commits messages to the outbox, all or none, and returns their places in the log.
    ///
    /// # Errors
    /// When an id is taken, there is no such session, or the database cannot be written.
    pub async fn accept(&self, messages: Vec<NewMessage>) -> Result<Vec<Cursor>, StoreError> {
        const ACCEPT: &str = "INSERT INTO messages (message_id, session_id, direction, chat, sender, stanza_id, kind, content, \
                              wire, status, client_ref, created_ms) \
                              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'accepted', ?10, ?11) RETURNING seq";
        // The texts are made and the wire is sealed here, so that the one writer has nothing to do but to write.
        let rows = messages
            .into_iter()
            .map(|message| {
                let id = message.id.to_string();
                let wire = wire::seal(self.store.sealer(), &id, &message.wire)?;
                Ok((
                    id,
                    message.session.to_string(),
                    Direction::Outbound.as_str(),
                    message.chat.to_string(),
                    message.sender.to_string(),
                    message.stanza_id.to_string(),
                    message.content.kind().to_owned(),
                    message.content.to_json().to_string(),
                    wire,
                    message.client_ref,
                    message.accepted_at,
                ))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.store
            .write(move |tx| {
                let mut seqs = Vec::with_capacity(rows.len());
                for row in rows {
                    let seq = tx.query_one(ACCEPT, row, |row| row.get(0).map(Cursor))?;
                    seqs.push(seq.ok_or_else(|| StoreError::Other("an INSERT returned no row".to_owned()))?);
                }
                Ok(seqs)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use crate::StoreError;
    use crate::messages::fixtures::fixture;

    #[tokio::test]
    async fn messages_are_accepted_in_order_and_all_or_none() {
        let f = fixture().await;
        let (one, two) = (f.text(f.a, 2, "one"), f.text(f.a, 2, "two"));
        let seqs = f.messages.accept(vec![one.clone(), two]).await.unwrap();
        assert!(seqs[0] < seqs[1]);

        let refused = f.messages.accept(vec![f.text(f.a, 2, "three"), one]).await;
        assert!(matches!(refused, Err(StoreError::Constraint(_))), "{refused:?}");
        assert_eq!(f.messages.pending(f.a, 10).await.unwrap().len(), 2);
    }
}
