//! A session as everybody but its task sees it: cheap to read, never locked for long.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use switchboard_core::event::LineEvent;
use switchboard_core::ids::SessionId;
use switchboard_core::problem::{Code, Problem};
use switchboard_core::status::SessionStatus;
use switchboard_store::messages::Pending;
use switchboard_store::sessions::{Link, Loss, Phase, Session};
use switchboard_whatsapp::{Line, LineState};
use tokio::sync::{mpsc, oneshot, watch};

use super::commands::Command;
use super::status::status;
use crate::outbox::waiters::Waiters;

/// How many committed messages may be on their way to the task; beyond that it reads them from the table.
const OFFERS: usize = 256;

/// One session. Its task alone changes it.
pub(crate) struct Handle {
    pub(crate) id: SessionId,
    /// Requests that wait for WhatsApp's word on a message.
    pub(crate) waiters: Waiters,
    row: ArcSwap<Session>,
    line: ArcSwapOption<OpenLine>,
    commands: mpsc::Sender<Command>,
    offers: mpsc::Sender<Pending>,
    behind: AtomicBool,
    events: mpsc::UnboundedSender<LineEvent>,
}

/// The line that is open, and what it says about itself.
pub(crate) struct OpenLine {
    pub(crate) line: Arc<dyn Line>,
    state: watch::Receiver<LineState>,
}

/// The task's ends of the handle's channels.
pub(super) struct Ends {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) offers: mpsc::Receiver<Pending>,
    pub(super) events: mpsc::UnboundedReceiver<LineEvent>,
}

impl Handle {
    pub(super) fn new(row: Session) -> (Self, Ends) {
        let (commands, commanded) = mpsc::channel(4);
        let (offers, offered) = mpsc::channel(OFFERS);
        // Unbounded, because a line may only put an event somewhere and go on; the task takes them out faster than WhatsApp speaks.
        let (events, heard) = mpsc::unbounded_channel();
        let handle = Self {
            id: row.id,
            waiters: Waiters::default(),
            row: ArcSwap::from_pointee(row),
            line: ArcSwapOption::empty(),
            commands,
            offers,
            behind: AtomicBool::new(false),
            events,
        };
        (
            handle,
            Ends {
                commands: commanded,
                offers: offered,
                events: heard,
            },
        )
    }

    /// What is stored.
    pub(crate) fn row(&self) -> Arc<Session> {
        self.row.load_full()
    }

    pub(super) fn set_row(&self, row: Session) {
        self.row.store(Arc::new(row));
    }

    /// The line, if one is open.
    pub(crate) fn line(&self) -> Option<Arc<OpenLine>> {
        self.line.load_full()
    }

    pub(super) fn set_line(&self, line: Option<Arc<dyn Line>>) {
        self.line.store(line.map(|line| {
            Arc::new(OpenLine {
                state: line.state(),
                line,
            })
        }));
    }

    /// The status, at this moment.
    pub(crate) fn status(&self) -> SessionStatus {
        let phase = self.row.load().phase;
        match &*self.line.load() {
            Some(open) => status(phase, Some(&open.state.borrow().status)),
            None => status(phase, None),
        }
    }

    /// The last loss of the connection or the link: what is stored, or what the line has said since.
    pub(crate) fn last_loss(&self) -> Option<Loss> {
        match self.told_loss() {
            Some(told) => Some(stored(&told)),
            None => self.row.load().loss.clone(),
        }
    }

    /// The loss of the connection that the line has told of since the last one was stored.
    pub(super) fn told_loss(&self) -> Option<switchboard_whatsapp::Loss> {
        let row = self.row.load();
        let stored = row.loss.as_ref().map(|loss| loss.at);
        let since = stored.max(row.link.as_ref().map(|link| link.at));
        let line = self.line.load();
        let told = line.as_ref().and_then(|open| open.state.borrow().last_loss.clone());
        told.filter(|told| since.is_none_or(|since| since < told.at))
    }

    /// The link to send over, and the line if a message can be sent now; without one the message waits in the outbox.
    ///
    /// # Errors
    /// `session_not_linked`, when nothing that is accepted now could be expected to go out.
    pub(crate) fn sendable(&self) -> Result<(Link, Option<Arc<OpenLine>>), Problem> {
        let status = self.status();
        let link = || self.row.load().link.clone();
        let (link, line) = match status {
            SessionStatus::Ready => (link(), self.line()),
            // Scanned, but not linked yet: there is no number to send from.
            SessionStatus::Connecting | SessionStatus::Reconnecting if self.row.load().phase == Phase::Linked => {
                (link(), None)
            }
            _ => (None, None),
        };
        let link = link.ok_or_else(|| {
            let sentence = format!("The session cannot send: its status is {status}. It must be linked first.");
            Problem::new(Code::SESSION_NOT_LINKED, sentence).field("sessionId")
        })?;
        Ok((link, line))
    }

    /// Hands a message to the task that was just committed. If the task is busy, it finds the message in the table.
    pub(crate) fn offer(&self, message: Pending) {
        if self.offers.try_send(message).is_err() {
            self.behind.store(true, Ordering::Release);
        }
    }

    /// Whether an offer was missed since the last call.
    pub(super) fn take_behind(&self) -> bool {
        self.behind.swap(false, Ordering::AcqRel)
    }

    /// Where the line puts its events.
    pub(super) fn events(&self) -> mpsc::UnboundedSender<LineEvent> {
        self.events.clone()
    }

    /// Asks the task for something and waits until it is done.
    pub(crate) async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<(), Problem>>) -> Command,
    ) -> Result<(), Problem> {
        let (reply, answer) = oneshot::channel();
        let stopped = || Problem::new(Code::UNAVAILABLE, "The server is stopping.");
        self.commands.send(command(reply)).await.map_err(|_| stopped())?;
        match answer.await {
            Ok(outcome) => outcome,
            Err(_) if self.commands.is_closed() => Err(stopped()),
            Err(_) => Err(Problem::internal("the session's task panicked over the command")),
        }
    }

    /// Ends the task and closes the line without logging out.
    pub(super) async fn stop(&self) {
        // A task that is gone has stopped.
        let _ = self.ask(Command::Stop).await;
    }
}

/// A loss in the words that are kept.
pub(super) fn stored(told: &switchboard_whatsapp::Loss) -> Loss {
    Loss {
        reason: told.reason.to_string(),
        at: told.at,
    }
}

impl OpenLine {
    /// What the line says at this moment.
    pub(crate) fn state(&self) -> LineState {
        self.state.borrow().clone()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("id", &self.id)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
