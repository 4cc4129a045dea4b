//! Messages that this device could not decrypt or keep.
//!
//! WhatsApp is told that such a message arrived, so it never sends it again; only the account's own phone can still say what it says. A
//! row stands here from the moment the message cannot be read until it is there, so that a crash forgets no question.

use super::KeyStore;
use super::key::Text;
use super::sealed::{Sealed, Table, table};
use crate::StoreError;
use crate::db::Row;

static UNREADABLE: Table<Text> = Table {
    put: "INSERT INTO wa_unreadable (session, message, value, noticed_at) VALUES (?, ?, ?, ?) \
          ON CONFLICT (session, message) DO NOTHING",
    ..table!("wa_unreadable", "message")
};

/// One session's messages that could not be decrypted or kept, by message id.
#[derive(Debug)]
pub struct Unreadable<'a>(Sealed<'a, Text>);

impl KeyStore {
    /// The messages that could not be decrypted or kept, and may still be missing.
    pub const fn unreadable(&self) -> Unreadable<'_> {
        Unreadable(self.sealed(&UNREADABLE))
    }
}

impl Unreadable<'_> {
    /// Notes a message, as of now. One that is noted already stays as it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put(&self, message: &str, value: &[u8]) -> Result<(), StoreError> {
        let keys = self.0.keys;
        let row = keys.row(UNREADABLE.name, &message, value, [keys.now_secs().into()])?;
        keys.write_each(UNREADABLE.put, vec![row]).await.map(drop)
    }

    /// All messages that are still missing, oldest first, each with its value.
    ///
    /// # Errors
    /// When the database cannot be read, or a value was not sealed for its row.
    pub async fn all(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        const ALL: &str = "SELECT message, value FROM wa_unreadable WHERE session = ? ORDER BY rowid";
        let keys = self.0.keys;
        let session = keys.params(&(), []);
        let read = |row: &Row<'_>| Ok((row.get::<String>(0)?, row.get::<Vec<u8>>(1)?));
        let found = keys.store.read(move |reader| reader.query(ALL, session, read)).await?;
        found
            .into_iter()
            .map(|(message, value)| {
                let value = keys.open(UNREADABLE.name, &message.as_str(), &value)?;
                Ok((message, value))
            })
            .collect()
    }

    /// Forgets messages that have come.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete(&self, messages: &[&str]) -> Result<(), StoreError> {
        self.0.delete(messages).await
    }

    /// Forgets what was noticed before `cutoff` (Unix seconds). Returns how many messages are given up.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete_older(&self, cutoff: i64) -> Result<u32, StoreError> {
        const OLDER: &str = "DELETE FROM wa_unreadable WHERE session = ? AND noticed_at < ?";
        let keys = self.0.keys;
        keys.write_each(OLDER, vec![keys.params(&(), [cutoff.into()])]).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::keys::testing::TestKeys;

    #[tokio::test]
    async fn what_is_missing_is_remembered_in_order_until_it_has_come() {
        let test = TestKeys::new();
        for (message, value) in [("B", b"one"), ("A", b"two"), ("B", b"not")] {
            test.keys.unreadable().put(message, value).await.unwrap();
        }
        let test = test.reopened().await;
        let missing = test.keys.unreadable().all().await.unwrap();
        assert_eq!(missing, [("B".into(), b"one".to_vec()), ("A".into(), b"two".to_vec())]);
        test.keys.unreadable().delete(&["B", "unknown"]).await.unwrap();
        let TestKeys { keys, test: _test, .. } = test.reopened().await;
        assert_eq!(keys.unreadable().all().await.unwrap(), [("A".into(), b"two".to_vec())]);
    }

    #[tokio::test]
    async fn what_nobody_can_tell_any_more_is_given_up() {
        let TestKeys {
            keys,
            clock,
            test: _test,
            ..
        } = TestKeys::new();
        keys.unreadable().put("A", b"one").await.unwrap();
        clock.advance(Duration::from_secs(10));
        keys.unreadable().put("B", b"two").await.unwrap();
        assert_eq!(keys.unreadable().delete_older(1_700_000_010).await.unwrap(), 1);
        assert_eq!(keys.unreadable().all().await.unwrap().len(), 1);
    }
}
