//! Messages we sent, kept for a while: a recipient that could not decrypt one asks for it again, once.

use super::KeyStore;
use super::key::{Place, Text};
use super::sealed::{Sealed, Table, table};
use crate::StoreError;

static SENT_MESSAGES: Table<(Text, Text)> = Table {
    put: "INSERT INTO wa_sent_message (session, chat, message, value, stored_at) VALUES (?, ?, ?, ?, ?) \
          ON CONFLICT (session, chat, message) DO UPDATE SET value = excluded.value, stored_at = excluded.stored_at",
    ..table!("wa_sent_message", "chat", "message")
};

/// One session's sent messages.
#[derive(Debug)]
pub struct SentMessages<'a>(Sealed<'a, (Text, Text)>);

impl KeyStore {
    /// The messages sent lately, by chat and message id.
    pub const fn sent_messages(&self) -> SentMessages<'_> {
        SentMessages(self.sealed(&SENT_MESSAGES))
    }
}

impl SentMessages<'_> {
    /// Keeps a message, as of now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put(&self, chat: &str, message: &str, payload: &[u8]) -> Result<(), StoreError> {
        let keys = self.0.keys;
        let row = keys.row(SENT_MESSAGES.name, &(chat, message), payload, [keys.now_secs().into()])?;
        keys.write_each(SENT_MESSAGES.put, vec![row]).await.map(drop)
    }

    /// Takes a message out: of two who ask at once, one gets it. A message that does not open stays where it is.
    ///
    /// # Errors
    /// When the database cannot be written, or the message was not sealed for its row.
    pub async fn take(&self, chat: &str, message: &str) -> Result<Option<Vec<u8>>, StoreError> {
        const TAKE: &str = "DELETE FROM wa_sent_message WHERE session = ? AND chat = ? AND message = ? RETURNING value";
        let keys = self.0.keys;
        let row = keys.params(&(chat, message), []);
        let place = Place::new(SENT_MESSAGES.name, &keys.session, &(chat, message));
        let sealer = keys.store.sealer().clone();
        keys.store
            .write(move |tx| {
                let sealed: Option<Vec<u8>> = tx.query_one(TAKE, row, |row| row.get(0))?;
                Ok(sealed.map(|sealed| place.open(&sealer, &sealed)).transpose()?)
            })
            .await
    }

    /// Removes what was kept before `cutoff` (Unix seconds). Returns how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete_older(&self, cutoff: i64) -> Result<u32, StoreError> {
        const OLDER: &str = "DELETE FROM wa_sent_message WHERE session = ? AND stored_at < ?";
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

    #[tokio::test]
    async fn of_many_who_ask_for_a_message_one_gets_it() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        keys.sent_messages().put("1@s", "id", b"payload").await.unwrap();
        let asked = (0..16).map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.sent_messages().take("1@s", "id").await.unwrap() })
        });
        let taken = futures::future::join_all(asked).await;
        let got: Vec<_> = taken.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(got, [b"payload"]);
    }

    #[tokio::test]
    async fn a_message_that_does_not_open_stays() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        keys.sent_messages().put("1@s", "id", b"payload").await.unwrap();
        keys.store
            .write(|tx| tx.execute("UPDATE wa_sent_message SET value = x'00'", ()))
            .await
            .unwrap();
        for _ in 0..2 {
            assert!(matches!(
                keys.sent_messages().take("1@s", "id").await,
                Err(StoreError::Seal(_))
            ));
        }
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
            keys.sent_messages().put("1@s", id, b"payload").await.unwrap();
            clock.advance(Duration::from_secs(10));
        }
        assert_eq!(keys.sent_messages().delete_older(1_700_000_010).await.unwrap(), 1);
        assert_eq!(keys.sent_messages().take("1@s", "a").await.unwrap(), None);
        assert_eq!(
            keys.sent_messages().take("1@s", "b").await.unwrap(),
            Some(b"payload".to_vec())
        );
    }
}
