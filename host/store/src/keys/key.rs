//! The keys under which rows are kept: plain columns for SQL, and the same columns as the place a value is sealed for.

use std::sync::Arc;

use crate::db::Value;
use crate::seal::{SealError, Sealer};

/// A key of one text: an address, a group, a collection.
#[derive(Debug)]
pub enum Text {}

/// A key of one number.
#[derive(Debug)]
pub enum Id {}

/// A key of raw bytes.
#[derive(Debug)]
pub enum Bytes {}

/// One column of a key.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// A text column.
    Text(&'a str),
    /// An integer column.
    Number(u32),
    /// A blob column.
    Bytes(&'a [u8]),
}

impl From<Column<'_>> for Value {
    fn from(column: Column<'_>) -> Self {
        match column {
            Column::Text(text) => text.into(),
            Column::Number(number) => number.into(),
            Column::Bytes(bytes) => bytes.into(),
        }
    }
}

/// What can be the key of a row in a table whose keys are of kind `K`: a [`Text`], an [`Id`], [`Bytes`], or several of them.
pub trait RowKey<K>: Sync {
    /// The key's columns, in the table's order.
    fn columns(&self) -> Vec<Column<'_>>;
}

impl RowKey<()> for () {
    fn columns(&self) -> Vec<Column<'_>> {
        Vec::new()
    }
}

impl RowKey<Text> for &str {
    fn columns(&self) -> Vec<Column<'_>> {
        vec![Column::Text(self)]
    }
}

impl RowKey<Text> for Arc<str> {
    fn columns(&self) -> Vec<Column<'_>> {
        vec![Column::Text(self)]
    }
}

impl RowKey<Id> for u32 {
    fn columns(&self) -> Vec<Column<'_>> {
        vec![Column::Number(*self)]
    }
}

impl RowKey<Bytes> for &[u8] {
    fn columns(&self) -> Vec<Column<'_>> {
        vec![Column::Bytes(self)]
    }
}

impl<A: RowKey<K>, B: RowKey<L>, K, L> RowKey<(K, L)> for (A, B) {
    fn columns(&self) -> Vec<Column<'_>> {
        [self.0.columns(), self.1.columns()].concat()
    }
}

impl<A: RowKey<K>, B: RowKey<L>, C: RowKey<M>, K, L, M> RowKey<(K, L, M)> for (A, B, C) {
    fn columns(&self) -> Vec<Column<'_>> {
        [self.0.columns(), self.1.columns(), self.2.columns()].concat()
    }
}

/// Where a sealed value belongs: it opens nowhere else.
#[derive(Debug)]
pub(super) struct Place {
    table: &'static str,
    row: Vec<Vec<u8>>,
}

impl Place {
    /// The row of `session` under `key`.
    pub(super) fn new<K>(table: &'static str, session: &str, key: &impl RowKey<K>) -> Self {
        let columns = key.columns();
        let mut row = Vec::with_capacity(1 + columns.len());
        row.push(session.as_bytes().to_vec());
        row.extend(columns.into_iter().map(|column| match column {
            Column::Text(text) => text.as_bytes().to_vec(),
            Column::Number(number) => number.to_le_bytes().to_vec(),
            Column::Bytes(bytes) => bytes.to_vec(),
        }));
        Self { table, row }
    }

    /// Seals a value for this place.
    pub(super) fn seal(&self, sealer: &Sealer, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        sealer.seal(self.table, &self.parts(), plain)
    }

    /// Opens a value that was sealed for this place.
    pub(super) fn open(&self, sealer: &Sealer, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        sealer.open(self.table, &self.parts(), sealed)
    }

    fn parts(&self) -> Vec<&[u8]> {
        self.row.iter().map(Vec::as_slice).collect()
    }
}
