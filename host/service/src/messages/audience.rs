//! Who follows which session's log, and what each follower has not looked at yet.
//!
//! A follower is told *that* a log has grown, and reads the new rows from the table by its own cursor, as slowly as it likes. Of rows
//! that have changed it is told the places, each once, however often it changed meanwhile. So whoever commits never waits for a
//! follower, and what is kept for one is bounded by [`MOST`]; who lets more come together is behind, and is told nothing more.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use switchboard_core::ids::SessionId;
use switchboard_store::messages::Cursor;
use tokio::sync::Notify;

/// How many changed rows may wait for one follower: more than change at once when a session comes back and hears of all that became of
/// its messages meanwhile, and at some ten bytes each.
pub(super) const MOST: usize = 4096;

/// The followers of every session's log. A clone is the same audience.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audience(Arc<Mutex<HashMap<SessionId, Vec<Arc<Inbox>>>>>);

/// What waits for one follower.
#[derive(Debug, Default)]
struct Inbox {
    news: Mutex<LogNews>,
    arrived: Notify,
}

/// What has happened to a log since a follower looked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LogNews {
    /// There are new rows.
    pub(super) grown: bool,
    /// The places of rows whose status rose.
    pub(super) changed: BTreeSet<Cursor>,
}

/// One follower's place in the audience, given up when it is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    audience: Audience,
    session: SessionId,
    inbox: Arc<Inbox>,
}

impl Audience {
    /// Follows a session's log from now on.
    pub(super) fn follow(&self, session: SessionId) -> Follower {
        let inbox = Arc::<Inbox>::default();
        self.lock().entry(session).or_default().push(inbox.clone());
        Follower {
            audience: self.clone(),
            session,
            inbox,
        }
    }

    /// To be called when rows of a session are committed that were not there.
    pub(crate) fn grown(&self, session: SessionId) {
        for inbox in self.lock().get(&session).into_iter().flatten() {
            inbox.put(|news| news.grown = true);
        }
    }

    /// To be called when it is committed that the status of these rows rose.
    pub(crate) fn raised(&self, rows: Vec<(SessionId, Cursor)>) {
        let inboxes = self.lock();
        if inboxes.is_empty() {
            return;
        }
        for (session, place) in rows {
            for inbox in inboxes.get(&session).into_iter().flatten() {
                inbox.put(|news| {
                    // One too many says that it is behind.
                    if news.changed.len() <= MOST {
                        news.changed.insert(place);
                    }
                });
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Vec<Arc<Inbox>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    fn put(&self, change: impl FnOnce(&mut LogNews)) {
        change(&mut self.lock());
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, LogNews> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// What has come since the last call; `None` if it was more than is kept.
    pub(super) fn take(&self) -> Option<LogNews> {
        let mut news = self.inbox.lock();
        (news.changed.len() <= MOST).then(|| mem::take(&mut *news))
    }

    /// Waits until something comes. What came since the last call of [`take`](Self::take) is not waited for.
    pub(super) async fn arrived(&self) {
        self.inbox.arrived.notified().await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut inboxes = self.audience.lock();
        if let Some(of_session) = inboxes.get_mut(&self.session) {
            of_session.retain(|inbox| !Arc::ptr_eq(inbox, &self.inbox));
            if of_session.is_empty() {
                inboxes.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(n: u32) -> SessionId {
        format!("qr_1700000000000_{n:08x}").parse().unwrap()
    }

    fn place(n: usize) -> Cursor {
        n.to_string().parse().unwrap()
    }

    #[tokio::test]
    async fn a_follower_is_told_of_its_own_session_and_of_each_row_once() {
        let audience = Audience::default();
        let follower = audience.follow(session(1));
        audience.grown(session(2));
        audience.raised(vec![
            (session(2), place(1)),
            (session(1), place(7)),
            (session(1), place(7)),
        ]);
        follower.arrived().await;
        let news = LogNews {
            grown: false,
            changed: [place(7)].into(),
        };
        assert_eq!(follower.take(), Some(news));
        audience.grown(session(1));
        follower.arrived().await;
        assert!(follower.take().unwrap().grown);
        assert_eq!(follower.take(), Some(LogNews::default()));
    }

    #[test]
    fn whoever_lets_too_much_come_together_is_behind_for_good_and_costs_no_more() {
        let audience = Audience::default();
        let [slow, quick] = [(); 2].map(|()| audience.follow(session(1)));
        audience.raised((0..MOST).map(|n| (session(1), place(n))).collect());
        assert_eq!(quick.take().unwrap().changed.len(), MOST);
        audience.raised((MOST..2 * MOST).map(|n| (session(1), place(n))).collect());
        assert_eq!(quick.take().unwrap().changed.len(), MOST);
        assert_eq!((slow.take(), slow.take()), (None, None));
        assert_eq!(slow.inbox.lock().changed.len(), MOST + 1);
    }

    #[test]
    fn a_follower_that_is_gone_leaves_nothing_behind() {
        let audience = Audience::default();
        let first = audience.follow(session(1));
        drop(audience.follow(session(1)));
        assert_eq!(audience.lock()[&session(1)].len(), 1);
        drop(first);
        assert!(audience.lock().is_empty());
    }
}
