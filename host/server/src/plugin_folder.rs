//! The operator's plugins: each folder in `plugins/` of the data folder is one, loaded at the start and watched while the server runs.
//!
//! Every two seconds the folder is looked at, without reading a file. What looks the same twice has come to rest: if that is not what
//! was loaded, it is loaded now, and if it is gone, it is taken away. So a plugin that is still being copied is left alone, and one
//! that goes and comes in one move never stops to serve. What cannot be loaded changes nothing but the error that is shown; it is tried
//! again when its files change, and when another plugin goes, whose kinds or routes it may have wanted.
//!
//! Bounds: 256 folders, by name; more are left out and the log says so. Names that begin with a dot are nobody's plugin.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use switchboard_core::config::Grants;
use switchboard_plugins::{LoadError, Origin, PluginSource, Plugins, Refusal, is_id};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::plugin_files::{self, Look, shown};
use crate::wiring::granted;

/// Plugins that one folder may have.
const MOST_PLUGINS: usize = 256;

/// The folder. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct PluginFolder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    plugins: Plugins,
    grants: Grants,
    max_wasm_mib: u32,
    /// One look at a time.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    folders: BTreeMap<OsString, Folder>,
    /// What was said of the whole folder, to say it once.
    fault: Option<String>,
}

/// What is known of one plugin's folder.
#[derive(Debug, Default)]
struct Folder {
    /// As it looked last; none when it was gone.
    seen: Option<Look>,
    /// As it looked when it was loaded or refused.
    taken: Option<Look>,
    /// Why it was refused.
    error: Option<String>,
}

/// Which folders need not come to rest first.
#[derive(Debug, Clone, Copy)]
enum Haste<'a> {
    None,
    One(&'a OsStr),
    All,
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
        }))
    }

    /// Loads what is there now.
    pub(crate) async fn load(&self) {
        self.go(&mut *self.0.known.lock().await, Haste::All).await;
    }

    /// Looks once, and acts on what has come to rest since.
    pub(crate) async fn look(&self) {
        self.go(&mut *self.0.known.lock().await, Haste::None).await;
    }

    /// Loads one plugin anew, as it is now, whether it has changed or not. A plugin without a folder is left as it is.
    pub(crate) async fn reload(&self, id: &str) {
        let name = OsStr::new(id);
        let mut known = self.0.known.lock().await;
        if let Some(folder) = known.folders.get_mut(name) {
            folder.taken = None;
        }
        self.go(&mut known, Haste::One(name)).await;
    }

    /// Tries again what was refused: what it wanted may be free now.
    pub(crate) async fn retry(&self) {
        let mut known = self.0.known.lock().await;
        known.try_refused_again();
        self.go(&mut known, Haste::None).await;
    }

    async fn go(&self, known: &mut Known, haste: Haste<'_>) {
        let path = self.0.path.clone();
        let looked = match spawn_blocking(move || look_at(&path)).await {
            Ok(looked) => looked,
            // The process is stopping.
            Err(_) => return,
        };
        let Some(mut looks) = self.told(known, looked) else {
            return;
        };
        let hurries = |name: &OsStr| match haste {
            Haste::None => false,
            Haste::One(one) => one == name,
            Haste::All => true,
        };
        let gone = known.folders.extract_if(.., |name, folder| {
            let is_gone = !looks.contains_key(name);
            is_gone && (folder.seen.take().is_none() || hurries(name))
        });
        let gone: Vec<_> = gone.map(|(name, _)| name).collect();
        for name in &gone {
            let id = shown(name);
            match self.0.plugins.remove(&id).await {
                Ok(()) => tracing::info!(plugin = %id, "a plugin was taken away"),
                Err(error) => tracing::error!(%error, "a plugin that was taken away serves on"),
            }
        }
        if !gone.is_empty() {
            known.try_refused_again();
        }
        let mut has_freed = false;
        while let Some((name, look)) = looks.pop_first() {
            let folder = known.folders.entry(name.clone()).or_default();
            let rests = folder.seen.as_ref() == Some(&look) || hurries(&name);
            folder.seen = Some(look.clone());
            if rests && folder.taken.as_ref() != Some(&look) {
                has_freed |= self.take(&name, look, folder).await;
            }
        }
        if has_freed {
            known.try_refused_again();
        }
    }

    /// Loads one folder. Returns whether it took the place of another version, which may have had what this one has not.
    async fn take(&self, name: &OsStr, look: Look, folder: &mut Folder) -> bool {
        let id = shown(name);
        let error = match self.source(name, &id, &look).await {
            Ok(Some(source)) => self.0.plugins.put(source).await.err(),
            // It is still being written; the next look tells.
            Ok(None) => return false,
            Err(reason) => {
                let error = LoadError {
                    plugin: id.clone(),
                    reason,
                };
                self.0.plugins.refuse(error.clone()).await;
                Some(error)
            }
        };
        let is_another = folder.taken.replace(look).is_some();
        let error = error.map(|error| error.to_string());
        match &error {
            None => tracing::info!(plugin = %id, "a plugin was loaded"),
            // It was said when it was tried before.
            Some(_) if error == folder.error => {}
            Some(error) => tracing::error!(plugin = %id, error, "a plugin in the data folder is refused"),
        }
        folder.error = error;
        is_another && folder.error.is_none()
    }

    async fn source(&self, name: &OsStr, id: &str, look: &Look) -> Result<Option<PluginSource>, Refusal> {
        if !name.to_str().is_some_and(is_id) {
            let sentence = "the name of its folder is no id: 1 to 64 of a-z, 0-9 and -, first a letter";
            return Err(Refusal::Files(sentence.to_owned()));
        }
        let (path, most) = (self.0.path.join(name), self.0.max_wasm_mib);
        let read = spawn_blocking(move || plugin_files::read(&path, most)).await;
        let files = read.map_err(|_| Refusal::Stopping)??;
        if files.look != *look {
            return Ok(None);
        }
        let source = PluginSource {
            origin: Origin::Folder,
            ..PluginSource::bundled(id, files.manifest_toml, files.wasm)
        };
        Ok(Some(granted(&self.0.grants, source)))
    }

    /// What was seen, if anything could be; a fault of the whole folder is told once.
    fn told(&self, known: &mut Known, looked: io::Result<Looks>) -> Option<BTreeMap<OsString, Look>> {
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
}

impl Known {
    fn try_refused_again(&mut self) {
        for folder in self.folders.values_mut().filter(|folder| folder.error.is_some()) {
            folder.taken = None;
        }
    }
}

struct Looks {
    looks: BTreeMap<OsString, Look>,
    left_out: usize,
}

fn look_at(path: &Path) -> io::Result<Looks> {
    let mut names = Vec::new();
    match fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                if !name.as_encoded_bytes().starts_with(b".") {
                    names.push(name);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    names.sort();
    let left_out = names.len().saturating_sub(MOST_PLUGINS);
    names.truncate(MOST_PLUGINS);
    let looks = names.into_iter().filter_map(|name| {
        let look = plugin_files::look(&path.join(&name))?;
        Some((name, look))
    });
    Ok(Looks {
        looks: looks.collect(),
        left_out,
    })
}

#[cfg(test)]
mod tests {
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
    }

    #[tokio::test]
    async fn what_is_no_plugin_is_refused_by_name_and_what_is_hidden_is_left_alone() {
        let tried = Tried::new();
        let root = tried.root.path();
        for name in ["Otp", "7up", "a b", "\u{1b}[31m", &"x".repeat(100)] {
            tried.write(name, &manifest("otp", "1.0.0"));
        }
        tried.write(".otp", &manifest("otp", "1.0.0"));
        fs::write(root.join("loose.wasm"), "").unwrap();
        fs::write(root.join("file"), "").unwrap();
        symlink(root.join("Otp"), root.join("link")).unwrap();
        tried.folder.load().await;
        let states = tried.folder.0.plugins.states();
        assert_eq!(states.len(), 8, "{states:#?}");
        for state in &states {
            assert!(state.serving.is_none() && state.error.is_some(), "{state:?}");
            assert!(!state.id.contains('\u{1b}') && state.id.len() <= 66, "{:?}", state.id);
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
        assert!(set.error("otp").contains("its configuration has no nothing"));
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
