//! The sessions' tasks: one per session, started here and stopped here.
//!
//! | file | what it knows |
//! |---|---|
//! | `task` | the task that owns one session, its line and its part of the outbox |
//! | `keeper` | that the task goes on, also after a panic |
//! | `commands` | what can be asked of a task, and in which phase |
//! | `handle` | a session as everybody else sees it |
//! | `changes` | that something about it has changed |
//! | `status` | the one status, from what is stored and what the line says |
//! | `loss` | the last loss, from the same, and what patience is left of it |
//! | `directory` | every session, by id, mobid and number |
//! | `sink` | what arrives on a line |
//! | `lines` | where lines come from |
//! | `insist` | writing until it is written |

pub(crate) mod changes;
pub(crate) mod commands;
pub(crate) mod directory;
pub(crate) mod handle;
pub(crate) mod insist;
mod keeper;
pub(crate) mod lines;
mod loss;
pub(crate) mod sink;
pub(crate) mod status;
mod task;

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::access::Sight;
use switchboard_core::problem::Problem;
use switchboard_core::random;
use switchboard_store::sessions::Session;
use tokio::task::JoinSet;

use self::directory::Directory;
use self::handle::Handle;
use crate::parts::Parts;

/// At a start, sessions connect over this much time each on average, so that WhatsApp and this machine's processors do not meet
/// all of them at once.
const APART: Duration = Duration::from_millis(4);

/// Starts the task of every session that is stored.
pub(crate) async fn restore(parts: &Arc<Parts>) -> Result<(), Problem> {
    let rows = parts.sessions.all().await?;
    let open = rows.iter().filter(|row| handle::has_line(row.phase)).count();
    let spread = APART.saturating_mul(u32::try_from(open).unwrap_or(u32::MAX));
    let spread_ms = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
    for row in rows {
        // One that is to wait anyway says so at once.
        let delay = match loss::patience(&row, parts.clock.now()) {
            Some(_) => Duration::ZERO,
            None => Duration::from_millis(random::below(&*parts.random, spread_ms)),
        };
        adopt(parts, row, delay);
    }
    tracing::info!(sessions = open, "sessions are connecting");
    Ok(())
}

/// Starts a session's task; its line opens after `delay`.
pub(crate) fn adopt(parts: &Arc<Parts>, row: Session, delay: Duration) -> Arc<Handle> {
    let (handle, ends) = Handle::new(row);
    let handle = Arc::new(handle);
    parts.directory.add(handle.clone());
    keeper::start(parts.clone(), handle.clone(), ends, delay);
    handle
}

/// Stops every task; lines are closed without logging out. Requests that still wait for WhatsApp are sent away.
pub(crate) async fn stop(directory: &Directory) {
    let stops: JoinSet<()> = directory
        .all(&Sight::All)
        .into_iter()
        .map(|handle| async move { handle.stop().await })
        .collect();
    stops.join_all().await;
}
