//! One line per session, whoever asks: two clients on one key store would ruin its ratchets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use switchboard_core::ids::SessionId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Held by the task of a line for as long as it may touch the session's keys.
pub(crate) type Held = OwnedMutexGuard<()>;

/// Who holds which session's keys.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<SessionId, Weak<AsyncMutex<()>>>>);

impl Leases {
    /// Waits until no other line of this process touches the session's keys.
    pub(crate) async fn take(&self, session: &SessionId) -> Held {
        self.of(session).lock_owned().await
    }

    fn of(&self, session: &SessionId) -> Arc<AsyncMutex<()>> {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lease) = leases.get(session).and_then(Weak::upgrade) {
            return lease;
        }
        leases.retain(|_, lease| lease.strong_count() > 0);
        let lease = Arc::default();
        leases.insert(*session, Arc::downgrade(&lease));
        lease
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn a_session_is_held_by_one_line_at_a_time_and_others_are_not_held_up() {
        let leases = Leases::default();
        let session: SessionId = "qr_1700000000000_00000001".parse().unwrap();
        let other: SessionId = "qr_1700000000000_00000002".parse().unwrap();
        let first = leases.take(&session).await;
        let _other = leases.take(&other).await;
        let mut second = Box::pin(leases.take(&session));
        let polled = std::future::poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        drop(first);
        drop(second.await);
        assert_eq!(leases.0.lock().unwrap().len(), 2);
    }
}
