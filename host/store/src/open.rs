//! Opening the store: every check first, and not a byte written before all of them have passed.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use switchboard_core::clock::Clock;
use switchboard_core::random::Random;
use switchboard_core::realm::Realm;

use crate::db::Connection;
use crate::folder::{database_in, seal_key_in};
use crate::look::{Depth, Look, look_at};
use crate::migrations::{self, MIGRATIONS, Mismatch};
use crate::readers::Readers;
use crate::seal::{SealKey, Sealer};
use crate::writer::{self, Writer};
use crate::{DataFolder, Store, StoreError};

/// What the store needs to know to open.
#[derive(Debug)]
pub struct OpenOptions {
    /// The realm of this build. A database of the other one is refused.
    pub realm: Realm,
    /// The key that seals secrets. `None`: the one in `keys/seal.key`, which is made together with the database.
    pub seal_key: Option<SealKey>,
    /// For the times of migrations.
    pub clock: Arc<dyn Clock>,
    /// For nonces, and for a new seal key: fit for keys.
    pub random: Arc<dyn Random>,
}

/// Why the data folder or the database cannot be used. Each is one sentence for the operator, and nothing was overwritten.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The parent of the data folder does not exist.
    #[error("{} cannot be made, because the folder that it belongs in does not exist; make that folder, or mount its volume", path.display())]
    NoParent {
        /// The data folder.
        path: PathBuf,
    },
    /// The data folder is a file.
    #[error("{} is a file; the data folder must be a folder", path.display())]
    NotAFolder {
        /// The data folder.
        path: PathBuf,
    },
    /// The data folder, the database or something in the folder may not be written.
    #[error("{} is not writable; give this user the right to write it", path.display())]
    NotWritable {
        /// What is not writable.
        path: PathBuf,
    },
    /// Another process uses the data folder.
    #[error("{} is in use by {}; stop it, or use another data folder", path.display(), Holder(*pid))]
    Locked {
        /// The data folder.
        path: PathBuf,
        /// The process, if its lock names it.
        pid: Option<u32>,
    },
    /// The file is damaged.
    #[error("{} is damaged ({damage}); restore it from a backup", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What was found.
        damage: String,
    },
    /// The file is a database, but not one of ours, or no file at all.
    #[error("{} is not a database of Switchboard; move it away", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database does not fit this version.
    #[error("{} does not fit this version: {mismatch}", path.display())]
    Mismatch {
        /// The database.
        path: PathBuf,
        /// In which way.
        mismatch: Mismatch,
    },
    /// The database belongs to the other realm.
    #[error("{} belongs to the realm {found}, and this build to {ours}; use another data folder", path.display())]
    OtherRealm {
        /// The database.
        path: PathBuf,
        /// The realm of the database.
        found: Realm,
        /// The realm of this build.
        ours: Realm,
    },
    /// The seal key is there, but not the database it belongs to.
    #[error("{} is missing, but its seal key is there: restore the database from a backup, or remove keys/seal.key to begin anew", path.display())]
    DatabaseMissing {
        /// Where the database should be.
        path: PathBuf,
    },
    /// The database is there, but not its seal key.
    #[error("the seal key of {} is missing: restore keys/seal.key, or set data.seal_key", path.display())]
    SealKeyMissing {
        /// The database.
        path: PathBuf,
    },
    /// The key file does not hold a key.
    #[error("{} does not hold a seal key, which is 32 bytes in base64; restore it", path.display())]
    SealKeyMalformed {
        /// The key file.
        path: PathBuf,
    },
    /// The seal key is that of another database.
    #[error("the seal key is not the one that {} was sealed with: restore keys/seal.key, or correct data.seal_key", path.display())]
    WrongSealKey {
        /// The database.
        path: PathBuf,
    },
    /// The file system failed.
    #[error("{} cannot be used: {error}", path.display())]
    Io {
        /// What was being used.
        path: PathBuf,
        /// The failure.
        error: io::Error,
    },
    /// The database failed.
    #[error("{} cannot be used: {error}", path.display())]
    Store {
        /// The database.
        path: PathBuf,
        /// The failure.
        error: StoreError,
    },
}

impl OpenError {
    /// A failure of the file system at `path`.
    pub(crate) fn folder(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoParent { path },
            io::ErrorKind::NotADirectory => Self::NotAFolder { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::NotWritable { path },
            _ => Self::Io { path, error },
        }
    }

    /// A failure of the database at `path`.
    pub(crate) fn store(path: &Path, error: StoreError) -> Self {
        let path = path.to_owned();
        match error {
            StoreError::Corrupt(damage) => Self::Corrupt { path, damage },
            StoreError::ReadOnly => Self::NotWritable { path },
            error => Self::Store { path, error },
        }
    }
}

/// Whether the seal key of the data folder at `path`, or `given` in its place, is the one of the database seen there. Changes
/// nothing; `random` is not drawn from.
///
/// # Errors
/// [`OpenError`]: the key is missing, malformed, or another one.
pub fn check_seal_key(
    path: &Path,
    look: &Look,
    given: Option<SealKey>,
    random: Arc<dyn Random>,
) -> Result<(), OpenError> {
    let database = database_in(path);
    let key = given.map_or_else(|| seal_key_in(path), |key| Ok(Some(key)))?;
    let Some(key) = key else {
        return Err(OpenError::SealKeyMissing { path: database });
    };
    check_seal(&Sealer::new(&key, random), look, database)
}

fn check_seal(sealer: &Sealer, look: &Look, path: PathBuf) -> Result<(), OpenError> {
    match sealer.open(META, CHECK_ROW, &look.seal_check) {
        Ok(_) => Ok(()),
        Err(_) => Err(OpenError::WrongSealKey { path }),
    }
}

struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

/// Opens the database in `folder`, or makes one if there is none, and brings it up to this version.
pub(crate) fn open(folder: &DataFolder, options: OpenOptions) -> Result<Store, OpenError> {
    let path = folder.database();
    let look = look_at(&path, Depth::Start)?;
    if let Some(look) = &look {
        check(&path, look, options.realm)?;
    }
    let kept = match options.seal_key {
        Some(given) => Some(given),
        None => folder.seal_key()?.map(|key| refuse_orphan(&path, key)).transpose()?,
    };
    if look.is_none() {
        // Before the key, so that a key without a file is never the trace of an interrupted first start.
        make_file(&path)?;
    }
    let key = match (kept, &look) {
        (Some(key), _) => key,
        (None, None) => folder.make_seal_key(&*options.random)?,
        (None, Some(_)) => return Err(OpenError::SealKeyMissing { path }),
    };
    let sealer = Sealer::new(&key, options.random);
    if let Some(look) = &look {
        check_seal(&sealer, look, path.clone())?;
    }
    let fault = |error| OpenError::store(&path, error);
    let mut connection = writer::connect(&path).map_err(fault)?;
    if look.is_none() {
        create(&mut connection, options.realm, &sealer).map_err(fault)?;
    }
    let applied = look.map(|look| look.applied).unwrap_or_default();
    let pending = migrations::pending(MIGRATIONS, &applied).map_err(|mismatch| OpenError::Mismatch {
        path: path.clone(),
        mismatch,
    })?;
    migrations::apply(&mut connection, pending, &*options.clock).map_err(fault)?;
    let readers = Readers::start(&path).map_err(fault)?;
    let writer = Writer::start(connection, folder.lock()).map_err(|error| OpenError::folder(&path, error))?;
    Ok(Store::new(writer, readers, sealer))
}

const META: &str = "meta";
const CHECK_ROW: &[&[u8]] = &[b"seal_check"];
const CHECK: &[u8] = b"this key opens the values of this database";

fn check(path: &Path, look: &Look, ours: Realm) -> Result<(), OpenError> {
    let path = || path.to_owned();
    if let Some(first) = look.damage.first() {
        return Err(OpenError::Corrupt {
            path: path(),
            damage: first.clone(),
        });
    }
    if look.realm != ours {
        return Err(OpenError::OtherRealm {
            path: path(),
            found: look.realm,
            ours,
        });
    }
    look.pending()
        .map_err(|mismatch| OpenError::Mismatch { path: path(), mismatch })?;
    let metadata = fs::metadata(path()).map_err(|error| OpenError::folder(&path(), error))?;
    if metadata.permissions().readonly() {
        return Err(OpenError::NotWritable { path: path() });
    }
    Ok(())
}

/// A key that was kept belongs to a database. Beginning a new one in place of a lost one would look like a start that went well.
fn refuse_orphan(database: &Path, key: SealKey) -> Result<SealKey, OpenError> {
    if database.exists() {
        Ok(key)
    } else {
        Err(OpenError::DatabaseMissing {
            path: database.to_owned(),
        })
    }
}

/// Makes the file for its owner alone; the log beside it gets the same mode.
fn make_file(path: &Path) -> Result<(), OpenError> {
    let made = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    made.map(drop).map_err(|error| OpenError::folder(path, error))
}

fn create(connection: &mut Connection, realm: Realm, sealer: &Sealer) -> Result<(), StoreError> {
    connection.immediate(|tx| {
        tx.batch(migrations::TABLE)?;
        tx.batch("CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID")?;
        let insert = "INSERT INTO meta(name, value) VALUES (?, ?)";
        tx.execute(insert, ("realm", realm.as_str()))?;
        tx.execute(insert, ("seal_check", sealer.seal(META, CHECK_ROW, CHECK)?))?;
        Ok(())
    })
}
