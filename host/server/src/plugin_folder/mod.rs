//! The operator's plugins: each folder in `plugins/` of the data folder is one, loaded at the start and watched while the server runs.
//!
//! Every two seconds the folder is looked at, without reading a file. What looks the same twice has come to rest: if that is not what
//! was loaded, it is loaded now, and if it is gone, it is taken away. So a plugin that is still being copied is left alone, and one
//! that goes and comes in one move never stops serving. SIGHUP has everything that changed loaded at once. What cannot be loaded
//! changes nothing but the error that is shown; it is tried again when its files change, and when another plugin goes, whose kinds or
//! routes it may have wanted. What only this moment is to blame for, such as too many open files, is tried again at the next look.
//!
//! Who began to serve earlier goes first, also after a restart (`order`).
//!
//! Loading takes as long as compiling does, and holds up no request but one for that same plugin: each folder has a lock of its own.
//! The watch itself goes from one folder to the next, those that are gone first.
//!
//! Bounds: 256 folders, by name; more are left out and the log says so. Names that begin with a dot are nobody's plugin.

mod listing;
mod loading;
mod order;
#[cfg(test)]
mod tried;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use switchboard_core::config::Grants;
use switchboard_plugins::{Origin, Plugins};
use switchboard_service::unused_grants;
use tokio::sync::Mutex as Turn;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use self::listing::{Looks, MOST_PLUGINS, look_at};
pub(crate) use self::order::Order;
use crate::plugin_files::{Look, shown};

/// The folder. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct PluginFolder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    plugins: Plugins,
    grants: Grants,
    max_wasm_mib: u32,
    order: Order,
    known: Mutex<Known>,
    /// How often something went that a refused plugin may have wanted.
    freed: AtomicU64,
    /// Whether everything that was there at the start has been tried.
    loaded: CancellationToken,
    /// The generation of the plugins for which compiled code that nobody uses was deleted.
    cleared: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    folders: BTreeMap<OsString, Arc<Turn<Folder>>>,
    /// What was said of the whole folder, to say it once.
    fault: Option<String>,
    /// What was said of bundled plugins.
    refused: BTreeSet<String>,
}

/// What is known of one plugin's folder. Whoever holds it may load the plugin.
#[derive(Debug, Default, PartialEq, Eq)]
struct Folder {
    /// As it looked last; none when it was gone.
    seen: Option<Look>,
    /// As it looked when it was loaded or refused.
    taken: Option<Look>,
    /// Why it was refused.
    error: Option<String>,
    /// It may be loaded as it is: it is new, or was refused for what may have passed by the next look.
    is_waiting: bool,
    /// What had been freed when it was tried last.
    freed: u64,
}

impl Folder {
    /// Whether it is to be loaded, as it looks now.
    fn is_due(&self, look: &Look, wanted: Wanted<'_>, freed: u64) -> bool {
        let is_changed = self.taken.as_ref() != Some(look) || self.is_waiting;
        let is_at_rest = self.seen.as_ref() == Some(look);
        let may_fit = self.error.is_some() && self.freed < freed;
        match wanted {
            Wanted::Rested => is_at_rest && (is_changed || may_fit),
            Wanted::Changed => is_changed || may_fit,
            Wanted::One(_) => true,
            Wanted::Refused => is_at_rest && may_fit,
        }
    }
}

/// What a look is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted<'a> {
    /// What has come to rest since the last look.
    Rested,
    /// Everything that has changed, at rest or not.
    Changed,
    /// This one, changed or not.
    One(&'a OsStr),
    /// What was refused before and may be free now.
    Refused,
}

impl PluginFolder {
    /// The plugins in a folder; nothing is loaded yet.
    pub(crate) fn new(path: PathBuf, order: Order, plugins: Plugins, grants: Grants, max_wasm_mib: u32) -> Self {
        Self(Arc::new(Inner {
            path,
            plugins,
            grants,
            max_wasm_mib,
            order,
            known: Mutex::default(),
            freed: AtomicU64::new(0),
            loaded: CancellationToken::new(),
            cleared: AtomicU64::new(0),
        }))
    }

    /// Loads what is there now and has changed, without waiting for it to come to rest. The first time, that is everything.
    pub(crate) async fn load(&self) {
        let is_seen = self.go(Wanted::Changed).await;
        self.0.loaded.cancel();
        if is_seen {
            self.settle().await;
        }
    }

    /// Whether everything that was there at the start has been tried.
    pub(crate) fn is_loaded(&self) -> bool {
        self.0.loaded.is_cancelled()
    }

    /// Waits until everything that was there at the start has been tried.
    pub(crate) async fn until_loaded(&self) {
        self.0.loaded.cancelled().await;
    }

    /// What of the operator's grants nobody has asked for.
    pub(crate) fn unused_grants(&self) -> Vec<String> {
        unused_grants(&self.0.grants, &self.0.plugins)
    }

    /// Looks once, and acts on what has come to rest since.
    pub(crate) async fn look(&self) {
        if self.go(Wanted::Rested).await {
            self.settle().await;
        }
    }

    /// Loads one plugin anew, as it is now, whether it has changed or not. A plugin without a folder is left as it is.
    pub(crate) async fn reload(&self, id: &str) {
        if self.go(Wanted::One(OsStr::new(id))).await {
            self.settle().await;
        }
    }

    /// Tries again what was refused: what it wanted may be free now.
    pub(crate) async fn retry(&self) {
        self.free();
        if self.go(Wanted::Refused).await {
            self.settle().await;
        }
    }

    /// What follows when plugins have come and gone: who goes first is kept, what the operator must know of bundled plugins is said, and
    /// code that nobody uses is deleted.
    async fn settle(&self) {
        // Before the others: who is being loaded is one of either.
        let waiting = self.waiting();
        let states = self.0.plugins.states();
        let added = states.iter().filter(|state| state.origin == Origin::Folder);
        let serving: Vec<_> = added
            .filter(|state| state.serving.is_some())
            .map(|state| state.id.as_str())
            .collect();
        self.0.order.follow(&serving, &waiting).await;
        if !self.is_loaded() {
            return;
        }
        let bundled = states.iter().filter(|state| state.origin == Origin::Bundled);
        self.tell_refused(
            bundled
                .filter_map(|state| state.error.as_ref())
                .map(ToString::to_string),
        );
        let generation = self.0.plugins.generation();
        if waiting.is_empty() && self.0.cleared.swap(generation, Ordering::AcqRel) != generation {
            self.0.plugins.drop_unused_code().await;
        }
    }

    /// Those that may yet be loaded as they are.
    fn waiting(&self) -> BTreeSet<String> {
        let known = self.known();
        let waiting = known.folders.iter().filter(|(_, folder)| match folder.try_lock() {
            Ok(folder) => folder.is_waiting,
            // It is being loaded.
            Err(_) => true,
        });
        waiting.map(|(name, _)| shown(name)).collect()
    }

    /// Says once why bundled plugins are refused, which only the operator's grants can be the reason for.
    fn tell_refused(&self, refused: impl Iterator<Item = String>) {
        let refused: BTreeSet<_> = refused.collect();
        let mut known = self.known();
        for error in refused.difference(&known.refused) {
            tracing::error!(error, "a bundled plugin is refused");
        }
        known.refused = refused;
    }

    /// Whether the folder could be looked at.
    async fn go(&self, wanted: Wanted<'_>) -> bool {
        let path = self.0.path.clone();
        let looked = match spawn_blocking(move || look_at(&path)).await {
            Ok(looked) => looked,
            // The process is stopping.
            Err(_) => return false,
        };
        let Some(mut looks) = self.told(looked) else {
            return false;
        };
        let order = self.0.order.ids().await;
        for (name, folder) in self.folders(&looks, &order, wanted) {
            let mut folder = match (wanted, folder.try_lock()) {
                (_, Ok(folder)) => folder,
                (Wanted::One(_), Err(_)) => folder.lock().await,
                // It is being loaded, and the next look sees what has changed since.
                (_, Err(_)) => continue,
            };
            match looks.remove(&name) {
                Some(look) => self.see(&name, look, &mut folder, wanted).await,
                None => self.miss(&name, &mut folder, wanted).await,
            }
        }
        true
    }

    /// The folders that a look is about, those that are gone before the others: they may have had what another wants. Then in their
    /// order, and those that have no place in it by name.
    fn folders(
        &self,
        looks: &BTreeMap<OsString, Look>,
        order: &[String],
        wanted: Wanted<'_>,
    ) -> Vec<(OsString, Arc<Turn<Folder>>)> {
        let mut known = self.known();
        known.folders.retain(|name, folder| {
            let is_nothing = || folder.try_lock().is_ok_and(|folder| *folder == Folder::default());
            looks.contains_key(name) || Arc::strong_count(folder) > 1 || !is_nothing()
        });
        for name in looks.keys() {
            known.folders.entry(name.clone()).or_insert_with(|| {
                Arc::new(Turn::new(Folder {
                    is_waiting: true,
                    ..Folder::default()
                }))
            });
        }
        let is_wanted = |name: &OsStr| match wanted {
            Wanted::One(one) => one == name,
            _ => true,
        };
        let folders = known.folders.iter().filter(|(name, _)| is_wanted(name));
        let mut folders: Vec<_> = folders
            .map(|(name, folder)| (name.clone(), Arc::clone(folder)))
            .collect();
        let place = |name: &OsStr| order.iter().position(|id| name == id.as_str()).unwrap_or(usize::MAX);
        folders.sort_by_key(|(name, _)| (looks.contains_key(name), place(name)));
        folders
    }

    /// A folder is there.
    async fn see(&self, name: &OsStr, look: Look, folder: &mut Folder, wanted: Wanted<'_>) {
        let freed = self.0.freed.load(Ordering::Acquire);
        let is_due = folder.is_due(&look, wanted, freed);
        if wanted != Wanted::Refused {
            folder.seen = Some(look.clone());
        }
        if is_due {
            folder.freed = freed;
            self.take(name, look, folder).await;
        }
    }

    /// A folder is not there.
    async fn miss(&self, name: &OsStr, folder: &mut Folder, wanted: Wanted<'_>) {
        if wanted == Wanted::Refused || (folder.seen.take().is_some() && wanted == Wanted::Rested) {
            // It may come back at once.
            return;
        }
        if std::mem::take(folder).taken.is_none() {
            return;
        }
        let id = shown(name);
        match self.0.plugins.remove(&id).await {
            Ok(()) => tracing::info!(plugin = %id, "a plugin was taken away"),
            Err(error) => tracing::error!(%error, "a plugin that was taken away serves on"),
        }
        self.free();
    }

    fn free(&self) {
        self.0.freed.fetch_add(1, Ordering::AcqRel);
    }

    /// What was seen, if anything could be; a fault of the whole folder is told once.
    fn told(&self, looked: io::Result<Looks>) -> Option<BTreeMap<OsString, Look>> {
        let mut known = self.known();
        let (looks, fault) = match looked {
            Ok(Looks { looks, left_out: 0 }) => (Some(looks), None),
            Ok(Looks { looks, left_out }) => (
                Some(looks),
                Some(format!("{left_out} folders beyond {MOST_PLUGINS} are left out")),
            ),
            Err(error) => (
                None,
                Some(format!("it cannot be read, so all plugins stay as they are: {error}")),
            ),
        };
        if let Some(fault) = fault.as_ref().filter(|fault| known.fault.as_ref() != Some(*fault)) {
            tracing::error!(path = %self.0.path.display(), fault, "the folder of plugins");
        }
        known.fault = fault;
        looks
    }

    /// Never held while a plugin is loaded.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::tried::{Tried, manifest};
    use super::*;

    #[tokio::test]
    async fn a_folder_that_comes_is_loaded_when_it_rests_one_that_changes_again_and_one_that_goes_no_more() {
        let tried = Tried::new();
        tried.folder.load().await;
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.look().await;
        assert_eq!(tried.kinds(), 0, "it may still be written");
        tried.folder.look().await;
        assert_eq!((tried.kinds(), tried.version("otp").as_deref()), (1, Some("1.0.0")));

        let generation = tried.folder.0.plugins.generation();
        tried.looks().await;
        assert_eq!(tried.folder.0.plugins.generation(), generation, "nothing happened");

        tried.write("otp", &manifest("otp", "1.0.1"));
        tried.looks().await;
        assert_eq!(tried.version("otp").as_deref(), Some("1.0.1"));

        tried.remove("otp");
        tried.folder.look().await;
        assert_eq!(tried.kinds(), 1, "it may come back at once");
        tried.folder.look().await;
        assert_eq!((tried.kinds(), tried.folder.0.plugins.states().len()), (0, 0));
    }

    #[tokio::test]
    async fn a_name_that_is_no_id_touches_no_plugin_that_has_the_one_it_begins_with() {
        let tried = Tried::new();
        let id = "a".repeat(64);
        tried.write(&id, &manifest(&id, "1.0.0"));
        fs::create_dir(tried.path().join(format!("{id}b"))).unwrap();
        tried.looks().await;
        assert_eq!((tried.kinds(), tried.error(&id).as_str()), (1, ""));
        fs::remove_dir(tried.path().join(format!("{id}b"))).unwrap();
        tried.looks().await;
        assert_eq!(tried.kinds(), 1);
    }

    #[tokio::test]
    async fn what_is_there_at_the_start_is_loaded_at_once() {
        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.load().await;
        assert_eq!(tried.kinds(), 1);
    }

    #[tokio::test]
    async fn of_two_that_want_one_kind_the_later_is_refused_until_the_other_goes() {
        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.load().await;
        // Its name is before the other's, and it is later all the same.
        tried.write("also-otp", &manifest("also-otp", "1.0.0"));
        tried.looks().await;
        assert_eq!(
            tried.error("also-otp"),
            "plugin also-otp cannot be loaded: its kind otp is already handled by the plugin otp"
        );
        assert_eq!((tried.error("otp").as_str(), tried.kinds()), ("", 1));
        for _ in ["once", "and again"] {
            let tried = tried.restarted();
            tried.folder.load().await;
            assert_eq!((tried.error("otp").as_str(), tried.kinds()), ("", 1));
            assert!(tried.error("also-otp").contains("already handled by the plugin otp"));
        }
        tried.remove("otp");
        tried.looks().await;
        assert_eq!((tried.error("also-otp").as_str(), tried.kinds()), ("", 1));
        tried.write("otp", &manifest("otp", "1.0.1"));
        let tried = tried.restarted();
        tried.folder.load().await;
        assert_eq!(tried.error("also-otp"), "", "it was there when the other came again");
        assert!(tried.error("otp").contains("already handled by the plugin also-otp"));
    }

    #[tokio::test]
    async fn a_change_does_not_cost_a_plugin_its_place_nor_does_a_folder_that_cannot_be_listed() {
        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.load().await;
        tried.write("also-otp", &manifest("also-otp", "1.0.0"));
        tried.remove("otp");
        tried.write("otp", &manifest("otp", "1.0.1"));
        tried.looks().await;
        assert_eq!(tried.version("otp").as_deref(), Some("1.0.1"));

        let tried = tried.restarted();
        let aside = tried.path().with_extension("aside");
        fs::rename(tried.path(), &aside).unwrap();
        fs::write(tried.path(), "a file").unwrap();
        tried.folder.load().await;
        assert!(tried.folder.is_loaded() && tried.kinds() == 0);
        fs::remove_file(tried.path()).unwrap();
        fs::rename(&aside, tried.path()).unwrap();
        tried.looks().await;
        assert_eq!(tried.error("otp"), "");
        assert!(tried.error("also-otp").contains("already handled by the plugin otp"));
    }

    #[tokio::test]
    async fn a_reload_does_not_wait_until_a_change_has_come_to_rest() {
        let tried = Tried::new();
        tried.folder.load().await;
        tried.write("otp", &manifest("otp", "1.0.0"));
        for version in ["1.0.0", "1.0.1"] {
            tried.write("otp", &manifest("otp", version));
            tried.folder.reload("otp").await;
            assert_eq!(tried.version("otp").as_deref(), Some(version));
        }
        tried.remove("otp");
        tried.folder.reload("../otp").await;
        assert_eq!(tried.kinds(), 1);
        tried.folder.reload("otp").await;
        assert_eq!(tried.kinds(), 0);
    }

    #[tokio::test]
    async fn while_one_is_loaded_nobody_waits_but_who_wants_that_one() {
        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.load().await;
        tried.write("slow", &manifest("slow", "1.0.0"));
        tried.folder.look().await;
        let slow = Arc::clone(&tried.folder.known().folders[OsStr::new("slow")]);
        let loading = slow.lock().await;
        tried.write("otp", &manifest("otp", "1.0.1"));
        tried.folder.reload("otp").await;
        assert_eq!(tried.version("otp").as_deref(), Some("1.0.1"));
        tried.folder.retry().await;
        tried.folder.load().await;
        tried.looks().await;
        tokio::join!(biased; tried.folder.reload("slow"), async { drop(loading) });
        assert!(tried.error("slow").contains("its kind otp is already handled"));
    }
}
