//! Whether a plugin is fit to be called. One that crashes at every call costs everybody time, so it is set aside for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use switchboard_core::problem::{Code, Problem};
use tokio::time::Instant;

/// Crashes without a single answer in between after which a plugin is set aside.
const STRIKES: u32 = 10;
/// The first time. Each further time, without an answer in between, takes twice as long.
const FIRST_REST: Duration = Duration::from_secs(10);
/// The longest.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// How a plugin has done.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    strikes: u32,
    rests: u32,
    until: Option<Instant>,
}

impl Health {
    /// How long the plugin is still set aside. After that one call decides: another crash, and it is set aside again.
    pub(crate) fn rest(&self) -> Option<Duration> {
        let until = self.state().until?;
        until
            .checked_duration_since(Instant::now())
            .filter(|rest| !rest.is_zero())
    }

    /// Notes how a call ended. Returns for how long the plugin is set aside, if it is from now on.
    pub(crate) fn note(&self, answer: &Result<(), &Problem>) -> Option<Duration> {
        let mut state = self.state();
        let crashed = match answer {
            Ok(()) => false,
            // Says nothing about the plugin.
            Err(problem) if *problem.code() == Code::PLUGIN_BUSY => return None,
            Err(problem) => [Code::PLUGIN_TRAP, Code::PLUGIN_TIMEOUT].contains(problem.code()),
        };
        if !crashed {
            *state = State::default();
            return None;
        }
        if state.until.is_some_and(|until| Instant::now() < until) {
            // It was called before the rest began.
            return None;
        }
        state.strikes += 1;
        if state.strikes < STRIKES {
            return None;
        }
        let rest = FIRST_REST.saturating_mul(1 << state.rests.min(8)).min(LONGEST_REST);
        *state = State {
            strikes: STRIKES - 1,
            rests: state.rests + 1,
            until: Some(Instant::now() + rest),
        };
        Some(rest)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash(health: &Health) -> Option<Duration> {
        health.note(&Err(&Problem::new(Code::PLUGIN_TRAP, "x")))
    }

    #[tokio::test(start_paused = true)]
    async fn crashes_of_calls_that_were_under_way_do_not_lengthen_the_rest() {
        let health = Health::default();
        for _ in 0..STRIKES {
            crash(&health);
        }
        assert!((0..30).all(|_| crash(&health).is_none()));
        assert_eq!(health.rest(), Some(FIRST_REST));
        tokio::time::advance(FIRST_REST).await;
        assert_eq!(crash(&health), Some(FIRST_REST * 2), "the one call that decides");
    }

    #[tokio::test(start_paused = true)]
    async fn ten_crashes_in_a_row_set_a_plugin_aside_and_the_next_one_twice_as_long() {
        let health = Health::default();
        for _ in 1..STRIKES {
            assert_eq!((crash(&health), health.rest()), (None, None));
        }
        for secs in [10, 20, 40, 80, 160, 300, 300] {
            let rest = Duration::from_secs(secs);
            assert_eq!((crash(&health), health.rest()), (Some(rest), Some(rest)));
            tokio::time::advance(rest).await;
            assert_eq!(health.rest(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_wipes_the_slate_clean_and_a_refusal_is_an_answer() {
        let health = Health::default();
        let refusal = Problem::invalid_field("text", "no");
        for answer in [Ok(()), Err(&refusal)] {
            for _ in 1..STRIKES {
                crash(&health);
            }
            health.note(&answer);
            assert_eq!(crash(&health), None);
            health.note(&answer);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn that_no_instance_was_free_is_nobodys_fault() {
        let health = Health::default();
        for _ in 0..2 * STRIKES {
            assert_eq!(health.note(&Err(&Problem::new(Code::PLUGIN_BUSY, "x"))), None);
        }
        for _ in 1..STRIKES {
            crash(&health);
        }
        health.note(&Err(&Problem::new(Code::PLUGIN_BUSY, "x")));
        assert!(crash(&health).is_some(), "it is no answer either");
    }
}
