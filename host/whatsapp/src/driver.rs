//! One per process: what all lines share.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::Clock;
use switchboard_core::config::WebVersion;
use switchboard_core::ids::SessionId;
use switchboard_core::proxy::{Proxy, ProxyAddress};
use switchboard_core::random::Random;
use switchboard_core::realm::Realm;
use switchboard_egress::{Egress, EgressError};
use switchboard_store::keys::KeyStore;

use crate::certificate::CertificateCheck;
use crate::http_client::MediaHttp;
use crate::line::lease::Leases;
use crate::line::state::Patience;
use crate::line::{self, Line, Purpose};
use crate::sink::Sink;
use crate::transport::{Dialer, NotASocket};
use crate::version::Versions;
use crate::ways::{AllWays, ProxyRefused, Ways};

/// How a driver is set up.
#[derive(Debug, Clone)]
pub struct DriverOptions {
    /// WhatsApp's socket, `ws` or `wss`.
    pub url: String,
    /// The version to announce.
    pub version: WebVersion,
    /// The name of the device in the phone's list of linked devices.
    pub device_name: String,
    /// How many one-time keys a device uploads at once; `None` for as many as WhatsApp Web. Fewer make tests faster.
    pub pre_keys: Option<usize>,
    /// After how long without anything that can be read an open socket is asked whether it is alive.
    pub max_silence: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for waits.
    pub random: Arc<dyn Random>,
    /// Proxies that sessions may use although their addresses are not public.
    pub proxies: Vec<ProxyAddress>,
    /// The way out. In a build that skips certificates it is narrowed to loopback.
    pub egress: Egress,
}

/// Why a driver cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The URL is not one of a WebSocket.
    #[error("whatsapp.url {0}")]
    Url(#[from] NotASocket),
    /// The URL leads to where this build must not go.
    #[error("whatsapp.url cannot be used by this build, because it accepts any server's certificate: {0}")]
    OutOfReach(#[source] EgressError),
    /// The way out cannot be set up.
    #[error(transparent)]
    Egress(#[from] EgressError),
}

/// Opens lines. A clone is the same driver.
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
}

/// What all lines share.
pub(crate) struct Shared {
    pub(crate) ways: AllWays,
    pub(crate) versions: Versions,
    pub(crate) device_name: String,
    pub(crate) pre_keys: Option<usize>,
    pub(crate) max_silence: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) leases: Leases,
    check: CertificateCheck,
}

impl Driver {
    /// A driver for the WhatsApp at `options.url`.
    ///
    /// # Errors
    /// When the URL is not usable, or not usable by this build.
    pub fn new(options: DriverOptions) -> Result<Self, DriverError> {
        let check = CertificateCheck::of_this_build();
        let realm = check.realm();
        let socket = options.egress.reaching(check.socket_reach())?;
        let web = match check {
            CertificateCheck::Enforced => options.egress,
            CertificateCheck::Skipped => {
                tracing::warn!(
                    "this build accepts any server's certificate, for the simulator; it connects to loopback literals only"
                );
                socket.clone()
            }
        };
        let dialer = Dialer::new(&options.url, socket)?;
        dialer.check().map_err(DriverError::OutOfReach)?;
        let http = MediaHttp::new(web.clone(), realm);
        let shared = Shared {
            ways: AllWays::new(Ways { dialer, http }, options.proxies, check),
            versions: Versions::new(options.version, web, realm),
            device_name: options.device_name,
            pre_keys: options.pre_keys,
            max_silence: options.max_silence,
            clock: options.clock,
            random: options.random,
            leases: Leases::default(),
            check,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Which WhatsApp this build may talk to.
    pub fn realm() -> Realm {
        CertificateCheck::of_this_build().realm()
    }

    /// Whether this build checks WhatsApp's certificates.
    pub fn certificate_check(&self) -> CertificateCheck {
        self.shared.check
    }

    /// Whether a session may use this proxy, as far as that can be said before it is used.
    ///
    /// # Errors
    /// When it is at an address that a client must not choose.
    pub fn check_proxy(&self, proxy: &Proxy) -> Result<(), ProxyRefused> {
        self.shared.ways.check(proxy)
    }

    /// Opens the line of a session, through its proxy if there is one, and starts its task. It waits until an earlier line of the same
    /// session has ended, and as long as WhatsApp has asked for.
    pub fn open(
        &self,
        session: SessionId,
        keys: KeyStore,
        purpose: Purpose,
        patience: Option<Patience>,
        proxy: Option<Proxy>,
        sink: Arc<dyn Sink>,
    ) -> Arc<dyn Line> {
        line::open(Arc::clone(&self.shared), session, keys, purpose, patience, proxy, sink)
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver")
            .field("check", &self.shared.check)
            .finish_non_exhaustive()
    }
}
