//! The handle that the server holds, and its life: start, ready, stop.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::access::Sight;
use switchboard_core::clock::Clock;
use switchboard_core::config::{Grants, SendConfig};
use switchboard_core::ids::SessionRef;
use switchboard_core::problem::Problem;
use switchboard_core::random::Random;
use switchboard_egress::fetch::Fetcher;
use switchboard_plugins::Plugins;
use switchboard_store::Store;
use switchboard_store::messages::Messages;
use switchboard_store::records::Records;
use switchboard_store::sessions::Sessions;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;

use crate::effects::{Granted, Places};
use crate::messages::audience::Audience;
use crate::messages::turns::Crowd;
use crate::metrics::Metrics;
use crate::outbox::recorder::Recorder;
use crate::parts::Parts;
use crate::recipients::Recipients;
use crate::sessions::watch::MOST_WATCHES;
use crate::supervisor;
use crate::supervisor::directory::Directory;
use crate::supervisor::handle::Handle;
use crate::supervisor::lines::Lines;
use crate::tokens::book::TokenBook;
use crate::voices::catalogs::Catalogs;

/// What a stop keeps back of its time for the database, after the lines.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// The use cases. A clone is the same service; one may see fewer sessions than another.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) parts: Arc<Parts>,
    /// What this handle sees.
    pub(crate) sight: Sight,
}

/// What a service is made of.
#[derive(Debug)]
pub struct ServiceOptions {
    /// The open database. The service closes it when it stops.
    pub store: Store,
    /// Opens lines to WhatsApp: a `Driver`, or something like it in a test.
    pub lines: Arc<dyn Lines>,
    /// The plugins.
    pub plugins: Plugins,
    /// What single plugins may do.
    pub grants: Grants,
    /// Carries out what plugins fetch.
    pub fetcher: Fetcher,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// How messages are sent.
    pub send: SendConfig,
}

impl Service {
    /// Starts the service. Sessions that are linked, or were about to be, connect in the background, a little apart from each
    /// other.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn start(options: ServiceOptions) -> Result<Self, Problem> {
        let ServiceOptions {
            store,
            lines,
            plugins,
            grants,
            fetcher,
            clock,
            random,
            send,
        } = options;
        let messages = Messages::new(store.clone());
        let metrics = Arc::new(Metrics::default());
        let audience = Audience::default();
        let parts = Arc::new(Parts {
            sessions: Sessions::new(store.clone()),
            records: Records::new(store.clone()),
            tokens: TokenBook::load(store.clone()).await?,
            recorder: Recorder::start(messages.clone(), metrics.clone(), audience.clone()),
            messages,
            audience,
            crowd: Crowd::default(),
            metrics,
            store,
            lines,
            plugins,
            grants: Granted::new(grants),
            fetcher,
            places: Places::default(),
            catalogs: Catalogs::default(),
            directory: Directory::default(),
            recipients: Recipients::default(),
            clock,
            random,
            ack_timeout: send.ack_timeout,
            watches: Arc::new(Semaphore::new(MOST_WATCHES)),
            under_way: TaskTracker::new(),
        });
        supervisor::restore(&parts).await?;
        Ok(Self {
            parts,
            sight: Sight::All,
        })
    }

    /// The same service for somebody who may see and use these sessions alone: every other one is not found, and neither are its
    /// messages and tokens.
    #[must_use]
    pub fn seeing(&self, sight: Sight) -> Self {
        Self {
            parts: self.parts.clone(),
            sight,
        }
    }

    /// The plugins.
    pub fn plugins(&self) -> &Plugins {
        &self.parts.plugins
    }

    /// The session that is meant.
    ///
    /// # Errors
    /// `session_not_found`.
    pub(crate) fn resolve(&self, session: &SessionRef) -> Result<Arc<Handle>, Problem> {
        self.parts.directory.resolve(session, &self.sight)
    }

    /// Whether requests are welcome: the database can be read and written, and nobody has asked for a stop.
    ///
    /// # Errors
    /// Why they are not.
    pub async fn ready(&self) -> Result<(), Problem> {
        drop(self.parts.enter()?);
        self.parts.sessions.count().await?;
        self.parts.store.check_writes().await?;
        Ok(())
    }

    /// Stops: takes no new requests, lets those under way finish, closes every socket without logging out, and closes the database.
    /// What is not done by the deadline is cut short; messages that were accepted stay accepted.
    pub async fn shutdown(&self, deadline: Instant) {
        let parts = &self.parts;
        parts.under_way.close();
        let lines_by = deadline.checked_sub(LAST_MOMENT).unwrap_or(deadline);
        if timeout_at(lines_by, parts.under_way.wait()).await.is_err() {
            tracing::warn!(
                requests = parts.under_way.len(),
                "requests that wait for WhatsApp are answered without it"
            );
        }
        if timeout_at(deadline, supervisor::stop(&parts.directory)).await.is_err() {
            tracing::warn!("not every line to WhatsApp was closed in time");
        }
        if timeout(LAST_MOMENT, parts.recorder.settled()).await.is_err() {
            tracing::warn!(
                "the last acknowledgements could not be written; these messages are sent again after the start"
            );
        }
        parts.store.close().await;
    }
}
