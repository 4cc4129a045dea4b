//! Where lines come from: the driver, or something that acts like it in a test.

use std::fmt;
use std::sync::Arc;

use switchboard_core::ids::SessionId;
use switchboard_core::proxy::Proxy;
use switchboard_store::keys::KeyStore;
use switchboard_whatsapp::{Driver, Line, Patience, ProxyRefused, Purpose, Sink};

/// Opens lines to WhatsApp.
pub trait Lines: Send + Sync + fmt::Debug {
    /// Whether a session may use this proxy.
    ///
    /// # Errors
    /// When it is at an address that a client must not choose.
    fn check_proxy(&self, proxy: &Proxy) -> Result<(), ProxyRefused>;

    /// Opens the one line of `session` on its keys, through its proxy if it has one. It leaves WhatsApp alone for as long as that has
    /// asked for. The caller stops one line before it opens the next.
    fn open(
        &self,
        session: SessionId,
        keys: KeyStore,
        purpose: Purpose,
        patience: Option<Patience>,
        proxy: Option<Proxy>,
        sink: Arc<dyn Sink>,
    ) -> Arc<dyn Line>;
}

impl Lines for Driver {
    fn check_proxy(&self, proxy: &Proxy) -> Result<(), ProxyRefused> {
        Self::check_proxy(self, proxy)
    }

    fn open(
        &self,
        session: SessionId,
        keys: KeyStore,
        purpose: Purpose,
        patience: Option<Patience>,
        proxy: Option<Proxy>,
        sink: Arc<dyn Sink>,
    ) -> Arc<dyn Line> {
        Self::open(self, session, keys, purpose, patience, proxy, sink)
    }
}
