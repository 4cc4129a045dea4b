//! The store itself: what repositories write and read through.

use std::fmt;
use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::db::{Reader, Tx};
use crate::readers::Readers;
use crate::seal::Sealer;
use crate::writer::Writer;
use crate::{DataFolder, OpenError, OpenOptions, StoreError};

/// How much [`Store::check_writes`] writes: as much as a long message takes, so that a disk that has room for it has room for one.
const PROBE_BYTES: u32 = 64 << 10;

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

    /// Whether writes reach the disk. As long as they do, nothing is written to find out. After a commit that failed, a row is
    /// written and taken out again, until that or any other write succeeds.
    ///
    /// # Errors
    /// Why the row could not be written.
    pub async fn check_writes(&self) -> Result<(), StoreError> {
        // One that a crash has left there is as good.
        const PUT: &str = "INSERT OR REPLACE INTO meta (name, value) VALUES ('probe', zeroblob(?1))";
        const TAKE_OUT: &str = "DELETE FROM meta WHERE name = 'probe'";
        if self.0.writer.is_failing() {
            // Two commits: in one, the space would be given back before anything is written to it.
            self.write(|tx| tx.execute(PUT, (PROBE_BYTES,))).await?;
            self.write(|tx| tx.execute(TAKE_OUT, ())).await?;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestStore;

    const BIG: &str = "INSERT INTO meta(name, value) VALUES ('big', zeroblob(100000))";
    const SMALL: &str = "INSERT INTO meta(name, value) VALUES ('small', 1)";

    /// A store on a disk without any room left: SQLite may not let the file grow.
    async fn full() -> TestStore {
        let test = TestStore::new();
        allow(&test, "PRAGMA max_page_count = 1").await;
        test
    }

    async fn allow(test: &TestStore, pages: &'static str) {
        let set = test.store.write(move |tx| tx.query(pages, (), |_| Ok(())));
        set.await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_told_from_the_first_failed_write_until_there_is_room() {
        let test = full().await;
        assert_eq!(test.store.check_writes().await, Ok(()), "the disk was asked unprovoked");
        assert_eq!(test.store.write(|tx| tx.execute(BIG, ())).await, Err(StoreError::Full));
        for _ in 0..2 {
            assert_eq!(test.store.check_writes().await, Err(StoreError::Full));
            // It commits, and proves nothing.
            assert_eq!(test.store.write(|_| Ok(())).await, Ok(()));
        }
        allow(&test, "PRAGMA max_page_count = 1000000").await;
        assert_eq!(test.store.check_writes().await, Ok(()));
        let left = test
            .store
            .read(|reader| reader.query_one("SELECT count(*) FROM meta WHERE name = 'probe'", (), |row| row.get(0)));
        assert_eq!(left.await, Ok(Some(0_i64)));
    }

    #[tokio::test]
    async fn a_write_that_gets_through_ends_the_doubt_and_one_that_is_undone_does_not() {
        let test = full().await;
        assert_eq!(test.store.write(|tx| tx.execute(BIG, ())).await, Err(StoreError::Full));
        let undone = test
            .store
            .write(|tx| tx.execute(SMALL, ()).and_then(|_| tx.execute(SMALL, ())));
        assert!(matches!(undone.await, Err(StoreError::Constraint(_))));
        assert_eq!(test.store.check_writes().await, Err(StoreError::Full));
        assert_eq!(test.store.write(|tx| tx.execute(SMALL, ())).await, Ok(1));
        // There is no more room than before, but nobody asks.
        assert_eq!(test.store.check_writes().await, Ok(()));
    }
}
