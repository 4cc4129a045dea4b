//! The one task of a line: it owns the session's one client, and starts the next when one has ended and the line is still wanted.
//!
//! A client of the library is one-shot: whatever ends it for good (codes that ran out, a refused login, another client in its
//! place) is answered with a new client on the same keys. Between two clients the task waits, longer each time, and while it waits
//! nobody touches the keys. A session that is no longer linked has its keys wiped before anything else can use them.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::UnixMillis;
use switchboard_core::event::{Account, InboundMessage, LineEvent, LogoutReason};
use switchboard_core::ids::SessionId;
use switchboard_core::proxy::Proxy;
use switchboard_store::keys::KeyStore;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout, timeout_at};
use whatsapp_rust::Client;

use super::asks::{account, ask, log_out};
use super::backoff::Backoff;
use super::board::Board;
use super::current::Current;
use super::loss::{self, LossReason};
use super::news::{Closing, News};
use super::pairing_code::{Codes, NoCode};
use super::repair::Repair;
use super::sockets::Sockets;
use super::state::{LineStatus, LinkStep, PairingCode, Passkey, Patience, QrCode};
use super::watchdog::{Finding, Watchdog};
use super::wire::Wire;
use super::wish::{Wish, wished};
use super::{Purpose, bot, passkey};
use crate::driver::Shared;
use crate::sink::Sink;

/// How long a client may take to save what it knows and to close.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
/// The same for one to which nobody has said anything yet.
const BRIEF_PATIENCE: Duration = Duration::from_secs(1);
/// How long a ban is believed to last that does not say so.
const BAN: Duration = Duration::from_secs(3600);
/// WhatsApp's reason to refuse a login for a ban.
const BANNED: i32 = 402;
/// How often a wipe is tried, and how long it rests when it failed.
const WIPES: u32 = 5;
const WIPE_REST: Duration = Duration::from_secs(5);

/// Why a client ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It was told to.
    Stop,
    /// The device is not linked.
    LoggedOut(LogoutReason),
    /// The next one may start after this.
    Pause(Pause),
}

/// The time until the next client starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pause {
    /// When it is over. Not by the clock, which may be set meanwhile.
    ends: Instant,
    /// The same for people.
    until: UnixMillis,
}

/// What a line is made of, for as long as it lives.
pub(super) struct Parts {
    pub(super) shared: Arc<Shared>,
    pub(super) session: SessionId,
    pub(super) keys: KeyStore,
    pub(super) proxy: Option<Proxy>,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) wire: Arc<Wire>,
    pub(super) repair: Arc<Repair>,
    pub(super) current: Arc<Current<Arc<Client>>>,
}

/// What a line's task works with.
pub(super) struct Task {
    parts: Parts,
    board: Board,
    backoff: Backoff,
    watchdog: Watchdog,
    /// Whether the session is known to be linked.
    linked: bool,
    /// Linked by codes that are typed, if not by QR codes.
    codes: Option<Codes>,
    /// Until when a passkey is waited for.
    passkey_until: Option<Instant>,
    /// Whether the codes of this client were all shown.
    exhausted: bool,
    /// The sockets of this client.
    sockets: Sockets,
    /// What goes on asking for what is missing.
    questions: JoinSet<()>,
}

impl Task {
    pub(super) fn new(parts: Parts, purpose: Purpose, board: Board) -> Self {
        Self {
            watchdog: Watchdog::new(parts.shared.max_silence),
            parts,
            board,
            backoff: Backoff::default(),
            linked: purpose == Purpose::Resume,
            codes: match purpose {
                Purpose::LinkByCode(number) => Some(Codes::new(number)),
                Purpose::Link | Purpose::Resume => None,
            },
            passkey_until: None,
            exhausted: false,
            sockets: Sockets::default(),
            questions: JoinSet::new(),
        }
    }

    /// Runs the line to its end.
    pub(super) async fn run(
        mut self,
        patience: Option<Patience>,
        mut wishes: watch::Receiver<Wish>,
        mut news: mpsc::UnboundedReceiver<News>,
    ) {
        let held = self.parts.shared.leases.take(&self.parts.session).await;
        let mut pause = patience.map(|patience| Pause {
            ends: Instant::now() + self.board.time_to(patience.until),
            until: patience.until,
        });
        let status = loop {
            let wished = match pause.take() {
                Some(pause) => self.rest(pause, &mut wishes).await,
                None => None,
            };
            let end = match wished {
                Some(end) => end,
                None => self.one_client(&mut wishes, &mut news).await,
            };
            match end {
                End::Pause(next) => pause = Some(next),
                End::LoggedOut(reason) if !self.wiped().await => {
                    tracing::error!(session = %self.parts.session, ?reason, "the session's keys are still there; the line ends");
                    break LineStatus::Stopped;
                }
                // Keys that were left over from an earlier link: they are gone now, and codes can be shown.
                End::LoggedOut(reason) if !self.linked && reason != LogoutReason::Requested => {}
                End::LoggedOut(reason) => {
                    tracing::info!(session = %self.parts.session, ?reason, "logged out");
                    self.parts
                        .sink
                        .event(&self.parts.session, LineEvent::LoggedOut(reason.clone()));
                    break LineStatus::LoggedOut(reason);
                }
                End::Stop => break LineStatus::Stopped,
            }
        };
        drop(held);
        self.board.end(status);
    }

    /// Waits for the next client's time, unless something else is wished meanwhile.
    async fn rest(&self, pause: Pause, wishes: &mut watch::Receiver<Wish>) -> Option<End> {
        if pause.ends > Instant::now() {
            self.board.waits(pause.until);
        }
        let end = match timeout_at(pause.ends, wished(wishes)).await {
            Ok(wish) => wished_already(wish),
            Err(_) => None,
        };
        if end.is_none() {
            self.board.tries();
        }
        end
    }

    /// Runs one client to its end. When this returns, it and all that belongs to it is gone.
    async fn one_client(
        &mut self,
        wishes: &mut watch::Receiver<Wish>,
        news: &mut mpsc::UnboundedReceiver<News>,
    ) -> End {
        (self.exhausted, self.sockets) = (false, Sockets::default());
        if let Some(codes) = &mut self.codes {
            codes.forget();
        }
        if let Some(end) = wished_already(*wishes.borrow()) {
            return end;
        }
        let built = bot::build(&self.parts).await;
        let bot = match built {
            Ok(bot) => bot,
            Err(reason) => {
                tracing::error!(session = %self.parts.session, %reason, "the client cannot be set up");
                return self.give_up(LossReason::Client(reason));
            }
        };
        let client = bot.client();
        let _every_stanza = client.acquire_raw_node_forwarding();
        let mut handle = bot.spawn();
        self.parts.current.begin(Arc::clone(&client)).await;
        let pace = self.watchdog.pace();
        let mut look = interval_at(Instant::now() + pace, pace);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            let code_due = self.codes.as_ref().and_then(Codes::due);
            let decide_at = self.sockets.decide_at();
            tokio::select! {
                biased;
                wish = wished(wishes) => {
                    if wish == Wish::Logout {
                        log_out(&client, &self.parts.session).await;
                        break End::LoggedOut(LogoutReason::Requested);
                    }
                    break End::Stop;
                }
                Some(news) = news.recv() => if let ControlFlow::Break(end) = self.hear(news, &client).await {
                    break end;
                },
                () = &mut handle => break self.over(news, &client).await,
                () = sleep_until(code_due.unwrap_or_else(Instant::now)), if code_due.is_some() => self.ask_for_a_code(),
                () = sleep_until(decide_at.unwrap_or_else(Instant::now)), if decide_at.is_some() => {
                    if let Some(end) = self.without_socket() {
                        break end;
                    }
                }
                _ = look.tick() => if let Some(end) = self.look(&client) {
                    break end;
                },
            }
        };
        self.board.closing();
        // Before a login there is nothing to hand over, and the library waits for the other side of a handshake.
        let patience = if self.sockets.untried() {
            BRIEF_PATIENCE
        } else {
            STOP_PATIENCE
        };
        if timeout(patience, handle.shutdown()).await.is_err() {
            tracing::warn!(session = %self.parts.session, "the client did not close in time and is cut off");
        }
        self.parts.current.end().await;
        drop(client);
        self.keep_ungated(news).await;
        end
    }

    /// The client has ended by itself: what it said last tells why.
    async fn over(&mut self, news: &mut mpsc::UnboundedReceiver<News>, client: &Arc<Client>) -> End {
        while let Ok(news) = news.try_recv() {
            if let ControlFlow::Break(end) = self.hear(news, client).await {
                return end;
            }
        }
        if self.exhausted {
            return End::Pause(self.pause(Duration::ZERO));
        }
        let reason = LossReason::Client("without a reason".into());
        if self.board.is_ready() {
            return self.give_up(reason);
        }
        End::Pause(self.pause_after(&reason))
    }

    /// The client is of no use any more, for this reason; the next one starts after a while.
    fn give_up(&mut self, reason: LossReason) -> End {
        let pause = self.pause_after(&reason);
        self.log(&reason);
        self.board.lost(reason, Some(pause.until));
        End::Pause(pause)
    }

    fn pause_after(&mut self, reason: &LossReason) -> Pause {
        let wait = self.backoff.next(reason.wait(), &*self.parts.shared.random);
        self.pause(wait)
    }

    fn pause(&self, wait: Duration) -> Pause {
        Pause {
            ends: Instant::now() + wait,
            until: self.board.until(wait),
        }
    }

    async fn hear(&mut self, news: News, client: &Arc<Client>) -> ControlFlow<End> {
        self.sockets.note(&news);
        match news {
            News::QrCode(..) if self.linked => return ControlFlow::Break(End::LoggedOut(LogoutReason::KeysLost)),
            News::QrCode(text, timeout) => match &mut self.codes {
                Some(codes) => codes.connected(),
                // The library goes on making codes while somebody looks for a passkey.
                None if self.passkey_until.is_some_and(|until| Instant::now() < until) => {}
                None => {
                    let expires_at = self.board.until(timeout);
                    self.board.show(LinkStep::ScanQr(QrCode { text, expires_at }));
                }
            },
            News::PairingCode(text, timeout) => {
                let expires_at = self.board.until(timeout);
                self.board.show(LinkStep::TypeCode(PairingCode { text, expires_at }));
                self.next_code(timeout);
            }
            News::PairingCodeWorthless => self.ask_for_a_code(),
            News::PairingCodeRefused(NoCode { reason, pause }) => {
                self.board.take_down();
                let reason = LossReason::Pairing(reason);
                let pause = pause.max(self.backoff.next(reason.wait(), &*self.parts.shared.random));
                self.lost(reason);
                self.next_code(pause);
            }
            News::Passkey(challenge) => {
                let timeout = passkey::timeout(&challenge);
                self.passkey_until = Some(Instant::now() + timeout);
                self.lost(LossReason::Pairing(
                    "WhatsApp asks for the account's passkey first".into(),
                ));
                let expires_at = self.board.until(timeout);
                self.board
                    .show(LinkStep::GivePasskey(Passkey { challenge, expires_at }));
            }
            News::QrCodesExhausted => {
                self.exhausted = true;
                self.board.take_down();
            }
            News::Linked(account) => self.link(account),
            News::Connected => self.connected(client).await,
            News::PairingFailed(reason) => self.lost(LossReason::Pairing(reason.into())),
            // One loss, told from above and from below: whichever comes first.
            News::Disconnected(reason) if self.board.is_ready() => self.lost(LossReason::Socket(reason.into())),
            News::Disconnected(_) => {}
            News::Unreachable(reason) => return ControlFlow::Break(self.give_up(reason)),
            News::SocketClosed(closing) => return self.socket_closed(closing),
            // Not every one ends the stream at once; what is left of it is not worth waiting for.
            News::StreamError(code) => return ControlFlow::Break(self.give_up(LossReason::Stream(code))),
            News::Refused(BANNED) => return ControlFlow::Break(self.banned("it does not say why", BAN)),
            News::Refused(reason) => return ControlFlow::Break(self.give_up(LossReason::Refused(reason))),
            News::Replaced => return ControlFlow::Break(self.give_up(LossReason::Replaced)),
            News::Outdated => {
                self.parts.shared.versions.outdated().await;
                return ControlFlow::Break(self.give_up(LossReason::Outdated));
            }
            News::Banned(reason, wait) => return ControlFlow::Break(self.banned(&reason, wait)),
            News::LoggedOut(reason) => return ControlFlow::Break(End::LoggedOut(reason)),
            News::Ungated(batch) => self.keep(batch).await,
            News::Missing(missing) => self.parts.repair.begin(missing, &self.parts.current).await,
            News::Awaited(missing) => self.parts.repair.remember(&missing).await,
        }
        ControlFlow::Continue(())
    }

    fn next_code(&mut self, after: Duration) {
        if let Some(codes) = &mut self.codes {
            codes.ask_after(after);
        }
    }

    fn ask_for_a_code(&mut self) {
        self.board.take_down();
        if let Some(codes) = &mut self.codes {
            codes.ask(&self.parts.current);
        }
    }

    fn link(&mut self, account: Account) {
        self.codes = None;
        if !std::mem::replace(&mut self.linked, true) {
            self.parts
                .sink
                .event(&self.parts.session, LineEvent::Linked(account.clone()));
        }
        self.board.linked(account);
    }

    async fn connected(&mut self, client: &Client) {
        let Some(account) = account(client) else { return };
        if !client.is_connected() {
            return;
        }
        // Only after a crash between the link and its first connection is this the first we hear of it.
        if !self.linked {
            self.link(account.clone());
        }
        self.backoff.connected();
        self.board.ready(account);
        tracing::info!(session = %self.parts.session, "connected");
        self.parts.sink.event(&self.parts.session, LineEvent::Ready);
        self.questions.abort_all();
        let repair = Arc::clone(&self.parts.repair);
        self.questions.spawn(repair.go_on(Arc::clone(&self.parts.current)));
    }

    /// WhatsApp may call a ban over that is not.
    fn banned(&mut self, reason: &str, wait: Duration) -> End {
        let wait = wait.max(self.backoff.next(loss::REFUSAL, &*self.parts.shared.random));
        let pause = self.pause(wait);
        self.board.banned(reason.to_owned(), pause.until);
        tracing::warn!(session = %self.parts.session, until = %pause.until.rfc3339(), "WhatsApp has banned the account");
        End::Pause(pause)
    }

    fn socket_closed(&mut self, closing: Closing) -> ControlFlow<End> {
        self.board.take_down();
        let tell = self.board.is_ready();
        match self.sockets.closed(closing, tell) {
            ControlFlow::Break(reason) => return ControlFlow::Break(self.give_up(reason)),
            ControlFlow::Continue(reason) if tell => self.lost(reason),
            ControlFlow::Continue(_) => {}
        }
        ControlFlow::Continue(())
    }

    /// The socket is gone and nobody has said why: unless the client has another one, as after a link, the next client starts.
    fn without_socket(&mut self) -> Option<End> {
        let ended = self.sockets.take_ended()?;
        if self.parts.wire.silent_for().is_some() {
            return None;
        }
        Some(if ended.told {
            End::Pause(self.pause_after(&ended.reason))
        } else {
            self.give_up(ended.reason)
        })
    }

    /// Something is lost, and the client may yet go on.
    fn lost(&self, reason: LossReason) {
        self.log(&reason);
        self.board.lost(reason, None);
    }

    fn log(&self, reason: &LossReason) {
        tracing::info!(session = %self.parts.session, %reason, "not connected");
    }

    /// The truth is the live socket, whatever was told.
    fn look(&mut self, client: &Client) -> Option<End> {
        if self.board.is_ready() && !(client.is_connected() && client.is_logged_in()) {
            self.lost(LossReason::Socket("the socket was found closed".into()));
        }
        // Before the link WhatsApp has nothing to say while a code is looked at.
        let silent_for = self.parts.wire.silent_for().filter(|_| self.linked);
        match self.watchdog.look(silent_for) {
            Finding::Alive => None,
            Finding::Ask => {
                tokio::spawn(ask(Arc::clone(&self.parts.current)));
                None
            }
            Finding::Dead => Some(self.give_up(LossReason::Silent(silent_for.unwrap_or_default()))),
        }
    }

    /// Keeps messages that came without a hook, now that the client is gone.
    async fn keep_ungated(&self, news: &mut mpsc::UnboundedReceiver<News>) {
        while let Ok(news) = news.try_recv() {
            if let News::Ungated(batch) = news {
                self.keep(batch).await;
            }
        }
    }

    async fn keep(&self, batch: Vec<InboundMessage>) {
        let ids: Vec<_> = batch.iter().map(|message| message.stanza_id.clone()).collect();
        match self.parts.sink.messages(&self.parts.session, batch).await {
            Ok(()) => self.parts.repair.finish(&ids).await,
            Err(problem) => {
                let cause = problem.cause_chain().unwrap_or_else(|| problem.to_string());
                tracing::error!(session = %self.parts.session, count = ids.len(), %cause, "messages could not be kept");
            }
        }
    }

    /// Wipes the session's keys; false if that is not possible.
    async fn wiped(&mut self) -> bool {
        for _ in 0..WIPES {
            match self.parts.keys.wipe().await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::error!(session = %self.parts.session, %error, "the session's keys cannot be wiped");
                }
            }
            sleep(WIPE_REST).await;
        }
        false
    }
}

/// The end of a line that has no client at the moment.
fn wished_already(wish: Wish) -> Option<End> {
    match wish {
        Wish::Run => None,
        Wish::Stop => Some(End::Stop),
        Wish::Logout => Some(End::LoggedOut(LogoutReason::Requested)),
    }
}
