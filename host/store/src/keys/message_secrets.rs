//! The secret inside each message, with which votes, edits and reactions to it are decrypted.

use super::KeyStore;
use super::key::{RowKey, Text};
use crate::StoreError;
use crate::db::Row;

const TABLE: &str = "wa_message_secret";

/// Chat, sender and message id, both addresses without a device.
type Key = (Text, Text, Text);

/// The secret of one message.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageSecret {
    /// The secret itself.
    pub secret: Vec<u8>,
    /// When the message was sent, in Unix seconds; 0 if unknown.
    pub message_at: i64,
}

/// One session's message secrets.
#[derive(Debug)]
pub struct MessageSecrets<'a>(&'a KeyStore);

impl KeyStore {
    /// The secrets of messages, by chat, sender and message id.
    pub const fn message_secrets(&self) -> MessageSecrets<'_> {
        MessageSecrets(self)
    }
}

impl MessageSecrets<'_> {
    /// Keeps every secret until its time (Unix seconds, 0 for ever), in one transaction. A secret that is kept already is kept no
    /// shorter for it: the later time stays, and a known time of the message is not forgotten.
    ///
    /// # Errors
    /// When the database cannot be written; then no secret is kept.
    pub async fn put(&self, secrets: &[(impl RowKey<Key>, MessageSecret, i64)]) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO wa_message_secret (session, chat, sender, message, value, expires_at, message_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session, chat, sender, message) DO UPDATE SET value = excluded.value, \
             expires_at = iif(expires_at = 0 OR excluded.expires_at = 0, 0, max(expires_at, excluded.expires_at)), \
             message_at = max(message_at, excluded.message_at)";
        let rows = secrets
            .iter()
            .map(|(key, MessageSecret { secret, message_at }, expires_at)| {
                self.0
                    .row(TABLE, key, secret, [(*expires_at).into(), (*message_at).into()])
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.0.write_each(PUT, rows).await.map(drop)
    }

    /// The secret under `key`.
    ///
    /// # Errors
    /// When the database cannot be read, or the secret was not sealed for its row.
    pub async fn get(&self, key: impl RowKey<Key>) -> Result<Option<MessageSecret>, StoreError> {
        const GET: &str = "SELECT value, message_at FROM wa_message_secret WHERE session = ? AND chat = ? AND sender = ? AND message = ?";
        let row = self.0.params(&key, []);
        let read = |row: &Row<'_>| Ok((row.get::<Vec<u8>>(0)?, row.get(1)?));
        let found = self
            .0
            .store
            .read(move |reader| reader.query_one(GET, row, read))
            .await?;
        let Some((sealed, message_at)) = found else {
            return Ok(None);
        };
        Ok(Some(MessageSecret {
            secret: self.0.open(TABLE, &key, &sealed)?,
            message_at,
        }))
    }

    /// Removes what was to be kept until `now` (Unix seconds) or less. Returns how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete_expired(&self, now: i64) -> Result<u32, StoreError> {
        const EXPIRED: &str = "DELETE FROM wa_message_secret WHERE session = ? AND expires_at != 0 AND expires_at <= ?";
        self.0.write_each(EXPIRED, vec![self.0.params(&(), [now.into()])]).await
    }
}

impl std::fmt::Debug for MessageSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageSecret")
            .field("message_at", &self.message_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::TestKeys;

    const KEY: (&str, &str, &str) = ("1@g.us", "2@s", "id");

    fn secret(message_at: i64) -> MessageSecret {
        MessageSecret {
            secret: vec![7; 32],
            message_at,
        }
    }

    #[tokio::test]
    async fn a_secret_kept_twice_is_kept_for_the_longer_time() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        let secrets = keys.message_secrets();
        secrets
            .put(&[(KEY, secret(0), 20), (KEY, secret(9), 10), (KEY, secret(0), 15)])
            .await
            .unwrap();
        assert_eq!(secrets.delete_expired(19).await.unwrap(), 0);
        assert_eq!(secrets.get(KEY).await.unwrap(), Some(secret(9)));
        assert_eq!(secrets.delete_expired(20).await.unwrap(), 1);
        assert_eq!(secrets.get(KEY).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_once_kept_for_ever_stays() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        let secrets = keys.message_secrets();
        secrets
            .put(&[(KEY, secret(1), 10), (KEY, secret(1), 0), (KEY, secret(1), 30)])
            .await
            .unwrap();
        assert_eq!(secrets.delete_expired(i64::MAX).await.unwrap(), 0);
        assert_eq!(secrets.get(KEY).await.unwrap(), Some(secret(1)));
    }

    #[test]
    fn a_secret_never_shows_itself() {
        assert_eq!(format!("{:?}", secret(1)), "MessageSecret { message_at: 1, .. }");
    }
}
