//! Time as an argument: the simulator asks a [`Clock`] for the time of day, so a test can stand it still.
//!
//! Waiting (timeouts, delays) is tokio's, which tests can pause by themselves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of day.
pub trait Clock: Send + Sync + 'static {
    /// Time since the Unix epoch.
    fn unix_time(&self) -> Duration;

    /// Whole seconds since the Unix epoch, as stanzas carry them.
    fn unix_seconds(&self) -> u64 {
        self.unix_time().as_secs()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the simulator's one place that reads the clock"
    )]
    fn unix_time(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}
