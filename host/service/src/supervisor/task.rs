//! The task of one session. It alone opens and closes the session's line, holds its part of the outbox, and changes its row.
//!
//! Attempts to write to the socket run beside it, so that a slow one keeps nobody waiting, and so that closing the line never waits
//! for something that waits for the task.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::UnixMillis;
use switchboard_core::event::{Account, LineEvent, LogoutReason, ReceiptKind};
use switchboard_core::ids::StanzaId;
use switchboard_core::problem::Problem;
use switchboard_core::status::SessionStatus;
use switchboard_store::keys::KeyStore;
use switchboard_store::messages::{Outcome, Report};
use switchboard_store::sessions::{Loss, NewLink, Phase, Session};
use switchboard_whatsapp::{LineState, Purpose};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::commands::{Command, Step, step};
use super::handle::{Connection, Ends, Handle, OpenLine, has_line};
use super::insist::insist;
use super::loss;
use super::sink::SessionSink;
use crate::outbox::attempt::{Attempt, attempt};
use crate::outbox::queue::{HELD, Queue};
use crate::outbox::refusal;
use crate::outbox::waiters::Verdict;
use crate::parts::Parts;
use crate::sessions::update::SessionChanges;

/// How many committed messages are taken at a time.
const OFFERED: usize = 64;

/// What a session's task works with.
pub(super) struct Task {
    parts: Arc<Parts>,
    handle: Arc<Handle>,
    keys: KeyStore,
    queue: Queue,
    attempts: JoinSet<(StanzaId, Connection, Attempt)>,
    /// What the open line says.
    state: Option<watch::Receiver<LineState>>,
    last_status: SessionStatus,
    /// When the line is to be opened that was not yet.
    open_at: Option<Instant>,
}

impl Task {
    /// A task; the line of a session that wants one opens after `delay`.
    pub(super) fn new(parts: Arc<Parts>, handle: Arc<Handle>, delay: Duration) -> Self {
        let wants_line = has_line(handle.row().phase);
        Self {
            keys: KeyStore::new(parts.store.clone(), parts.clock.clone(), &handle.id),
            parts,
            handle,
            queue: Queue::default(),
            attempts: JoinSet::new(),
            state: None,
            last_status: SessionStatus::Registering,
            open_at: wants_line.then(|| Instant::now() + delay),
        }
    }

    /// Runs until the task is told to stop.
    pub(super) async fn run(mut self, ends: &mut Ends) {
        let mut offered = Vec::with_capacity(OFFERED);
        loop {
            self.note_status().await;
            self.send_on().await;
            let deadline = self.open_at.into_iter().chain(self.queue.next_deadline()).min();
            tokio::select! {
                Some(command) = ends.commands.recv() => {
                    // What WhatsApp said before is true before.
                    while let Ok(event) = ends.events.try_recv() {
                        self.hear(event).await;
                    }
                    self.note_status().await;
                    let stop = matches!(command, Command::Stop(_));
                    self.obey(command).await;
                    if stop {
                        return;
                    }
                }
                Some(event) = ends.events.recv() => self.hear(event).await,
                1.. = ends.offers.recv_many(&mut offered, OFFERED) => {
                    for message in offered.drain(..) {
                        // Before the offer: it may be newer than the one that was missed.
                        self.note_missed();
                        self.queue.offer(message);
                    }
                }
                Some(ended) = self.attempts.join_next(), if !self.attempts.is_empty() => {
                    // What was given up has no outcome.
                    if let Ok((stanza_id, connection, outcome)) = ended {
                        self.attempted(&stanza_id, &connection, outcome).await;
                    }
                }
                () = self.handle.fell_behind() => {}
                () = changed(self.state.as_mut()) => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.due().await,
            }
        }
    }

    /// Writes what may go out now.
    async fn send_on(&mut self) {
        self.note_missed();
        if self.handle.status() != SessionStatus::Ready {
            return;
        }
        let Some(open) = self.handle.line() else { return };
        if self.queue.wants_more() {
            // What was acknowledged must not be read as waiting.
            self.parts.recorder.settled().await;
            let (id, limit) = (self.handle.id, u32::try_from(HELD).unwrap_or(u32::MAX));
            if let Ok(rows) = insist("outbox", Some(id), || self.parts.messages.pending(id, limit)).await {
                self.queue.catch_up(rows);
            }
        }
        while let Some(message) = self.queue.next() {
            let (parts, line) = (self.parts.clone(), open.line.clone());
            let connection = Connection::of(&open);
            self.attempts.spawn(async move {
                let outcome = attempt(&parts, line, &message).await;
                (message.stanza_id, connection, outcome)
            });
        }
    }

    fn note_missed(&mut self) {
        if self.handle.take_behind() {
            self.queue.missed();
        }
    }

    async fn attempted(&mut self, stanza_id: &StanzaId, connection: &Connection, outcome: Attempt) {
        let now = Instant::now();
        match outcome {
            Attempt::Never(problem) => self.settle(stanza_id, Err(problem), self.parts.clock.now()).await,
            // Whatever became of it on a connection that is lost by now is lost with that, and the next may be ready already.
            _ if !connection.lasts(self.handle.line().as_ref()) => self.queue.put_back(stanza_id, now),
            Attempt::Written => self.queue.written(stanza_id, now),
            Attempt::NotConnected => self.queue.put_back(stanza_id, now),
            Attempt::Failed(problem) => {
                let cause = problem.cause_chain();
                tracing::warn!(session = %self.handle.id, %stanza_id, cause, "a message could not be written; it stays in the outbox");
                if self.queue.failed(stanza_id, now) {
                    self.settle(stanza_id, Err(refusal::never_acknowledged()), self.parts.clock.now())
                        .await;
                }
            }
        }
    }

    /// A message has its outcome.
    async fn settle(&mut self, stanza_id: &StanzaId, verdict: Verdict, at: UnixMillis) {
        let outcome = match &verdict {
            Ok(()) => Outcome::Sent,
            Err(problem) => Outcome::Failed(refusal::failure(problem)),
        };
        self.queue.settle(stanza_id);
        self.report(stanza_id.clone(), outcome, at).await;
        // After the report was handed in: whoever is answered now finds it. A cause that nobody is answered with is told here.
        if let Some(Err(problem)) = self.handle.waiters.tell(stanza_id, verdict)
            && let Some(cause) = problem.cause_chain()
        {
            tracing::warn!(session = %self.handle.id, %stanza_id, code = %problem.code(), cause, "a message will never be sent");
        }
    }

    async fn report(&self, stanza_id: StanzaId, outcome: Outcome, at: UnixMillis) {
        self.parts
            .recorder
            .report(Report {
                session: self.handle.id,
                stanza_id,
                outcome,
                at,
            })
            .await;
    }

    async fn hear(&mut self, event: LineEvent) {
        match event {
            LineEvent::Linked(account) => self.linked(account).await,
            LineEvent::Ready => self.ready().await,
            LineEvent::ServerAck { stanza_id, error, at } => {
                let verdict = error.map_or(Ok(()), |error| Err(refusal::by_whatsapp(error)));
                self.settle(&stanza_id, verdict, at).await;
            }
            LineEvent::Receipt {
                kind,
                chat: _,
                sender,
                stanza_ids,
                at,
            } => {
                for stanza_id in stanza_ids {
                    let outcome = match kind {
                        ReceiptKind::Delivered => Outcome::Delivered(sender.clone()),
                        ReceiptKind::Read => Outcome::Read(sender.clone()),
                        ReceiptKind::Played => Outcome::Played(sender.clone()),
                    };
                    // What a recipient has, the server has taken, whether its acknowledgement came through or not.
                    self.queue.settle(&stanza_id);
                    self.report(stanza_id.clone(), outcome, at).await;
                    let _ = self.handle.waiters.tell(&stanza_id, Ok(()));
                }
            }
            LineEvent::LoggedOut(reason) => self.logged_out(&reason).await,
        }
    }

    async fn linked(&mut self, account: Account) {
        let (id, at) = (self.handle.id, self.parts.clock.now());
        let before = self.handle.row().link.clone();
        let other = before.is_some_and(|before| before.number != account.number);
        // What was meant to go out from one number must not go out from another.
        if other && self.give_up().await.is_err() {
            return;
        }
        let new = || NewLink {
            number: account.number.clone(),
            lid: account.lid.clone(),
            push_name: account.push_name.clone(),
            at,
        };
        let random = &*self.parts.random;
        let Ok(link) = insist("link", Some(id), || self.parts.sessions.link(id, new(), random)).await else {
            return;
        };
        tracing::info!(session = %id, mobid = %link.mobid, "session linked");
        if let Some(open) = self.handle.line() {
            open.forget_losses();
        }
        self.change(|row| Session {
            phase: Phase::Linked,
            link: Some(link),
            last_seen_at: Some(at),
            losses: Vec::new(),
            wait_until: None,
            ..row
        });
    }

    async fn ready(&mut self) {
        self.queue.reconnected();
        // Linked, but the process died before it was noted.
        if self.handle.row().phase == Phase::Registering
            && let Some(account) = self.state.as_ref().and_then(|state| state.borrow().account.clone())
        {
            self.linked(account).await;
        }
        self.seen(None, None).await;
    }

    async fn logged_out(&mut self, reason: &LogoutReason) {
        // After a logout that was asked for the phase is another one already.
        if self.handle.row().phase == Phase::Linked {
            self.stop_line().await;
            let loss = self.link_loss(reason);
            // If this fails, the ended line stays, so that the status does, and the next start finds the keys gone.
            let _ = self.enter(Phase::LoggedOut, Some(loss)).await;
        }
    }

    /// Says and stores what is new about the connection.
    async fn note_status(&mut self) {
        let now = self.handle.moment();
        let status = now.status;
        if std::mem::replace(&mut self.last_status, status) != status {
            tracing::info!(session = %self.handle.id, %status, "session status");
        }
        if let Some(open) = now.line
            && let Some((loss, count)) = open.new_loss()
        {
            self.parts.metrics.lost(&loss.reason);
            self.seen(Some(loss::of_connection(&loss)), loss.wait_until).await;
            open.stored_losses(count);
        }
    }

    async fn seen(&mut self, loss: Option<Loss>, wait_until: Option<UnixMillis>) {
        let before = self.handle.row();
        let row = Session {
            last_seen_at: Some(self.parts.clock.now()),
            losses: before.losses_with(loss),
            wait_until,
            ..Session::clone(&before)
        };
        // Not worth waiting for a disk that is full: the next time is as good.
        if let Err(error) = self.parts.sessions.seen(&row).await {
            tracing::warn!(session = %row.id, %error, "what was seen of the session is not stored");
        }
        self.change(|_| row);
    }

    /// A deadline has come.
    async fn due(&mut self) {
        let now = Instant::now();
        if self.open_at.is_some_and(|at| at <= now) {
            self.open();
        }
        for message in self.queue.overdue(now) {
            self.settle(
                &message.stanza_id,
                Err(refusal::never_acknowledged()),
                self.parts.clock.now(),
            )
            .await;
        }
    }

    async fn obey(&mut self, command: Command) {
        let outcome = match step(&command, self.handle.row().phase) {
            Ok(step) => self.take(step).await,
            Err(problem) => Err(problem),
        };
        let (Command::Restart(reply)
        | Command::Logout(reply)
        | Command::Relink(reply)
        | Command::Delete(reply)
        | Command::Update(_, reply)
        | Command::Stop(reply)) = command;
        // A request that has gone away is done all the same.
        let _ = reply.send(outcome);
    }

    async fn take(&mut self, step: Step) -> Result<(), Problem> {
        match step {
            Step::Nothing => {}
            Step::Stop => {
                self.handle.turns.end();
                self.handle.waiters.dismiss();
                self.close().await;
            }
            Step::Reopen => self.reopen().await,
            Step::Update(changes) => self.update(*changes).await?,
            Step::LogOut(phase) => {
                if let Some(open) = self.handle.line() {
                    // Whatever is left of the keys goes below, and a failure there is the answer.
                    if let Err(error) = open.line.logout().await {
                        tracing::warn!(session = %self.handle.id, %error, "the line did not log out cleanly");
                    }
                }
                self.forget(phase).await?;
            }
            Step::Forget(phase) => self.forget(phase).await?,
            Step::Link => {
                self.enter(Phase::Registering, None).await?;
                self.open();
            }
        }
        Ok(())
    }

    async fn update(&mut self, changes: SessionChanges) -> Result<(), Problem> {
        let before = self.handle.row();
        let row = changes.of(Session::clone(&before))?;
        insist("session", Some(before.id), || self.parts.sessions.update(&row)).await?;
        let rerouted = row.proxy != before.proxy && has_line(row.phase);
        self.change(|_| row);
        if rerouted {
            self.reopen().await;
        }
        Ok(())
    }

    /// Makes the connection anew at once, whatever WhatsApp has asked for: that is for the operator to judge.
    async fn reopen(&mut self) {
        self.close().await;
        // On the disk this follows with what is seen next: that the session is READY, or why it is not.
        self.change(|row| Session {
            wait_until: None,
            ..row
        });
        self.open();
    }

    async fn forget(&mut self, phase: Phase) -> Result<(), Problem> {
        self.stop_line().await;
        self.keys.wipe().await?;
        if phase == Phase::Inactive {
            self.give_up().await?;
        }
        let was_linked = self.handle.row().phase == Phase::Linked;
        let loss = was_linked.then(|| self.link_loss(&LogoutReason::Requested));
        self.enter(phase, loss).await?;
        if phase == Phase::Inactive {
            // What was accepted meanwhile; whoever comes later sees that the session is gone.
            self.give_up().await?;
        }
        Ok(())
    }

    /// Fails everything that is not sent yet.
    async fn give_up(&mut self) -> Result<(), Problem> {
        let (id, at) = (self.handle.id, self.parts.clock.now());
        self.attempts.abort_all();
        self.queue = Queue::default();
        self.parts.recorder.settled().await;
        let failure = refusal::failure(&refusal::session_gone());
        let given_up = insist("outbox", Some(id), || {
            self.parts.messages.fail_pending(id, failure.clone(), at)
        })
        .await?;
        self.parts.audience.raised(given_up.raised);
        self.parts.metrics.settled(given_up.settled);
        self.handle.waiters.dismiss();
        Ok(())
    }

    fn open(&mut self) {
        self.open_at = None;
        let purpose = match self.handle.row().phase {
            Phase::Registering => match self.handle.row().phone_number.clone() {
                Some(number) => Purpose::LinkByCode(number),
                None => Purpose::Link,
            },
            Phase::Linked => Purpose::Resume,
            Phase::LoggedOut | Phase::Inactive => return,
        };
        let sink = SessionSink {
            parts: self.parts.clone(),
            events: self.handle.events(),
        };
        let row = self.handle.row();
        let patience = loss::patience(&row, self.parts.clock.now());
        let (keys, proxy) = (self.keys.clone(), row.proxy.clone());
        let line = self
            .parts
            .lines
            .open(row.id, keys, purpose, patience, proxy, Arc::new(sink));
        self.state = Some(line.state());
        let clock = self.parts.clock.clone();
        self.handle.set_line(Some(OpenLine::new(line, clock)));
    }

    /// Closes the line, and leaves it to be seen what it was at its end.
    async fn stop_line(&mut self) {
        self.open_at = None;
        self.state = None;
        if let Some(open) = self.handle.line() {
            open.line.stop().await;
        }
    }

    async fn close(&mut self) {
        self.stop_line().await;
        self.handle.set_line(None);
    }

    /// The loss of the link as everybody has seen it on the line; without a line, for this reason.
    fn link_loss(&self, reason: &LogoutReason) -> Loss {
        let seen = self.handle.line().and_then(|open| open.link_loss());
        seen.unwrap_or_else(|| loss::of_link(reason, self.parts.clock.now()))
    }

    /// Moves to another phase, on disk first; if that fails, not at all.
    async fn enter(&mut self, phase: Phase, loss: Option<Loss>) -> Result<(), Problem> {
        let id = self.handle.id;
        let losses = self.handle.row().losses_with(loss);
        insist("phase", Some(id), || self.parts.sessions.set_phase(id, phase, &losses)).await?;
        self.change(|row| Session {
            phase,
            losses,
            wait_until: None,
            ..row
        });
        Ok(())
    }

    fn change(&mut self, change: impl FnOnce(Session) -> Session) {
        let before = self.handle.row();
        let row = change(Session::clone(&before));
        let renamed = (row.phase, &row.link) != (before.phase, &before.link);
        self.handle.set_row(row);
        if renamed {
            self.parts.directory.relinked();
        }
    }
}

/// Waits until the line says something new; for ever if there is none, or if it has said its last.
pub(super) async fn changed(state: Option<&mut watch::Receiver<LineState>>) {
    if let Some(state) = state
        && state.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
