//! Identities, sessions, sender keys and signed pre-keys: plain sealed tables of the Signal protocol.

use super::KeyStore;
use super::key::{Id, Text};
use super::sealed::{Sealed, Table, table};
use crate::StoreError;
use crate::db::Row;

static IDENTITIES: Table<Text> = table!("wa_identity", "address");
static SESSIONS: Table<Text> = table!("wa_session", "address");
static SENDER_KEYS: Table<Text> = table!("wa_sender_key", "address");
static SIGNED_PRE_KEYS: Table<Id> = table!("wa_signed_pre_key", "id");
static BASE_KEYS: Table<(Text, Text)> = table!("wa_base_key", "address", "message");

impl KeyStore {
    /// The identity key of each peer device, by its address.
    pub const fn identities(&self) -> Sealed<'_, Text> {
        self.sealed(&IDENTITIES)
    }

    /// The ratchet shared with each peer device, by its address.
    pub const fn sessions(&self) -> Sealed<'_, Text> {
        self.sealed(&SESSIONS)
    }

    /// The ratchet of each sender in each group, by the address the protocol makes of both.
    pub const fn sender_keys(&self) -> Sealed<'_, Text> {
        self.sealed(&SENDER_KEYS)
    }

    /// Our signed pre-keys, by id.
    pub const fn signed_pre_keys(&self) -> Sealed<'_, Id> {
        self.sealed(&SIGNED_PRE_KEYS)
    }

    /// The base key a session had when a message was asked for again, by address and message id: a peer that comes back with the
    /// same one still has the broken session.
    pub const fn base_keys(&self) -> Sealed<'_, (Text, Text)> {
        self.sealed(&BASE_KEYS)
    }

    /// Whether any device of `user` has an identity or a session here. Addresses are `user@server` for the primary device and
    /// `user:device@server` for the others; a user whose name merely begins alike does not count.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_signal_state(&self, user: &str) -> Result<bool, StoreError> {
        // Two ranges instead of a pattern: the unique index answers them, and no character of the user is special.
        const ANY: &str = "SELECT 1 WHERE \
             EXISTS (SELECT 1 FROM wa_session WHERE session = ?1 AND address >= ?2 AND address < ?3) \
          OR EXISTS (SELECT 1 FROM wa_session WHERE session = ?1 AND address >= ?4 AND address < ?5) \
          OR EXISTS (SELECT 1 FROM wa_identity WHERE session = ?1 AND address >= ?2 AND address < ?3) \
          OR EXISTS (SELECT 1 FROM wa_identity WHERE session = ?1 AND address >= ?4 AND address < ?5)";
        // 'A' follows '@' and ';' follows ':'.
        let bounds = ['@', 'A', ':', ';'].map(|end| format!("{user}{end}").into());
        self.any(ANY, self.params(&(), bounds)).await
    }

    /// Our signed pre-keys, all of them, by rising id.
    ///
    /// # Errors
    /// When the database cannot be read, or a value was not sealed for its row.
    pub async fn all_signed_pre_keys(&self) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
        const ALL: &str = "SELECT id, value FROM wa_signed_pre_key WHERE session = ? ORDER BY id";
        let session = self.params(&(), []);
        let read = |row: &Row<'_>| Ok((row.get::<u32>(0)?, row.get::<Vec<u8>>(1)?));
        let found = self.store.read(move |reader| reader.query(ALL, session, read)).await?;
        found
            .into_iter()
            .map(|(id, value)| Ok((id, self.open(SIGNED_PRE_KEYS.name, &id, &value)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::keys::testing::TestKeys;

    #[tokio::test]
    async fn a_user_has_state_on_any_device_and_no_namesake_counts() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        keys.sessions()
            .put(&[("12@s", b"x"), ("3:1@s", b"x"), ("5A@s", b"x")])
            .await
            .unwrap();
        keys.identities()
            .put(&[("4:9@lid", b"x"), ("6%@s", b"x")])
            .await
            .unwrap();
        for (user, expected) in [
            ("12", true),
            ("3", true),
            ("4", true),
            ("1", false),
            ("2", false),
            ("5", false),
            ("", false),
            ("6", false),
            ("6%", true),
            ("%", false),
            ("12@s", false),
        ] {
            assert_eq!(keys.has_signal_state(user).await.unwrap(), expected, "{user:?}");
        }
    }

    #[tokio::test]
    async fn the_signed_pre_keys_are_read_by_rising_id_without_the_other_pre_keys() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        keys.signed_pre_keys().put(&[(9, b"nine"), (2, b"two!")]).await.unwrap();
        keys.pre_keys().put(&[(5, b"five")], false).await.unwrap();
        let found = keys.all_signed_pre_keys().await.unwrap();
        assert_eq!(found, [(2, b"two!".to_vec()), (9, b"nine".to_vec())]);
    }

    #[tokio::test]
    async fn a_row_written_again_has_the_new_value_and_others_stay() {
        let test = TestKeys::new();
        test.keys
            .sessions()
            .put(&[("1@s", b"old"), ("2@s", b"two")])
            .await
            .unwrap();
        test.keys
            .sessions()
            .put(&[("1@s", b"mid"), ("1@s", b"new")])
            .await
            .unwrap();
        let TestKeys { keys, test: _test, .. } = test.reopened().await;
        let found = keys.sessions().get_many(&["2@s", "none", "1@s", "1@s"]).await.unwrap();
        assert_eq!(
            found,
            [
                Some(b"two".to_vec()),
                None,
                Some(b"new".to_vec()),
                Some(b"new".to_vec())
            ]
        );
        keys.sessions().delete(&["1@s", "none"]).await.unwrap();
        assert!(!keys.sessions().exists("1@s").await.unwrap());
        assert!(keys.sessions().exists("2@s").await.unwrap());
    }
}
