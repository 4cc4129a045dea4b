//! A world for one test: a service in a folder of its own, and lines that do what the test says.

mod lines;

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::{Clock, SystemClock};
use switchboard_core::config::{Grants, SendConfig};
use switchboard_core::ids::{RequestId, SessionId, SessionRef};
use switchboard_core::problem::Problem;
use switchboard_core::random::OsRandom;
use switchboard_core::realm::Realm;
use switchboard_core::status::SessionStatus;
use switchboard_egress::{Fetcher, Reach, SystemLookup};
use switchboard_plugins::{Engine, EngineOptions, PluginSource, Plugins};
use switchboard_service::{Envelope, Lines, NewSession, SendRequest, Sent, Service, ServiceOptions};
use switchboard_store::{DataFolder, OpenOptions, Store};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

pub(crate) use self::lines::{FakeLine, FakeLines, text_from};

/// Nothing in these tests takes longer, unless it is broken.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// How long a send waits for an acknowledgement that never comes.
const IMPATIENT: Duration = Duration::from_millis(300);

/// Waits until `look` sees something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, found)
        .await
        .unwrap_or_else(|_| panic!("never happened: {what}"))
}

/// A service and the other ends of its lines.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) lines: Arc<FakeLines>,
    pub(crate) store: Store,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap(), SOON).await
    }

    /// One in which a send is soon answered `Queued`.
    pub(crate) async fn impatient() -> Self {
        Self::within(tempfile::tempdir().unwrap(), IMPATIENT).await
    }

    /// Stops the service and starts another one in the same folder.
    pub(crate) async fn restarted(self) -> Self {
        self.service.shutdown(Instant::now() + SOON).await;
        Self::within(self.folder, SOON).await
    }

    async fn within(folder: TempDir, ack_timeout: Duration) -> Self {
        let lines = Arc::<FakeLines>::default();
        let store = store(&folder).await;
        let service = start(store.clone(), lines.clone(), ack_timeout).await;
        Self {
            service,
            lines,
            store,
            folder,
        }
    }

    /// A session that a phone with this number has linked, ready to send.
    pub(crate) async fn linked(&self, number: &str) -> (SessionId, Arc<FakeLine>) {
        let id = self.service.create_session(NewSession::default()).await.unwrap();
        let line = self.lines.of(id).await;
        line.link(number);
        self.status(id, SessionStatus::Ready).await;
        (id, line)
    }

    /// Waits until the session has this status.
    pub(crate) async fn status(&self, id: SessionId, status: SessionStatus) {
        until(&format!("status {status}"), async || {
            let session = self.service.session(&SessionRef::Session(id)).await.unwrap();
            (session.status == status).then_some(())
        })
        .await;
    }

    pub(crate) async fn send(&self, from: SessionId, to: &str, text: &str, wait: bool) -> Result<Sent, Problem> {
        let request = SendRequest {
            session: SessionRef::Session(from),
            to: to.parse().unwrap(),
            kind: "text".to_owned(),
            body: serde_json::json!({"text": text}),
            envelope: Envelope {
                wait,
                client_ref: Some("ref-1".to_owned()),
                ..Envelope::default()
            },
        };
        self.service
            .send(request, RequestId::mint(&SystemClock, &OsRandom), SystemClock.now())
            .await
    }
}

/// The store in this folder.
pub(crate) async fn store(folder: &TempDir) -> Store {
    let options = OpenOptions {
        realm: Realm::Simulator,
        seal_key: None,
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
    };
    // The lock of a service that has just stopped goes with its last reference.
    let data = until("the data folder is free", async || DataFolder::open(folder.path()).ok()).await;
    Store::open(&data, options).unwrap()
}

/// Starts a service on this store, over these lines.
pub(crate) async fn start(store: Store, lines: Arc<dyn Lines>, ack_timeout: Duration) -> Service {
    Service::start(options(store, lines, ack_timeout).await).await.unwrap()
}

/// What such a service is made of.
pub(crate) async fn options(store: Store, lines: Arc<dyn Lines>, ack_timeout: Duration) -> ServiceOptions {
    ServiceOptions {
        store,
        lines,
        plugins: plugins().await,
        grants: Grants::new(),
        fetcher: Fetcher::new(Reach::LoopbackOnly, Arc::new(SystemLookup)).unwrap(),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        send: SendConfig { ack_timeout },
    }
}

/// The bundled plugins, compiled once for all tests.
async fn plugins() -> Plugins {
    static PLUGINS: OnceCell<Plugins> = OnceCell::const_new();
    let load = async || {
        let engine = Engine::new(EngineOptions::default()).unwrap();
        let sources = bundled::plugins()
            .iter()
            .map(|plugin| PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm));
        Plugins::load(engine, sources.collect()).await.unwrap()
    };
    PLUGINS.get_or_init(load).await.clone()
}
