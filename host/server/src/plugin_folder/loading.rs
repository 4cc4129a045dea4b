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
        let is_another = folder.taken.replace(look).is_some();
        let error = error.map(|error| error.to_string());
        match &error {
            None => tracing::info!(plugin = %id, "a plugin was loaded"),
            // It was said when it was tried before.
            Some(_) if error == folder.error => {}
            Some(error) => tracing::error!(plugin = %id, error, "a plugin in the data folder is refused"),
        }
        folder.error = error;
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
}
