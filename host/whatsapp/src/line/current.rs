//! The client that lives at this moment, and who uses it.
//!
//! Whoever uses the client holds it, so that the line's task knows when nobody touches the session's keys any more. A question to a
//! client that has ended may never be answered, so the question is cut off, and the next client need not wait for it.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use tokio_util::sync::CancellationToken;

/// The place of the client `C`, which is there from time to time.
#[derive(Debug)]
pub(super) struct Current<C> {
    live: Arc<RwLock<Option<Live<C>>>>,
}

#[derive(Debug)]
struct Live<C> {
    client: C,
    over: CancellationToken,
}

/// A client that is being used. It does not go away meanwhile, but it may end.
pub(super) struct InUse<C> {
    live: OwnedRwLockReadGuard<Option<Live<C>>, Live<C>>,
}

impl<C> Default for Current<C> {
    fn default() -> Self {
        Self {
            live: Arc::new(RwLock::new(None)),
        }
    }
}

impl<C> Current<C> {
    /// There is a client from now on.
    pub(super) async fn begin(&self, client: C) {
        let over = CancellationToken::new();
        *self.live.write().await = Some(Live { client, over });
    }

    /// There is none any more. Returns when nobody uses it.
    pub(super) async fn end(&self) {
        if let Some(live) = &*self.live.read().await {
            live.over.cancel();
        }
        self.live.write().await.take();
    }

    /// The client, if there is one.
    pub(super) async fn get(&self) -> Option<InUse<C>> {
        let live = Arc::clone(&self.live).read_owned().await;
        let live = OwnedRwLockReadGuard::try_map(live, Option::as_ref).ok()?;
        Some(InUse { live })
    }
}

impl<C> InUse<C> {
    pub(super) fn client(&self) -> &C {
        &self.live.client
    }

    /// Waits for something that the client does; `None` if it ends before.
    pub(super) async fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.live.over.cancelled() => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn what_a_client_does_is_waited_for_until_it_ends() {
        let current = Arc::new(Current::default());
        assert!(current.get().await.is_none());
        current.begin("client").await;
        let in_use = current.get().await.unwrap();
        assert_eq!((*in_use.client(), in_use.wait(ready(7)).await), ("client", Some(7)));
        let ending = tokio::spawn({
            let current = Arc::clone(&current);
            async move { current.end().await }
        });
        assert_eq!(in_use.wait(pending::<()>()).await, None);
        assert!(!ending.is_finished(), "somebody still uses it");
        drop(in_use);
        ending.await.unwrap();
        assert!(current.get().await.is_none());
    }
}
