//! Every connection that leaves the host.
//!
//! An [`Egress`] dials TCP and sends HTTP requests, and reaches only what its [`Reach`] allows. What is decided is decided about
//! the very address that is dialled next: a name is looked up once, its addresses are checked, and the connection goes to one of
//! them. So a name that changes its mind between check and use gains nothing. Redirects are not followed and the environment's
//! proxies are not used, for both would dial something that was never checked.

mod address;
mod dial;
mod error;
mod http;
mod reach;
mod tls;

use std::sync::Arc;

pub use self::error::EgressError;
pub use self::http::{Limits, Method, Request, Response};
pub use self::reach::Reach;

use self::reach::Guard;

/// Opens outgoing connections within a [`Reach`]. A clone shares the connection pool and the TLS sessions.
#[derive(Debug, Clone)]
pub struct Egress {
    guard: Guard,
    tls: Arc<rustls::ClientConfig>,
    http: reqwest::Client,
}

impl Egress {
    /// An egress that reaches this far.
    ///
    /// # Errors
    /// When the TLS library or the HTTP client cannot be set up.
    pub fn new(reach: Reach) -> Result<Self, EgressError> {
        let tls = Arc::new(tls::client_config()?);
        Self::with_tls(reach, tls)
    }

    /// The same, for loopback literals only. An egress can be narrowed, never widened.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn loopback_only(&self) -> Result<Self, EgressError> {
        Self::with_tls(Reach::LoopbackOnly, Arc::clone(&self.tls))
    }

    fn with_tls(reach: Reach, tls: Arc<rustls::ClientConfig>) -> Result<Self, EgressError> {
        let guard = Guard::new(reach);
        let http = http::client(guard, &tls)?;
        Ok(Self { guard, tls, http })
    }

    /// How far this egress reaches.
    pub const fn reach(&self) -> Reach {
        self.guard.reach()
    }

    /// How TLS is spoken on a connection of [`Egress::connect`]: Mozilla's roots, ring.
    pub fn tls(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.tls)
    }
}
