//! The schema, step by step: `migrations/NNNN_name.sql`, embedded in the binary and applied in order.
//!
//! A file that has been released never changes: its checksum is kept in every database, and one that differs is refused. So is a
//! database with a migration that this binary does not know. Each file is one transaction together with its row in
//! `schema_migrations`.

use sha2::{Digest, Sha256};
use switchboard_core::clock::{Clock, UnixMillis};

use crate::StoreError;
use crate::db::{Connection, Reader};

macro_rules! embedded {
    ($($file:literal),* $(,)?) => {
        &[$(Migration { file: $file, sql: include_str!(concat!("../../../migrations/", $file, ".sql")) }),*]
    };
}

/// Every migration, in order. A new one is a new line here.
pub(crate) const MIGRATIONS: &[Migration] = embedded![
    "0001_keys",
    "0002_sessions",
    "0003_messages",
    "0004_tokens",
    "0005_unreadable",
    "0006_phone_number",
    "0007_token_access",
    "0008_session_losses",
    "0009_session_proxy",
    "0010_session_wait",
    "0011_plugin_records",
];

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    file: &'static str,
    sql: &'static str,
}

impl Migration {
    /// The file's name without `.sql`, such as `0001_keys`. They sort in the order in which they apply.
    pub const fn name(&self) -> &'static str {
        self.file
    }

    fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.sql).into()
    }
}

/// A migration that a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The file's name without `.sql`.
    pub name: String,
    /// When it was applied.
    pub at: UnixMillis,
    sha256: [u8; 32],
}

/// Why a database does not fit this binary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It has a migration that came after this binary.
    #[error("it was used by a newer version, which has added {0}; use that version, or restore a backup from before")]
    Newer(String),
    /// It was made by a migration whose text is another one now.
    #[error("its migration {0} is not the one that this version knows; the two have different histories")]
    Changed(String),
}

/// What `known` has to add to a database that has `applied`.
pub(crate) fn pending<'m>(known: &'m [Migration], applied: &[Applied]) -> Result<&'m [Migration], Mismatch> {
    for (index, done) in applied.iter().enumerate() {
        match known.get(index) {
            None => return Err(Mismatch::Newer(done.name.clone())),
            Some(step) if step.file != done.name || step.sha256() != done.sha256 => {
                return Err(Mismatch::Changed(done.name.clone()));
            }
            Some(_) => {}
        }
    }
    Ok(known.get(applied.len()..).unwrap_or_default())
}

/// The table of applied migrations; part of a database from its first moment.
pub(crate) const TABLE: &str = "CREATE TABLE schema_migrations(
  version INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sha256 BLOB NOT NULL, applied_at INTEGER NOT NULL) STRICT";

/// The migrations that the database has, in order.
pub(crate) fn applied(reader: &mut Reader<'_>) -> Result<Vec<Applied>, StoreError> {
    reader.query(
        "SELECT name, applied_at, sha256 FROM schema_migrations ORDER BY version",
        (),
        |row| {
            Ok(Applied {
                name: row.get(0)?,
                at: row.get(1)?,
                sha256: row.get(2)?,
            })
        },
    )
}

/// Applies `steps`, each in a transaction of its own. What was applied before a failure stays.
pub(crate) fn apply(connection: &mut Connection, steps: &[Migration], clock: &dyn Clock) -> Result<(), StoreError> {
    for step in steps {
        connection.immediate(|tx| {
            tx.batch(step.sql)?;
            tx.execute(
                "INSERT INTO schema_migrations(name, sha256, applied_at) VALUES (?, ?, ?)",
                (step.file, step.sha256(), clock.now()),
            )
        })?;
        tracing::info!(migration = step.file, "migration applied");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use switchboard_core::clock::ManualClock;

    use super::*;

    const ONE: Migration = Migration {
        file: "0001_one",
        sql: "CREATE TABLE one(id INTEGER) STRICT; INSERT INTO one VALUES (1);",
    };
    const TWO: Migration = Migration {
        file: "0002_two",
        sql: "CREATE TABLE two(id INTEGER) STRICT;",
    };
    static CLOCK: ManualClock = ManualClock::at(UnixMillis(5));

    fn database() -> Connection {
        let mut connection = Connection::in_memory();
        connection.batch(TABLE).unwrap();
        connection
    }

    fn history(connection: &mut Connection) -> Vec<Applied> {
        connection.snapshot(applied).unwrap()
    }

    #[test]
    fn each_migration_is_applied_once_and_remembered() {
        let mut connection = database();
        apply(&mut connection, &[ONE], &CLOCK).unwrap();
        let known = [ONE, TWO];
        let rest = pending(&known, &history(&mut connection)).unwrap();
        assert_eq!(rest.iter().map(Migration::name).collect::<Vec<_>>(), ["0002_two"]);
        apply(&mut connection, rest, &CLOCK).unwrap();
        let history = history(&mut connection);
        assert_eq!(
            history.iter().map(|done| (&*done.name, done.at.0)).collect::<Vec<_>>(),
            [("0001_one", 5), ("0002_two", 5)]
        );
        assert!(pending(&known, &history).unwrap().is_empty());
    }

    #[test]
    fn a_migration_that_fails_half_way_leaves_nothing_of_itself() {
        let mut connection = database();
        let broken = Migration {
            file: "0002_broken",
            sql: "CREATE TABLE half(id INTEGER) STRICT; INSERT INTO missing VALUES (1);",
        };
        assert!(apply(&mut connection, &[ONE, broken], &CLOCK).is_err());
        let tables = connection.query(
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
            (),
            |row| row.get(0),
        );
        assert_eq!(tables, Ok(vec!["one".to_owned(), "schema_migrations".to_owned()]));
        assert_eq!(history(&mut connection).len(), 1);
    }

    #[test]
    fn a_migration_that_commits_by_itself_does_not_count_as_applied() {
        let mut connection = database();
        let sly = Migration {
            file: "0001_sly",
            sql: "CREATE TABLE a(id INTEGER) STRICT; commit; CREATE TABLE b(id INTEGER) STRICT",
        };
        assert!(apply(&mut connection, &[sly], &CLOCK).is_err());
        assert!(history(&mut connection).is_empty());
    }

    #[test]
    fn a_newer_database_and_a_changed_migration_are_told_apart() {
        let mut connection = database();
        apply(&mut connection, &[ONE, TWO], &CLOCK).unwrap();
        let history = history(&mut connection);
        assert_eq!(
            pending(&[ONE], &history).unwrap_err(),
            Mismatch::Newer("0002_two".to_owned())
        );
        let changed = Migration {
            file: "0001_one",
            sql: "CREATE TABLE one(id TEXT) STRICT",
        };
        assert_eq!(
            pending(&[changed, TWO], &history).unwrap_err(),
            Mismatch::Changed("0001_one".to_owned())
        );
    }

    #[test]
    fn every_file_is_embedded_numbered_without_gaps_and_leaves_transactions_alone() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let names = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = names
            .filter_map(|name| name.strip_suffix(".sql").map(str::to_owned))
            .collect();
        files.sort_unstable();
        assert_eq!(files, MIGRATIONS.iter().map(Migration::name).collect::<Vec<_>>());
        for (index, step) in MIGRATIONS.iter().enumerate() {
            assert!(
                step.file.starts_with(&format!("{:04}_", index + 1)),
                "{} is out of turn",
                step.file
            );
            let sql = step
                .sql
                .lines()
                .map(|line| line.split("--").next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("\n");
            let words = sql
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .map(str::to_uppercase);
            let forbidden = words.filter(|word| ["BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "ATTACH"].contains(&&**word));
            assert_eq!(forbidden.collect::<Vec<_>>(), Vec::<String>::new(), "{}", step.file);
            for table in sql.split("CREATE TABLE").skip(1) {
                let end = table.split(';').next().unwrap_or_default();
                assert!(end.contains("STRICT"), "a table of {} is not STRICT: {end}", step.file);
            }
        }
    }

    #[test]
    fn the_embedded_migrations_apply_to_an_empty_database() {
        let mut connection = database();
        apply(&mut connection, MIGRATIONS, &CLOCK).unwrap();
        assert_eq!(history(&mut connection).len(), MIGRATIONS.len());
    }

    #[test]
    fn a_token_from_before_tokens_had_scopes_goes_on_allowing_everything() {
        use switchboard_core::access::Scopes;
        let mut connection = database();
        let (before, rest) = MIGRATIONS.split_at(4);
        apply(&mut connection, before, &CLOCK).unwrap();
        let old = "INSERT INTO tokens (token_id, subject, issued_s, expires_s) VALUES ('old', 'app', 1, 2)";
        connection.batch(old).unwrap();
        apply(&mut connection, rest, &CLOCK).unwrap();
        let scopes: Option<String> = connection
            .query_one("SELECT scopes FROM tokens WHERE sessions IS NULL", (), |row| row.get(0))
            .unwrap();
        assert_eq!(serde_json::from_str::<Scopes>(&scopes.unwrap()).unwrap(), Scopes::all());
    }
}
