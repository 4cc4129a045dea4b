//! Every connection that leaves the host.
//!
//! An [`Egress`] dials TCP and sends HTTP requests, and reaches only what its [`Reach`] allows. What is decided is decided about
//! the very address that is dialled next: a name is looked up once, its addresses are checked, and the connection goes to one of
//! them. So a name that changes its mind between check and use gains nothing. Redirects are not followed and the environment's
//! proxies are not used, for both would dial something that was never checked. A proxy is what [`Egress::through`] was given, and its
//! own address is checked like any other.
//!
//! What a plugin asks for is carried out by a [`Fetcher`], within a [`Grant`] of the operator's. It has a connection pool of its own and
//! trusts neither the plugin that asks nor the server that answers; see [`fetch`].

#![forbid(unsafe_code)]

mod dial;
mod error;
pub mod fetch;
mod http;
mod lookup;
mod proxy;
mod reach;
mod tls;

use std::fmt;
use std::sync::Arc;

use switchboard_core::proxy::Proxy;

pub use self::error::EgressError;
pub use self::fetch::{Fetcher, Grant};
pub use self::http::{Limits, Method, Request, Response};
pub use self::lookup::{Looking, Lookup, SystemLookup};
pub use self::proxy::ProxyFault;
pub use self::reach::Reach;

use self::proxy::Via;
use self::reach::Guard;

/// How an egress is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressOptions {
    /// How far it reaches.
    pub reach: Reach,
}

/// Opens outgoing connections within a [`Reach`]. A clone shares the connection pool and the TLS sessions.
#[derive(Clone)]
pub struct Egress {
    guard: Guard,
    via: Option<Via>,
    tls: Arc<rustls::ClientConfig>,
    http: reqwest::Client,
}

impl Egress {
    /// A new egress.
    ///
    /// # Errors
    /// When the TLS library or the HTTP client cannot be set up.
    pub fn new(options: EgressOptions) -> Result<Self, EgressError> {
        Self::with_tls(options.reach, None, Arc::new(tls::client_config()?))
    }

    /// Another egress that reaches as far as `reach` and shares this one's TLS sessions.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn reaching(&self, reach: Reach) -> Result<Self, EgressError> {
        match &self.via {
            None => Self::with_tls(reach, None, Arc::clone(&self.tls)),
            // Its client looks up the proxy alone, which is where it was.
            Some(_) => Ok(Self {
                guard: Guard::new(reach),
                ..self.clone()
            }),
        }
    }

    /// Another egress that reaches as far as this one, by way of `proxy`, which itself must be within `reach`. Names are looked up by the
    /// proxy, so that of a host behind it only what it is written as can be checked.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up. Whether the proxy is there is seen when it is used.
    pub fn through(&self, proxy: &Proxy, reach: Reach) -> Result<Self, EgressError> {
        let via = Via::new(proxy, Guard::new(reach));
        Self::with_tls(self.reach(), Some(via), Arc::clone(&self.tls))
    }

    fn with_tls(reach: Reach, via: Option<Via>, tls: Arc<rustls::ClientConfig>) -> Result<Self, EgressError> {
        let guard = Guard::new(reach);
        let http = http::client(guard, via.as_ref(), &tls)?;
        Ok(Self { guard, via, tls, http })
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

/// The client is left out: it would show its proxy with its password.
impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("guard", &self.guard)
            .field("via", &self.via)
            .finish_non_exhaustive()
    }
}
