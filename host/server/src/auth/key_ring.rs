//! The keys of a server that runs: those of the file, read again when the file has changed.
//!
//! The file is looked at when a key is needed, at most once in [`LOOK`], so a rotation takes effect without a restart. A file that
//! has become unreadable is told in the log, and the keys that are held go on.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use switchboard_core::clock::UnixMillis;

use super::keys::Keys;

/// How long the file is not looked at again.
const LOOK: Duration = Duration::from_secs(1);

/// Where the keys are, and the keys.
pub(crate) struct KeyRing {
    path: PathBuf,
    held: RwLock<Held>,
}

struct Held {
    keys: Arc<Keys>,
    print: Option<Print>,
    looked_at: UnixMillis,
}

/// What changes when the file does: it is never written in place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Print {
    inode: u64,
    modified: (i64, i64),
    size: u64,
}

impl Print {
    /// `None` when the file cannot be looked at.
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self {
            inode: file.ino(),
            modified: (file.mtime(), file.mtime_nsec()),
            size: file.size(),
        })
    }
}

impl Held {
    fn is_fresh(&self, now: UnixMillis) -> bool {
        // A clock that was put back must not keep us from looking.
        self.looked_at <= now && now.since(self.looked_at) < LOOK
    }
}

impl KeyRing {
    /// The ring of a file that has just been read.
    pub(crate) fn new(path: PathBuf, keys: Keys) -> Self {
        let held = Held {
            keys: Arc::new(keys),
            print: None,
            looked_at: UnixMillis(i64::MIN),
        };
        Self {
            path,
            held: RwLock::new(held),
        }
    }

    /// The keys of this moment.
    pub(super) fn at(&self, now: UnixMillis) -> Arc<Keys> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        if held.is_fresh(now) {
            return held.keys.clone();
        }
        drop(held);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if !held.is_fresh(now) {
            held.looked_at = now;
            self.look(&mut held);
        }
        held.keys.clone()
    }

    fn look(&self, held: &mut Held) {
        let print = Print::of(&self.path);
        if print == held.print {
            return;
        }
        match Keys::load(&self.path) {
            Ok(keys) => {
                if keys.signing().0 != held.keys.signing().0 {
                    tracing::info!(kid = keys.signing().0, "tokens are signed with another key from now on");
                }
                held.keys = Arc::new(keys);
            }
            Err(error) => tracing::error!(%error, "the keys of tokens cannot be read; those that are held go on"),
        }
        held.print = print;
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::random::SeededRandom;

    use super::*;

    const START: UnixMillis = UnixMillis(1_800_000_000_000);

    fn ring() -> (tempfile::TempDir, KeyRing) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        let keys = Keys::load_or_create(&path, &SeededRandom::new(1)).unwrap();
        (folder, KeyRing::new(path, keys))
    }

    fn signing(ring: &KeyRing, now: UnixMillis) -> String {
        ring.at(now).signing().0.to_owned()
    }

    #[test]
    fn a_rotation_is_taken_up_within_a_moment_also_when_the_clock_goes_back() {
        let (_folder, ring) = ring();
        let first = signing(&ring, START);
        let rotate = |seed| Keys::rotate(&ring.path, LOOK, START, &SeededRandom::new(seed)).unwrap();
        let second = rotate(2);
        assert_eq!(signing(&ring, START), first);
        assert_eq!(signing(&ring, START.plus(LOOK)), second);
        let third = rotate(3);
        assert_eq!(signing(&ring, UnixMillis(0)), third);
    }

    #[test]
    fn a_file_that_became_unreadable_leaves_the_keys_as_they_are() {
        let (_folder, ring) = ring();
        let first = signing(&ring, START);
        fs::write(&ring.path, "half of a fi").unwrap();
        assert_eq!(signing(&ring, START.plus(LOOK)), first);
        fs::remove_file(&ring.path).unwrap();
        assert_eq!(signing(&ring, START.plus(2 * LOOK)), first);
    }
}
