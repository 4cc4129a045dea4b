//! What every handler can reach.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::Clock;
use switchboard_core::random::Random;
use switchboard_core::secret::Secret;
use switchboard_service::Service;
use tokio_util::sync::CancellationToken;

use crate::auth::guesses::Guesses;
use crate::auth::jwt::Tokens;
use crate::auth::local::Locality;
use crate::metrics::Metrics;
use crate::openapi::Served;
use crate::plugin_folder::PluginFolder;

/// The application: one per listening server, cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// What an [`App`] consists of.
pub(crate) struct Parts {
    /// The use cases.
    pub(crate) service: Service,
    /// The operator's plugins.
    pub(crate) plugin_folder: PluginFolder,
    /// Signs and verifies tokens.
    pub(crate) tokens: Tokens,
    /// The operator's own key, if there is one.
    pub(crate) admin_key: Option<Secret>,
    /// Who has shown wrong credentials of late.
    pub(crate) guesses: Guesses,
    /// Where clients reach this server from outside, without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// Who counts as a program on this machine.
    pub(crate) locality: Locality,
    /// After this a request is answered with 504.
    pub(crate) request_timeout: Duration,
    /// The largest request body.
    pub(crate) max_body_bytes: usize,
    /// What is counted.
    pub(crate) metrics: Metrics,
    /// The OpenAPI document, as it is served.
    pub(crate) openapi: Served,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Chance.
    pub(crate) random: Arc<dyn Random>,
    /// Whether the server is stopping.
    pub(crate) draining: Draining,
}

impl App {
    /// An application of these parts.
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

/// A flag that goes up once: the server is stopping and calls itself not ready.
#[derive(Debug, Default)]
pub(crate) struct Draining(CancellationToken);

impl Draining {
    /// Puts it up.
    pub(crate) fn start(&self) {
        self.0.cancel();
    }

    /// Whether it is up.
    pub(crate) fn started(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is up: for answers that would go on for ever.
    pub(crate) async fn begun(&self) {
        self.0.cancelled().await;
    }
}
