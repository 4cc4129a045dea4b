//! One connection to the database file, for one thread.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;

use super::{IntoParams, Row};
use crate::StoreError;

/// How long to wait for a lock that another process holds, such as a backup. It blocks the thread.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection may do with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read it. The file must be there.
    Read,
    /// Read it while no process uses it. Nothing is made beside it, where `Read` makes an empty log and its index, which only a
    /// writer may take away again.
    ReadAtRest,
    /// Read and write it. The file must be there.
    Write,
}

/// A connection with its prepared statements. Not `Clone`, and `&mut` for every use: whoever writes on it is alone in its
/// transaction.
pub(crate) struct Connection {
    // Before the connection, so that they are finalised first.
    statements: HashMap<&'static str, libsql::Statement>,
    raw: libsql::Connection,
    broken: Option<StoreError>,
}

/// What a statement gives back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Count,
    Rows,
}

impl Connection {
    /// Opens the file at `path`, which must be absolute.
    pub(crate) fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        match access {
            Access::Read => Self::connect(path, libsql::OpenFlags::SQLITE_OPEN_READ_ONLY),
            Access::ReadAtRest => Self::connect(&immutable(path), libsql::OpenFlags::SQLITE_OPEN_READ_ONLY),
            Access::Write => Self::connect(path, libsql::OpenFlags::SQLITE_OPEN_READ_WRITE),
        }
    }

    /// A database of its own, gone when it is dropped.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self::connect(Path::new(":memory:"), libsql::OpenFlags::default()).unwrap()
    }

    /// Fails at once where it would wait for a lock.
    #[cfg(test)]
    pub(super) fn impatient(self) -> Self {
        self.raw.busy_timeout(Duration::ZERO).unwrap();
        self
    }

    fn connect(path: &Path, flags: libsql::OpenFlags) -> Result<Self, StoreError> {
        let raw = ready(libsql::Builder::new_local(path).flags(flags).build())?.connect()?;
        raw.busy_timeout(BUSY_TIMEOUT)?;
        Ok(Self {
            statements: HashMap::new(),
            raw,
            broken: None,
        })
    }

    /// Runs a statement that gives no rows. The answer is how many rows an INSERT, UPDATE or DELETE has touched.
    pub(crate) fn execute(&mut self, sql: &'static str, params: impl IntoParams) -> Result<u64, StoreError> {
        let outcome = self.bind(sql, Shape::Count, params).and_then(|(statement, params)| {
            let count = ready(statement.0.execute(params))?;
            Ok(count as u64)
        });
        self.note(outcome)
    }

    /// Runs a statement that gives rows and reads each of them. It is read to its end before this returns, also when `read` fails.
    pub(crate) fn query<T>(
        &mut self,
        sql: &'static str,
        params: impl IntoParams,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let outcome = self.bind(sql, Shape::Rows, params).and_then(|(statement, params)| {
            let mut rows = ready(statement.0.query(params))?;
            let mut values = Ok(Vec::new());
            while let Some(row) = ready(rows.next())? {
                values = values.and_then(|mut values| {
                    values.push(read(&Row(&row))?);
                    Ok(values)
                });
            }
            values
        });
        self.note(outcome)
    }

    /// [`Self::query`] for at most one row. A second row is a fault: the statement is not the one that was meant.
    pub(crate) fn query_one<T>(
        &mut self,
        sql: &'static str,
        params: impl IntoParams,
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut values = self.query(sql, params, read)?;
        let value = values.pop();
        if values.is_empty() {
            Ok(value)
        } else {
            Err(misuse("more than one row where one was expected", sql))
        }
    }

    /// Runs several statements without parameters. Not atomic by itself.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let outcome = ready(self.raw.execute_batch(sql)).map(drop);
        self.note(outcome)
    }

    /// How many rows this connection has ever touched, those included that were undone.
    pub(super) fn touched(&self) -> u64 {
        self.raw.total_changes()
    }

    /// Whether no transaction is open.
    pub(super) fn is_autocommit(&self) -> bool {
        self.raw.is_autocommit()
    }

    /// The fault since the last call after which SQLite may have ended the transaction. It is kept here because an operation may
    /// swallow an error, and its neighbours in the same transaction must not.
    pub(super) fn take_broken(&mut self) -> Option<StoreError> {
        self.broken.take()
    }

    /// The prepared statement, ready to run, and its parameters, as many as it has.
    fn bind(
        &mut self,
        sql: &'static str,
        shape: Shape,
        params: impl IntoParams,
    ) -> Result<(InUse<'_>, libsql::params::Params), StoreError> {
        let statement = match self.statements.entry(sql) {
            Entry::Occupied(known) => known.into_mut(),
            // Values are parameters here, so that a semicolon can only begin a second statement, which would not run.
            Entry::Vacant(_) if sql.contains(';') => return Err(misuse("a `;` in a statement", sql)),
            Entry::Vacant(new) => new.insert(ready(self.raw.prepare(sql))?),
        };
        let gives = if statement.column_count() == 0 {
            Shape::Count
        } else {
            Shape::Rows
        };
        if gives != shape {
            let fault = if gives == Shape::Rows {
                "execute() of what gives rows"
            } else {
                "query() of what gives no rows"
            };
            return Err(misuse(fault, sql));
        }
        let params = params.into_params();
        if params.len() != statement.parameter_count() {
            let fault = format!("{} parameters, not {}", statement.parameter_count(), params.len());
            return Err(misuse(&fault, sql));
        }
        if params
            .iter()
            .any(|param| matches!(&param.0, libsql::Value::Text(text) if text.contains('\0')))
        {
            return Err(misuse("text with a NUL, which would end it when it is read", sql));
        }
        let params = params.into_iter().map(|param| param.0).collect();
        Ok((InUse::new(statement), libsql::params::Params::Positional(params)))
    }

    fn note<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome
            && error.ends_transaction()
        {
            self.broken = Some(error.clone());
        }
        outcome
    }
}

/// A prepared statement while it runs. Reset on both ends: parameters reach only a statement that has been reset, and one that has
/// not keeps its transaction open.
struct InUse<'s>(&'s libsql::Statement);

impl<'s> InUse<'s> {
    fn new(statement: &'s libsql::Statement) -> Self {
        statement.reset();
        Self(statement)
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.reset();
    }
}

fn misuse(fault: &str, sql: &str) -> StoreError {
    StoreError::Misuse(format!("{fault}: {sql}"))
}

/// The outcome of a call on a local database: the library dresses blocking calls as futures, which are ready when first asked.
fn ready<T>(call: impl Future<Output = libsql::Result<T>>) -> Result<T, StoreError> {
    match call.now_or_never() {
        Some(outcome) => Ok(outcome?),
        None => Err(StoreError::Other(
            "a call on a local database did not finish at once".to_owned(),
        )),
    }
}

/// The name by which SQLite opens the file at `path` as one that nobody changes (sqlite.org/uri.html).
fn immutable(path: &Path) -> PathBuf {
    let path = path.to_string_lossy();
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?immutable=1").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_table() -> Connection {
        let mut connection = Connection::in_memory();
        connection
            .batch("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT) STRICT")
            .unwrap();
        connection
    }

    fn names(connection: &mut Connection) -> Vec<String> {
        connection
            .query("SELECT name FROM t ORDER BY id", (), |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_statement_run_again_takes_its_new_parameters() {
        let mut connection = with_table();
        for name in ["one", "two", "three"] {
            assert_eq!(connection.execute("INSERT INTO t(name) VALUES (?)", (name,)), Ok(1));
        }
        assert_eq!(names(&mut connection), ["one", "two", "three"]);
        for name in ["three", "one"] {
            let found = connection.query("SELECT name FROM t WHERE name = ?", (name,), |row| row.get::<String>(0));
            assert_eq!(found, Ok(vec![name.to_owned()]));
        }
    }

    #[test]
    fn a_statement_that_failed_runs_again_with_new_parameters() {
        let mut connection = with_table();
        let mut insert = |id: i64| connection.execute("INSERT INTO t(id, name) VALUES (?, 'x')", (id,));
        assert_eq!(insert(1), Ok(1));
        assert!(matches!(insert(1), Err(StoreError::Constraint(_))));
        assert_eq!(insert(2), Ok(1));
    }

    #[test]
    fn too_few_and_too_many_parameters_are_refused_before_anything_runs() {
        let mut connection = with_table();
        let sql = "INSERT INTO t(id, name) VALUES (?1, ?2)";
        assert!(matches!(connection.execute(sql, (1,)), Err(StoreError::Misuse(_))));
        assert!(matches!(
            connection.execute(sql, (1, "a", "b")),
            Err(StoreError::Misuse(_))
        ));
        assert!(matches!(
            connection.query("SELECT ?1", (), |_| Ok(())),
            Err(StoreError::Misuse(_))
        ));
        assert!(names(&mut connection).is_empty());
    }

    #[test]
    fn two_statements_in_one_are_refused_before_the_first_runs() {
        let mut connection = with_table();
        let outcome = connection.execute("INSERT INTO t(name) VALUES ('a'); INSERT INTO t(name) VALUES ('b')", ());
        assert!(matches!(outcome, Err(StoreError::Misuse(_))));
        assert!(names(&mut connection).is_empty());
    }

    #[test]
    fn rows_that_are_kept_hold_their_own_values() {
        let mut connection = with_table();
        connection
            .batch("INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, NULL)")
            .unwrap();
        let rows = connection.query("SELECT id, name FROM t ORDER BY id", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        assert_eq!(
            rows,
            Ok(vec![
                (1_i64, Some("one".to_owned())),
                (2, Some("two".to_owned())),
                (3, None)
            ])
        );
    }

    #[test]
    fn executing_what_gives_rows_is_refused_before_it_writes() {
        let mut connection = with_table();
        let outcome = connection.execute("INSERT INTO t(name) VALUES ('a') RETURNING id", ());
        assert!(matches!(outcome, Err(StoreError::Misuse(_))));
        assert!(names(&mut connection).is_empty());
        assert!(matches!(
            connection.query("DELETE FROM t", (), |_| Ok(())),
            Err(StoreError::Misuse(_))
        ));
    }

    #[test]
    fn a_query_that_writes_has_committed_when_it_returns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        std::fs::write(&path, "").unwrap();
        let mut connection = Connection::open(&path, Access::Write).unwrap();
        connection
            .batch("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT) STRICT")
            .unwrap();
        let insert = "INSERT INTO t(name) VALUES ('a'), ('b') RETURNING id";
        assert_eq!(connection.query(insert, (), |row| row.get::<i64>(0)), Ok(vec![1, 2]));
        assert!(connection.is_autocommit());
        // Also when the reader of the rows gives up at the first of them.
        let given_up = connection.query(insert, (), |row| row.get::<String>(0));
        assert!(matches!(given_up, Err(StoreError::Unreadable(_))));
        assert!(connection.is_autocommit());
        let mut other = Connection::open(&path, Access::Write).unwrap().impatient();
        assert_eq!(other.execute("INSERT INTO t(name) VALUES ('c')", ()), Ok(1));
        assert_eq!(names(&mut other), ["a", "b", "a", "b", "c"]);
    }

    #[test]
    fn text_that_would_be_cut_at_a_nul_is_refused() {
        let mut connection = with_table();
        let outcome = connection.execute("INSERT INTO t(name) VALUES (?)", ("a\0b",));
        assert!(matches!(outcome, Err(StoreError::Misuse(_))));
        assert!(names(&mut connection).is_empty());
        assert_eq!(
            connection.query_one("SELECT ?", (b"a\0b".to_vec(),), |row| row.get(0)),
            Ok(Some(b"a\0b".to_vec()))
        );
    }

    #[test]
    fn one_row_means_one_row() {
        let mut connection = with_table();
        let one = "SELECT name FROM t";
        assert_eq!(connection.query_one(one, (), |row| row.get::<String>(0)), Ok(None));
        connection.batch("INSERT INTO t(name) VALUES ('a'), ('b')").unwrap();
        assert!(matches!(
            connection.query_one(one, (), |row| row.get::<String>(0)),
            Err(StoreError::Misuse(_))
        ));
    }

    #[test]
    fn a_lock_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        std::fs::write(&path, "").unwrap();
        let mut first = Connection::open(&path, Access::Write).unwrap();
        first
            .batch("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT) STRICT")
            .unwrap();
        first.batch("BEGIN IMMEDIATE").unwrap();
        let (asked, second) = (
            std::sync::Barrier::new(2),
            Connection::open(&path, Access::Write).unwrap(),
        );
        std::thread::scope(|scope| {
            let (mut second, asked) = (second, &asked);
            let waiting = scope.spawn(move || {
                asked.wait();
                second.execute("INSERT INTO t(name) VALUES ('late')", ())
            });
            asked.wait();
            for _ in 0..1000 {
                first.execute("INSERT INTO t(name) VALUES ('early')", ()).unwrap();
            }
            first.batch("COMMIT").unwrap();
            assert_eq!(waiting.join().unwrap(), Ok(1));
        });
    }

    #[test]
    fn a_directory_and_a_missing_file_cannot_be_opened_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("missing.db")] {
            assert!(matches!(
                Connection::open(&path, Access::Write),
                Err(StoreError::CannotOpen(_))
            ));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
