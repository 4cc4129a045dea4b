//! Why a connection was not made or a request not answered.

use std::io;
use std::time::Duration;

use crate::proxy::ProxyFault;

/// Why a connection was not made or a request not answered. Never shows a URL's path or query, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The URL cannot be used, for this reason.
    #[error("the URL {0}")]
    Url(&'static str),
    /// The host, or everything its name stands for, is out of reach.
    #[error("{host} is not a public address and must not be connected to")]
    NotPublic {
        /// As it was given.
        host: String,
    },
    /// Only this machine and private networks may be reached, and the host, or everything its name stands for, is elsewhere.
    #[error("{host} is not an address of a private network and must not be connected to")]
    NotPrivate {
        /// As it was given.
        host: String,
    },
    /// Only loopback literals may be reached, and this is none.
    #[error("this build connects to loopback literals such as 127.0.0.1 only, and {host} is none")]
    NotLoopback {
        /// As it was given.
        host: String,
    },
    /// The name could not be looked up.
    #[error("{host} could not be looked up")]
    Lookup {
        /// As it was given.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No address of the host took the connection.
    #[error("no connection to {host}")]
    Connect {
        /// As it was given.
        host: String,
        /// Why the last address did not.
        source: io::Error,
    },
    /// It took longer than allowed.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The answer is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The exchange failed.
    #[error("the request failed")]
    Http(#[source] reqwest::Error),
    /// There is a proxy in between, and it is the reason.
    #[error(transparent)]
    Proxy(#[from] ProxyFault),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
}
