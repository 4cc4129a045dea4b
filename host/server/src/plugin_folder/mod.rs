//! The operator's plugins: each folder in `plugins/` of the data folder is one, loaded at the start and watched while the server runs.
//!
//! Every two seconds the folder is looked at, without reading a file. What looks the same twice has come to rest: if that is not what
//! was loaded, it is loaded now, and if it is gone, it is taken away. So a plugin that is still being copied is left alone, and one
//! that goes and comes in one move never stops serving. SIGHUP has everything that changed loaded at once. What cannot be loaded
//! changes nothing but the error that is shown; it is tried again when its files change, and when another plugin goes, whose kinds or
//! routes it may have wanted.
//!
//! Loading takes as long as compiling does, and holds up no request but one for that same plugin: each folder has a lock of its own.
//! The watch itself goes from one folder to the next, those that are gone first.
//!
//! Bounds: 256 folders, by name; more are left out and the log says so. Names that begin with a dot are nobody's plugin.

mod listing;
mod loading;
#[cfg(test)]
mod tried;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use switchboard_core::config::Grants;
use switchboard_plugins::Plugins;
use tokio::sync::Mutex as Turn;
use tokio::task::spawn_blocking;

use self::listing::{Looks, MOST_PLUGINS, look_at};
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
    known: Mutex<Known>,
    /// How often something went that a refused plugin may have wanted.
    freed: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    folders: BTreeMap<OsString, Arc<Turn<Folder>>>,
    /// What was said of the whole folder, to say it once.
    fault: Option<String>,
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
    /// What had been freed when it was tried last.
    tried: u64,
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
    pub(crate) fn new(path: PathBuf, plugins: Plugins, grants: Grants, max_wasm_mib: u32) -> Self {
        Self(Arc::new(Inner {
            path,
            plugins,
            grants,
            max_wasm_mib,
            known: Mutex::default(),
            freed: AtomicU64::new(0),
        }))
    }

    /// Loads what is there now and has changed, without waiting for it to come to rest.
    pub(crate) async fn load(&self) {
        self.go(Wanted::Changed).await;
    }

    /// Looks once, and acts on what has come to rest since.
    pub(crate) async fn look(&self) {
        self.go(Wanted::Rested).await;
    }

    /// Loads one plugin anew, as it is now, whether it has changed or not. A plugin without a folder is left as it is.
    pub(crate) async fn reload(&self, id: &str) {
        self.go(Wanted::One(OsStr::new(id))).await;
    }

    /// Tries again what was refused: what it wanted may be free now.
    pub(crate) async fn retry(&self) {
        self.free();
        self.go(Wanted::Refused).await;
    }

    async fn go(&self, wanted: Wanted<'_>) {
        let path = self.0.path.clone();
        let looked = match spawn_blocking(move || look_at(&path)).await {
            Ok(looked) => looked,
            // The process is stopping.
            Err(_) => return,
        };
        let Some(mut looks) = self.told(looked) else {
            return;
        };
        for (name, folder) in self.folders(&looks, wanted) {
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
    }

    /// The folders that a look is about, those that are gone before the others: they may have had what another wants.
    fn folders(&self, looks: &BTreeMap<OsString, Look>, wanted: Wanted<'_>) -> Vec<(OsString, Arc<Turn<Folder>>)> {
        let mut known = self.known();
        known.folders.retain(|name, folder| {
            let is_nothing = || folder.try_lock().is_ok_and(|folder| *folder == Folder::default());
            looks.contains_key(name) || Arc::strong_count(folder) > 1 || !is_nothing()
        });
        for name in looks.keys() {
            known.folders.entry(name.clone()).or_default();
        }
        let is_wanted = |name: &OsStr| match wanted {
            Wanted::One(one) => one == name,
            _ => true,
        };
        let folders = known.folders.iter().filter(|(name, _)| is_wanted(name));
        let mut folders: Vec<_> = folders
            .map(|(name, folder)| (name.clone(), Arc::clone(folder)))
            .collect();
        folders.sort_by_key(|(name, _)| looks.contains_key(name));
        folders
    }

    /// A folder is there.
    async fn see(&self, name: &OsStr, look: Look, folder: &mut Folder, wanted: Wanted<'_>) {
        let freed = self.0.freed.load(Ordering::Acquire);
        let is_changed = folder.taken.as_ref() != Some(&look);
        let is_at_rest = folder.seen.as_ref() == Some(&look);
        let may_fit = folder.error.is_some() && folder.tried < freed;
        let is_due = match wanted {
            Wanted::Rested => is_at_rest && (is_changed || may_fit),
            Wanted::Changed => is_changed || may_fit,
            Wanted::One(_) => true,
            Wanted::Refused => is_at_rest && may_fit,
        };
        if wanted != Wanted::Refused {
            folder.seen = Some(look.clone());
        }
        if is_due {
            folder.tried = freed;
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
        fs::create_dir(tried.root.path().join(format!("{id}b"))).unwrap();
        tried.looks().await;
        assert_eq!((tried.kinds(), tried.error(&id).as_str()), (1, ""));
        fs::remove_dir(tried.root.path().join(format!("{id}b"))).unwrap();
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
        tried.remove("otp");
        tried.looks().await;
        assert_eq!((tried.error("also-otp").as_str(), tried.kinds()), ("", 1));
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
