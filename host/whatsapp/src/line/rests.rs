//! How long questions to the own phone rest until they are asked again on a connection that holds.
//!
//! An answer can be lost like any message: it was encrypted for a session that had just been replaced, or damaged on the way. The next
//! connection may be days away. Phones are not always online, so the rests double; something new begins them anew.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// The first rest. Whoever answers at all mostly answers sooner, be it the sender or the phone.
pub(super) const FIRST: Duration = Duration::from_secs(60);
/// The longest rest.
const MOST: Duration = Duration::from_secs(3600);

/// The rests on one connection.
#[derive(Debug)]
pub(super) struct Rests {
    next: Duration,
}

impl Default for Rests {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Rests {
    /// Rests until it is time to ask again; `new` is told when there is something new to ask.
    pub(super) async fn rest(&mut self, new: &Notify) {
        tokio::select! {
            () = sleep(self.next) => self.next = self.next.saturating_mul(2).min(MOST),
            () = new.notified() => {
                sleep(FIRST).await;
                self.next = FIRST * 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rests_double_up_to_an_hour_and_begin_anew_when_there_is_something_new() {
        let (mut rests, new) = (Rests::default(), Notify::new());
        let mut minutes = async || {
            let begin = Instant::now();
            rests.rest(&new).await;
            begin.elapsed().as_secs() / 60
        };
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(minutes().await, expected);
        }
        new.notify_one();
        assert_eq!((minutes().await, minutes().await, minutes().await), (1, 2, 4));
    }
}
