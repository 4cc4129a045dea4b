//! Transactions as text, and what may be done inside them.

use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Connection, IntoParams, Row};
use crate::StoreError;

/// What a read may do, on one snapshot of the database.
pub(crate) struct Reader<'c>(&'c mut Connection);

impl Reader<'_> {
    /// Every row of the result, read by `read`.
    pub(crate) fn query<T>(
        &mut self,
        sql: &'static str,
        params: impl IntoParams,
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.0.query(sql, params, read)
    }

    /// The only row of the result, or none. More than one is an error.
    pub(crate) fn query_one<T>(
        &mut self,
        sql: &'static str,
        params: impl IntoParams,
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.0.query_one(sql, params, read)
    }
}

/// What a write may do: all that a [`Reader`] may, and change rows. It sees its own changes.
pub(crate) struct Tx<'c>(Reader<'c>);

impl<'c> Deref for Tx<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Tx<'_> {
    /// Runs a statement that gives no rows (RETURNING belongs to [`Reader::query`]). The answer is how many rows it has touched.
    pub(crate) fn execute(&mut self, sql: &'static str, params: impl IntoParams) -> Result<u64, StoreError> {
        self.connection().execute(sql, params)
    }

    /// Runs several statements without parameters. One that ends the transaction is an error.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection().batch(sql)?;
        self.intact()
    }

    /// Runs `work` so that its failure or panic undoes what `work` wrote and nothing else. The outer error means that the whole
    /// transaction is lost.
    pub(crate) fn isolated<T>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<Result<T, StoreError>, StoreError> {
        self.execute("SAVEPOINT operation", ())?;
        // What the panic leaves half done is in the database, and goes with the savepoint.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or(Err(StoreError::Panicked));
        self.intact()?;
        if outcome.is_err() {
            self.execute("ROLLBACK TO operation", ())?;
        }
        self.execute("RELEASE operation", ())?;
        Ok(outcome)
    }

    /// A count that rises with every row that is written.
    pub(crate) fn touched(&mut self) -> u64 {
        self.connection().touched()
    }

    /// Whether the transaction is still the one that was begun.
    fn intact(&mut self) -> Result<(), StoreError> {
        match self.connection().take_broken() {
            Some(error) => Err(error),
            None if self.connection().is_autocommit() => Err(StoreError::Other("the transaction has ended".to_owned())),
            None => Ok(()),
        }
    }

    const fn connection(&mut self) -> &mut Connection {
        self.0.0
    }
}

impl Connection {
    /// Runs `work` in a transaction of its own: committed when this returns `Ok`, undone on any error.
    pub(crate) fn immediate<T>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.take_broken();
        // Never deferred: a transaction that begins by reading may be refused when it first writes.
        self.execute("BEGIN IMMEDIATE", ())?;
        let mut tx = Tx(Reader(self));
        let outcome = work(&mut tx).and_then(|value| tx.intact().map(|()| value));
        let outcome = outcome.and_then(|value| self.execute("COMMIT", ()).map(|_| value));
        if outcome.is_err() {
            self.roll_back();
        }
        outcome
    }

    /// Runs `work` on one snapshot: all it reads is of the moment of its first statement.
    pub(crate) fn snapshot<T>(
        &mut self,
        work: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.execute("BEGIN", ())?;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut Reader(self)))).unwrap_or(Err(StoreError::Panicked));
        self.roll_back();
        outcome
    }

    /// Ends the transaction, unless SQLite has done so already. The cause is with the caller; this failing adds nothing to it, and
    /// the next BEGIN would be refused.
    fn roll_back(&mut self) {
        if !self.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK", ())
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Access;

    const INSERT: &str = "INSERT INTO t(id) VALUES (?)";

    fn with_table() -> Connection {
        let mut connection = Connection::in_memory();
        connection
            .batch("CREATE TABLE t(id INTEGER PRIMARY KEY) STRICT")
            .unwrap();
        connection
    }

    fn ids(connection: &mut Connection) -> Vec<i64> {
        connection
            .query("SELECT id FROM t ORDER BY id", (), |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn an_error_undoes_the_whole_transaction_and_leaves_none_open() {
        let mut connection = with_table();
        let outcome = connection.immediate(|tx| {
            tx.execute(INSERT, (1,))?;
            tx.execute(INSERT, (1,))
        });
        assert!(matches!(outcome, Err(StoreError::Constraint(_))));
        assert!(connection.is_autocommit());
        assert_eq!(connection.immediate(|tx| tx.execute(INSERT, (2,))), Ok(1));
        assert_eq!(ids(&mut connection), [2]);
    }

    #[test]
    fn a_batch_that_fails_half_way_leaves_nothing() {
        let mut connection = with_table();
        let outcome = connection.immediate(|tx| tx.batch("INSERT INTO t VALUES (1); INSERT INTO missing VALUES (1)"));
        assert!(outcome.is_err());
        assert!(connection.is_autocommit());
        assert!(ids(&mut connection).is_empty());
    }

    #[test]
    fn an_isolated_failure_or_panic_undoes_only_itself() {
        let mut connection = with_table();
        let outcome = connection.immediate(|tx| {
            tx.isolated(|tx| tx.execute(INSERT, (1,)))??;
            let failed = tx.isolated(|tx| {
                tx.execute(INSERT, (2,))?;
                tx.execute(INSERT, (1,))
            })?;
            let panicked = tx.isolated(|tx| {
                tx.execute(INSERT, (3,))?;
                panic!("in an operation")
            })?;
            tx.isolated(|tx| tx.execute(INSERT, (4,)))??;
            Ok((failed, panicked))
        });
        let (failed, panicked): (_, Result<(), _>) = outcome.unwrap();
        assert!(matches!(failed, Err(StoreError::Constraint(_))));
        assert_eq!(panicked, Err(StoreError::Panicked));
        assert_eq!(ids(&mut connection), [1, 4]);
    }

    #[test]
    fn a_panic_between_the_rows_of_a_write_is_undone_alone() {
        let mut connection = with_table();
        let outcome = connection.immediate(|tx| {
            tx.isolated(|tx| tx.execute(INSERT, (1,)))??;
            tx.isolated(|tx| {
                tx.query(
                    "INSERT INTO t(id) VALUES (2), (3) RETURNING id",
                    (),
                    |_| -> Result<(), _> { panic!("at a row") },
                )
            })
        });
        assert_eq!(outcome, Ok(Err(StoreError::Panicked)));
        assert_eq!(ids(&mut connection), [1]);
    }

    #[test]
    fn a_transaction_that_reads_before_it_writes_holds_the_lock_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        std::fs::write(&path, "").unwrap();
        let [mut first, mut second] = [(); 2].map(|()| Connection::open(&path, Access::Write).unwrap().impatient());
        first
            .batch("PRAGMA journal_mode = WAL; CREATE TABLE t(id INTEGER PRIMARY KEY) STRICT")
            .unwrap();
        let outcome = first.immediate(|tx| {
            assert_eq!(
                tx.query_one("SELECT count(*) FROM t", (), |row| row.get::<i64>(0)),
                Ok(Some(0))
            );
            assert_eq!(second.execute(INSERT, (1,)), Err(StoreError::Busy));
            tx.execute(INSERT, (2,))
        });
        assert_eq!(outcome, Ok(1));
        assert_eq!(ids(&mut first), [2]);
    }

    #[test]
    fn an_operation_that_ends_the_transaction_fails_all_of_it() {
        let mut connection = with_table();
        let outcome = connection.immediate(|tx| {
            tx.isolated(|tx| tx.execute(INSERT, (1,)))??;
            tx.isolated(|tx| tx.batch("ROLLBACK"))?
        });
        assert!(matches!(outcome, Err(StoreError::Other(_))));
        assert!(ids(&mut connection).is_empty());
    }

    #[test]
    fn a_fault_of_the_file_cannot_be_swallowed_by_the_operation_it_met() {
        let mut connection = with_table();
        // A database that may not grow meets SQLITE_FULL.
        connection.query("PRAGMA max_page_count = 3", (), |_| Ok(())).unwrap();
        connection.batch("CREATE TABLE big(b BLOB) STRICT").unwrap();
        let outcome = connection.immediate(|tx| {
            tx.isolated(|tx| tx.execute(INSERT, (1,)))??;
            tx.isolated(|tx| {
                let full = tx.execute("INSERT INTO big VALUES (zeroblob(100000))", ());
                assert_eq!(full, Err(StoreError::Full));
                Ok(())
            })?
        });
        assert_eq!(outcome, Err(StoreError::Full));
        assert!(ids(&mut connection).is_empty());
    }

    #[test]
    fn a_read_that_panics_leaves_the_connection_usable() {
        let mut connection = with_table();
        let panicked: Result<(), _> = connection.snapshot(|_| panic!("in a read"));
        assert_eq!(panicked, Err(StoreError::Panicked));
        assert_eq!(
            connection.snapshot(|reader| reader.query("SELECT 1", (), |row| row.get(0))),
            Ok(vec![1_i64])
        );
    }
}
