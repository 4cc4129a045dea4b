//! The one writer: a thread that owns the only connection that writes, and commits in groups.
//!
//! While one group is being synced to disk the next one gathers in the queue, so there is no timer and no waiting for company: alone,
//! a write costs one sync; among 512, a five-hundredth of one. A write is answered after the COMMIT of its group. Writes run in the
//! order in which they were sent, each inside its own savepoint: one that fails or panics is undone alone, while a fault of the disk
//! fails the whole group. The writer remembers whether its last commit failed, so that nobody has to write to find out.
//!
//! A write whose caller stops waiting once it is in the queue still happens.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::StoreError;
use crate::db::{Access, Connection, Tx};
use crate::mailbox::Mailbox;
use crate::metrics::WriterMetrics;

const GROUP: usize = 512;

/// After this long without a write, the log is copied into the database, so that it happens less often in a busy moment.
const IDLE: Duration = Duration::from_secs(2);

/// FULL: a commit is on disk before it is answered, because a ratchet that goes back in time breaks its session. A checkpoint
/// only every 4000 pages, since each one holds writes up; the log may grow to that, and shrinks again after a burst.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
  PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;
  PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192";

/// A connection that may write, set up as the writer needs it.
pub(crate) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path, Access::Write)?;
    connection.batch(SETTINGS)?;
    Ok(connection)
}

/// One write, waiting for its turn.
struct Queued {
    operation: Box<dyn Operation>,
    since: Instant,
}

impl Queued {
    fn new(operation: impl Operation + 'static) -> Self {
        Self {
            operation: Box::new(operation),
            since: Instant::now(),
        }
    }
}

/// What a write does and to whom it answers, whatever its type.
trait Operation: Send {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Write<F, T> {
    work: Option<F>,
    value: Option<T>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Operation for Write<F, T>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(tx)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, caller, .. } = *self;
        // A caller that stopped waiting does not hear that its write happened.
        drop(caller.send(outcome.and_then(|()| value.ok_or(StoreError::Closed))));
    }
}

/// The way to the writer's thread.
pub(crate) struct Writer {
    mailbox: Mailbox<Queued>,
    failing: Arc<AtomicBool>,
    pub(crate) metrics: WriterMetrics,
}

impl Writer {
    /// Starts the thread. It keeps `lock` until the file is closed.
    pub(crate) fn start(connection: Connection, lock: Arc<File>) -> io::Result<Self> {
        let (mailbox, queue, running) = Mailbox::new();
        let metrics = WriterMetrics::default();
        let counted = metrics.clone();
        // Only its timer is used.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let failing = Arc::<AtomicBool>::default();
        let noted = Arc::clone(&failing);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                run(connection, queue, &runtime, &counted, &noted);
                drop((lock, running));
            })?;
        Ok(Self {
            mailbox,
            failing,
            metrics,
        })
    }

    /// Runs `work` in its turn. The answer comes after the commit.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        self.mailbox
            .send(Queued::new(Write {
                work: Some(work),
                value: None,
                caller,
            }))
            .await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Whether the last commit that had something to write failed. An answered write has been counted.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// Finishes what is queued and closes the file. Returns when it is closed.
    pub(crate) async fn close(&self) {
        self.mailbox.close().await;
    }
}

fn run(
    mut connection: Connection,
    mut queue: mpsc::Receiver<Queued>,
    runtime: &Runtime,
    metrics: &WriterMetrics,
    failing: &AtomicBool,
) {
    let mut group = Vec::with_capacity(GROUP);
    let mut checkpointed = true;
    loop {
        let patience = if checkpointed { Duration::MAX } else { IDLE };
        let received = runtime.block_on(async { timeout(patience, queue.recv_many(&mut group, GROUP)).await });
        checkpointed = received.is_err();
        match received {
            Ok(0) => break,
            Ok(_) => commit(&mut connection, &mut group, metrics, failing),
            Err(_) => checkpoint(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)"),
        }
    }
    checkpoint(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)");
}

/// Runs and commits the group, notes whether that reached the disk, then answers each operation in its order.
fn commit(connection: &mut Connection, group: &mut Vec<Queued>, metrics: &WriterMetrics, failing: &AtomicBool) {
    let mut wrote = false;
    let begun = Instant::now();
    for queued in group.iter() {
        metrics.waited(begun - queued.since);
    }
    let outcomes = connection.immediate(|tx| {
        group
            .iter_mut()
            .map(|queued| {
                let before = tx.touched();
                let outcome = tx.isolated(|tx| queued.operation.run(tx))?;
                wrote |= outcome.is_ok() && tx.touched() > before;
                Ok(outcome)
            })
            .collect::<Result<Vec<_>, _>>()
    });
    // A commit of nothing does not touch the disk, and so says nothing about it.
    if wrote || outcomes.is_err() {
        failing.store(outcomes.is_err(), Ordering::Release);
    }
    match outcomes {
        Ok(outcomes) => {
            metrics.committed(group.len(), begun.elapsed());
            for (queued, outcome) in group.drain(..).zip(outcomes) {
                queued.operation.answer(outcome);
            }
        }
        Err(error) => {
            metrics.failed();
            tracing::error!(%error, writes = group.len(), "a group of writes failed");
            for queued in group.drain(..) {
                queued.operation.answer(Err(error.clone()));
            }
        }
    }
}

/// Copies the log into the database. Nothing depends on it: the log is read at the next start.
fn checkpoint(connection: &mut Connection, sql: &'static str) {
    if let Err(error) = connection.query(sql, (), |_| Ok(())) {
        tracing::warn!(%error, "the log could not be copied into the database");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as std_mpsc;

    use super::*;
    use crate::testing::{self, TestStore};

    const INSERT: &str = "INSERT INTO t(id) VALUES (?)";

    async fn with_table() -> TestStore {
        let test = TestStore::new();
        let tables = "CREATE TABLE t(id INTEGER PRIMARY KEY) STRICT;
            CREATE TABLE log(n INTEGER PRIMARY KEY, id INTEGER) STRICT";
        test.store.write(move |tx| tx.batch(tables)).await.unwrap();
        test
    }

    async fn ids(test: &TestStore) -> Vec<i64> {
        test.store
            .read(|reader| reader.query("SELECT id FROM t ORDER BY rowid", (), |row| row.get(0)))
            .await
            .unwrap()
    }

    /// Keeps the writer busy until the answer is dropped, so that what is sent meanwhile becomes one group.
    async fn hold(test: &TestStore) -> (std_mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
        let (release, released) = std_mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let store = test.store.clone();
        let held = tokio::spawn(async move {
            let work = move |_: &mut Tx<'_>| {
                begun.send(()).unwrap();
                assert!(released.recv().is_err());
                Ok(())
            };
            store.write(work).await
        });
        has_begun.await.unwrap();
        (release, held)
    }

    #[tokio::test]
    async fn an_answered_write_is_seen_by_every_read_sent_after_it() {
        let test = with_table().await;
        for id in 0..100 {
            assert_eq!(test.store.write(move |tx| tx.execute(INSERT, (id,))).await, Ok(1));
            assert_eq!(ids(&test).await.last(), Some(&id));
        }
    }

    #[tokio::test]
    async fn writes_run_in_the_order_in_which_they_were_sent() {
        let test = with_table().await;
        let (release, held) = hold(&test).await;
        // Not the order of their keys; and few enough for one turn of this task, in which they are sent as they stand.
        let sent: Vec<i64> = (0..100).map(|n| n * 37 % 101).collect();
        let writes = sent.iter().map(|&id| {
            let log = "INSERT INTO log(id) VALUES (?)";
            test.store.write(move |tx| tx.execute(log, (id,)))
        });
        // Held until all are in the queue: a write is sent when it is first polled.
        let (writes, ()) = tokio::join!(futures::future::join_all(writes), async { drop(release) });
        for outcome in writes {
            outcome.unwrap();
        }
        held.await.unwrap().unwrap();
        let logged = test
            .store
            .read(|reader| reader.query("SELECT id FROM log ORDER BY n", (), |row| row.get(0)))
            .await;
        assert_eq!(logged, Ok(sent));
    }

    #[tokio::test]
    async fn a_write_that_fails_or_panics_is_undone_alone() {
        let test = with_table().await;
        let (release, held) = hold(&test).await;
        let (first, failed, panicked, last, ()): (_, _, Result<(), _>, _, _) = tokio::join!(
            test.store.write(|tx| tx.execute(INSERT, (1,))),
            test.store
                .write(|tx| tx.execute(INSERT, (2,)).and_then(|_| tx.execute(INSERT, (1,)))),
            test.store
                .write(|tx| tx.execute(INSERT, (3,)).map(|_| panic!("in a write"))),
            test.store.write(|tx| tx.execute(INSERT, (4,))),
            async { drop(release) },
        );
        assert_eq!((first, last), (Ok(1), Ok(1)));
        assert!(matches!(failed, Err(StoreError::Constraint(_))));
        assert_eq!(panicked, Err(StoreError::Panicked));
        assert_eq!(ids(&test).await, [1, 4]);
        held.await.unwrap().unwrap();
    }

    #[test]
    fn a_fault_of_the_disk_fails_every_write_of_the_group_and_the_next_group_goes_on() {
        let mut connection = Connection::in_memory();
        connection
            .batch("CREATE TABLE t(id INTEGER PRIMARY KEY) STRICT; CREATE TABLE big(b BLOB) STRICT")
            .unwrap();
        connection.query("PRAGMA max_page_count = 3", (), |_| Ok(())).unwrap();
        let mut answers = Vec::new();
        let mut write = |sql: &'static str| {
            let (caller, answer) = oneshot::channel();
            answers.push(answer);
            Queued::new(Write {
                work: Some(move |tx: &mut Tx<'_>| tx.execute(sql, ())),
                value: None,
                caller,
            })
        };
        let mut group = vec![
            write("INSERT INTO t(id) VALUES (1)"),
            write("INSERT INTO big VALUES (zeroblob(100000))"),
            write("INSERT INTO t(id) VALUES (2)"),
        ];
        let mut next = vec![write("INSERT INTO t(id) VALUES (3)")];
        let (metrics, failing) = (WriterMetrics::default(), AtomicBool::new(false));
        commit(&mut connection, &mut group, &metrics, &failing);
        assert!(failing.load(Ordering::Acquire));
        commit(&mut connection, &mut next, &metrics, &failing);
        assert!(!failing.load(Ordering::Acquire));
        let answers: Vec<_> = answers
            .into_iter()
            .map(|mut answer| answer.try_recv().unwrap())
            .collect();
        let full = || Err(StoreError::Full);
        assert_eq!(answers, [full(), full(), full(), Ok(1)]);
        let ids = connection.query("SELECT id FROM t", (), |row| row.get::<i64>(0));
        assert_eq!(ids, Ok(vec![3]));
        let numbers = testing::numbers(|registry| metrics.register(registry));
        for number in [
            "store_failed_batches_total 1",
            "store_batch_writes_count 1",
            "store_batch_writes_bucket{le=\"1\"} 1",
            "store_commit_seconds_count 1",
            "store_queue_seconds_count 4",
        ] {
            assert!(
                numbers.lines().any(|line| line == number),
                "{number} is not in\n{numbers}"
            );
        }
    }

    #[tokio::test]
    async fn writes_that_gather_while_the_writer_is_busy_are_one_commit() {
        let test = with_table().await;
        let (release, held) = hold(&test).await;
        let (reached, last_reached) = oneshot::channel();
        let (finish, finished) = std_mpsc::channel::<()>();
        let first = test.store.write(|tx| tx.execute(INSERT, (1,)));
        let last = test.store.write(move |tx| {
            let count = tx.execute(INSERT, (2,))?;
            reached.send(()).unwrap();
            assert!(finished.recv().is_err());
            Ok(count)
        });
        let watch = async {
            // Only here are both in the queue: a write is sent when it is first polled.
            drop(release);
            last_reached.await.unwrap();
            // The first has run, in the same transaction: nobody sees it before the last is done.
            assert!(ids(&test).await.is_empty());
            drop(finish);
        };
        assert_eq!(tokio::join!(first, last, watch), (Ok(1), Ok(1), ()));
        assert_eq!(ids(&test).await, [1, 2]);
        held.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn closing_finishes_what_was_sent_and_refuses_what_comes_after() {
        let test = with_table().await;
        let (release, held) = hold(&test).await;
        let queued = test.store.write(|tx| tx.execute(INSERT, (1,)));
        let closing = test.store.close();
        let release = async { drop(release) };
        assert_eq!(tokio::join!(queued, closing, release), (Ok(1), (), ()));
        held.await.unwrap().unwrap();
        assert_eq!(test.store.write(|_| Ok(())).await, Err(StoreError::Closed));
        assert_eq!(test.store.read(|_| Ok(())).await, Err(StoreError::Closed));
        assert_eq!(ids(&test.reopened().await).await, [1]);
    }

    #[tokio::test]
    async fn a_commit_is_synced_to_disk() {
        let test = TestStore::new();
        let settings = test.store.write(|tx| {
            let number = |row: &crate::db::Row<'_>| row.get::<i64>(0);
            let mode = tx.query_one("PRAGMA journal_mode", (), |row| row.get::<String>(0))?;
            let synchronous = tx.query_one("PRAGMA synchronous", (), number)?;
            Ok((mode, synchronous, tx.query_one("PRAGMA foreign_keys", (), number)?))
        });
        // 2 is FULL.
        assert_eq!(settings.await, Ok((Some("wal".to_owned()), Some(2), Some(1))));
    }
}
