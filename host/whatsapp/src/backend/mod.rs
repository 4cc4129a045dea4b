//! The protocol library's storage, kept in Switchboard's database.
//!
//! [`Backend`] answers every method of the library's five storage traits from one session's [`KeyStore`]. Nothing is decided here:
//! this folder turns the library's types into bytes and text and back, one file per trait. The rules (which write wins, what is
//! one transaction, what is sealed) live beside the rows, in `switchboard_store::keys`.
//!
//! Bounds: no caching, for the library caches above it; no error is swallowed, for a send whose ratchet was not saved must not
//! reach the wire.

mod app_sync;
mod device;
mod message_secrets;
mod protocol;
mod signal;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use switchboard_store::keys::KeyStore;
use whatsapp_rust::wacore::store::error::StoreError;

/// What every method returns: the library's own result.
type Result<T> = std::result::Result<T, StoreError>;

/// Is told of redeliveries.
#[async_trait]
pub(crate) trait Redelivery: Send + Sync {
    /// WhatsApp sent a message again that had been decrypted before, and no plaintext of it waits here. It is acknowledged after `Ok`.
    ///
    /// # Errors
    /// When it cannot be said what became of it; then it stays unacknowledged and comes once more.
    async fn came_again(&self, chat: &str, sender: &str, id: &str) -> Result<()>;
}

/// One session's storage as the protocol library wants it. At most one client may use it at a time.
#[derive(Clone)]
pub struct Backend {
    keys: KeyStore,
    redelivery: Option<Arc<dyn Redelivery>>,
}

impl Backend {
    /// The library's view of `keys`.
    pub const fn new(keys: KeyStore) -> Self {
        Self { keys, redelivery: None }
    }

    /// The library's view of `keys`, for a client whose redeliveries matter to somebody.
    pub(crate) fn telling(keys: KeyStore, redelivery: Arc<dyn Redelivery>) -> Self {
        Self {
            keys,
            redelivery: Some(redelivery),
        }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// A failure of the database, with its cause kept: the library looks through the chain for a busy database.
pub(crate) fn database(error: switchboard_store::StoreError) -> StoreError {
    StoreError::Database(Box::new(error))
}

/// The stored form of the library's own records. JSON, because the library adds fields with defaults from release to release.
pub(crate) fn to_json(record: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(record).map_err(|error| StoreError::Serialization(Box::new(error)))
}

/// Reads what [`to_json`] wrote.
pub(crate) fn from_json<T: DeserializeOwned>(stored: &[u8]) -> Result<T> {
    serde_json::from_slice(stored).map_err(|error| StoreError::Serialization(Box::new(error)))
}
