//! A simulator, a store, a driver, and sessions on it that remember what they hear.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use simulator::{Fault, Number, Options, Phone, Simulator};
use switchboard_core::clock::{Clock as _, SystemClock};
use switchboard_core::config::WebVersion;
use switchboard_core::content::{Content, Text};
use switchboard_core::event::{InboundMessage, LineEvent, ReceiptKind};
use switchboard_core::ids::{Jid, SessionId, StanzaId};
use switchboard_core::problem::{Code, Problem};
use switchboard_core::random::{OsRandom, array};
use switchboard_egress::{Egress, EgressOptions, Reach};
use switchboard_store::keys::KeyStore;
use switchboard_store::{DataFolder, OpenOptions, Store};
use switchboard_whatsapp::{
    Driver, DriverOptions, Line, LineState, LineStatus, LinkStep, Outgoing, PairingCode, Patience, Purpose, SendError,
    Sink, Wrapping, encode,
};
use tempfile::TempDir;
use tokio::sync::watch;

pub(crate) const A: &str = "15550000001";
pub(crate) const B: &str = "15550000002";
/// Longer than anything takes on a busy machine; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) a: Phone,
    pub(crate) b: Phone,
    driver: Driver,
    store: Store,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let simulator = Simulator::start(Options::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions {
            realm: Driver::realm(),
            seal_key: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        };
        Self {
            a: simulator.phone(A).unwrap(),
            b: simulator.phone(B).unwrap(),
            driver: driver(&simulator),
            simulator,
            store: Store::open(&DataFolder::open(folder.path()).unwrap(), options).unwrap(),
            _folder: folder,
        }
    }

    /// A session that is not linked.
    pub(crate) fn session(&self) -> Session {
        let id: SessionId = "qr_1700000000000_00000001".parse().unwrap();
        Session {
            driver: self.driver.clone(),
            keys: KeyStore::new(self.store.clone(), Arc::new(SystemClock), &id),
            id,
            heard: Arc::new(Heard::new()),
        }
    }

    /// Ends A's connections and refuses the next login with this reason.
    pub(crate) fn refuse_login(&self, code: u16) {
        let number = Number::parse(A).unwrap();
        let refusal = Fault::LoginFailure {
            number: number.clone(),
            device: None,
            code,
            times: 1,
        };
        self.simulator.inject(refusal).unwrap();
        self.simulator
            .inject(Fault::DropSocket { number, device: None })
            .unwrap();
    }

    /// A session linked to A's phone, ready, and its line.
    pub(crate) async fn linked(&self) -> (Session, Arc<dyn Line>) {
        let session = self.session();
        let line = session.open(Purpose::Link);
        self.a.scan_qr(&qr(&line).await).await.unwrap();
        status(&line, LineStatus::Ready).await;
        (session, line)
    }
}

fn driver(simulator: &Simulator) -> Driver {
    let reach = Reach::Public;
    Driver::new(DriverOptions {
        url: simulator.ws_url(),
        version: WebVersion::Auto,
        device_name: "Test".to_owned(),
        pre_keys: Some(30),
        max_silence: Duration::from_secs(35),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        proxies: Vec::new(),
        egress: Egress::new(EgressOptions { reach }).unwrap(),
    })
    .unwrap()
}

pub(crate) struct Session {
    driver: Driver,
    pub(crate) id: SessionId,
    pub(crate) keys: KeyStore,
    pub(crate) heard: Arc<Heard>,
}

impl Session {
    pub(crate) fn open(&self, purpose: Purpose) -> Arc<dyn Line> {
        self.open_with(purpose, None)
    }

    pub(crate) fn open_with(&self, purpose: Purpose, patience: Option<Patience>) -> Arc<dyn Line> {
        let sink = Arc::clone(&self.heard) as Arc<dyn Sink>;
        let keys = self.keys.clone();
        self.driver.open(self.id, keys, purpose, patience, None, sink)
    }
}

impl Session {
    /// The same session, as a process would see it that knows nothing of this one.
    pub(crate) fn in_another_process(&self, world: &World) -> Self {
        Self {
            driver: driver(&world.simulator),
            ..world.session()
        }
    }
}

/// What a session's lines have told.
pub(crate) struct Heard {
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) messages: Vec<InboundMessage>,
    pub(crate) events: Vec<LineEvent>,
    /// How many batches are still to be refused, as by a full disk.
    pub(crate) refusals: u32,
}

impl Heard {
    fn new() -> Self {
        Self {
            log: Mutex::default(),
            changed: watch::channel(()).0,
        }
    }

    /// Refuses so many batches of messages from now on.
    pub(crate) fn refuse(&self, batches: u32) {
        self.log.lock().unwrap().refusals = batches;
    }

    /// Waits until what was told answers the question.
    pub(crate) async fn wait<T>(&self, what: &str, find: impl Fn(&Log) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let search = async {
            loop {
                if let Some(found) = find(&self.log.lock().unwrap()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("{what} did not come"))
    }

    pub(crate) async fn text(&self, body: &str) -> InboundMessage {
        let wanted = text(body);
        self.wait(body, |log| {
            log.messages.iter().find(|message| message.content == wanted).cloned()
        })
        .await
    }

    /// The error in the server's acknowledgement of a message.
    pub(crate) async fn ack(&self, id: &StanzaId) -> Option<u16> {
        let find = |event: &LineEvent| match event {
            LineEvent::ServerAck { stanza_id, error, .. } if stanza_id == id => Some(*error),
            _ => None,
        };
        self.wait("an acknowledgement", |log| log.events.iter().find_map(find))
            .await
    }

    pub(crate) async fn receipt(&self, wanted: ReceiptKind, id: &StanzaId) {
        let is_it = |event: &LineEvent| matches!(event, LineEvent::Receipt { kind, stanza_ids, .. } if *kind == wanted && stanza_ids.contains(id));
        self.wait("a receipt", |log| log.events.iter().any(is_it).then_some(()))
            .await;
    }

    pub(crate) fn count(&self, is_it: impl Fn(&LineEvent) -> bool) -> usize {
        self.log
            .lock()
            .unwrap()
            .events
            .iter()
            .filter(|event| is_it(event))
            .count()
    }
}

#[async_trait]
impl Sink for Heard {
    async fn messages(&self, _session: &SessionId, batch: Vec<InboundMessage>) -> Result<(), Problem> {
        let mut log = self.log.lock().unwrap();
        if log.refusals > 0 {
            log.refusals -= 1;
            self.changed.send_replace(());
            return Err(Problem::new(Code::UNAVAILABLE, "The disk is full."));
        }
        log.messages.extend(batch);
        self.changed.send_replace(());
        Ok(())
    }

    async fn knows(&self, _: &SessionId, chat: &Jid, _: &Jid, id: &StanzaId) -> Result<bool, Problem> {
        let log = self.log.lock().unwrap();
        let mut messages = log.messages.iter();
        Ok(messages.any(|message| message.stanza_id == *id && message.chat == *chat))
    }

    fn event(&self, _session: &SessionId, event: LineEvent) {
        self.log.lock().unwrap().events.push(event);
        self.changed.send_replace(());
    }
}

/// Waits until the line's state answers the question.
pub(crate) async fn state<T>(line: &Arc<dyn Line>, find: impl Fn(&LineState) -> Option<T>) -> T {
    let mut states = line.state();
    let search = async {
        loop {
            if let Some(found) = find(&states.borrow_and_update()) {
                return found;
            }
            states.changed().await.unwrap();
        }
    };
    let found = tokio::time::timeout(PATIENCE, search).await;
    found.unwrap_or_else(|_| panic!("still {:?}", line.state().borrow()))
}

pub(crate) async fn status(line: &Arc<dyn Line>, wanted: LineStatus) {
    state(line, |state| (state.status == wanted).then_some(())).await;
}

pub(crate) fn qr_text(state: &LineState) -> Option<String> {
    match state.step.as_ref()? {
        LinkStep::ScanQr(qr) => Some(qr.text.clone()),
        _ => None,
    }
}

pub(crate) async fn code(line: &Arc<dyn Line>) -> PairingCode {
    let shown = |state: &LineState| match state.step.clone()? {
        LinkStep::TypeCode(code) => Some(code),
        _ => None,
    };
    state(line, shown).await
}

pub(crate) async fn qr(line: &Arc<dyn Line>) -> String {
    state(line, qr_text).await
}

pub(crate) fn text(body: &str) -> Content {
    Content::Text(Text {
        body: body.to_owned(),
        preview_url: false,
    })
}

pub(crate) fn to(number: &str) -> Jid {
    Jid::of_number(&number.parse().unwrap())
}

/// A text to a number under a fresh id.
pub(crate) fn outgoing(number: &str, body: &str) -> Outgoing {
    let wrapping = Wrapping {
        message_secret: array(&OsRandom),
        quoted: None,
        at: SystemClock.now(),
    };
    Outgoing {
        stanza_id: StanzaId::mint(&OsRandom),
        chat: to(number),
        wire: Bytes::from(encode(&text(body), &wrapping).unwrap()),
    }
}

/// Sends a text and returns its id.
pub(crate) async fn send(line: &Arc<dyn Line>, number: &str, body: &str) -> Result<StanzaId, SendError> {
    let message = outgoing(number, body);
    let id = message.stanza_id.clone();
    line.send(message).await.map(|()| id)
}

/// Waits for a text at a phone.
pub(crate) async fn arrives(phone: &Phone, body: &str) -> simulator::ReceivedMessage {
    phone
        .wait_for_message(PATIENCE, |message| message.text.as_deref() == Some(body))
        .await
        .unwrap()
}
