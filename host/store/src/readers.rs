//! The readers: a few threads, each with a connection that cannot write.
//!
//! A read sees one snapshot, taken when it begins, and so everything that was answered before it was sent. Reads never wait for the
//! writer, nor it for them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::db::{Access, Connection, Reader};
use crate::mailbox::Mailbox;

const THREADS: usize = 3;

type Read = Box<dyn FnOnce(&mut Connection) + Send>;

/// The way to the readers' threads.
pub(crate) struct Readers(Mailbox<Read>);

impl Readers {
    /// Opens the file and starts the threads.
    pub(crate) fn start(path: &Path) -> Result<Self, StoreError> {
        let (mailbox, reads, running) = Mailbox::new();
        let reads = Arc::new(Mutex::new(reads));
        for number in 1..=THREADS {
            let mut connection = Connection::open(path, Access::Read)?;
            // The first read opens the log: what fails there should fail now.
            connection.query("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
            let (reads, running) = (Arc::clone(&reads), running.clone());
            let thread = std::thread::Builder::new().name(format!("store-reader-{number}"));
            let started = thread.spawn(move || {
                while let Some(read) = next(&reads) {
                    read(&mut connection);
                }
                drop((connection, running));
            });
            started.map_err(|error| StoreError::Other(format!("a reader does not start: {error}")))?;
        }
        Ok(Self(mailbox))
    }

    /// Runs `work` on a snapshot of its own.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let read = move |connection: &mut Connection| {
            // A caller that stopped waiting needs no answer.
            drop(caller.send(connection.snapshot(work)));
        };
        self.0.send(Box::new(read)).await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Finishes what is queued and closes the connections. Returns when they are closed.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

/// The next read. One thread waits for it, the others for that thread's turn to end.
fn next(reads: &Mutex<mpsc::Receiver<Read>>) -> Option<Read> {
    reads.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use super::*;
    use crate::testing::TestStore;

    async fn count(test: &TestStore) -> Result<i64, StoreError> {
        let count = |reader: &mut Reader<'_>| reader.query_one("SELECT count(*) FROM t", (), |row| row.get(0));
        test.store.read(count).await.map(Option::unwrap_or_default)
    }

    async fn with_table() -> TestStore {
        let test = TestStore::new();
        test.store
            .write(|tx| tx.batch("CREATE TABLE t(id INTEGER PRIMARY KEY) STRICT"))
            .await
            .unwrap();
        test
    }

    #[tokio::test]
    async fn reads_do_not_wait_for_the_writer() {
        let test = with_table().await;
        let (finish, finished) = std_mpsc::channel::<()>();
        let write = test.store.write(move |tx| {
            let count = tx.execute("INSERT INTO t(id) VALUES (1)", ())?;
            assert!(finished.recv().is_err());
            Ok(count)
        });
        let read = async {
            assert_eq!(count(&test).await, Ok(0));
            drop(finish);
        };
        assert_eq!(tokio::join!(write, read), (Ok(1), ()));
        assert_eq!(count(&test).await, Ok(1));
    }

    #[tokio::test]
    async fn a_read_is_of_one_moment() {
        let test = with_table().await;
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (go_on, gone_on) = std_mpsc::channel::<()>();
        let read = test.store.read(move |reader| {
            let sql = "SELECT count(*) FROM t";
            let before = reader.query_one(sql, (), |row| row.get::<i64>(0))?;
            begun.send(()).unwrap();
            assert!(gone_on.recv().is_err());
            Ok((before, reader.query_one(sql, (), |row| row.get::<i64>(0))?))
        });
        let write = async {
            has_begun.await.unwrap();
            test.store
                .write(|tx| tx.execute("INSERT INTO t(id) VALUES (1)", ()))
                .await
                .unwrap();
            drop(go_on);
        };
        assert_eq!(tokio::join!(read, write).0, Ok((Some(0), Some(0))));
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let test = with_table().await;
        let written = test
            .store
            .read(|reader| reader.query("INSERT INTO t(id) VALUES (1) RETURNING id", (), |_| Ok(())));
        assert_eq!(written.await, Err(StoreError::ReadOnly));
        assert_eq!(count(&test).await, Ok(0));
    }

    #[tokio::test]
    async fn a_read_that_panics_fails_alone() {
        let test = with_table().await;
        for _ in 0..2 * THREADS {
            let panicked: Result<(), _> = test.store.read(|_| panic!("in a read")).await;
            assert_eq!(panicked, Err(StoreError::Panicked));
        }
        assert_eq!(count(&test).await, Ok(0));
    }
}
