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
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use switchboard_core::config::GrantConfig;
    use switchboard_plugins::PluginState;
    use tempfile::TempDir;

    use super::*;
    use crate::testing::{engine, shipped};

    struct Tried {
        folder: PluginFolder,
        root: TempDir,
    }

    impl Tried {
        fn new() -> Self {
            Self::with(Grants::new())
        }

        fn with(grants: Grants) -> Self {
            let root = tempfile::tempdir().unwrap();
            let folder = PluginFolder::new(root.path().to_owned(), Plugins::new(engine()), grants, 1);
            Self { folder, root }
        }

        /// Writes a plugin that has the component of `otp`.
        fn write(&self, id: &str, manifest_toml: &str) {
            let path = self.root.path().join(id);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("plugin.toml"), manifest_toml).unwrap();
            fs::write(path.join("plugin.wasm"), shipped("otp").wasm).unwrap();
        }

        fn remove(&self, id: &str) {
            fs::remove_dir_all(self.root.path().join(id)).unwrap();
        }

        /// As often as it takes for a change to have come to rest.
        async fn looks(&self) {
            self.folder.look().await;
            self.folder.look().await;
        }

        fn state(&self, id: &str) -> PluginState {
            let states = self.folder.0.plugins.states();
            states.into_iter().find(|state| state.id == id).unwrap()
        }

        fn version(&self, id: &str) -> Option<String> {
            self.state(id).serving.map(|serving| serving.version)
        }

        fn error(&self, id: &str) -> String {
            self.state(id).error.map_or_else(String::new, |error| error.to_string())
        }

        fn kinds(&self) -> usize {
            self.folder.0.plugins.kinds().len()
        }
    }

    fn manifest(id: &str, version: &str) -> String {
        let toml = shipped("otp").manifest;
        toml.replace("id = \"otp\"", &format!("id = {id:?}"))
            .replace("version = \"0.1.0\"", &format!("version = {version:?}"))
    }

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
    async fn what_the_operator_has_disabled_stays_so_however_it_comes() {
        let grant = GrantConfig {
            enabled: false,
            ..GrantConfig::default()
        };
        let tried = Tried::with(Grants::from([("otp".to_owned(), grant)]));
        let path = tried.root.path().join("otp");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("plugin.toml"), manifest("otp", "1.0.0")).unwrap();
        tried.looks().await;
        assert!(tried.error("otp").contains("no component"), "{}", tried.error("otp"));
        fs::write(path.join("plugin.wasm"), shipped("otp").wasm).unwrap();
        tried.looks().await;
        assert_eq!((tried.version("otp").is_some(), tried.kinds()), (true, 0));

        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.looks().await;
        tried.folder.0.plugins.enable("otp", false).await.unwrap();
        tried.remove("otp");
        tried.looks().await;
        tried.write("otp", &manifest("otp", "1.0.1"));
        tried.looks().await;
        assert_eq!(tried.kinds(), 0, "until the next start");
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
    async fn one_that_is_refused_leaves_the_old_one_serving_and_shows_why() {
        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.load().await;
        let component = tried.root.path().join("otp/plugin.wasm");
        for damaged in [&b""[..], b"PK\x03\x04", &shipped("otp").wasm[..1000]] {
            fs::write(&component, damaged).unwrap();
            tried.looks().await;
            assert!(tried.error("otp").starts_with("plugin otp cannot be loaded: "));
            assert_eq!((tried.version("otp").as_deref(), tried.kinds()), (Some("1.0.0"), 1));
        }
        // 100 MB, of which not one is read.
        File::create(&component).unwrap().set_len(100_000_000).unwrap();
        tried.looks().await;
        assert!(
            tried
                .error("otp")
                .contains("has 100000000 bytes; this host allows 1 MiB")
        );
        assert_eq!(tried.kinds(), 1);
        fs::remove_file(&component).unwrap();
        tried.looks().await;
        assert!(tried.error("otp").contains("no component"));
        assert_eq!(tried.kinds(), 1);
        tried.write("otp", &manifest("otp", "1.0.1"));
        tried.looks().await;
        assert_eq!(
            (tried.version("otp").as_deref(), tried.error("otp").as_str()),
            (Some("1.0.1"), "")
        );
    }

    #[tokio::test]
    async fn a_plugin_is_called_as_its_folder_is() {
        let tried = Tried::new();
        tried.write("otp", &manifest("pot", "1.0.0"));
        tried.folder.load().await;
        assert_eq!(
            tried.error("otp"),
            "plugin otp cannot be loaded: its plugin.toml says id = \"pot\"; the id must be the name of its folder"
        );
        assert_eq!(tried.folder.0.plugins.states().len(), 1);
        for id in ["../otp", "/etc", "otp/../messages", ""] {
            tried.write("otp", &manifest(id, "1.0.0"));
            tried.folder.load().await;
            assert!(tried.error("otp").contains("its plugin.toml is wrong: "), "{id}");
        }
        assert_eq!(tried.kinds(), 0);
    }

    #[tokio::test]
    async fn what_is_no_plugin_is_refused_by_name_and_what_is_hidden_is_left_alone() {
        let tried = Tried::new();
        let root = tried.root.path();
        for name in ["Otp", "7up", "a b", "%2e%2e", "otp\\..", "\u{1b}[31m", &"x".repeat(100)] {
            tried.write(name, &manifest("otp", "1.0.0"));
        }
        tried.write(".otp", &manifest("otp", "1.0.0"));
        fs::write(root.join("loose.wasm"), "").unwrap();
        fs::write(root.join("file"), "").unwrap();
        symlink(root.join("Otp"), root.join("link")).unwrap();
        tried.folder.load().await;
        let states = tried.folder.0.plugins.states();
        assert_eq!(states.len(), 10, "{states:#?}");
        for state in &states {
            assert!(state.serving.is_none() && state.error.is_some(), "{state:?}");
            assert!(
                !state.id.contains('\u{1b}') && state.id.chars().count() <= 65,
                "{:?}",
                state.id
            );
        }
        assert!(tried.error("link").contains("symbolic link"));
        assert!(tried.error("file").contains("it is not a folder"));
        assert!(tried.error("Otp").contains("no id"));
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

    #[tokio::test]
    async fn the_operators_grant_is_for_plugins_in_folders_too() {
        let grant = |grant: GrantConfig| Grants::from([("otp".to_owned(), grant)]);
        let pinned = Tried::with(grant(GrantConfig {
            sha256: Some("0".repeat(64)),
            ..GrantConfig::default()
        }));
        let mut settings = GrantConfig::default();
        settings.config.insert("nothing".to_owned(), "x".into());
        let set = Tried::with(grant(settings));
        let off = Tried::with(grant(GrantConfig {
            enabled: false,
            ..GrantConfig::default()
        }));
        for tried in [&pinned, &set, &off] {
            tried.write("otp", &manifest("otp", "1.0.0"));
            tried.folder.load().await;
            assert_eq!(tried.kinds(), 0);
        }
        assert!(pinned.error("otp").contains("the configuration pins 000"));
        assert!(
            set.error("otp")
                .contains("[grants.otp] config sets nothing, which its plugin.toml does not have")
        );
        assert!(!off.state("otp").is_enabled && off.error("otp").is_empty());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_listed_leaves_everything_as_it_is() {
        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.load().await;
        let aside = tried.root.path().with_extension("aside");
        fs::rename(tried.root.path(), &aside).unwrap();
        fs::write(tried.root.path(), "a file").unwrap();
        tried.looks().await;
        assert_eq!(tried.kinds(), 1);
        fs::remove_file(tried.root.path()).unwrap();
        fs::rename(aside, tried.root.path()).unwrap();
        tried.looks().await;
        assert_eq!((tried.kinds(), tried.error("otp").as_str()), (1, ""));
    }
}
