//! The MAC of each entry of the synchronised state, by collection and index.

use super::KeyStore;
use super::key::{Bytes, Text};
use super::sealed::{Sealed, Table, table};
use crate::StoreError;

static APP_MACS: Table<(Text, Bytes)> = table!("wa_app_mac", "collection", "index_mac");

impl KeyStore {
    /// The value MAC of each entry, by collection and index MAC.
    pub const fn app_macs(&self) -> Sealed<'_, (Text, Bytes)> {
        self.sealed(&APP_MACS)
    }

    /// Forgets every MAC of a collection before it is read anew: one left over would corrupt the next hash.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn clear_app_macs(&self, collection: &str) -> Result<(), StoreError> {
        const CLEAR: &str = "DELETE FROM wa_app_mac WHERE session = ? AND collection = ?";
        self.write_each(CLEAR, vec![self.params(&collection, [])])
            .await
            .map(drop)
    }
}
