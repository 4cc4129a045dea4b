//! Finds a socket that is open and dead.
//!
//! A network that has gone away says nothing, and a socket stays open until somebody misses something. The protocol library does miss
//! the answers to its pings, but by the time of day, which may be set back while it waits; and bytes that it cannot decrypt count for
//! it as a sign of life, although after the first of them it will never decrypt anything again. So a line looks for itself: if nothing
//! was understood for a while it asks for an answer, and if that does not come either, the socket is dead.

use std::time::Duration;

use tokio::time::Instant;

/// How long an answer may take.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

/// What a look at a silent socket leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing needs to be done.
    Alive,
    /// It has been silent for so long that somebody should ask.
    Ask,
    /// It has been asked, and has not answered.
    Dead,
}

/// Watches the sockets of one line, one after the other.
#[derive(Debug)]
pub(super) struct Watchdog {
    silence: Duration,
    asked: Option<Instant>,
}

impl Watchdog {
    /// One that asks after so much silence.
    pub(super) const fn new(silence: Duration) -> Self {
        Self { silence, asked: None }
    }

    /// How often to look.
    pub(super) fn pace(&self) -> Duration {
        (self.silence / 4).min(Duration::from_secs(5))
    }

    /// Judges a socket that has been silent for so long; `None` if there is none.
    pub(super) fn look(&mut self, silent_for: Option<Duration>) -> Finding {
        if silent_for.is_none_or(|time| time < self.silence) {
            self.asked = None;
            return Finding::Alive;
        }
        match self.asked {
            None => {
                self.asked = Some(Instant::now());
                Finding::Ask
            }
            Some(at) if at.elapsed() < LONGEST_ANSWER => Finding::Alive,
            Some(_) => {
                self.asked = None;
                Finding::Dead
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SILENCE: Duration = Duration::from_secs(35);

    #[tokio::test(start_paused = true)]
    async fn a_silent_socket_is_asked_once_and_is_dead_if_it_does_not_answer() {
        let mut dog = Watchdog::new(SILENCE);
        assert_eq!(dog.look(Some(SILENCE / 2)), Finding::Alive);
        assert_eq!(dog.look(Some(SILENCE)), Finding::Ask);
        advance(LONGEST_ANSWER / 2).await;
        assert_eq!(dog.look(Some(SILENCE + LONGEST_ANSWER / 2)), Finding::Alive);
        advance(LONGEST_ANSWER / 2).await;
        assert_eq!(dog.look(Some(SILENCE + LONGEST_ANSWER)), Finding::Dead);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_and_the_end_of_the_socket_end_the_suspicion() {
        let mut dog = Watchdog::new(SILENCE);
        for after in [Some(Duration::ZERO), None] {
            assert_eq!(dog.look(Some(SILENCE)), Finding::Ask);
            advance(LONGEST_ANSWER).await;
            assert_eq!(dog.look(after), Finding::Alive);
        }
        assert_eq!(dog.look(Some(SILENCE)), Finding::Ask, "a new suspicion");
    }
}
