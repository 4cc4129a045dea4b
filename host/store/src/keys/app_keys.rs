//! The keys of the account's synchronised state. New patches are made with the key that was stored last.

use super::KeyStore;
use super::key::Bytes;
use super::sealed::{Sealed, Table, table};
use crate::StoreError;

/// A key that is stored again becomes the latest: replacing takes a new `stored`, one above the greatest.
static APP_KEYS: Table<Bytes> = Table {
    put: "INSERT OR REPLACE INTO wa_app_key (session, id, value) VALUES (?, ?, ?)",
    ..table!("wa_app_key", "id")
};

impl KeyStore {
    /// The keys of the synchronised state, by key id.
    pub const fn app_keys(&self) -> Sealed<'_, Bytes> {
        self.sealed(&APP_KEYS)
    }

    /// The id of the state key stored last.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn latest_app_key_id(&self) -> Result<Option<Vec<u8>>, StoreError> {
        const LATEST: &str = "SELECT id FROM wa_app_key WHERE session = ? ORDER BY stored DESC LIMIT 1";
        let session = self.params(&(), []);
        self.store
            .read(move |reader| reader.query_one(LATEST, session, |row| row.get(0)))
            .await
    }
}

#[cfg(test)]
mod tests {
    use crate::keys::testing::TestKeys;

    #[tokio::test]
    async fn the_key_stored_last_is_the_latest_also_when_it_is_an_old_one() {
        let test = TestKeys::new();
        for id in [b"a", b"b", b"a"] {
            test.keys.app_keys().put(&[(id.as_slice(), b"key")]).await.unwrap();
            test.others.app_keys().put(&[(b"z".as_slice(), b"key")]).await.unwrap();
        }
        let TestKeys { keys, test: _test, .. } = test.reopened().await;
        assert_eq!(keys.latest_app_key_id().await.unwrap(), Some(b"a".to_vec()));
    }
}
