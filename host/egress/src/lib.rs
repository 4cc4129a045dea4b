//! Every connection that leaves the host.
//!
//! An [`Egress`] dials TCP and sends HTTP requests, and reaches only what its [`Reach`] allows. What is decided is decided about
//! the very address that is dialled next: a name is looked up once, its addresses are checked, and the connection goes to one of
//! them. So a name that changes its mind between check and use gains nothing. Redirects are not followed and the environment's
//! proxies are not used, for both would dial something that was never checked.

#![forbid(unsafe_code)]

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

/// How an egress is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressOptions {
    /// How far it reaches.
    pub reach: Reach,
}

/// Opens outgoing connections within a [`Reach`]. A clone shares the connection pool and the TLS sessions.
#[derive(Debug, Clone)]
pub struct Egress {
    guard: Guard,
    tls: Arc<rustls::ClientConfig>,
    http: reqwest::Client,
}

impl Egress {
    /// A new egress.
    ///
    /// # Errors
    /// When the TLS library or the HTTP client cannot be set up.
    pub fn new(options: EgressOptions) -> Result<Self, EgressError> {
        Self::with_tls(options.reach, Arc::new(tls::client_config()?))
    }

    /// Another egress that reaches as far as `reach` and shares this one's TLS sessions.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn reaching(&self, reach: Reach) -> Result<Self, EgressError> {
        Self::with_tls(reach, Arc::clone(&self.tls))
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

    /// Whether `host` may be reached, as far as that can be said without looking it up.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_host(&self, host: &str) -> Result<(), EgressError> {
        self.guard.check_host(host)
    }

    /// How TLS is spoken on a connection of [`Egress::connect`]: Mozilla's roots, ring.
    pub fn tls(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.tls)
    }
}
