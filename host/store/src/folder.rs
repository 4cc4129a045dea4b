//! The data folder: one process uses it at a time, and nobody else may read it.
//!
//! ```text
//! switchboard.db   the database (with -wal and -shm while it is in use)
//! lock             held while a process uses the folder; names it
//! keys/            seal.key and jwt.json
//! plugins/         components that the operator adds
//! plugins.order    which of them goes first; without it they go by name
//! cache/plugins/   compiled components; may be deleted at any time
//! media/           files on their way in and out
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use switchboard_core::random::Random;
use switchboard_core::secret::Secret;

use crate::OpenError;
use crate::seal::SealKey;

const DATABASE: &str = "switchboard.db";
const LOCK: &str = "lock";
const SEAL_KEY: &str = "keys/seal.key";
const SUBFOLDERS: [&str; 4] = ["keys", "plugins", "cache/plugins", "media"];

/// What [`DataFolder::probe`] finds where a start would not be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// No process has ever used the folder, or it is not there yet.
    Unused,
    /// It was used, and no process uses it now.
    Free,
}

/// The data folder, locked for as long as this or a clone of it lives.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: PathBuf,
    lock: Arc<File>,
}

impl DataFolder {
    /// Takes the folder at `path` for this process. A missing folder is made, with mode 0700; its parent must be there, so that a
    /// volume that is not mounted is noticed.
    ///
    /// # Errors
    /// [`OpenError`]: not a folder, not writable, or used by another process.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        make_folder(path).map_err(|error| OpenError::folder(path, error))?;
        let path = fs::canonicalize(path).map_err(|error| OpenError::folder(path, error))?;
        refuse_read_only(&path)?;
        let lock = take_lock(&path)?;
        for subfolder in SUBFOLDERS {
            let subfolder = path.join(subfolder);
            make_folders(&subfolder).map_err(|error| OpenError::folder(&subfolder, error))?;
        }
        Ok(Self {
            path,
            lock: Arc::new(lock),
        })
    }

    /// Whether [`open`](Self::open) could take the folder at `path` now. Makes nothing and writes nothing; the lock is tried for a
    /// moment, in which a process that starts just then is refused.
    ///
    /// # Errors
    /// [`OpenError`], as `open` would give it.
    pub fn probe(path: &Path) -> Result<Probe, OpenError> {
        let fault = |error| OpenError::folder(path, error);
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(fault(io::ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A name without a folder before it belongs in the current one.
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                return fs::metadata(parent.unwrap_or(Path::new(".")))
                    .map(|_| Probe::Unused)
                    .map_err(fault);
            }
            Err(error) => return Err(fault(error)),
        }
        refuse_read_only(path)?;
        let lock = path.join(LOCK);
        let mut file = match OpenOptions::new().read(true).write(true).open(&lock) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Probe::Unused),
            Err(error) => return Err(OpenError::folder(&lock, error)),
        };
        // Shared, so that two who probe at once do not take each other for a holder.
        let outcome = file.try_lock_shared();
        locked(outcome, &mut file, path).map(|()| Probe::Free)
    }

    /// The folder itself, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `keys/`
    fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// `cache/plugins/`
    pub fn plugin_cache(&self) -> PathBuf {
        self.path.join("cache/plugins")
    }

    pub(crate) fn database(&self) -> PathBuf {
        database_in(&self.path)
    }

    /// The folder's lock, for who must outlive the folder.
    pub(crate) fn lock(&self) -> Arc<File> {
        Arc::clone(&self.lock)
    }

    /// The key in `keys/seal.key`, if there is one.
    pub(crate) fn seal_key(&self) -> Result<Option<SealKey>, OpenError> {
        seal_key_in(&self.path)
    }

    /// Makes `keys/seal.key`, which must not be there, readable by its owner alone. It is on disk when this returns.
    pub(crate) fn make_seal_key(&self, random: &dyn Random) -> Result<SealKey, OpenError> {
        let (path, draft) = (self.seal_key_path(), self.keys().join("seal.key.new"));
        let key = SealKey::mint(random);
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(key.to_text().expose().as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(self.keys())?.sync_all()
        };
        write().map_err(|error| OpenError::folder(&path, error))?;
        Ok(key)
    }

    fn seal_key_path(&self) -> PathBuf {
        self.path.join(SEAL_KEY)
    }
}

/// The seal key in the data folder at `path`, if there is one.
pub(crate) fn seal_key_in(path: &Path) -> Result<Option<SealKey>, OpenError> {
    let path = path.join(SEAL_KEY);
    let text = match fs::read_to_string(&path) {
        Ok(text) => Secret::from(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::folder(&path, error)),
    };
    SealKey::parse(&text)
        .map(Some)
        .map_err(|_| OpenError::SealKeyMalformed { path })
}

/// Where the database is in the data folder at `path`.
pub(crate) fn database_in(path: &Path) -> PathBuf {
    path.join(DATABASE)
}

/// The superuser may write what is marked read-only; the mark still says that its owner does not want it.
fn refuse_read_only(folder: &Path) -> Result<(), OpenError> {
    let metadata = fs::metadata(folder).map_err(|error| OpenError::folder(folder, error))?;
    if metadata.permissions().readonly() {
        return Err(OpenError::NotWritable {
            path: folder.to_owned(),
        });
    }
    Ok(())
}

fn take_lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK);
    let fault = |error| OpenError::folder(&path, error);
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(fault)?;
    let outcome = file.try_lock();
    locked(outcome, &mut file, folder)?;
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(fault)?;
    Ok(file)
}

/// What the attempt to lock `file`, the lock of `folder`, comes to: who holds it stands in it.
fn locked(outcome: Result<(), TryLockError>, file: &mut File, folder: &Path) -> Result<(), OpenError> {
    match outcome {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who it is helps, but the answer is the same without it.
            let pid = file
                .read_to_string(&mut holder)
                .ok()
                .and_then(|_| holder.trim().parse().ok());
            Err(OpenError::Locked {
                path: folder.to_owned(),
                pid,
            })
        }
        Err(TryLockError::Error(error)) => Err(OpenError::folder(&folder.join(LOCK), error)),
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(io::ErrorKind::NotADirectory.into()),
        made => made,
    }
}

fn make_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(true).create(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use switchboard_core::random::SeededRandom;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_missing_folder_is_made_for_its_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&parent.path().join("data")).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
        for path in SUBFOLDERS.map(|subfolder| folder.path().join(subfolder)) {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
    }

    #[test]
    fn a_probe_tells_unused_from_free_and_from_in_use_and_changes_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        assert_eq!(DataFolder::probe(&path).unwrap(), Probe::Unused);
        assert!(!path.exists());
        fs::create_dir(&path).unwrap();
        assert_eq!(DataFolder::probe(&path).unwrap(), Probe::Unused);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);

        let held = DataFolder::open(&path).unwrap();
        let error = DataFolder::probe(&path).unwrap_err();
        let pid = std::process::id();
        assert!(
            matches!(error, OpenError::Locked { pid: Some(holder), .. } if holder == pid),
            "{error}"
        );
        drop(held);
        fs::write(path.join(LOCK), "of the process before").unwrap();
        fs::remove_dir(path.join("media")).unwrap();
        assert_eq!(DataFolder::probe(&path).unwrap(), Probe::Free);
        assert_eq!(fs::read(path.join(LOCK)).unwrap(), b"of the process before");
        assert!(!path.join("media").exists());
    }

    #[test]
    fn a_probe_refuses_what_opening_would_refuse() {
        let parent = tempfile::tempdir().unwrap();
        let (file, sealed) = (parent.path().join("file"), parent.path().join("sealed"));
        fs::write(&file, "").unwrap();
        fs::create_dir(&sealed).unwrap();
        fs::set_permissions(&sealed, fs::Permissions::from_mode(0o500)).unwrap();
        for path in [
            file.clone(),
            file.join("below"),
            sealed,
            parent.path().join("not/mounted"),
        ] {
            let (probed, opened) = (DataFolder::probe(&path), DataFolder::open(&path));
            assert_eq!(probed.unwrap_err().to_string(), opened.unwrap_err().to_string());
        }
    }

    #[test]
    fn a_missing_parent_is_an_error_and_nothing_is_made() {
        let parent = tempfile::tempdir().unwrap();
        let error = DataFolder::open(&parent.path().join("not/mounted")).unwrap_err();
        assert!(matches!(error, OpenError::NoParent { .. }), "{error}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_is_not_a_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataFolder::open(file.path()).unwrap_err();
        assert!(matches!(error, OpenError::NotAFolder { .. }), "{error}");
    }

    #[test]
    fn a_folder_marked_read_only_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
        let error = DataFolder::open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_second_holder_is_told_who_the_first_is_until_it_lets_go() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataFolder::open(parent.path()).unwrap();
        let clone = first.clone();
        drop(first);
        let error = DataFolder::open(parent.path()).unwrap_err();
        let pid = std::process::id();
        assert!(
            matches!(error, OpenError::Locked { pid: Some(holder), .. } if holder == pid),
            "{error}"
        );
        assert!(error.to_string().contains(&pid.to_string()));
        drop(clone);
        DataFolder::open(parent.path()).unwrap();
    }

    #[test]
    fn a_seal_key_is_readable_by_its_owner_alone_and_reads_back() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(parent.path()).unwrap();
        assert!(folder.seal_key().unwrap().is_none());
        let made = folder.make_seal_key(&SeededRandom::new(1)).unwrap();
        assert_eq!(folder.seal_key().unwrap().unwrap().to_text(), made.to_text());
        assert_eq!(mode(&folder.seal_key_path()), 0o600);
        assert_eq!(fs::read_dir(folder.keys()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_seal_key_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(parent.path()).unwrap();
        fs::write(folder.seal_key_path(), "cut of").unwrap();
        assert!(matches!(folder.seal_key(), Err(OpenError::SealKeyMalformed { .. })));
    }
}
