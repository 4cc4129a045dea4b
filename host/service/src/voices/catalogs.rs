//! What each provider offers, asked for once a day, however many want to know at once. A provider that fails is asked again after a
//! minute.
//!
//! Whoever asks may go away meanwhile: the asking goes on and is remembered. So one that fails late is waited for once in a minute, and
//! not by everybody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switchboard_core::clock::UnixMillis;
use switchboard_plugins::contract::tts_provider::Catalog;
use tokio::sync::Mutex as Turn;

/// How long a catalog is good.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a failure is.
const FAILED_FOR: Duration = Duration::from_secs(60);

/// A catalog, or the sentence that says why there is none.
pub(crate) type Offer = Result<Arc<Catalog>, String>;

/// What a provider said, and when; nothing before it was asked. Whoever holds it may ask.
type Said = Turn<Option<(UnixMillis, Offer)>>;

/// By the id, the version and the component of the provider: another one offers something else.
#[derive(Debug, Default)]
pub(crate) struct Catalogs(Mutex<HashMap<String, Arc<Said>>>);

impl Catalogs {
    /// What a provider offers: as it is remembered, or else as `ask` finds out. Whoever comes meanwhile waits for that.
    pub(super) async fn get<A>(&self, provider: &str, now: UnixMillis, ask: A) -> Offer
    where
        A: Future<Output = Offer> + Send + 'static,
    {
        let mut said = self.said(provider, now).lock_owned().await;
        if let Some((asked, offer)) = &*said
            && is_good(*asked, offer, now)
        {
            return offer.clone();
        }
        let asking = tokio::spawn(async move {
            let offer = ask.await;
            *said = Some((now, offer.clone()));
            offer
        });
        let broken = || "The provider could not be asked for its voices.".to_owned();
        asking.await.unwrap_or_else(|_| Err(broken()))
    }

    fn said(&self, provider: &str, now: UnixMillis) -> Arc<Said> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of versions that were replaced nobody asks any more.
        known.retain(|_, said| {
            let is_wanted = |said: &Option<(UnixMillis, Offer)>| {
                said.as_ref().is_some_and(|(asked, offer)| is_good(*asked, offer, now))
            };
            Arc::strong_count(said) > 1 || said.try_lock().is_ok_and(|said| is_wanted(&said))
        });
        Arc::clone(known.entry(provider.to_owned()).or_default())
    }
}

fn is_good(asked: UnixMillis, offer: &Offer, now: UnixMillis) -> bool {
    let good_for = if offer.is_ok() { GOOD_FOR } else { FAILED_FOR };
    now.since(asked) < good_for
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;
    use futures::future::join_all;
    use switchboard_plugins::contract::tts_provider::TextLimit;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;

    const START: UnixMillis = UnixMillis(1_000);

    fn catalog() -> Offer {
        Ok(Arc::new(Catalog {
            voices: vec![],
            limit: TextLimit::Characters(100),
            speeds: (0.5, 2.0),
            credential: None,
        }))
    }

    #[tokio::test]
    async fn a_catalog_is_good_for_a_day_and_a_failure_for_a_minute() {
        let second = Duration::from_secs(1);
        for (offer, good_for) in [(catalog(), GOOD_FOR), (Err("No.".to_owned()), FAILED_FOR)] {
            let catalogs = Catalogs::default();
            let asked = Arc::<AtomicUsize>::default();
            for after in [Duration::ZERO, good_for - second, good_for] {
                let (asked, offer) = (Arc::clone(&asked), offer.clone());
                let ask = async move {
                    asked.fetch_add(1, Ordering::Relaxed);
                    offer
                };
                catalogs.get("x", START.plus(after), ask).await.ok();
            }
            assert_eq!(asked.load(Ordering::Relaxed), 2);
            catalogs
                .get("y", START.plus(good_for * 3), async { catalog() })
                .await
                .unwrap();
            assert_eq!(catalogs.0.lock().unwrap().len(), 1, "the other is forgotten");
        }
    }

    #[tokio::test]
    async fn of_many_who_want_to_know_at_once_one_asks() {
        let (catalogs, asked) = (Catalogs::default(), Arc::<AtomicUsize>::default());
        let ask = || {
            let asked = Arc::clone(&asked);
            async move {
                asked.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
                catalog()
            }
        };
        let offers = join_all((0..64).map(|_| catalogs.get("x", START, ask()))).await;
        assert_eq!((offers.len(), asked.load(Ordering::Relaxed)), (64, 1));
        assert!(offers.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn what_was_asked_is_remembered_also_when_whoever_asked_has_gone() {
        let catalogs = Catalogs::default();
        let (answer, answered) = oneshot::channel();
        let ask = async { answered.await.unwrap() };
        assert!(catalogs.get("x", START, ask).now_or_never().is_none(), "it goes away");
        let mut second = Box::pin(catalogs.get("x", START, async { Err("It is asked again.".to_owned()) }));
        assert!((&mut second).now_or_never().is_none(), "it waits");
        answer.send(catalog()).unwrap();
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn one_that_breaks_down_is_asked_again_by_the_next() {
        let catalogs = Catalogs::default();
        assert!(catalogs.get("x", START, async { panic!("on purpose") }).await.is_err());
        assert!(catalogs.get("x", START, async { catalog() }).await.is_ok());
    }
}
