//! Whose turn it is to have a message accepted, so that one session with very many delays no other.
//!
//! Accepting is a plugin call and a commit: work on this machine, and together the sessions can ask for more than it has. Served as
//! they come, requests share it by their number, and a session that hands in a hundred at once takes a hundred times as much as one
//! that hands in one. So each session has room for [`ROOM`] acceptances at once, and the more sessions are sending at the moment, the
//! more of its own room one acceptance takes, down to [`LEAST`] at once; the rest of that session waits in order. Alone, a session has
//! enough under way for the writer to commit many at a time; among others each has about the same. Two at once are the least, because
//! one can be prepared while the other is committed.
//!
//! A turn is for work here. Whoever waits for WhatsApp gives it back, and so does a plugin whose wish is being carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use switchboard_core::problem::Problem;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::parts::stopping;

/// How many acceptances of a session that sends alone are under way at once. More do not make a commit cheaper.
const ROOM: usize = 32;
/// How many it is at least.
const LEAST: usize = 2;

/// How many sessions are sending at this moment.
#[derive(Debug, Default)]
pub(crate) struct Crowd(AtomicUsize);

/// A session's turns.
#[derive(Debug)]
pub(crate) struct Turns {
    room: Arc<Semaphore>,
    /// How many requests to send there are.
    requests: AtomicUsize,
}

/// A request to send. While there is one, its session is one of the crowd.
#[derive(Debug)]
pub(crate) struct Sending<'s> {
    turns: &'s Turns,
    crowd: &'s Crowd,
}

/// Its holder's message is being accepted.
#[derive(Debug)]
pub(crate) struct Turn {
    _room: OwnedSemaphorePermit,
}

/// A turn that is given back in between.
#[derive(Debug)]
pub(crate) struct Interrupted<'s> {
    sending: &'s Sending<'s>,
    turn: Mutex<Option<Turn>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM)),
            requests: AtomicUsize::new(0),
        }
    }
}

impl Turns {
    /// A request to send begins.
    pub(crate) fn enter<'s>(&'s self, crowd: &'s Crowd) -> Sending<'s> {
        if self.requests.fetch_add(1, Ordering::Relaxed) == 0 {
            crowd.0.fetch_add(1, Ordering::Relaxed);
        }
        Sending { turns: self, crowd }
    }

    /// There are no turns any more; whoever waits for one is sent away.
    pub(crate) fn end(&self) {
        self.room.close();
    }
}

impl Sending<'_> {
    /// Waits for the request's turn, behind those of its session that came before.
    ///
    /// # Errors
    /// `unavailable` when the service stops.
    pub(crate) async fn turn(&self) -> Result<Turn, Problem> {
        let sessions = self.crowd.0.load(Ordering::Relaxed).clamp(1, ROOM / LEAST);
        let takes = u32::try_from(sessions).unwrap_or(1);
        let room = Arc::clone(&self.turns.room).acquire_many_owned(takes).await;
        room.map(|room| Turn { _room: room }).map_err(|_| stopping())
    }
}

impl<'s> Interrupted<'s> {
    /// Waits for the first turn.
    ///
    /// # Errors
    /// `unavailable` when the service stops.
    pub(crate) async fn begin(sending: &'s Sending<'s>) -> Result<Self, Problem> {
        let turn = Mutex::new(Some(sending.turn().await?));
        Ok(Self { sending, turn })
    }

    /// Does something that is no work here, and waits for the next turn.
    ///
    /// # Errors
    /// `unavailable` when the service stops.
    pub(crate) async fn between<T>(&self, elsewhere: impl Future<Output = T>) -> Result<T, Problem> {
        let mut turn = self.turn.lock().await;
        drop(turn.take());
        let done = elsewhere.await;
        *turn = Some(self.sending.turn().await?);
        Ok(done)
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if self.turns.requests.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.crowd.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use switchboard_core::problem::Code;

    use super::*;

    /// How many turns can be had at once.
    fn at_once(sending: &Sending<'_>) -> usize {
        let turns = std::iter::from_fn(|| sending.turn().now_or_never());
        turns.collect::<Vec<_>>().len()
    }

    #[test]
    fn a_session_has_the_more_turns_at_once_the_fewer_others_are_sending() {
        let crowd = Crowd::default();
        let sessions: Vec<_> = (0..100).map(|_| Turns::default()).collect();
        let one = sessions[0].enter(&crowd);
        // Another request of the same session is no other session.
        let _two = sessions[0].enter(&crowd);
        assert_eq!(at_once(&one), ROOM);
        let other = sessions[1].enter(&crowd);
        assert_eq!((at_once(&one), at_once(&other)), (ROOM / 2, ROOM / 2));
        let many: Vec<_> = sessions[1..].iter().map(|turns| turns.enter(&crowd)).collect();
        assert_eq!((at_once(&one), at_once(&many[7])), (LEAST, LEAST));
        drop((other, many));
        assert_eq!(at_once(&one), ROOM);
    }

    #[tokio::test]
    async fn a_session_whose_turns_are_taken_waits_in_order_and_no_other_does() {
        let crowd = Crowd::default();
        let (noisy, quiet) = (Turns::default(), Turns::default());
        let (sending, other) = (noisy.enter(&crowd), quiet.enter(&crowd));
        let mut taken: Vec<_> = std::iter::from_fn(|| sending.turn().now_or_never()).collect();
        let (mut first, mut gone, mut second) = (
            Box::pin(sending.turn()),
            Box::pin(sending.turn()),
            Box::pin(sending.turn()),
        );
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut gone).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        assert!(other.turn().now_or_never().is_some());
        drop(gone);
        taken.pop();
        assert!((&mut second).now_or_never().is_none(), "it is not its turn");
        assert!((&mut first).now_or_never().is_some());
        // The first has given it back already.
        assert!((&mut second).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_turn_is_another_request_s_while_something_is_done_elsewhere() {
        let (crowd, turns) = (Crowd::default(), Turns::default());
        let sending = turns.enter(&crowd);
        let interrupted = Interrupted::begin(&sending).await.unwrap();
        let mut others: Vec<_> = std::iter::from_fn(|| sending.turn().now_or_never()).collect();
        assert_eq!(others.len(), ROOM - 1);
        let (done, wait) = tokio::sync::oneshot::channel();
        let mut elsewhere = Box::pin(interrupted.between(wait));
        assert!((&mut elsewhere).now_or_never().is_none());
        others.extend(sending.turn().now_or_never());
        assert_eq!(others.len(), ROOM, "its turn is free");
        done.send(7).unwrap();
        assert!(
            (&mut elsewhere).now_or_never().is_none(),
            "it has to wait for its next turn"
        );
        others.pop();
        assert_eq!(elsewhere.await.unwrap(), Ok(7));
        assert!(sending.turn().now_or_never().is_none());
        drop(interrupted);
        assert!(sending.turn().now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_end_sends_away_who_waits_and_who_comes() {
        let (crowd, turns) = (Crowd::default(), Turns::default());
        let sending = turns.enter(&crowd);
        let taken: Vec<_> = std::iter::from_fn(|| sending.turn().now_or_never()).collect();
        let waiting = sending.turn();
        let (refused, ()) = tokio::join!(waiting, async { turns.end() });
        assert_eq!(refused.unwrap_err().code(), &Code::UNAVAILABLE);
        assert!(sending.turn().await.is_err());
        drop(taken);
    }
}
