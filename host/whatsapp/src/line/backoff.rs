//! How long to wait before the next client.

use std::time::Duration;

use switchboard_core::random::{Random, below};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// Waits that double, with a fifth more or less, so that sessions that fell together do not rise together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait.
    pub(super) fn next(&mut self, random: &dyn Random) -> Duration {
        let wait = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        jittered(wait, random)
    }

    /// All is well again.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }
}

/// `wait` with a fifth more or less.
pub(super) fn jittered(wait: Duration, random: &dyn Random) -> Duration {
    let spread = u64::try_from(wait.as_millis() * 2 / 5).unwrap_or(u64::MAX);
    wait * 4 / 5 + Duration::from_millis(below(random, spread))
}

#[cfg(test)]
mod tests {
    use switchboard_core::random::SeededRandom;

    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_begin_anew() {
        let (mut backoff, random) = (Backoff::default(), SeededRandom::new(1));
        for secs in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let (wait, mean) = (backoff.next(&random), Duration::from_secs(secs));
            assert!(wait >= mean * 4 / 5 && wait <= mean * 6 / 5, "{wait:?} for {mean:?}");
        }
        backoff.reset();
        assert!(backoff.next(&random) < Duration::from_secs(2));
    }
}
