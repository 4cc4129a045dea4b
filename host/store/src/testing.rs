//! A store of its own for each test.

use std::sync::Arc;

use switchboard_core::clock::{ManualClock, UnixMillis};
use switchboard_core::random::SeededRandom;
use switchboard_core::realm::Realm;
use tempfile::TempDir;

use crate::{DataFolder, OpenOptions, Store};

/// A store in a temporary data folder.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) data: TempDir,
}

impl TestStore {
    /// A new, empty one.
    pub(crate) fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        Self {
            store: open(&data),
            data,
        }
    }

    /// Closes the store and opens it again from what is on disk.
    pub(crate) async fn reopened(self) -> Self {
        self.store.close().await;
        Self {
            store: open(&self.data),
            data: self.data,
        }
    }
}

/// A new, empty store for a test that opens it only once. Its files have no name any more, and vanish with it.
pub(crate) async fn store() -> Store {
    TestStore::new().store
}

fn open(data: &TempDir) -> Store {
    let folder = DataFolder::open(data.path()).unwrap();
    let options = OpenOptions {
        realm: Realm::Simulator,
        seal_key: None,
        clock: Arc::new(ManualClock::at(UnixMillis(1_700_000_000_000))),
        random: Arc::new(SeededRandom::new(1)),
    };
    Store::open(&folder, options).unwrap()
}
