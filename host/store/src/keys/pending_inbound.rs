//! Decrypted inbound messages whose event is not committed yet.
//!
//! A message can be decrypted once: the ratchet moves on. So the library writes the plaintext here first, then lets us commit the
//! event, then removes the row and acknowledges the message to WhatsApp. If the process dies in between, WhatsApp sends the
//! message again and the library finds its plaintext here.

use std::sync::Arc;
use std::task::Poll;

use super::KeyStore;
use super::key::{RowKey, Text};
use super::sealed::{Sealed, Table, table};
use crate::StoreError;

/// Chat, sender and message id: an id alone is unique only between two parties.
type Key = (Text, Text, Text);

static PENDING_INBOUND: Table<Key> = Table {
    put: "INSERT INTO wa_pending_inbound (session, chat, sender, message, value, stored_at) VALUES (?, ?, ?, ?, ?, ?) \
          ON CONFLICT (session, chat, sender, message) DO UPDATE SET value = excluded.value, stored_at = excluded.stored_at",
    ..table!("wa_pending_inbound", "chat", "sender", "message")
};

/// One session's inbound messages on their way to a commit.
#[derive(Debug)]
pub struct PendingInbound<'a>(Sealed<'a, Key>);

impl KeyStore {
    /// The inbound messages whose event is not committed yet, by chat, sender and message id.
    pub const fn pending_inbound(&self) -> PendingInbound<'_> {
        PendingInbound(self.sealed(&PENDING_INBOUND))
    }
}

impl PendingInbound<'_> {
    /// Keeps every message, as of now, in one transaction.
    ///
    /// # Errors
    /// When the database cannot be written; then no message is kept.
    pub async fn put(&self, messages: &[(impl RowKey<Key>, impl AsRef<[u8]> + Sync)]) -> Result<(), StoreError> {
        let keys = self.0.keys;
        let now = keys.now_secs();
        let rows = messages
            .iter()
            .map(|(key, message)| keys.row(PENDING_INBOUND.name, key, message.as_ref(), [now.into()]))
            .collect::<Result<Vec<_>, StoreError>>()?;
        keys.write_each(PENDING_INBOUND.put, rows).await.map(drop)
    }

    /// The message under `key`; it stays.
    ///
    /// # Errors
    /// When the database cannot be read, or the message was not sealed for its row.
    pub async fn get(&self, key: impl RowKey<Key>) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key).await
    }

    /// Removes messages whose events are committed, in the order of this session's writes. Answers once the removal is queued: the
    /// acknowledgement to WhatsApp waits for this call, and need not wait for a third commit. A row that outlives a crash is
    /// harmless, since the event it stands for is there, is recognised when the message comes again, and takes the row with it.
    ///
    /// # Errors
    /// When the store refuses the removal at once. Should the queued removal fail, it is logged.
    pub async fn delete(&self, keys: &[impl RowKey<Key>]) -> Result<(), StoreError> {
        let Sealed { keys: store, table } = self.0;
        let rows = keys.iter().map(|key| store.params(key, [])).collect();
        let (store, session) = (store.clone(), Arc::clone(&store.session));
        let mut removal = Box::pin(async move { store.write_each(table.delete, rows).await.map(drop) });
        // The first poll puts it into the queue.
        if let Poll::Ready(outcome) = futures::poll!(&mut removal) {
            return outcome;
        }
        tokio::spawn(async move {
            if let Err(error) = removal.await {
                tracing::warn!(%session, %error, "committed inbound messages were not removed from the buffer");
            }
        });
        Ok(())
    }

    /// Removes what was kept before `cutoff` (Unix seconds). Returns how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete_older(&self, cutoff: i64) -> Result<u32, StoreError> {
        const OLDER: &str = "DELETE FROM wa_pending_inbound WHERE session = ? AND stored_at < ?";
        self.0
            .keys
            .write_each(OLDER, vec![self.0.keys.params(&(), [cutoff.into()])])
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::StoreError;
    use crate::keys::testing::TestKeys;

    const KEY: (&str, &str, &str) = ("1@g.us", "2@s", "id");

    #[tokio::test]
    async fn a_message_survives_until_it_is_removed() {
        let test = TestKeys::new();
        test.keys.pending_inbound().put(&[(KEY, b"plaintext")]).await.unwrap();
        let test = test.reopened().await;
        assert_eq!(
            test.keys.pending_inbound().get(KEY).await.unwrap(),
            Some(b"plaintext".to_vec())
        );
        test.keys.pending_inbound().delete(&[KEY]).await.unwrap();
        // Closing finishes what is queued.
        let TestKeys { keys, test: _test, .. } = test.reopened().await;
        assert_eq!(keys.pending_inbound().get(KEY).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_message_written_after_a_removal_is_not_removed_by_it() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        for round in 0..50_u8 {
            keys.pending_inbound().put(&[(KEY, [round])]).await.unwrap();
            assert_eq!(keys.pending_inbound().get(KEY).await.unwrap(), Some(vec![round]));
            keys.pending_inbound().delete(&[KEY]).await.unwrap();
        }
        keys.pending_inbound().put(&[(KEY, b"last")]).await.unwrap();
        assert_eq!(keys.pending_inbound().get(KEY).await.unwrap(), Some(b"last".to_vec()));
    }

    #[tokio::test]
    async fn a_removal_that_is_not_even_queued_is_an_error() {
        let TestKeys { keys, test, .. } = TestKeys::new();
        test.store.close().await;
        assert_eq!(keys.pending_inbound().delete(&[KEY]).await, Err(StoreError::Closed));
    }

    #[tokio::test]
    async fn only_what_is_older_than_the_cutoff_goes() {
        let TestKeys {
            keys,
            clock,
            test: _test,
            ..
        } = TestKeys::new();
        for id in ["a", "b"] {
            keys.pending_inbound()
                .put(&[(("1@s", "1@s", id), b"plaintext")])
                .await
                .unwrap();
            clock.advance(Duration::from_secs(10));
        }
        assert_eq!(keys.pending_inbound().delete_older(1_700_000_010).await.unwrap(), 1);
        assert!(keys.pending_inbound().get(("1@s", "1@s", "b")).await.unwrap().is_some());
    }
}
