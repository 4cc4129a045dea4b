//! Watching one session: what is true about it, whenever that changes, and its log as it grows and changes.
//!
//! The truth comes first, and so again with every new watch. Nothing is queued for a watch but one page of the log: whoever is slow
//! finds the session as it is by then and the log where it stopped reading. A watch ends with the deletion of its session, after it
//! has told of it, and when the reader of the log is behind, as `messages/audience.rs` has it.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use switchboard_core::ids::SessionRef;
use switchboard_core::problem::{Code, Problem};
use switchboard_core::status::SessionStatus;
use switchboard_store::messages::Cursor;
use tokio::sync::OwnedSemaphorePermit;

use super::get::describe;
use super::view::SessionView;
use crate::messages::tail::{Batch, Tail};
use crate::messages::view::MessageView;
use crate::parts::Parts;
use crate::service::Service;
use crate::supervisor::changes::Changes;
use crate::supervisor::handle::Handle;

/// How many watches there may be at once, of all sessions together.
pub const MOST_WATCHES: usize = 1_000;
/// After how long it is worth trying again when there are as many.
const FULL: Duration = Duration::from_secs(10);

/// One thing to tell about a session.
#[derive(Debug, Clone)]
pub struct News {
    /// What.
    pub what: Changed,
    /// Where a later watch goes on that misses no message and repeats none.
    pub place: Cursor,
}

/// What is new, or has changed.
#[derive(Debug, Clone)]
pub enum Changed {
    /// The session, as [`Service::session`] shows it. Changes of its health alone are not told.
    Session(Box<SessionView>),
    /// A message that is new in the log, or whose status has risen.
    Message(Box<MessageView>),
}

/// A watch over one session. It ends when it is dropped.
pub struct Watch {
    parts: Arc<Parts>,
    handle: Arc<Handle>,
    changes: Changes,
    /// What was told last about the session.
    told: Option<SessionView>,
    /// Whether that may not be so any more.
    stale: bool,
    log: Option<Tail>,
    /// Where the watch began, for one that does not read the log.
    since: Cursor,
    ready: VecDeque<News>,
    _room: OwnedSemaphorePermit,
}

impl Service {
    /// Watches a session; with `messages` also its log, from behind `since` on, or what comes from now on.
    ///
    /// # Errors
    /// `session_not_found`; `unavailable` when there are [`MOST_WATCHES`]; when the database cannot be read.
    pub async fn watch(&self, session: &SessionRef, messages: bool, since: Option<Cursor>) -> Result<Watch, Problem> {
        let handle = self.resolve(session)?;
        let room = self.parts.watches.clone().try_acquire_owned().map_err(|_| {
            let sentence = format!("There are {MOST_WATCHES} event streams already; close one that is not needed.");
            Problem::new(Code::UNAVAILABLE, sentence).retry_after(FULL)
        })?;
        let log = if messages {
            Some(Tail::open(&self.parts, handle.id, since).await?)
        } else {
            None
        };
        Ok(Watch {
            parts: self.parts.clone(),
            changes: Changes::of(handle.clone()),
            handle,
            told: None,
            stale: true,
            log,
            since: since.unwrap_or_default(),
            ready: VecDeque::new(),
            _room: room,
        })
    }
}

impl Watch {
    /// What is to be told next, which is waited for; `None` at the end. Can be dropped at any time without a loss.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn next(&mut self) -> Result<Option<News>, Problem> {
        loop {
            if let Some(news) = self.ready.pop_front() {
                return Ok(Some(news));
            }
            if self.stale {
                self.look().await?;
                continue;
            }
            let deleted = (self.told.as_ref()).is_some_and(|told| told.status == SessionStatus::Inactive);
            let batch = match &mut self.log {
                // What was not sent has failed by the deletion, and that is told too.
                Some(log) if deleted => log.rest(&self.parts).await?.filter(|batch| !batch.is_empty()),
                None if deleted => None,
                log => tokio::select! {
                    () = self.changes.next() => {
                        self.stale = true;
                        continue;
                    }
                    batch = next_of(log.as_mut(), &self.parts) => batch?,
                },
            };
            let Some(batch) = batch else {
                return Ok(None);
            };
            self.ready.extend(batch.into_iter().map(|(place, message)| News {
                what: Changed::Message(Box::new(message)),
                place,
            }));
        }
    }

    async fn look(&mut self) -> Result<(), Problem> {
        let session = describe(&self.parts, &self.handle).await?;
        self.stale = false;
        if self.told.as_ref().is_none_or(|told| session.tells_more_than(told)) {
            self.ready.push_back(News {
                what: Changed::Session(Box::new(session.clone())),
                place: self.log.as_ref().map_or(self.since, Tail::place),
            });
            self.told = Some(session);
        }
        Ok(())
    }
}

/// What comes next in the log; for ever nothing if none is read.
async fn next_of(log: Option<&mut Tail>, parts: &Parts) -> Result<Option<Batch>, Problem> {
    match log {
        Some(log) => log.next(parts).await,
        None => pending().await,
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({})", self.handle.id)
    }
}
