//! What the use cases and the sessions' tasks share.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::clock::Clock;
use switchboard_core::problem::{Code, Problem};
use switchboard_core::random::Random;
use switchboard_egress::fetch::Fetcher;
use switchboard_plugins::Plugins;
use switchboard_store::Store;
use switchboard_store::messages::Messages;
use switchboard_store::records::Records;
use switchboard_store::sessions::Sessions;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::effects::{Granted, Places};
use crate::messages::audience::Audience;
use crate::messages::turns::Crowd;
use crate::metrics::Metrics;
use crate::outbox::recorder::Recorder;
use crate::recipients::Recipients;
use crate::supervisor::directory::Directory;
use crate::supervisor::lines::Lines;
use crate::tokens::book::TokenBook;
use crate::voices::catalogs::Catalogs;

/// Made once at the start; everybody holds it.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) sessions: Sessions,
    pub(crate) messages: Messages,
    pub(crate) records: Records,
    pub(crate) tokens: TokenBook,
    pub(crate) lines: Arc<dyn Lines>,
    pub(crate) plugins: Plugins,
    pub(crate) grants: Granted,
    pub(crate) fetcher: Fetcher,
    pub(crate) places: Places,
    pub(crate) catalogs: Catalogs,
    pub(crate) directory: Directory,
    pub(crate) recipients: Recipients,
    pub(crate) recorder: Recorder,
    pub(crate) audience: Audience,
    pub(crate) crowd: Crowd,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) ack_timeout: Duration,
    /// Room for whoever watches a session.
    pub(crate) watches: Arc<Semaphore>,
    /// Requests that change something; closed when the service stops.
    pub(crate) under_way: TaskTracker,
}

impl Parts {
    /// Lets a request in that a stop must wait for. Keep the token until it is done.
    pub(crate) fn enter(&self) -> Result<TaskTrackerToken, Problem> {
        if self.under_way.is_closed() {
            return Err(stopping());
        }
        Ok(self.under_way.token())
    }
}

/// What is said to requests from the moment a stop was asked for.
pub(crate) fn stopping() -> Problem {
    Problem::new(Code::UNAVAILABLE, "The server is stopping.").retry_after(Duration::from_secs(5))
}
