//! The store itself: what repositories write and read through.

use std::fmt;
use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::db::{Reader, Tx};
use crate::readers::Readers;
use crate::seal::Sealer;
use crate::writer::Writer;
use crate::{DataFolder, OpenError, OpenOptions, StoreError};

/// The open database. A clone is the same one.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    writer: Writer,
    readers: Readers,
    sealer: Sealer,
}

impl Store {
    /// Opens the database in `folder`, makes it if there is none, and applies what is missing of the schema. Blocks.
    ///
    /// # Errors
    /// [`OpenError`]; then nothing was overwritten.
    pub fn open(folder: &DataFolder, options: OpenOptions) -> Result<Self, OpenError> {
        crate::open::open(folder, options)
    }

    pub(crate) fn new(writer: Writer, readers: Readers, sealer: Sealer) -> Self {
        Self(Arc::new(Inner {
            writer,
            readers,
            sealer,
        }))
    }

    /// Adds what the writer counts about itself to `registry`: batches, commits, waits.
    pub fn register(&self, registry: &mut Registry) {
        self.0.writer.metrics.register(registry);
    }

    /// Runs `work` as one transaction: on disk when this returns `Ok`, undone on any error. One caller's writes happen in the order
    /// in which it sends them. `work` runs on the one thread that writes, with everybody waiting: compute before, not inside.
    ///
    /// # Errors
    /// What `work` returned, or why it could not be committed.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.0.writer.write(work).await
    }

    /// Runs `work` on a snapshot that includes every write answered so far.
    ///
    /// # Errors
    /// What `work` returned, or why the file could not be read.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.0.readers.read(work).await
    }

    /// Seals and opens secret values.
    pub(crate) fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    /// Finishes all reads and writes that were sent, and closes the file. Afterwards every one fails with [`StoreError::Closed`], and
    /// the data folder is free once its [`DataFolder`] is dropped.
    pub async fn close(&self) {
        // The last connection to close tidies up, and only the writer's may.
        self.0.readers.close().await;
        self.0.writer.close().await;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}
