//! A folder of plugins for the tests of this room, without a server.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use switchboard_core::config::Grants;
use switchboard_plugins::{PluginState, Plugins};
use tempfile::TempDir;

use super::{Order, PluginFolder};
use crate::testing::{engine, shipped};

/// A folder of plugins on an engine, and nothing else.
pub(super) struct Tried {
    pub(super) folder: PluginFolder,
    pub(super) root: Arc<TempDir>,
}

impl Tried {
    pub(super) fn new() -> Self {
        Self::with(Grants::new())
    }

    pub(super) fn with(grants: Grants) -> Self {
        Self::on(tempfile::tempdir().unwrap().into(), grants)
    }

    fn on(root: Arc<TempDir>, grants: Grants) -> Self {
        let path = root.path().join("plugins");
        fs::create_dir_all(&path).unwrap();
        let order = Order::kept(root.path().join("plugins.order"));
        let folder = PluginFolder::new(path, order, Plugins::new(engine()), grants, 1);
        Self { folder, root }
    }

    /// The same folder after a restart, before anything is loaded.
    pub(super) fn restarted(&self) -> Self {
        Self::on(Arc::clone(&self.root), self.folder.0.grants.clone())
    }

    /// Where the plugins are.
    pub(super) fn path(&self) -> PathBuf {
        self.root.path().join("plugins")
    }

    /// Writes a plugin that has the component of `otp`.
    pub(super) fn write(&self, id: &str, manifest_toml: &str) {
        let path = self.path().join(id);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("plugin.toml"), manifest_toml).unwrap();
        fs::write(path.join("plugin.wasm"), shipped("otp").wasm).unwrap();
    }

    pub(super) fn remove(&self, id: &str) {
        fs::remove_dir_all(self.path().join(id)).unwrap();
    }

    /// As often as it takes for a change to have come to rest.
    pub(super) async fn looks(&self) {
        self.folder.look().await;
        self.folder.look().await;
    }

    pub(super) fn state(&self, id: &str) -> PluginState {
        let states = self.folder.0.plugins.states();
        states.into_iter().find(|state| state.id == id).unwrap()
    }

    pub(super) fn version(&self, id: &str) -> Option<String> {
        self.state(id).serving.map(|serving| serving.version)
    }

    pub(super) fn error(&self, id: &str) -> String {
        self.state(id).error.map_or_else(String::new, |error| error.to_string())
    }

    pub(super) fn kinds(&self) -> usize {
        self.folder.0.plugins.kinds().len()
    }
}

/// The manifest of `otp` with another id and version.
pub(super) fn manifest(id: &str, version: &str) -> String {
    let toml = shipped("otp").manifest;
    toml.replace("id = \"otp\"", &format!("id = {id:?}"))
        .replace("version = \"0.1.0\"", &format!("version = {version:?}"))
}
