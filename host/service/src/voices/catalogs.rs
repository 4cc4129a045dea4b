//! What each provider offers, asked for once a day. A provider that fails is asked again after a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switchboard_core::clock::UnixMillis;
use switchboard_plugins::contract::tts_provider::Catalog;

/// How long a catalog is good.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a failure is.
const FAILED_FOR: Duration = Duration::from_secs(60);

/// A catalog, or the sentence that says why there is none.
pub(crate) type Offer = Result<Arc<Catalog>, String>;

/// By the id, the version and the component of the provider: another one offers something else.
#[derive(Debug, Default)]
pub(crate) struct Catalogs(Mutex<HashMap<String, (UnixMillis, Offer)>>);

impl Catalogs {
    /// What is known of a provider.
    pub(super) fn get(&self, provider: &str, now: UnixMillis) -> Option<Offer> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, offer) = known.get(provider)?;
        let good_for = if offer.is_ok() { GOOD_FOR } else { FAILED_FOR };
        (now.since(*asked) < good_for).then(|| offer.clone())
    }

    /// Notes what a provider said.
    pub(super) fn put(&self, provider: String, now: UnixMillis, offer: Offer) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of versions that were replaced nobody asks any more.
        known.retain(|_, (asked, _)| now.since(*asked) < GOOD_FOR);
        known.insert(provider, (now, offer));
    }
}

#[cfg(test)]
mod tests {
    use switchboard_plugins::contract::tts_provider::TextLimit;

    use super::*;

    #[test]
    fn a_catalog_is_good_for_a_day_and_a_failure_for_a_minute() {
        let (catalogs, start) = (Catalogs::default(), UnixMillis(1_000));
        let catalog = Catalog {
            voices: vec![],
            limit: TextLimit::Characters(100),
            speeds: (0.5, 2.0),
            credential: None,
        };
        catalogs.put("good".to_owned(), start, Ok(Arc::new(catalog)));
        catalogs.put("bad".to_owned(), start, Err("No.".to_owned()));
        let known = |provider, after| catalogs.get(provider, start.plus(after)).is_some();
        let second = Duration::from_secs(1);
        assert!(known("good", GOOD_FOR - second) && !known("good", GOOD_FOR));
        assert!(known("bad", FAILED_FOR - second) && !known("bad", FAILED_FOR));
        assert!(!known("other", second));
    }
}
