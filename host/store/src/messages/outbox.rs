//! What WhatsApp has not acknowledged yet.

use bytes::Bytes;
use switchboard_core::ids::{Jid, SessionId, StanzaId};

use super::{Cursor, Failure, Messages, wire};
use crate::StoreError;
use crate::messages::report::{Noted, Outcome, Report, note};

/// An accepted message as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its place in the log, and so in the order of its chat.
    pub seq: Cursor,
    /// WhatsApp's id.
    pub stanza_id: StanzaId,
    /// Where to.
    pub chat: Jid,
    /// The encoded `wa.Message`.
    pub wire: Bytes,
}

impl Messages {
    /// The first `limit` messages of a session that are still to be acknowledged, in the order of acceptance.
    ///
    /// # Errors
    /// When the database cannot be read, or a message was not sealed for its row.
    pub async fn pending(&self, session: SessionId, limit: u32) -> Result<Vec<Pending>, StoreError> {
        const PENDING: &str = "SELECT seq, stanza_id, chat, message_id, wire FROM messages INDEXED BY messages_outbox \
                               WHERE session_id = ?1 AND status = 'accepted' ORDER BY seq LIMIT ?2";
        let rows = self
            .store
            .read(move |reader| {
                reader.query(PENDING, (session.to_string(), limit), |row| {
                    let (id, sealed): (String, Vec<u8>) = (row.get(3)?, row.get(4)?);
                    Ok((Cursor(row.get(0)?), row.parse(1)?, row.parse(2)?, id, sealed))
                })
            })
            .await?;
        rows.into_iter()
            .map(|(seq, stanza_id, chat, id, sealed)| {
                Ok(Pending {
                    seq,
                    stanza_id,
                    chat,
                    wire: wire::open(self.store.sealer(), &id, &sealed)?,
                })
            })
            .collect()
    }

    /// How many messages of a session are still to be acknowledged.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pending_count(&self, session: SessionId) -> Result<u64, StoreError> {
        const COUNT: &str =
            "SELECT count(*) FROM messages INDEXED BY messages_outbox WHERE session_id = ?1 AND status = 'accepted'";
        let count = self
            .store
            .read(move |reader| reader.query_one(COUNT, (session.to_string(),), |row| row.get(0)))
            .await?;
        Ok(count.unwrap_or(0))
    }

    /// Gives up everything that a session has not sent yet, for one reason.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn fail_pending(
        &self,
        session: SessionId,
        failure: Failure,
        at: switchboard_core::clock::UnixMillis,
    ) -> Result<Noted, StoreError> {
        const IDS: &str = "SELECT stanza_id FROM messages INDEXED BY messages_outbox \
                           WHERE session_id = ?1 AND status = 'accepted'";
        self.store
            .write(move |tx| {
                let stanza_ids: Vec<StanzaId> = tx.query(IDS, (session.to_string(),), |row| row.parse(0))?;
                let mut noted = Noted::default();
                for stanza_id in stanza_ids {
                    let report = Report {
                        session,
                        stanza_id,
                        outcome: Outcome::Failed(failure.clone()),
                        at,
                    };
                    note(tx, &report, &mut noted)?;
                }
                Ok(noted)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::access::Sight;
    use switchboard_core::clock::UnixMillis;
    use switchboard_core::status::MessageStatus;

    use crate::messages::fixtures::fixture;
    use crate::messages::{Failure, Name, Noted, Outcome, Report, Settled};

    #[tokio::test]
    async fn the_outbox_is_what_was_accepted_and_not_reported_on_in_order_and_by_session() {
        let f = fixture().await;
        let (one, sent) = f.accepted(f.a, 2, "one").await;
        f.accepted(f.b, 2, "of another session").await;
        let (two, _) = f.accepted(f.a, 3, "two").await;
        let seqs = |limit| async move {
            let pending = f.messages.pending(f.a, limit).await.unwrap();
            (f, pending.into_iter().map(|row| row.seq).collect::<Vec<_>>())
        };
        let (f, both) = seqs(10).await;
        assert_eq!(both, [one, two]);
        let first = f.messages.pending(f.a, 1).await.unwrap();
        assert_eq!(
            (first[0].seq, &first[0].stanza_id, &*first[0].wire),
            (one, &sent.stanza_id, &b"one"[..])
        );

        let ack = Report {
            session: f.a,
            stanza_id: sent.stanza_id,
            outcome: Outcome::Sent,
            at: UnixMillis(8),
        };
        f.messages.report(vec![ack]).await.unwrap();
        assert_eq!(f.messages.pending(f.a, 10).await.unwrap()[0].seq, two);
        assert_eq!(f.messages.pending_count(f.a).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn giving_up_fails_what_is_unsent_and_nothing_else() {
        let f = fixture().await;
        let (_, sent) = f.accepted(f.a, 2, "sent").await;
        let (place, unsent) = f.accepted(f.a, 2, "unsent").await;
        let ack = Report {
            session: f.a,
            stanza_id: sent.stanza_id.clone(),
            outcome: Outcome::Sent,
            at: UnixMillis(8),
        };
        f.messages.report(vec![ack]).await.unwrap();
        let failure = Failure {
            code: "session_not_linked".to_owned(),
            message: "The session was deleted.".to_owned(),
        };
        let given_up = f.messages.fail_pending(f.a, failure.clone(), UnixMillis(9)).await;
        let noted = Noted {
            settled: vec![Settled::Failed(failure.code.clone())],
            raised: vec![(f.a, place)],
        };
        assert_eq!(given_up, Ok(noted));

        let of = async |id| {
            f.messages
                .find(Name::Id(id), &Sight::All)
                .await
                .unwrap()
                .unwrap()
                .message
        };
        assert_eq!(of(sent.id).await.status, MessageStatus::Sent);
        let failed = of(unsent.id).await;
        assert_eq!((failed.status, failed.failure), (MessageStatus::Failed, Some(failure)));
        assert_eq!(f.messages.pending_count(f.a).await.unwrap(), 0);
    }
}
