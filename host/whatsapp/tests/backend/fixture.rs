//! A store in a folder of its own, that can be closed and opened again.

use std::sync::{Arc, LazyLock};

use switchboard_core::clock::{Clock, ManualClock, UnixMillis};
use switchboard_core::ids::SessionId;
use switchboard_core::random::SeededRandom;
use switchboard_core::realm::Realm;
use switchboard_store::keys::KeyStore;
use switchboard_store::{DataFolder, OpenOptions, Store};
use switchboard_whatsapp::backend::Backend;
use tempfile::TempDir;
use whatsapp_rust::wacore::time::{TimeProvider, set_time_provider};

/// The clock by which the library's own storage stamps its rows. A process has one, and it must be there before the library first
/// asks for the time.
pub(crate) static LIBRARY_CLOCK: LazyLock<Arc<ManualClock>> = LazyLock::new(|| {
    let clock = Arc::new(ManualClock::at(UnixMillis::from_secs(1_700_000_000)));
    set_time_provider(LibraryTime(Arc::clone(&clock))).unwrap();
    clock
});

struct LibraryTime(Arc<ManualClock>);

impl TimeProvider for LibraryTime {
    fn now_millis(&self) -> i64 {
        self.0.now().0
    }
}

pub(crate) struct Fixture {
    store: Store,
    folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

impl Fixture {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Self {
        LazyLock::force(&LIBRARY_CLOCK);
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: open(&folder, &clock),
            folder,
            clock,
        }
    }

    /// A store whose clock stands still.
    pub(crate) fn at_rest() -> Self {
        Self::new(Arc::new(ManualClock::at(UnixMillis::from_secs(1_700_000_000))))
    }

    /// Closes the store and opens it again: what is on the disk is all there is.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = open(&self.folder, &self.clock);
    }

    /// The keys of the `n`th session.
    pub(crate) fn keys(&self, n: usize) -> KeyStore {
        let session: SessionId = format!("qr_1700000000000_0000000{n}").parse().unwrap();
        KeyStore::new(self.store.clone(), Arc::clone(&self.clock) as Arc<dyn Clock>, &session)
    }

    /// The `n`th session as the library sees it.
    pub(crate) fn backend(&self, n: usize) -> Backend {
        Backend::new(self.keys(n))
    }

    /// Closes the store, so that whatever is asked of it next fails.
    pub(crate) async fn close(&self) {
        self.store.close().await;
    }
}

fn open(folder: &TempDir, clock: &Arc<ManualClock>) -> Store {
    let options = OpenOptions {
        realm: Realm::Simulator,
        seal_key: None,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        random: Arc::new(SeededRandom::new(1)),
    };
    Store::open(&DataFolder::open(folder.path()).unwrap(), options).unwrap()
}
