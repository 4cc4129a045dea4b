//! A look at a database that changes nothing: what it is, whether it is whole, and what a start would do to it.
//!
//! [`Store::open`](crate::Store::open) looks before it touches; `migrate` and `doctor` show what was seen. A running process is not
//! disturbed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use switchboard_core::realm::Realm;

use crate::db::{Access, Connection, Reader};
use crate::migrations::{self, Applied, MIGRATIONS, Migration, Mismatch};
use crate::{OpenError, StoreError, folder};

/// Up to this size the whole file is checked at every start, which takes well under a second. A larger one is checked when the
/// process before did not close it, and by `doctor`.
const ALWAYS_CHECKED_BYTES: u64 = 256 << 20;

/// What a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The realm it belongs to.
    pub realm: Realm,
    /// The migrations it has, in order.
    pub applied: Vec<Applied>,
    /// A value sealed with its key.
    pub(crate) seal_check: Vec<u8>,
    /// What is wrong with the pages of the file; empty when it is whole or was not checked.
    pub damage: Vec<String>,
}

impl Look {
    /// The migrations that this binary would add.
    ///
    /// # Errors
    /// When the database is newer than the binary, or has another history.
    pub fn pending(&self) -> Result<&'static [Migration], Mismatch> {
        migrations::pending(MIGRATIONS, &self.applied)
    }
}

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// As a start does.
    Start,
    /// Every page.
    Whole,
}

/// Looks at the database in the data folder at `path`, every page of it. `None`: there is none yet.
///
/// # Errors
/// [`OpenError`]: it cannot be read, or is not a database of ours.
pub fn look(path: &Path) -> Result<Option<Look>, OpenError> {
    look_at(&folder::database_in(path), Depth::Whole)
}

/// Looks at the database file at `path`.
pub(crate) fn look_at(path: &Path, depth: Depth) -> Result<Option<Look>, OpenError> {
    let bytes = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(OpenError::NotADatabase { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::folder(path, error)),
    };
    if bytes == 0 {
        return Ok(None);
    }
    let check = depth == Depth::Whole || bytes <= ALWAYS_CHECKED_BYTES || left_open(path);
    let path = fs::canonicalize(path).map_err(|error| OpenError::folder(path, error))?;
    let look =
        |access| Connection::open(&path, access).and_then(|mut connection| connection.snapshot(|r| read(r, check)));
    let found = if log_of(&path).exists() {
        look(Access::Read)
    } else {
        let found = look(Access::ReadAtRest);
        // A process that has opened the file meanwhile may have changed it while it was read.
        if log_of(&path).exists() {
            look(Access::Read)
        } else {
            found
        }
    };
    match found {
        Ok(Found::Nothing) => Ok(None),
        Ok(Found::Ours(look)) => Ok(Some(look)),
        Ok(Found::Foreign) => Err(OpenError::NotADatabase { path }),
        Err(error) => Err(OpenError::store(&path, error)),
    }
}

enum Found {
    Nothing,
    Ours(Look),
    Foreign,
}

fn read(reader: &mut Reader<'_>, check: bool) -> Result<Found, StoreError> {
    let tables = reader.query("SELECT name FROM sqlite_schema WHERE type = 'table'", (), |row| {
        row.get::<String>(0)
    })?;
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !["meta", "schema_migrations"]
        .iter()
        .all(|ours| tables.iter().any(|name| name == ours))
    {
        return Ok(Found::Foreign);
    }
    let mut damage = Vec::new();
    if check {
        let found: Vec<String> = reader.query("PRAGMA quick_check(10)", (), |row| row.get(0))?;
        // One finding may come in several lines, the first of which only names the database.
        let lines = found.iter().flat_map(|finding| finding.lines());
        damage.extend(
            lines
                .filter(|line| *line != "ok" && !line.starts_with("***"))
                .map(str::to_owned),
        );
    }
    let realm = reader.query_one("SELECT value FROM meta WHERE name = 'realm'", (), |row| row.parse(0))?;
    let seal_check = reader.query_one("SELECT value FROM meta WHERE name = 'seal_check'", (), |row| row.get(0))?;
    let (Some(realm), Some(seal_check)) = (realm, seal_check) else {
        return Ok(Found::Foreign);
    };
    Ok(Found::Ours(Look {
        realm,
        applied: migrations::applied(reader)?,
        seal_check,
        damage,
    }))
}

/// Whether the last process ended without closing the file: only then is there still something in the log.
fn left_open(database: &Path) -> bool {
    fs::metadata(log_of(database)).is_ok_and(|metadata| metadata.len() > 0)
}

/// The log of the file at `database`: there from when a process opens the file until it closes it.
fn log_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestStore;

    fn names(folder: &Path) -> Vec<PathBuf> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn a_look_at_a_closed_database_makes_no_file_whatever_its_folder_is_called() {
        let test = TestStore::new();
        let running = look(test.data.path()).unwrap();
        test.store.close().await;
        let parent = tempfile::tempdir().unwrap();
        let odd = parent.path().join("50%3f of what? #1");
        fs::create_dir(&odd).unwrap();
        fs::copy(folder::database_in(test.data.path()), folder::database_in(&odd)).unwrap();
        for folder in [test.data.path(), &odd] {
            let before = names(folder);
            assert_eq!(look(folder).unwrap(), running);
            assert_eq!(names(folder), before);
        }
    }
}
