//! The key store: what the WhatsApp protocol keeps for one linked device.
//!
//! One [`KeyStore`] is one session's view of the `wa_*` tables; each kind of row has a handle (`keys.sessions()`,
//! `keys.tc_tokens()`) in the file named after it. Kinds that are only a value under a key share [`Sealed`].
//!
//! Three rules hold for every table here:
//! * A row belongs to one session, and every statement names the session.
//! * Key columns are plain, so that rows can be found. Every value is sealed, bound to its table, session and key: a value
//!   copied to another row does not open. Sealing happens on the caller's thread, never on the writer's.
//! * A call is one transaction, however many rows it writes, and it returns after the commit. The one exception, with its reason, is
//!   [`PendingInbound::delete`].
//!
//! The tables are described in `migrations/0001_keys.sql` and `0005_unreadable.sql`. The protocol's own types end one crate above: here are bytes, text and
//! Unix seconds.

mod app_keys;
mod app_macs;
mod device;
mod key;
mod learned;
mod lids;
mod message_secrets;
mod pending_inbound;
mod pre_keys;
mod sealed;
mod sender_key_devices;
mod sent_messages;
mod signal;
mod tc_tokens;
#[cfg(test)]
mod testing;
mod unreadable;

use std::sync::Arc;

use switchboard_core::clock::Clock;
use switchboard_core::ids::SessionId;

pub use self::key::{Bytes, Id, Text};
pub use self::lids::{LidMapping, Lids};
pub use self::message_secrets::{MessageSecret, MessageSecrets};
pub use self::pending_inbound::PendingInbound;
pub use self::pre_keys::PreKeys;
pub use self::sealed::Sealed;
pub use self::sender_key_devices::SenderKeyDevices;
pub use self::sent_messages::SentMessages;
pub use self::tc_tokens::{TcToken, TcTokens};
pub use self::unreadable::Unreadable;

use self::key::{Place, RowKey};
use self::sealed::Table;
use crate::db::Value;
use crate::{Store, StoreError};

/// Every table of the key store; a test compares the list with the database.
const WIPE: &[&str] = &[
    "DELETE FROM wa_app_key WHERE session = ?",
    "DELETE FROM wa_app_mac WHERE session = ?",
    "DELETE FROM wa_app_version WHERE session = ?",
    "DELETE FROM wa_base_key WHERE session = ?",
    "DELETE FROM wa_device WHERE session = ?",
    "DELETE FROM wa_device_list WHERE session = ?",
    "DELETE FROM wa_group WHERE session = ?",
    "DELETE FROM wa_identity WHERE session = ?",
    "DELETE FROM wa_lid WHERE session = ?",
    "DELETE FROM wa_message_secret WHERE session = ?",
    "DELETE FROM wa_pending_inbound WHERE session = ?",
    "DELETE FROM wa_pre_key WHERE session = ?",
    "DELETE FROM wa_sender_key WHERE session = ?",
    "DELETE FROM wa_sender_key_device WHERE session = ?",
    "DELETE FROM wa_sent_message WHERE session = ?",
    "DELETE FROM wa_session WHERE session = ?",
    "DELETE FROM wa_signed_pre_key WHERE session = ?",
    "DELETE FROM wa_tc_token WHERE session = ?",
    "DELETE FROM wa_unreadable WHERE session = ?",
];

/// One session's keys. A clone is the same session's view.
#[derive(Debug, Clone)]
pub struct KeyStore {
    store: Store,
    clock: Arc<dyn Clock>,
    session: Arc<str>,
}

impl KeyStore {
    /// The keys of `session` in `store`. What is kept for a while is kept by `clock`.
    pub fn new(store: Store, clock: Arc<dyn Clock>, session: &SessionId) -> Self {
        Self {
            store,
            clock,
            session: session.to_string().into(),
        }
    }

    /// Forgets everything the session ever kept: after a logout, before it is linked again, and when it is deleted.
    ///
    /// # Errors
    /// When the database cannot be written; then every row is still there.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        let session = Arc::clone(&self.session);
        self.store
            .write(move |tx| {
                for statement in WIPE {
                    tx.execute(statement, (&session,))?;
                }
                Ok(())
            })
            .await
    }

    /// This session's rows of a table.
    const fn sealed<K>(&self, table: &'static Table<K>) -> Sealed<'_, K> {
        Sealed { keys: self, table }
    }

    /// How every statement here begins its parameters, and what follows: the session, the key's columns, `more`.
    fn params<K>(&self, key: &impl RowKey<K>, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let columns = key.columns().into_iter().map(Value::from);
        std::iter::once(Value::from(&self.session))
            .chain(columns)
            .chain(more)
            .collect()
    }

    /// The parameters of a write: the session, the key's columns, `value` sealed for this row, `more`.
    fn row<K>(
        &self,
        table: &'static str,
        key: &impl RowKey<K>,
        value: &[u8],
        more: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Value>, StoreError> {
        let sealed = Place::new(table, &self.session, key).seal(self.store.sealer(), value)?;
        Ok(self.params(key, std::iter::once(Value::from(sealed)).chain(more)))
    }

    /// Opens what [`KeyStore::row`] sealed for this row.
    fn open<K>(&self, table: &'static str, key: &impl RowKey<K>, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(Place::new(table, &self.session, key).open(self.store.sealer(), sealed)?)
    }

    /// Runs one statement once for each of `rows`, in one transaction. Returns how many rows of the table it changed.
    async fn write_each(&self, statement: &'static str, rows: Vec<Vec<Value>>) -> Result<u32, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        self.store
            .write(move |tx| {
                let changed = rows
                    .into_iter()
                    .map(|row| tx.execute(statement, row))
                    .sum::<Result<u64, StoreError>>()?;
                Ok(u32::try_from(changed).unwrap_or(u32::MAX))
            })
            .await
    }

    /// Whether a query finds anything.
    async fn any(&self, query: &'static str, params: Vec<Value>) -> Result<bool, StoreError> {
        self.store
            .read(move |reader| Ok(reader.query_one(query, params, |_| Ok(()))?.is_some()))
            .await
    }

    /// The present moment as the protocol counts it.
    fn now_secs(&self) -> i64 {
        self.clock.now().as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::TestKeys;
    use super::*;

    /// A row of every kind, with a value that can be searched for.
    async fn fill(keys: &KeyStore, value: &[u8; 32]) {
        keys.identities().put(&[("1@s", value)]).await.unwrap();
        keys.sessions().put(&[("1@s", value)]).await.unwrap();
        keys.sender_keys().put(&[("1@s", value)]).await.unwrap();
        keys.signed_pre_keys().put(&[(1, value)]).await.unwrap();
        keys.pre_keys().put(&[(1, value)], false).await.unwrap();
        keys.base_keys().put(&[(("1@s", "id"), value)]).await.unwrap();
        keys.app_keys().put(&[(b"id".as_slice(), value)]).await.unwrap();
        keys.app_versions().put(&[("regular", value)]).await.unwrap();
        keys.app_macs()
            .put(&[(("regular", b"index".as_slice()), value)])
            .await
            .unwrap();
        keys.device_lists().put(&[("1", value)]).await.unwrap();
        keys.groups().put(&[("1@g.us", value)]).await.unwrap();
        keys.device().put(&[((), value)]).await.unwrap();
        keys.sender_key_devices()
            .put("1@g.us", &[("1:2@s", true)])
            .await
            .unwrap();
        let pair = LidMapping {
            lid: "100".into(),
            phone_number: "1".into(),
            created_at: 1,
            updated_at: 1,
            source: "test".into(),
        };
        keys.lids().put(vec![pair]).await.unwrap();
        keys.tc_tokens().received("1@s", value, 1).await.unwrap();
        keys.sent_messages().put("1@s", "id", value).await.unwrap();
        keys.pending_inbound()
            .put(&[(("1@s", "1@s", "id"), value)])
            .await
            .unwrap();
        keys.unreadable().put("id", value).await.unwrap();
        let secret = MessageSecret {
            secret: value.to_vec(),
            message_at: 1,
        };
        keys.message_secrets()
            .put(&[(("1@s", "1@s", "id"), secret, 0)])
            .await
            .unwrap();
    }

    /// The tables of the key store as the database knows them, each with how many rows it has.
    async fn census(keys: &KeyStore) -> Vec<(String, i64)> {
        let tables = keys
            .store
            .read(|reader| {
                let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'wa_*' ORDER BY name";
                reader.query(names, (), |row| row.get::<String>(0))
            })
            .await
            .unwrap();
        let mut census = Vec::new();
        for table in tables {
            let count: &'static str = format!("SELECT count(*) FROM {table}").leak();
            let rows = keys
                .store
                .read(move |reader| reader.query_one(count, (), |row| row.get(0)))
                .await
                .unwrap();
            census.push((table, rows.unwrap()));
        }
        census
    }

    #[tokio::test]
    async fn wiping_a_session_leaves_nothing_of_it_and_everything_of_another() {
        let TestKeys {
            keys,
            others,
            test: _test,
            ..
        } = TestKeys::new();
        fill(&keys, &[7; 32]).await;
        fill(&others, &[8; 32]).await;
        for (table, rows) in census(&keys).await {
            assert_eq!(rows, 2, "this test does not know {table}");
        }
        keys.wipe().await.unwrap();
        for (table, rows) in census(&keys).await {
            assert_eq!(rows, 1, "{table}");
        }
        assert_eq!(others.sessions().get("1@s").await.unwrap(), Some(vec![8; 32]));
        assert_eq!(keys.sessions().get("1@s").await.unwrap(), None);
    }

    #[tokio::test]
    async fn no_session_sees_the_rows_of_another() {
        let TestKeys {
            keys,
            others,
            test: _test,
            ..
        } = TestKeys::new();
        fill(&keys, &[7; 32]).await;
        assert_eq!(others.identities().get("1@s").await.unwrap(), None);
        assert!(!others.sessions().exists("1@s").await.unwrap());
        assert!(!others.has_signal_state("1").await.unwrap());
        assert_eq!(others.all_signed_pre_keys().await.unwrap(), []);
        assert_eq!(others.pre_keys().max_id().await.unwrap(), 0);
        assert_eq!(others.latest_app_key_id().await.unwrap(), None);
        assert_eq!(others.sender_key_devices().of_group("1@g.us").await.unwrap(), []);
        assert_eq!(others.lids().all().await.unwrap(), []);
        assert_eq!(others.lids().by_phone_number("1").await.unwrap(), None);
        assert_eq!(others.tc_tokens().jids().await.unwrap(), Vec::<String>::new());
        assert_eq!(others.sent_messages().take("1@s", "id").await.unwrap(), None);
        assert_eq!(others.pending_inbound().get(("1@s", "1@s", "id")).await.unwrap(), None);
        assert_eq!(others.message_secrets().get(("1@s", "1@s", "id")).await.unwrap(), None);
        assert_eq!(others.tc_tokens().delete_expired(i64::MAX, i64::MAX).await.unwrap(), 0);
        assert_eq!(others.sent_messages().delete_older(i64::MAX).await.unwrap(), 0);
        assert_eq!(others.pending_inbound().delete_older(i64::MAX).await.unwrap(), 0);
        assert_eq!(others.unreadable().all().await.unwrap(), []);
        assert_eq!(others.unreadable().delete_older(i64::MAX).await.unwrap(), 0);
        others.sender_key_devices().clear().await.unwrap();
        others.clear_app_macs("regular").await.unwrap();
        assert_eq!(keys.sender_key_devices().of_group("1@g.us").await.unwrap().len(), 1);
        assert!(keys.app_macs().exists(("regular", b"index".as_slice())).await.unwrap());
    }

    #[tokio::test]
    async fn no_value_is_on_the_disk_in_the_open() {
        let value = b"a-key-nobody-may-read-0123456789";
        let TestKeys { keys, test, .. } = TestKeys::new();
        fill(&keys, value).await;
        // Once as it is while running, with the log, and once after the log was copied.
        for _ in 0..2 {
            assert_eq!(test.count_on_disk(value), 0);
            assert!(test.count_on_disk(b"1@g.u") > 0, "the search finds what is plain");
            test.store.close().await;
        }
    }

    #[tokio::test]
    async fn a_value_moved_to_another_row_does_not_open() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        keys.sessions().put(&[("1@s", b"one"), ("2@s", b"two")]).await.unwrap();
        keys.store
            .write(|tx| tx.execute("UPDATE wa_session SET value = (SELECT max(value) FROM wa_session)", ()))
            .await
            .unwrap();
        let outcomes = [keys.sessions().get("1@s").await, keys.sessions().get("2@s").await];
        assert_eq!(
            outcomes
                .iter()
                .filter(|outcome| matches!(outcome, Err(StoreError::Seal(_))))
                .count(),
            1
        );
    }
}
