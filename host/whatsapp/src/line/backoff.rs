//! How often the attempts to connect have failed in a row, and what that makes of the next wait.

use std::time::Duration;

use switchboard_core::random::{Random, below};
use tokio::time::Instant;

use super::loss::Wait;

/// How long a connection must hold to end a row of failures. A server that lets everybody in and throws them out again at once
/// would otherwise be asked every second.
const HOLDS: Duration = Duration::from_secs(30);

/// Waits that double, up to a fifth shorter or longer, so that sessions that fell together do not rise together. A failure that asks
/// for another patience than the one before begins a row of its own.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    row: Option<Wait>,
    failures: u32,
    connected: Option<Instant>,
}

impl Backoff {
    /// The next wait.
    pub(super) fn next(&mut self, wait: Wait, random: &dyn Random) -> Duration {
        let held = self.connected.take().is_some_and(|at| at.elapsed() >= HOLDS);
        if self.row.replace(wait) != Some(wait) || held {
            self.failures = 0;
        }
        let mean = match self.failures {
            0 => wait.first,
            more => wait.then.saturating_mul(1 << (more - 1).min(16)),
        };
        self.failures = self.failures.saturating_add(1);
        jittered(mean.min(wait.most), random).min(wait.most)
    }

    /// There is a connection now.
    pub(super) fn connected(&mut self) {
        self.connected = Some(Instant::now());
    }
}

/// `wait` with a fifth more or less.
fn jittered(wait: Duration, random: &dyn Random) -> Duration {
    let spread = u64::try_from(wait.as_millis() * 2 / 5).unwrap_or(u64::MAX);
    wait * 4 / 5 + Duration::from_millis(below(random, spread))
}

#[cfg(test)]
mod tests {
    use switchboard_core::random::SeededRandom;

    use super::*;

    const WAIT: Wait = Wait {
        first: Duration::ZERO,
        then: Duration::from_secs(1),
        most: Duration::from_secs(120),
    };
    const OTHER: Wait = Wait {
        first: Duration::from_secs(60),
        ..WAIT
    };

    fn is_about(wait: Duration, secs: u64) -> bool {
        let mean = Duration::from_secs(secs);
        wait >= mean * 4 / 5 && wait <= mean * 6 / 5
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_their_most_and_begin_anew_after_a_connection_that_held() {
        let (mut backoff, random) = (Backoff::default(), SeededRandom::new(1));
        for secs in [0, 1, 2, 4, 8, 16, 32, 64, 120, 120] {
            let wait = backoff.next(WAIT, &random);
            assert!(is_about(wait, secs), "{wait:?} for {secs} s");
        }
        backoff.connected();
        tokio::time::advance(HOLDS / 2).await;
        assert!(is_about(backoff.next(WAIT, &random), 120), "it did not hold");
        backoff.connected();
        tokio::time::advance(HOLDS).await;
        assert_eq!(backoff.next(WAIT, &random), Duration::ZERO);
    }

    #[test]
    fn another_kind_of_failure_begins_at_its_own_first_wait_and_none_waits_longer_than_its_most() {
        let (mut backoff, random) = (Backoff::default(), SeededRandom::new(1));
        for _ in 0..40 {
            assert!(backoff.next(WAIT, &random) <= WAIT.most);
        }
        assert!(is_about(backoff.next(OTHER, &random), 60));
    }
}
