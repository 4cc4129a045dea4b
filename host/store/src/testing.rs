//! A store of its own for each test.

use std::sync::Arc;

use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::registry::Registry;
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

    /// How often `bytes` stand in the files beside the database, as they are on the disk now.
    pub(crate) fn count_on_disk(&self, bytes: &[u8]) -> usize {
        let entries = std::fs::read_dir(self.data.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| {
                let file = std::fs::read(path).unwrap();
                file.windows(bytes.len()).filter(|window| *window == bytes).count()
            })
            .sum()
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

/// What Prometheus would read.
pub(crate) fn numbers(register: impl FnOnce(&mut Registry)) -> String {
    let mut registry = Registry::default();
    register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
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
