//! The version of WhatsApp Web that clients announce.
//!
//! WhatsApp turns away versions that are too old, so the present one is looked up where browsers get it. A look-up may fail and
//! must never keep a line from starting: then the last one found is announced, or the one this file knows.

use std::time::Duration;

use switchboard_core::clock::{Clock, UnixMillis};
use switchboard_core::config::WebVersion;
use switchboard_core::realm::Realm;
use switchboard_egress::{Egress, EgressError, Limits, Request};
use tokio::sync::Mutex;
use whatsapp_rust::wacore::version::parse_sw_js;

/// A version as the library wants it.
pub(crate) type Version = (u32, u32, u32);

/// The version of the protocol library's own release.
const LAST_RESORT: Version = (2, 3000, 1_042_742_319);
/// Where a browser finds the present version.
const SOURCE: &str = "https://web.whatsapp.com/sw.js";
/// Without a browser's name the source answers with an error.
const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
const LIMITS: Limits = Limits {
    max_body_bytes: 8 << 20,
    timeout: Duration::from_secs(5),
};
/// How long a version that was found is good.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long nobody asks again after a look-up.
const NOT_BEFORE: Duration = Duration::from_secs(600);

/// Knows the version to announce.
#[derive(Debug)]
pub(crate) struct Versions {
    source: WebVersion,
    egress: Egress,
    realm: Realm,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    found: Option<(Version, UnixMillis)>,
    asked_at: Option<UnixMillis>,
    outdated: bool,
}

impl Versions {
    pub(crate) fn new(source: WebVersion, egress: Egress, realm: Realm) -> Self {
        Self {
            source,
            egress,
            realm,
            known: Mutex::default(),
        }
    }

    /// The version to announce now. Takes a few seconds at most; whoever asks meanwhile gets the same answer.
    pub(crate) async fn current(&self, clock: &dyn Clock) -> Version {
        match (self.source, self.realm) {
            (WebVersion::Fixed(primary, secondary, tertiary), _) => (primary, secondary, tertiary),
            // The simulator takes any version.
            (WebVersion::Auto, Realm::Simulator) => LAST_RESORT,
            (WebVersion::Auto, Realm::Live) => self.known.lock().await.current(clock.now(), || self.look_up()).await,
        }
    }

    /// Notes that WhatsApp turned the version away.
    pub(crate) async fn outdated(&self) {
        self.known.lock().await.outdated = true;
    }

    async fn look_up(&self) -> Result<Option<Version>, EgressError> {
        let request = Request::get(SOURCE)
            .header("sec-fetch-site", "none")
            .header("user-agent", BROWSER);
        let response = self.egress.send(request, LIMITS).await?;
        Ok(parse_sw_js(&String::from_utf8_lossy(&response.body)))
    }
}

impl Known {
    async fn current<L>(&mut self, now: UnixMillis, look_up: impl FnOnce() -> L) -> Version
    where
        L: Future<Output = Result<Option<Version>, EgressError>>,
    {
        if self.is_due(now) {
            self.asked_at = Some(now);
            match look_up().await {
                Ok(Some(version)) => {
                    self.found = Some((version, now));
                    self.outdated = false;
                }
                Ok(None) => tell("its page names none"),
                Err(error) => tell(&error),
            }
        }
        self.found.map_or(LAST_RESORT, |(version, _)| version)
    }

    fn is_due(&self, now: UnixMillis) -> bool {
        let fresh = self.found.is_some_and(|(_, at)| now.since(at) < GOOD_FOR);
        let asked = self.asked_at.is_some_and(|at| now.since(at) < NOT_BEFORE);
        (!fresh || self.outdated) && !asked
    }
}

/// The line starts all the same.
fn tell(reason: impl std::fmt::Display) {
    tracing::warn!(%reason, "the present version of WhatsApp Web is not known; announcing the last one that was");
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const FOUND: Version = (2, 3000, 7);

    async fn ask(known: &mut Known, now: UnixMillis, answer: Option<Version>, asked: &Cell<u32>) -> Version {
        let look_up = async || {
            asked.set(asked.get() + 1);
            answer.map(Some).ok_or(EgressError::Timeout(LIMITS.timeout))
        };
        known.current(now, look_up).await
    }

    #[tokio::test]
    async fn a_version_is_looked_up_once_a_day() {
        let (mut known, asked, start) = (Known::default(), Cell::new(0), UnixMillis(0));
        for after in [
            Duration::ZERO,
            Duration::from_secs(5),
            GOOD_FOR - Duration::from_secs(1),
        ] {
            assert_eq!(ask(&mut known, start.plus(after), Some(FOUND), &asked).await, FOUND);
        }
        assert_eq!(asked.get(), 1);
        ask(&mut known, start.plus(GOOD_FOR), Some(FOUND), &asked).await;
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test]
    async fn a_failed_look_up_falls_back_and_does_not_slow_down_the_next_start() {
        let (mut known, asked, start) = (Known::default(), Cell::new(0), UnixMillis(0));
        assert_eq!(ask(&mut known, start, None, &asked).await, LAST_RESORT);
        assert_eq!(ask(&mut known, start, None, &asked).await, LAST_RESORT);
        assert_eq!(asked.get(), 1);
        assert_eq!(
            ask(&mut known, start.plus(NOT_BEFORE), Some(FOUND), &asked).await,
            FOUND
        );
        assert_eq!(ask(&mut known, start.plus(GOOD_FOR * 3), None, &asked).await, FOUND);
    }

    #[tokio::test]
    async fn a_version_that_was_turned_away_is_looked_up_again() {
        let (mut known, asked, start) = (Known::default(), Cell::new(0), UnixMillis(0));
        ask(&mut known, start, Some(FOUND), &asked).await;
        known.outdated = true;
        assert_eq!(
            ask(&mut known, start.plus(NOT_BEFORE), Some((2, 3000, 8)), &asked).await,
            (2, 3000, 8)
        );
    }
}
