//! Two sessions' keys in a store of their own.

use std::sync::Arc;

use switchboard_core::clock::{Clock, ManualClock, UnixMillis};

use super::KeyStore;
use crate::testing::TestStore;

pub(crate) struct TestKeys {
    pub(crate) test: TestStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) keys: KeyStore,
    pub(crate) others: KeyStore,
}

impl TestKeys {
    pub(crate) fn new() -> Self {
        Self::of(TestStore::new())
    }

    pub(crate) async fn reopened(self) -> Self {
        Self::of(self.test.reopened().await)
    }

    fn of(test: TestStore) -> Self {
        let clock = Arc::new(ManualClock::at(UnixMillis::from_secs(1_700_000_000)));
        let keys = |session: &str| {
            let clock = Arc::clone(&clock) as Arc<dyn Clock>;
            KeyStore::new(test.store.clone(), clock, &session.parse().unwrap())
        };
        Self {
            keys: keys("qr_1700000000000_00000001"),
            others: keys("qr_1700000000000_00000002"),
            clock,
            test,
        }
    }
}
