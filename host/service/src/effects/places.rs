//! How many fetches run at once: 32, and of them 16 of one plugin, so that none has them all.
//!
//! Each may hold a request and an answer of 16 MiB, so whatever plugins ask for, what is under way is at most 1 GiB. Whoever comes when
//! there is no place waits in turn, within the time of its fetch: first for a place of its plugin, so that the fetches of one plugin
//! keep nobody else waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Fetches at once.
const MOST: usize = 32;
/// Of one plugin.
pub(super) const MOST_OF_ONE: usize = 16;

/// The places for fetches.
#[derive(Debug)]
pub(crate) struct Places {
    all: Semaphore,
    /// By the id of the plugin; those that fetch at this moment.
    plugins: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _own: OwnedSemaphorePermit,
    _common: SemaphorePermit<'a>,
}

impl Places {
    /// A place for a fetch of this plugin, as soon as there is one.
    pub(super) async fn take(&self, plugin: &str) -> Result<Place<'_>, AcquireError> {
        let own = self.of(plugin).acquire_owned().await?;
        let common = self.all.acquire().await?;
        Ok(Place {
            _own: own,
            _common: common,
        })
    }

    fn of(&self, plugin: &str) -> Arc<Semaphore> {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        plugins.retain(|_, places| Arc::strong_count(places) > 1);
        let places = plugins
            .entry(plugin.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(MOST_OF_ONE)));
        Arc::clone(places)
    }
}

impl Default for Places {
    fn default() -> Self {
        Self {
            all: Semaphore::new(MOST),
            plugins: Mutex::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn taken<'a>(places: &'a Places, plugin: &str, count: usize) -> Vec<Place<'a>> {
        let taken = (0..count).map_while(|_| places.take(plugin).now_or_never());
        taken.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn one_plugin_has_not_all_places_and_keeps_nobody_else_waiting() {
        let places = Places::default();
        let first = taken(&places, "a", MOST);
        assert_eq!(first.len(), MOST_OF_ONE);
        let waiting: Vec<_> = (0..MOST).map(|_| Box::pin(places.take("a"))).collect();
        for mut fetch in waiting {
            assert!((&mut fetch).now_or_never().is_none());
        }
        assert_eq!(taken(&places, "b", MOST).len(), MOST_OF_ONE);
    }

    #[test]
    fn all_together_have_so_many_and_a_place_that_is_left_is_taken_in_turn() {
        let places = Places::default();
        let (mut first, second) = (taken(&places, "a", MOST), taken(&places, "b", MOST));
        let mut waiting = Box::pin(places.take("c"));
        assert!((&mut waiting).now_or_never().is_none(), "{MOST} are under way");
        first.pop();
        assert!(taken(&places, "d", 1).is_empty(), "it is another one's turn");
        assert!(waiting.now_or_never().is_some());
        drop(second);
        assert_eq!(taken(&places, "d", 1).len(), 1);
    }

    #[test]
    fn a_plugin_that_fetches_nothing_leaves_nothing_behind() {
        let places = Places::default();
        drop(taken(&places, "a", 3));
        drop(taken(&places, "b", 1));
        assert_eq!(places.plugins.lock().unwrap().len(), 1);
    }
}
