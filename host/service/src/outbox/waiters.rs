//! Requests that wait for the outcome of a message.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use switchboard_core::ids::StanzaId;
use switchboard_core::problem::Problem;
use tokio::sync::oneshot;

/// What became of a message: WhatsApp took it, or why not.
pub(crate) type Verdict = Result<(), Problem>;

/// The requests that wait, by the id of the message they wait for.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<HashMap<StanzaId, oneshot::Sender<Verdict>>>);

/// A request's place among the waiters, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'w> {
    waiters: &'w Waiters,
    stanza_id: StanzaId,
    verdict: oneshot::Receiver<Verdict>,
}

impl Waiters {
    /// Waits for this message from now on: call it before the message can go out.
    pub(crate) fn wait_for(&self, stanza_id: StanzaId) -> Waiting<'_> {
        let (tell, verdict) = oneshot::channel();
        self.lock().insert(stanza_id.clone(), tell);
        Waiting {
            waiters: self,
            stanza_id,
            verdict,
        }
    }

    /// Tells whoever waits for the message; the verdict comes back if nobody does.
    pub(crate) fn tell(&self, stanza_id: &StanzaId, verdict: Verdict) -> Option<Verdict> {
        match self.lock().remove(stanza_id) {
            Some(waiter) => waiter.send(verdict).err(),
            None => Some(verdict),
        }
    }

    /// Sends everybody away without a verdict.
    pub(crate) fn dismiss(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StanzaId, oneshot::Sender<Verdict>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// The verdict; `None` if there will not be one.
    pub(crate) async fn verdict(&mut self) -> Option<Verdict> {
        (&mut self.verdict).await.ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waiters.lock().remove(&self.stanza_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> StanzaId {
        format!("3EB0{n}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_verdict_reaches_the_one_who_waits_for_it_even_if_it_comes_first() {
        let waiters = Waiters::default();
        let (mut one, mut two) = (waiters.wait_for(id(1)), waiters.wait_for(id(2)));
        assert!(waiters.tell(&id(1), Ok(())).is_none());
        assert!(one.verdict().await.unwrap().is_ok());
        waiters.dismiss();
        assert!(two.verdict().await.is_none());
    }

    #[test]
    fn who_stops_waiting_leaves_nothing_behind() {
        let waiters = Waiters::default();
        drop(waiters.wait_for(id(1)));
        assert!(waiters.lock().is_empty());
        assert!(waiters.tell(&id(1), Ok(())).is_some());
    }
}
