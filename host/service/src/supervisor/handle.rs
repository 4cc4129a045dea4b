//! A session as everybody but its task sees it: cheap to read, never locked for long, and of one moment: what is stored and which
//! line is open change together.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use switchboard_core::clock::{Clock, UnixMillis};
use switchboard_core::event::LineEvent;
use switchboard_core::ids::{PhoneNumber, SessionId};
use switchboard_core::problem::{Code, Problem};
use switchboard_core::status::SessionStatus;
use switchboard_store::messages::Pending;
use switchboard_store::sessions::{Link, Loss, Phase, Session};
use switchboard_whatsapp::{self as line, Line, LineState, LineStatus, LinkStep};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::commands::Command;
use super::loss;
use super::status::status;
use crate::messages::turns::Turns;
use crate::outbox::waiters::Waiters;
use crate::parts::stopping;

/// How many committed messages may be on their way to the task; beyond that it reads them from the table.
const OFFERS: usize = 256;

/// One session. Its task alone changes it.
pub(crate) struct Handle {
    pub(crate) id: SessionId,
    /// Requests that wait for WhatsApp's word on a message.
    pub(crate) waiters: Waiters,
    /// Requests that wait until their message can be accepted.
    pub(crate) turns: Turns,
    known: ArcSwap<Known>,
    /// Told whenever `known` is another one.
    changed: watch::Sender<()>,
    commands: mpsc::Sender<Command>,
    offers: mpsc::Sender<Pending>,
    behind: AtomicBool,
    fell_behind: Notify,
    events: mpsc::UnboundedSender<LineEvent>,
}

/// What is stored, and the line that is open.
#[derive(Clone)]
struct Known {
    row: Arc<Session>,
    line: Option<Arc<OpenLine>>,
}

/// The line that is open, and what it says about itself.
pub(crate) struct OpenLine {
    pub(crate) line: Arc<dyn Line>,
    state: watch::Receiver<LineState>,
    clock: Arc<dyn Clock>,
    /// When somebody first saw that it has lost the link; from then on everybody is told the same.
    unlinked_at: OnceLock<UnixMillis>,
    /// How many of its losses are stored, or of no interest any more.
    stored: AtomicU64,
}

/// One connection of an open line: it lasts until the line loses it or is closed.
pub(super) struct Connection {
    line: Arc<OpenLine>,
    losses: u64,
}

/// What is true about a session at one moment. Its parts belong together.
pub(crate) struct Moment {
    /// What is stored.
    pub(crate) row: Arc<Session>,
    /// The line, if one is open.
    pub(crate) line: Option<Arc<OpenLine>>,
    /// The one status.
    pub(crate) status: SessionStatus,
    /// The last loss of the connection or the link.
    pub(crate) last_loss: Option<Loss>,
    /// What a person must do to link it.
    pub(crate) step: Option<LinkStep>,
    /// When the line tries to connect again, if it waits.
    pub(crate) retry_at: Option<UnixMillis>,
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
            turns: Turns::default(),
            known: ArcSwap::from_pointee(Known {
                row: Arc::new(row),
                line: None,
            }),
            changed: watch::Sender::default(),
            commands,
            offers,
            behind: AtomicBool::new(false),
            fell_behind: Notify::new(),
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
        self.known.load().row.clone()
    }

    /// Notes what is stored now. A session that enters a phase without a line has none from the same moment on.
    pub(super) fn set_row(&self, row: Session) {
        let line = self.line().filter(|_| has_line(row.phase));
        self.set(Known {
            row: Arc::new(row),
            line,
        });
    }

    fn set(&self, known: Known) {
        self.known.store(Arc::new(known));
        self.changed.send_replace(());
    }

    /// Tells of every change of what is stored, and of every line that opens or closes. What a line says, it tells itself.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The line, if one is open.
    pub(crate) fn line(&self) -> Option<Arc<OpenLine>> {
        self.known.load().line.clone()
    }

    pub(super) fn set_line(&self, line: Option<OpenLine>) {
        let row = self.row();
        let line = line.map(Arc::new);
        self.set(Known { row, line });
    }

    /// The status, at this moment.
    pub(crate) fn status(&self) -> SessionStatus {
        self.known.load().status()
    }

    /// Everything that is true at this moment.
    pub(crate) fn moment(&self) -> Moment {
        loop {
            let known = self.known.load_full();
            let moment = Self::moment_of(&known);
            // A loss that was stored meanwhile is neither in the row that was read nor new on the line.
            if Arc::ptr_eq(&known, &self.known.load()) {
                return moment;
            }
        }
    }

    fn moment_of(known: &Known) -> Moment {
        let Known { row, line } = known.clone();
        let (status, last_loss, step, retry_at) = {
            let open = line.as_deref().map(|open| (open, open.state.borrow()));
            // What the line knows is believed before it is stored.
            let unlinked = open.as_ref().and_then(|(open, said)| open.lost_link(said));
            let untold = open.as_ref().and_then(|(open, said)| open.unstored_loss(said));
            let said = open.as_ref().map(|(_, said)| &**said);
            (
                status(row.phase, said.map(|said| &said.status)),
                unlinked
                    .filter(|_| row.phase == Phase::Linked)
                    .or_else(|| untold.map(loss::of_connection))
                    .or_else(|| row.loss().cloned()),
                said.and_then(|said| said.step.clone()),
                said.and_then(|said| said.retry_at),
            )
        };
        Moment {
            row,
            line,
            status,
            last_loss,
            step,
            retry_at,
        }
    }

    /// The link to send over, and the line if a message can be sent now; without one the message waits in the outbox.
    ///
    /// # Errors
    /// `session_not_linked`, when nothing that is accepted now could be expected to go out.
    pub(crate) fn sendable(&self) -> Result<(Link, Option<Arc<OpenLine>>), Problem> {
        let known = self.known.load();
        let status = known.status();
        let (link, line) = match status {
            SessionStatus::Ready => (known.row.link.clone(), known.line.clone()),
            // Scanned, but not linked yet: there is no number to send from.
            SessionStatus::Connecting | SessionStatus::Reconnecting if known.row.phase == Phase::Linked => {
                (known.row.link.clone(), None)
            }
            _ => (None, None),
        };
        let link = link.ok_or_else(|| {
            let sentence = format!("The session cannot send: its status is {status}. It must be linked first.");
            Problem::new(Code::SESSION_NOT_LINKED, sentence).field("sessionId")
        })?;
        Ok((link, line))
    }

    /// Whether what was accepted for this number is still to go out some day: neither is the session deleted, nor has another linked it.
    pub(crate) fn sends_from(&self, number: &PhoneNumber) -> bool {
        let row = self.row();
        row.phase != Phase::Inactive && row.link.as_ref().is_some_and(|link| link.number == *number)
    }

    /// Hands a message to the task that was just committed. If the task is busy, it finds the message in the table.
    pub(crate) fn offer(&self, message: Pending) {
        if self.offers.try_send(message).is_err() {
            self.behind.store(true, Ordering::Release);
            // It may have taken all that was offered before it could see that.
            self.fell_behind.notify_one();
        }
    }

    /// Waits until an offer was missed.
    pub(super) async fn fell_behind(&self) {
        self.fell_behind.notified().await;
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
        self.commands.send(command(reply)).await.map_err(|_| stopping())?;
        match answer.await {
            Ok(outcome) => outcome,
            Err(_) if self.commands.is_closed() => Err(stopping()),
            Err(_) => Err(Problem::internal("the session's task panicked over the command")),
        }
    }

    /// Ends the task and closes the line without logging out.
    pub(super) async fn stop(&self) {
        // A task that is gone has stopped.
        let _ = self.ask(Command::Stop).await;
    }
}

impl Known {
    fn status(&self) -> SessionStatus {
        match &self.line {
            Some(open) => status(self.row.phase, Some(&open.state.borrow().status)),
            None => status(self.row.phase, None),
        }
    }
}

impl OpenLine {
    /// A line that was opened just now.
    pub(super) fn new(line: Arc<dyn Line>, clock: Arc<dyn Clock>) -> Self {
        Self {
            state: line.state(),
            line,
            clock,
            unlinked_at: OnceLock::new(),
            stored: AtomicU64::new(0),
        }
    }

    /// The last loss of the connection, if it is not stored yet.
    fn unstored_loss<'a>(&self, said: &'a LineState) -> Option<&'a line::Loss> {
        let is_new = said.losses > self.stored.load(Ordering::Acquire);
        said.last_loss.as_ref().filter(|_| is_new)
    }

    /// The same for the session's task, which stores it, and how many there are with it.
    pub(super) fn new_loss(&self) -> Option<(line::Loss, u64)> {
        let said = self.state.borrow();
        self.unstored_loss(&said).map(|loss| (loss.clone(), said.losses))
    }

    /// So many losses are stored.
    pub(super) fn stored_losses(&self, count: u64) {
        self.stored.store(count, Ordering::Release);
    }

    /// A new link: what was lost before it is of no interest any more.
    pub(super) fn forget_losses(&self) {
        self.stored_losses(self.state.borrow().losses);
    }

    /// The loss of the link, if the line has lost it.
    pub(super) fn link_loss(&self) -> Option<Loss> {
        self.lost_link(&self.state.borrow())
    }

    fn lost_link(&self, said: &LineState) -> Option<Loss> {
        match &said.status {
            LineStatus::LoggedOut(reason) => {
                let at = self.unlinked_at.get_or_init(|| self.clock.now());
                Some(loss::of_link(reason, *at))
            }
            _ => None,
        }
    }
}

impl Connection {
    /// The one that the line has now.
    pub(super) fn of(line: &Arc<OpenLine>) -> Self {
        Self {
            line: line.clone(),
            losses: line.state.borrow().losses,
        }
    }

    /// Whether the line that is open now is this one and has lost nothing since.
    pub(super) fn lasts(&self, open: Option<&Arc<OpenLine>>) -> bool {
        open.is_some_and(|open| Arc::ptr_eq(open, &self.line) && open.state.borrow().losses == self.losses)
    }
}

/// Whether a session in this phase has a line, or is to have one.
pub(super) const fn has_line(phase: Phase) -> bool {
    matches!(phase, Phase::Registering | Phase::Linked)
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("id", &self.id)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
