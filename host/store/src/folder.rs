//! The data folder: one process uses it at a time, and nobody else may read it.
//!
//! ```text
//! switchboard.db   the database (with -wal and -shm while it is in use)
//! lock             held while a process uses the folder; names it
//! keys/            seal.key and jwt.json
//! plugins/         components that the operator adds
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
const SEAL_KEY: &str = "keys/seal.key";
const SUBFOLDERS: [&str; 4] = ["keys", "plugins", "cache/plugins", "media"];

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
        // The superuser may write what is marked read-only; the mark still says that its owner does not want it.
        let metadata = fs::metadata(&path).map_err(|error| OpenError::folder(&path, error))?;
        if metadata.permissions().readonly() {
            return Err(OpenError::NotWritable { path });
        }
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

    /// The folder itself, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `keys/`
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// `plugins/`
    pub fn plugins(&self) -> PathBuf {
        self.path.join("plugins")
    }

    /// `cache/plugins/`
    pub fn plugin_cache(&self) -> PathBuf {
        self.path.join("cache/plugins")
    }

    /// `media/`
    pub fn media(&self) -> PathBuf {
        self.path.join("media")
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

fn take_lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
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
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who it is helps, but the answer is the same without it.
            let pid = file
                .read_to_string(&mut holder)
                .ok()
                .and_then(|_| holder.trim().parse().ok());
            return Err(OpenError::Locked {
                path: folder.to_owned(),
                pid,
            });
        }
        Err(TryLockError::Error(error)) => return Err(fault(error)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(fault)?;
    Ok(file)
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
        for path in [
            folder.path().to_owned(),
            folder.keys(),
            folder.plugins(),
            folder.plugin_cache(),
            folder.media(),
        ] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
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
