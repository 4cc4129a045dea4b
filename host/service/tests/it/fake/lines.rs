//! Lines to WhatsApp that do what the test says.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use switchboard_core::clock::{Clock, SystemClock, UnixMillis};
use switchboard_core::content::{Content, Text};
use switchboard_core::event::{Account, InboundMessage, LineEvent, LogoutReason, ReceiptKind};
use switchboard_core::ids::{Jid, PhoneNumber, SessionId, StanzaId};
use switchboard_core::problem::Problem;
use switchboard_core::proxy::Proxy;
use switchboard_service::Lines;
use switchboard_store::keys::KeyStore;
use switchboard_whatsapp::{
    Health, Line, LineError, LineState, LineStatus, LinkStep, Loss, LossReason, Outgoing, PairingCode, Passkey,
    Patience, ProxyRefused, Purpose, QrCode, Registered, SendError, Sink, Typing,
};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::until;

/// Every line that the service opened.
#[derive(Debug, Default)]
pub(crate) struct FakeLines(Mutex<Vec<Arc<FakeLine>>>);

impl FakeLines {
    /// The line of a session that is open now.
    pub(crate) async fn of(&self, session: SessionId) -> Arc<FakeLine> {
        until("a line is open", async || {
            let lines = self.0.lock().unwrap();
            lines
                .iter()
                .find(|line| line.session == session && !line.status().is_final())
                .cloned()
        })
        .await
    }

    /// Which session's line was opened when, in that order.
    pub(crate) fn opened(&self) -> Vec<(SessionId, Instant)> {
        let lines = self.0.lock().unwrap();
        lines.iter().map(|line| (line.session, line.opened_at)).collect()
    }

    /// How many lines are open, of all sessions.
    pub(crate) fn open_count(&self) -> usize {
        self.0
            .lock()
            .unwrap()
            .iter()
            .filter(|line| !line.status().is_final())
            .count()
    }
}

impl Lines for FakeLines {
    fn check_proxy(&self, _: &Proxy) -> Result<(), ProxyRefused> {
        Ok(())
    }

    fn open(
        &self,
        session: SessionId,
        _: KeyStore,
        purpose: Purpose,
        patience: Option<Patience>,
        proxy: Option<Proxy>,
        sink: Arc<dyn Sink>,
    ) -> Arc<dyn Line> {
        let expires_at = UnixMillis(4_000_000_000_000);
        let step = match purpose {
            Purpose::Link => Some(LinkStep::ScanQr(QrCode {
                text: "2@qr".to_owned(),
                expires_at,
            })),
            Purpose::LinkByCode(_) => Some(LinkStep::TypeCode(PairingCode {
                text: "ABCD1234".to_owned(),
                expires_at,
            })),
            Purpose::Resume => None,
        };
        let state = LineState {
            status: step.as_ref().map_or(LineStatus::Connecting, LinkStep::status),
            step,
            account: None,
            last_loss: None,
            losses: 0,
            retry_at: patience.map(|patience| patience.until),
        };
        let line = Arc::new(FakeLine {
            session,
            purpose,
            patience,
            proxy,
            opened_at: Instant::now(),
            sink,
            state: watch::channel(state).0,
            sent: Mutex::default(),
            strangers: Mutex::default(),
            renumbered: Mutex::default(),
            silent: Mutex::new(false),
            refuse: Mutex::default(),
            fault: Mutex::default(),
            stuck: Mutex::default(),
            panics: AtomicBool::new(false),
            logged_out: Mutex::new(false),
            read: Mutex::default(),
            typing: Mutex::default(),
        });
        let mut lines = self.0.lock().unwrap();
        assert!(
            lines
                .iter()
                .all(|line| line.session != session || line.status().is_final()),
            "a second line for one session"
        );
        lines.push(line.clone());
        line
    }
}

/// One line, with WhatsApp's side of it in the test's hands. It acknowledges whatever is sent unless it is told otherwise.
pub(crate) struct FakeLine {
    pub(crate) session: SessionId,
    pub(crate) purpose: Purpose,
    pub(crate) patience: Option<Patience>,
    pub(crate) proxy: Option<Proxy>,
    opened_at: Instant,
    sink: Arc<dyn Sink>,
    state: watch::Sender<LineState>,
    sent: Mutex<Vec<Outgoing>>,
    strangers: Mutex<HashSet<String>>,
    renumbered: Mutex<HashMap<PhoneNumber, PhoneNumber>>,
    silent: Mutex<bool>,
    refuse: Mutex<Option<u16>>,
    fault: Mutex<Option<SendError>>,
    stuck: Mutex<Option<oneshot::Receiver<()>>>,
    panics: AtomicBool,
    logged_out: Mutex<bool>,
    pub(crate) read: Mutex<Vec<StanzaId>>,
    pub(crate) typing: Mutex<Vec<Typing>>,
}

impl std::fmt::Debug for FakeLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FakeLine({})", self.session)
    }
}

impl FakeLine {
    fn status(&self) -> LineStatus {
        self.state.borrow().status.clone()
    }

    fn enter(&self, status: LineStatus) {
        self.state.send_modify(|state| {
            state.status = status;
            state.step = None;
        });
    }

    /// WhatsApp wants a passkey.
    pub(crate) fn demand_passkey(&self, challenge: &str) {
        let passkey = LinkStep::GivePasskey(Passkey {
            challenge: challenge.to_owned(),
            expires_at: UnixMillis(4_000_000_000_000),
        });
        self.state.send_modify(|state| {
            state.status = passkey.status();
            state.step = Some(passkey);
        });
    }

    fn event(&self, event: LineEvent) {
        self.sink.event(&self.session, event);
    }

    /// A phone with this number scans the code.
    pub(crate) fn link(&self, number: &str) {
        let account = Account {
            number: number.parse().unwrap(),
            device: 1,
            lid: None,
            push_name: None,
        };
        self.state.send_modify(|state| state.account = Some(account.clone()));
        self.event(LineEvent::Linked(account));
        self.connect();
    }

    /// The connection is there. What is sent over it is sent once: were it seen before it is told, it might go out twice under its id.
    pub(crate) fn connect(&self) {
        self.event(LineEvent::Ready);
        self.enter(LineStatus::Ready);
    }

    /// The connection is lost.
    pub(crate) fn lose(&self) {
        self.lose_for(LossReason::Socket("reset".into()), None);
    }

    /// The same for this reason, with what WhatsApp asks for.
    pub(crate) fn lose_for(&self, reason: LossReason, wait_until: Option<UnixMillis>) {
        self.state.send_modify(|state| {
            let at = SystemClock.now();
            state.last_loss = Some(Loss { reason, at, wait_until });
            state.losses += 1;
            state.retry_at = wait_until;
        });
        self.enter(LineStatus::Reconnecting);
    }

    /// The phone removes the device.
    pub(crate) fn unlink(&self) {
        self.lose_link();
        self.tell_unlinked();
    }

    /// The first half of [`unlink`](Self::unlink): it can be seen on the line.
    pub(crate) fn lose_link(&self) {
        self.enter(LineStatus::LoggedOut(LogoutReason::RemovedByPhone));
    }

    /// The second half: the session's task is told.
    pub(crate) fn tell_unlinked(&self) {
        self.event(LineEvent::LoggedOut(LogoutReason::RemovedByPhone));
    }

    /// No acknowledgements from now on, or again.
    pub(crate) fn be_silent(&self, silent: bool) {
        *self.silent.lock().unwrap() = silent;
    }

    /// Every message is refused with this error.
    pub(crate) fn refuse(&self, error: u16) {
        *self.refuse.lock().unwrap() = Some(error);
    }

    /// The next message is not written, for this reason.
    pub(crate) fn fail_once(&self, fault: SendError) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    /// The next message is written, but who writes it is not told before the test lets it.
    pub(crate) fn get_stuck_once(&self) -> oneshot::Sender<()> {
        let (let_go, stuck) = oneshot::channel();
        *self.stuck.lock().unwrap() = Some(stuck);
        let_go
    }

    /// The next logout panics.
    pub(crate) fn panic_at_logout(&self) {
        self.panics.store(true, Ordering::Relaxed);
    }

    /// There is no account with this number.
    pub(crate) fn does_not_know(&self, number: &str) {
        self.strangers.lock().unwrap().insert(number.to_owned());
    }

    /// Whoever has the one number is known by the other, as in countries that have changed their numbering.
    pub(crate) fn knows_as(&self, number: &str, other: &str) {
        let (number, other) = (number.parse().unwrap(), other.parse().unwrap());
        self.renumbered.lock().unwrap().insert(number, other);
    }

    /// What was written to the socket so far.
    pub(crate) fn written(&self) -> Vec<Outgoing> {
        self.sent.lock().unwrap().clone()
    }

    /// Waits until this many messages were written to the socket.
    pub(crate) async fn wrote(&self, count: usize) -> Vec<Outgoing> {
        until("messages are written", async || {
            Some(self.written()).filter(|sent| sent.len() >= count)
        })
        .await
    }

    /// WhatsApp takes a message.
    pub(crate) fn acknowledge(&self, message: &Outgoing) {
        let error = *self.refuse.lock().unwrap();
        self.event(LineEvent::ServerAck {
            stanza_id: message.stanza_id.clone(),
            error,
            at: SystemClock.now(),
        });
    }

    /// The recipient's phone reports.
    pub(crate) fn receipt(&self, message: &Outgoing, kind: ReceiptKind) {
        let (chat, stanza_ids) = (message.chat.clone(), vec![message.stanza_id.clone()]);
        self.event(LineEvent::Receipt {
            kind,
            sender: chat.clone(),
            chat,
            stanza_ids,
            at: SystemClock.now(),
        });
    }

    /// Messages arrive.
    pub(crate) async fn deliver(&self, batch: Vec<InboundMessage>) -> Result<(), Problem> {
        self.sink.messages(&self.session, batch).await
    }

    /// Whether the device was removed from the account on request.
    pub(crate) fn was_logged_out(&self) -> bool {
        *self.logged_out.lock().unwrap()
    }
}

/// A text from a number.
pub(crate) fn text_from(number: &str, stanza_id: &str, body: &str) -> InboundMessage {
    let jid = Jid::of_number(&number.parse().unwrap());
    InboundMessage {
        chat: jid.clone(),
        sender: jid,
        sender_alt: None,
        from_me: false,
        stanza_id: stanza_id.parse().unwrap(),
        at: UnixMillis(1_700_000_000_000),
        push_name: Some("Ada".to_owned()),
        content: Content::Text(Text {
            body: body.to_owned(),
            preview_url: false,
        }),
        wire: vec![1, 2, 3],
    }
}

#[async_trait]
impl Line for FakeLine {
    fn state(&self) -> watch::Receiver<LineState> {
        self.state.subscribe()
    }

    fn health(&self) -> Health {
        Health {
            socket_open: self.status() == LineStatus::Ready,
            ..Health::default()
        }
    }

    async fn send(&self, message: Outgoing) -> Result<(), SendError> {
        if self.status() != LineStatus::Ready {
            return Err(SendError::NotConnected);
        }
        if let Some(fault) = self.fault.lock().unwrap().take() {
            return Err(fault);
        }
        self.sent.lock().unwrap().push(message.clone());
        if !*self.silent.lock().unwrap() {
            self.acknowledge(&message);
        }
        let stuck = self.stuck.lock().unwrap().take();
        if let Some(stuck) = stuck {
            stuck.await.unwrap();
        }
        Ok(())
    }

    async fn is_on_whatsapp(&self, number: &PhoneNumber) -> Result<Option<Registered>, LineError> {
        if self.status() != LineStatus::Ready {
            return Err(LineError::NotConnected);
        }
        let stranger = self.strangers.lock().unwrap().contains(number.digits());
        let known = self.renumbered.lock().unwrap().get(number).cloned();
        Ok((!stranger).then(|| Registered {
            jid: Jid::of_number(&known.unwrap_or_else(|| number.clone())),
            lid: None,
        }))
    }

    async fn mark_read(&self, _chat: &Jid, _sender: Option<&Jid>, message: &StanzaId) -> Result<(), LineError> {
        if self.status() != LineStatus::Ready {
            return Err(LineError::NotConnected);
        }
        self.read.lock().unwrap().push(message.clone());
        Ok(())
    }

    async fn show_typing(&self, _chat: &Jid, typing: Typing) -> Result<(), LineError> {
        if self.status() != LineStatus::Ready {
            return Err(LineError::NotConnected);
        }
        self.typing.lock().unwrap().push(typing);
        Ok(())
    }

    async fn logout(&self) -> Result<(), LineError> {
        assert!(
            !self.panics.swap(false, Ordering::Relaxed),
            "the line panics, as it was told to"
        );
        *self.logged_out.lock().unwrap() = true;
        self.enter(LineStatus::LoggedOut(LogoutReason::Requested));
        self.event(LineEvent::LoggedOut(LogoutReason::Requested));
        Ok(())
    }

    async fn stop(&self) {
        if !self.status().is_final() {
            self.enter(LineStatus::Stopped);
        }
    }
}
