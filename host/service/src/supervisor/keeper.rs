//! Whoever keeps a session's task running, whatever happens in it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::sleep;

use super::handle::{Ends, Handle};
use super::task::Task;
use crate::parts::Parts;

/// How long a session rests whose task has panicked. The rest doubles each time.
const REST: Duration = Duration::from_millis(100);
/// The longest rest. A stop waits for its end.
const LONGEST_REST: Duration = Duration::from_secs(4);

/// Starts the task; the line of a session that wants one opens after `delay`.
pub(super) fn start(parts: Arc<Parts>, handle: Arc<Handle>, ends: Ends, delay: Duration) {
    tokio::spawn(keep_running(parts, handle, ends, delay));
}

/// Runs a session's task until it is told to stop. One that panics takes its line with it, and the next begins from what is stored.
async fn keep_running(parts: Arc<Parts>, handle: Arc<Handle>, mut ends: Ends, delay: Duration) {
    let (mut delay, mut rest) = (delay, REST);
    loop {
        let task = Task::new(parts.clone(), handle.clone(), delay);
        if AssertUnwindSafe(task.run(&mut ends)).catch_unwind().await.is_ok() {
            return;
        }
        tracing::error!(session = %handle.id, ?rest, "the session's task panicked; it starts again after a rest");
        if let Some(left) = handle.line() {
            handle.set_line(None);
            // It may be the line that panics.
            let _ = AssertUnwindSafe(left.line.stop()).catch_unwind().await;
        }
        sleep(rest).await;
        (delay, rest) = (Duration::ZERO, rest.saturating_mul(2).min(LONGEST_REST));
    }
}
