//! One-time pre-keys: each is given out by WhatsApp once and removed when the message made with it arrives.

use super::KeyStore;
use super::key::Id;
use super::sealed::{Sealed, Table, table};
use crate::StoreError;

static PRE_KEYS: Table<Id> = Table {
    put: "INSERT INTO wa_pre_key (session, id, value, uploaded) VALUES (?, ?, ?, ?) \
          ON CONFLICT (session, id) DO UPDATE SET value = excluded.value, uploaded = excluded.uploaded",
    ..table!("wa_pre_key", "id")
};

/// One session's one-time pre-keys.
#[derive(Debug)]
pub struct PreKeys<'a>(Sealed<'a, Id>);

impl KeyStore {
    /// Our one-time pre-keys.
    pub const fn pre_keys(&self) -> PreKeys<'_> {
        PreKeys(self.sealed(&PRE_KEYS))
    }
}

impl PreKeys<'_> {
    /// Writes every record in one transaction; `uploaded` says whether WhatsApp has them already.
    ///
    /// # Errors
    /// When the database cannot be written; then no record is.
    pub async fn put(&self, records: &[(u32, impl AsRef<[u8]> + Sync)], uploaded: bool) -> Result<(), StoreError> {
        let rows = records
            .iter()
            .map(|(id, record)| self.0.keys.row(PRE_KEYS.name, id, record.as_ref(), [uploaded.into()]))
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.0.keys.write_each(PRE_KEYS.put, rows).await.map(drop)
    }

    /// The records that exist among `ids`, in that order.
    ///
    /// # Errors
    /// When the database cannot be read, or a record was not sealed for its row.
    pub async fn get(&self, ids: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
        let found = self.0.get_many(ids).await?;
        Ok(ids
            .iter()
            .zip(found)
            .filter_map(|(id, record)| Some((*id, record?)))
            .collect())
    }

    /// Notes that WhatsApp has these. A key that was used up meanwhile stays away: nothing is inserted.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn mark_uploaded(&self, ids: &[u32]) -> Result<(), StoreError> {
        const MARK: &str = "UPDATE wa_pre_key SET uploaded = 1 WHERE session = ? AND id = ?";
        let rows = ids.iter().map(|id| self.0.keys.params(id, [])).collect();
        self.0.keys.write_each(MARK, rows).await.map(drop)
    }

    /// Removes a key that was used up.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete(&self, id: u32) -> Result<(), StoreError> {
        self.0.delete(&[id]).await
    }

    /// The greatest id there is, 0 if there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn max_id(&self) -> Result<u32, StoreError> {
        const MAX: &str = "SELECT id FROM wa_pre_key WHERE session = ? ORDER BY id DESC LIMIT 1";
        let session = self.0.keys.params(&(), []);
        self.0
            .keys
            .store
            .read(move |reader| Ok(reader.query_one(MAX, session, |row| row.get(0))?.unwrap_or(0)))
            .await
    }
}

#[cfg(test)]
mod tests {
    use crate::keys::testing::TestKeys;

    #[tokio::test]
    async fn a_key_used_up_during_the_upload_stays_away() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        keys.pre_keys().put(&[(1, b"a"), (2, b"b")], false).await.unwrap();
        keys.pre_keys().delete(1).await.unwrap();
        keys.pre_keys().mark_uploaded(&[1, 2]).await.unwrap();
        assert_eq!(keys.pre_keys().get(&[1, 2]).await.unwrap(), [(2, b"b".to_vec())]);
        let uploaded = "SELECT uploaded FROM wa_pre_key";
        let uploaded = keys
            .store
            .read(move |reader| reader.query(uploaded, (), |row| row.get::<bool>(0)))
            .await
            .unwrap();
        assert_eq!(uploaded, [true]);
    }

    #[tokio::test]
    async fn a_whole_upload_is_written_and_read_at_once() {
        let test = TestKeys::new();
        let records: Vec<_> = (1..=812).map(|id: u32| (id, id.to_le_bytes())).collect();
        test.keys.pre_keys().put(&records, true).await.unwrap();
        let TestKeys { keys, test: _test, .. } = test.reopened().await;
        let ids: Vec<_> = (1..=813).collect();
        let found = keys.pre_keys().get(&ids).await.unwrap();
        assert_eq!(
            found,
            records
                .iter()
                .map(|(id, record)| (*id, record.to_vec()))
                .collect::<Vec<_>>()
        );
        assert_eq!(keys.pre_keys().max_id().await.unwrap(), 812);
    }
}
