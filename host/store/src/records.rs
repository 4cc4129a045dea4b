//! What plugins keep between requests: JSON texts under a collection and a key, each plugin's own.

use crate::db::{Reader, Tx};
use crate::{Store, StoreError};

/// Entries that one plugin may have.
const MOST_ENTRIES: i64 = 10_000;
/// Bytes of keys and values that one plugin may have.
const MOST_BYTES: i64 = 16 << 20;

/// Where an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// The id of the plugin.
    pub plugin: String,
    /// The plugin's name for entries of one sort.
    pub collection: String,
    /// The entry's name in its collection.
    pub key: String,
}

/// Which entries of a collection are wanted.
#[derive(Debug, Clone)]
pub struct RecordRange {
    /// The id of the plugin.
    pub plugin: String,
    /// The collection.
    pub collection: String,
    /// Only those with a greater key, byte by byte.
    pub after: Option<String>,
    /// How many at most.
    pub limit: u32,
}

/// What became of an entry that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Kept {
    /// It is kept.
    Done,
    /// The plugin has as much as it may; everything is as it was.
    Full,
}

/// The tables of what plugins keep.
#[derive(Debug, Clone)]
pub struct Records {
    store: Store,
}

/// How much a plugin keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    entries: i64,
    bytes: i64,
}

impl Records {
    /// The records in `store`.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The value of an entry, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn get(&self, at: RecordKey) -> Result<Option<String>, StoreError> {
        const GET: &str = "SELECT value FROM plugin_records WHERE plugin_id = ?1 AND collection = ?2 AND key = ?3";
        let get =
            move |reader: &mut Reader<'_>| reader.query_one(GET, (at.plugin, at.collection, at.key), |row| row.get(0));
        self.store.read(get).await
    }

    /// The entries of a range, in the order of their keys: each with its key and its value.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, range: RecordRange) -> Result<Vec<(String, String)>, StoreError> {
        const LIST: &str = "SELECT key, value FROM plugin_records \
                            WHERE plugin_id = ?1 AND collection = ?2 AND (?3 IS NULL OR key > ?3) ORDER BY key LIMIT ?4";
        let list = move |reader: &mut Reader<'_>| {
            let RecordRange {
                plugin,
                collection,
                after,
                limit,
            } = range;
            reader.query(LIST, (plugin, collection, after, i64::from(limit)), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
        };
        self.store.read(list).await
    }

    /// Keeps an entry in the place of what was there, if there is room for it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put(&self, at: RecordKey, value: String) -> Result<Kept, StoreError> {
        const PUT: &str = "INSERT INTO plugin_records (plugin_id, collection, key, value) VALUES (?1, ?2, ?3, ?4) \
                           ON CONFLICT DO UPDATE SET value = excluded.value";
        let put = move |tx: &mut Tx<'_>| {
            let (had, before) = (sum(tx, &at.plugin)?, size(tx, &at)?);
            let now = Sum {
                entries: had.entries + i64::from(before.is_none()),
                bytes: had.bytes - before.unwrap_or(0) + length(&at, &value),
            };
            // What is at its bound may still shrink.
            if now.entries > MOST_ENTRIES || (now.bytes > MOST_BYTES && now.bytes > had.bytes) {
                return Ok(Kept::Full);
            }
            set_sum(tx, &at.plugin, now)?;
            tx.execute(PUT, (at.plugin, at.collection, at.key, value))?;
            Ok(Kept::Done)
        };
        self.store.write(put).await
    }

    /// Takes an entry away, if there is one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete(&self, at: RecordKey) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM plugin_records WHERE plugin_id = ?1 AND collection = ?2 AND key = ?3";
        let delete = move |tx: &mut Tx<'_>| {
            let Some(before) = size(tx, &at)? else {
                return Ok(());
            };
            let had = sum(tx, &at.plugin)?;
            let now = Sum {
                entries: had.entries - 1,
                bytes: had.bytes - before,
            };
            set_sum(tx, &at.plugin, now)?;
            tx.execute(DELETE, (at.plugin, at.collection, at.key)).map(drop)
        };
        self.store.write(delete).await
    }
}

fn length(at: &RecordKey, value: &str) -> i64 {
    i64::try_from(at.key.len() + value.len()).unwrap_or(i64::MAX)
}

/// Bytes of an entry's key and value; `None` when there is no such entry.
fn size(tx: &mut Tx<'_>, at: &RecordKey) -> Result<Option<i64>, StoreError> {
    const SIZE: &str = "SELECT octet_length(key) + octet_length(value) FROM plugin_records \
                        WHERE plugin_id = ?1 AND collection = ?2 AND key = ?3";
    let at = (at.plugin.as_str(), at.collection.as_str(), at.key.as_str());
    tx.query_one(SIZE, at, |row| row.get(0))
}

fn sum(tx: &mut Tx<'_>, plugin: &str) -> Result<Sum, StoreError> {
    const SUM: &str = "SELECT entries, bytes FROM plugin_record_sums WHERE plugin_id = ?1";
    let read = |row: &crate::db::Row<'_>| {
        Ok(Sum {
            entries: row.get(0)?,
            bytes: row.get(1)?,
        })
    };
    Ok(tx.query_one(SUM, (plugin,), read)?.unwrap_or_default())
}

fn set_sum(tx: &mut Tx<'_>, plugin: &str, sum: Sum) -> Result<(), StoreError> {
    const SET: &str = "INSERT INTO plugin_record_sums (plugin_id, entries, bytes) VALUES (?1, ?2, ?3) \
                       ON CONFLICT DO UPDATE SET entries = excluded.entries, bytes = excluded.bytes";
    tx.execute(SET, (plugin, sum.entries, sum.bytes)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn at(plugin: &str, collection: &str, key: &str) -> RecordKey {
        RecordKey {
            plugin: plugin.to_owned(),
            collection: collection.to_owned(),
            key: key.to_owned(),
        }
    }

    fn all(plugin: &str, collection: &str) -> RecordRange {
        RecordRange {
            plugin: plugin.to_owned(),
            collection: collection.to_owned(),
            after: None,
            limit: 100,
        }
    }

    async fn keep(records: &Records, at: RecordKey, value: &str) {
        assert_eq!(records.put(at, value.to_owned()).await.unwrap(), Kept::Done);
    }

    #[tokio::test]
    async fn an_entry_is_found_again_replaced_and_taken_away_and_no_other_plugin_sees_it() {
        let records = Records::new(testing::store().await);
        let here = at("otp", "codes", "1");
        assert_eq!(records.get(here.clone()).await.unwrap(), None);
        keep(&records, here.clone(), "1").await;
        keep(&records, here.clone(), "{\"a\":2}").await;
        keep(&records, at("otp", "other", "1"), "3").await;
        assert_eq!(records.get(here.clone()).await.unwrap().as_deref(), Some("{\"a\":2}"));
        assert_eq!(records.get(at("messages", "codes", "1")).await.unwrap(), None);
        records.delete(here.clone()).await.unwrap();
        records.delete(here.clone()).await.unwrap();
        assert_eq!(records.get(here).await.unwrap(), None);
        assert_eq!(
            records.get(at("otp", "other", "1")).await.unwrap().as_deref(),
            Some("3")
        );
    }

    #[tokio::test]
    async fn a_collection_is_read_in_parts_in_the_order_of_its_keys() {
        let records = Records::new(testing::store().await);
        for key in ["b", "a", "c", "ä"] {
            keep(&records, at("p", "c", key), &format!("{key:?}")).await;
        }
        keep(&records, at("p", "d", "x"), "0").await;
        keep(&records, at("q", "c", "x"), "0").await;
        let first = RecordRange {
            limit: 2,
            ..all("p", "c")
        };
        let keys = |entries: Vec<(String, String)>| entries.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(keys(records.list(first).await.unwrap()), ["a", "b"]);
        let rest = RecordRange {
            after: Some("b".to_owned()),
            ..all("p", "c")
        };
        assert_eq!(keys(records.list(rest).await.unwrap()), ["c", "ä"]);
        assert_eq!(records.list(all("p", "nothing")).await.unwrap(), []);
    }

    #[tokio::test]
    async fn no_plugin_keeps_more_than_it_may_and_what_is_taken_away_makes_room() {
        let store = testing::store().await;
        let records = Records::new(store.clone());
        let value = "x".repeat(64 << 10);
        let fits = MOST_BYTES / length(&at("p", "c", "000"), &value);
        for n in 0..fits {
            keep(&records, at("p", "c", &format!("{n:03}")), &value).await;
        }
        let one_more = at("p", "c", "one more");
        assert_eq!(records.put(one_more.clone(), value.clone()).await.unwrap(), Kept::Full);
        assert_eq!(records.get(one_more.clone()).await.unwrap(), None);
        keep(&records, at("q", "c", "other plugins have room"), &value).await;
        keep(&records, at("p", "c", "000"), "0").await;
        keep(&records, one_more.clone(), &value).await;
        records.delete(one_more).await.unwrap();
        let counted = store
            .write(|tx| {
                let count = "SELECT count(*), sum(octet_length(key) + octet_length(value)) FROM plugin_records WHERE plugin_id = 'p'";
                let counted = tx.query_one(count, (), |row| {
                    Ok(Sum {
                        entries: row.get(0)?,
                        bytes: row.get(1)?,
                    })
                })?;
                Ok((counted, sum(tx, "p")?))
            })
            .await
            .unwrap();
        assert_eq!(counted.0, Some(counted.1));
    }

    #[tokio::test]
    async fn the_number_of_entries_has_a_bound_too() {
        let store = testing::store().await;
        let records = Records::new(store.clone());
        keep(&records, at("p", "c", "1"), "0").await;
        let almost = Sum {
            entries: MOST_ENTRIES,
            bytes: 2,
        };
        store.write(move |tx| set_sum(tx, "p", almost)).await.unwrap();
        assert_eq!(
            records.put(at("p", "c", "2"), "0".to_owned()).await.unwrap(),
            Kept::Full
        );
        keep(&records, at("p", "c", "1"), "11").await;
    }
}
