//! A sealed value under a plain key: the shape of most tables here.

use std::marker::PhantomData;

use super::KeyStore;
use super::key::RowKey;
use crate::StoreError;

/// The statements of one table of sealed values whose keys are of kind `K`.
#[derive(Debug)]
pub(super) struct Table<K> {
    pub(super) name: &'static str,
    pub(super) put: &'static str,
    pub(super) get: &'static str,
    pub(super) delete: &'static str,
    pub(super) key: PhantomData<fn(K)>,
}

/// The [`Table`] of a name and, after the session, its key columns.
macro_rules! table {
    ($name:literal $(, $column:literal)*) => {
        $crate::keys::sealed::Table {
            name: $name,
            put: concat!(
                "INSERT INTO ", $name, " (session", $(", ", $column,)* ", value) ",
                "VALUES (?", $($crate::keys::sealed::parameter!($column),)* ", ?) ",
                "ON CONFLICT (session", $(", ", $column,)* ") DO UPDATE SET value = excluded.value"
            ),
            get: concat!("SELECT value FROM ", $name, " WHERE session = ?" $(, " AND ", $column, " = ?")*),
            delete: concat!("DELETE FROM ", $name, " WHERE session = ?" $(, " AND ", $column, " = ?")*),
            key: std::marker::PhantomData,
        }
    };
}

/// One more parameter for one more column.
macro_rules! parameter {
    ($column:literal) => {
        ", ?"
    };
}

pub(super) use {parameter, table};

/// One session's rows of one table: values sealed, keys plain.
#[derive(Debug)]
pub struct Sealed<'a, K: 'static> {
    pub(super) keys: &'a KeyStore,
    pub(super) table: &'static Table<K>,
}

impl<K> Sealed<'_, K> {
    /// Writes every row in one transaction; a row that exists gets the new value.
    ///
    /// # Errors
    /// When the database cannot be written; then no row is.
    pub async fn put(&self, rows: &[(impl RowKey<K>, impl AsRef<[u8]> + Sync)]) -> Result<(), StoreError> {
        let rows = rows
            .iter()
            .map(|(key, value)| self.keys.row(self.table.name, key, value.as_ref(), []))
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.keys.write_each(self.table.put, rows).await.map(drop)
    }

    /// The value under `key`.
    ///
    /// # Errors
    /// When the database cannot be read, or the value was not sealed for this row.
    pub async fn get(&self, key: impl RowKey<K>) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.get_many(&[key]).await?.pop().flatten())
    }

    /// The values under `wanted`, each in the place of its key, read at one moment.
    ///
    /// # Errors
    /// As [`Sealed::get`].
    pub async fn get_many(&self, wanted: &[impl RowKey<K>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let rows: Vec<_> = wanted.iter().map(|key| self.keys.params(key, [])).collect();
        let get = self.table.get;
        let found = self
            .keys
            .store
            .read(move |reader| {
                rows.into_iter()
                    .map(|row| reader.query_one(get, row, |found| found.get::<Vec<u8>>(0)))
                    .collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        wanted
            .iter()
            .zip(found)
            .map(|(key, value)| {
                value
                    .map(|value| self.keys.open(self.table.name, key, &value))
                    .transpose()
            })
            .collect()
    }

    /// Whether there is a value under `key`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn exists(&self, key: impl RowKey<K>) -> Result<bool, StoreError> {
        self.keys.any(self.table.get, self.keys.params(&key, [])).await
    }

    /// Removes the rows under `keys` in one transaction; a key without a row is no error.
    ///
    /// # Errors
    /// When the database cannot be written; then every row is still there.
    pub async fn delete(&self, keys: &[impl RowKey<K>]) -> Result<(), StoreError> {
        let rows = keys.iter().map(|key| self.keys.params(key, [])).collect();
        self.keys.write_each(self.table.delete, rows).await.map(drop)
    }
}
