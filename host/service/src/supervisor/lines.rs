//! Where lines come from: the driver, or something that acts like it in a test.

use std::fmt;
use std::sync::Arc;

use switchboard_core::ids::SessionId;
use switchboard_store::keys::KeyStore;
use switchboard_whatsapp::{Driver, Line, Purpose, Sink};

/// Opens lines to WhatsApp.
pub trait Lines: Send + Sync + fmt::Debug {
    /// Opens the one line of `session` on its keys. The caller stops one line before it opens the next.
    fn open(&self, session: SessionId, keys: KeyStore, purpose: Purpose, sink: Arc<dyn Sink>) -> Arc<dyn Line>;
}

impl Lines for Driver {
    fn open(&self, session: SessionId, keys: KeyStore, purpose: Purpose, sink: Arc<dyn Sink>) -> Arc<dyn Line> {
        Self::open(self, session, keys, purpose, sink)
    }
}
