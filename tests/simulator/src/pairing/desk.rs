//! The clients that wait to be linked, found by the refs they show and the codes they asked for.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::sync::oneshot;
use tokio::time::Instant;
use whatsapp_rust::waproto::whatsapp::client_payload::DevicePairingRegistrationData;

use super::Outcome;
use super::code::CodeExchange;
use crate::account::Account;
use crate::address::Number;
use crate::connection::Link;
use crate::device::Device;
use crate::locked::Locked;
use crate::phone::PhoneError;
use crate::server::Server;

/// A client is given this many refs to show one after the other.
const REFS: usize = 6;
/// So many used or expired refs are remembered, to tell them from refs that never were.
const RETIRED: usize = 4096;

/// A client that waits to be linked.
pub(crate) struct PendingLink {
    link: Link,
    noise_key: [u8; 32],
    registration: DevicePairingRegistrationData,
    refs: Vec<String>,
    expires: Instant,
    expected: Locked<Option<Expected>>,
}

/// A device that becomes one of the account's when the client has signed its identity.
pub(super) struct Expected {
    pub(super) account: Arc<Account>,
    pub(super) device: Device,
    pub(super) ended: Teller,
}

/// Tells the phone how a pairing ended. Dropped untold, it tells that the client went away.
pub(super) struct Teller(oneshot::Sender<Outcome>);

impl Teller {
    pub(super) fn tell(self, outcome: Outcome) {
        if self.0.send(outcome).is_err() {
            tracing::debug!("nobody waits for the outcome of this pairing");
        }
    }
}

impl PendingLink {
    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    pub(super) fn noise_key(&self) -> &[u8; 32] {
        &self.noise_key
    }

    pub(super) fn registration(&self) -> &DevicePairingRegistrationData {
        &self.registration
    }

    pub(super) fn refs(&self) -> &[String] {
        &self.refs
    }

    pub(super) fn expect_signature(&self, account: Arc<Account>, device: Device) -> oneshot::Receiver<Outcome> {
        let (teller, outcome) = oneshot::channel();
        *self.expected.lock() = Some(Expected {
            account,
            device,
            ended: Teller(teller),
        });
        outcome
    }

    pub(super) fn take_expected(&self) -> Option<Expected> {
        self.expected.lock().take()
    }
}

/// All pairings in progress.
#[derive(Default)]
pub(crate) struct PairingDesk {
    refs: Locked<Refs>,
    pub(super) codes: Locked<HashMap<Number, CodeExchange>>,
}

#[derive(Default)]
struct Refs {
    live: HashMap<String, Arc<PendingLink>>,
    retired: VecDeque<String>,
}

impl Refs {
    fn retire(&mut self, pending: &PendingLink) {
        for text in &pending.refs {
            if self.live.remove(text).is_some() {
                self.retired.push_back(text.clone());
            }
        }
        let excess = self.retired.len().saturating_sub(RETIRED);
        self.retired.drain(..excess);
    }
}

impl PairingDesk {
    pub(super) fn open(
        &self,
        server: &Server,
        link: &Link,
        noise_key: [u8; 32],
        registration: DevicePairingRegistrationData,
    ) -> Arc<PendingLink> {
        let fresh = || format!("2@{}", BASE64_STANDARD.encode(server.random.bytes::<24>()));
        let pending = Arc::new(PendingLink {
            link: link.clone(),
            noise_key,
            registration,
            refs: (0..REFS).map(|_| fresh()).collect(),
            expires: Instant::now() + server.timing.ref_lifetime,
            expected: Locked::default(),
        });
        let mut refs = self.refs.lock();
        for text in &pending.refs {
            refs.live.insert(text.clone(), Arc::clone(&pending));
        }
        pending
    }

    /// Uses up the ref of a QR code.
    pub(super) fn claim(&self, text: &str) -> Result<Arc<PendingLink>, PhoneError> {
        let mut refs = self.refs.lock();
        let Some(pending) = refs.live.get(text).cloned() else {
            let retired = refs.retired.iter().any(|known| known == text);
            return Err(if retired {
                PhoneError::ExpiredRef
            } else {
                PhoneError::UnknownRef
            });
        };
        refs.retire(&pending);
        if pending.expires < Instant::now() {
            return Err(PhoneError::ExpiredRef);
        }
        Ok(pending)
    }

    /// Forgets a client whose connection is over.
    pub(crate) fn withdraw(&self, pending: &Arc<PendingLink>) {
        self.refs.lock().retire(pending);
        self.codes.lock().retain(|_, exchange| !exchange.is_with(pending));
        pending.take_expected();
    }
}
