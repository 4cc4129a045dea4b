//! From one folder to a plugin that serves, or to why it does not.

use std::ffi::OsStr;

use switchboard_plugins::{LoadError, Origin, PluginSource, Refusal, is_id};
use tokio::task::spawn_blocking;

use super::{Folder, PluginFolder};
use crate::plugin_files::{self, Look, shown};
use crate::wiring::granted;

impl PluginFolder {
    /// Loads one folder.
    pub(super) async fn take(&self, name: &OsStr, look: Look, folder: &mut Folder) {
        let id = shown(name);
        let error = match self.source(name, &id, &look).await {
            Ok(Some(source)) => self.0.plugins.put(source).await.err(),
            // It is still being written; the next look tells.
            Ok(None) => return,
            Err(reason) => {
                let error = LoadError {
                    plugin: id.clone(),
                    reason,
                };
                self.0.plugins.refuse(error.clone()).await;
                Some(error)
            }
        };
        let is_another = folder.taken.is_some();
        match folder.tried(look, error.as_ref()) {
            Told::Loaded => tracing::info!(plugin = %id, "a plugin was loaded"),
            Told::Refused(error) => tracing::error!(plugin = %id, error, "a plugin in the data folder is refused"),
            Told::Postponed(error) => {
                tracing::warn!(plugin = %id, error, "a plugin in the data folder cannot be loaded now; it is tried again");
            }
            Told::Nothing => {}
        }
        if is_another && folder.error.is_none() {
            // The version before may have had what this one has not.
            self.free();
        }
    }

    async fn source(&self, name: &OsStr, id: &str, look: &Look) -> Result<Option<PluginSource>, Refusal> {
        if !name.to_str().is_some_and(is_id) {
            let sentence = "the name of its folder is no id: 1 to 64 of a-z, 0-9 and -, first a letter";
            return Err(Refusal::Files(sentence.to_owned()));
        }
        let (path, most) = (self.0.path.join(name), self.0.max_wasm_mib);
        let read = spawn_blocking(move || plugin_files::read(&path, most)).await;
        let files = read.map_err(|error| {
            if error.is_panic() {
                Refusal::Panicked {
                    what: "reading its files",
                }
            } else {
                Refusal::Stopping
            }
        })??;
        if files.look != *look {
            return Ok(None);
        }
        let source = PluginSource {
            origin: Origin::Folder,
            ..PluginSource::bundled(id, files.manifest_toml, files.wasm)
        };
        Ok(Some(granted(&self.0.grants, source)))
    }
}

/// What the log says of an attempt.
#[derive(Debug, PartialEq, Eq)]
enum Told<'a> {
    Loaded,
    Refused(&'a str),
    Postponed(&'a str),
    /// It was said before.
    Nothing,
}

impl Folder {
    /// Keeps how an attempt ended.
    fn tried(&mut self, look: Look, error: Option<&LoadError>) -> Told<'_> {
        self.taken = Some(look);
        self.is_waiting = error.is_some_and(|error| error.reason.may_pass());
        let before = std::mem::replace(&mut self.error, error.map(ToString::to_string));
        match &self.error {
            None => Told::Loaded,
            error if *error == before => Told::Nothing,
            Some(error) if self.is_waiting => Told::Postponed(error),
            Some(error) => Told::Refused(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use switchboard_core::config::{GrantConfig, Grants};

    use super::super::Wanted;
    use super::super::tried::{Tried, manifest};
    use super::*;
    use crate::testing::shipped;

    #[test]
    fn what_may_pass_is_tried_again_at_the_next_look_and_said_once_and_what_does_not_waits_for_other_files() {
        let place = tempfile::tempdir().unwrap();
        let look = || plugin_files::look(place.path()).unwrap();
        let error = |reason| LoadError {
            plugin: "otp".to_owned(),
            reason,
        };
        let mut folder = Folder {
            seen: Some(look()),
            ..Folder::default()
        };
        let busy = error(Refusal::Unreadable("too many files are open".to_owned()));
        assert!(matches!(folder.tried(look(), Some(&busy)), Told::Postponed(_)));
        assert!(folder.is_due(&look(), Wanted::Rested, 0));
        assert_eq!(folder.tried(look(), Some(&busy)), Told::Nothing);
        assert!(folder.is_due(&look(), Wanted::Changed, 0));
        let wrong = error(Refusal::Files("no component".to_owned()));
        assert!(matches!(folder.tried(look(), Some(&wrong)), Told::Refused(_)));
        assert!(!folder.is_due(&look(), Wanted::Rested, 0));
        fs::write(place.path().join("plugin.wasm"), "").unwrap();
        assert!(folder.is_due(&look(), Wanted::Changed, 0));
        assert_eq!(folder.tried(look(), None), Told::Loaded);
        assert!(!folder.is_due(&look(), Wanted::Rested, 0));
    }

    #[tokio::test]
    async fn one_that_is_refused_leaves_the_old_one_serving_and_shows_why() {
        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.load().await;
        let component = tried.path().join("otp/plugin.wasm");
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
    async fn what_the_operator_has_disabled_stays_so_however_it_comes() {
        let grant = GrantConfig {
            enabled: false,
            ..GrantConfig::default()
        };
        let tried = Tried::with(Grants::from([("otp".to_owned(), grant)]));
        let path = tried.path().join("otp");
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
}
