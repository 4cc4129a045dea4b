//! How the crates are put together: from sections of the configuration to the parts of a server.

use std::sync::Arc;

use switchboard_core::config::{Config, Grants};
use switchboard_core::realm::Realm;
use switchboard_egress::fetch::Fetcher;
use switchboard_egress::{Egress, EgressOptions, Reach, SystemLookup};
use switchboard_plugins::{Engine, EngineOptions, PluginSource, Plugins};
use switchboard_service::mistakes_in_grants;
use switchboard_store::{DataFolder, OpenOptions, SealKey, Store};
use switchboard_whatsapp::{Driver, DriverError, DriverOptions};

use crate::plugin_folder::{Order, PluginFolder};
use crate::serve::ServeOptions;
use crate::start_error::StartError;

/// Takes the data folder for this process.
pub(crate) fn open_folder(config: &Config) -> Result<DataFolder, StartError> {
    Ok(DataFolder::open(&config.data.dir)?)
}

/// Opens the database, which takes a moment and a thread of its own.
pub(crate) async fn open_store(
    config: &Config,
    folder: &DataFolder,
    options: &ServeOptions,
) -> Result<Store, StartError> {
    let (folder, open) = (
        folder.clone(),
        OpenOptions {
            realm: Driver::realm(),
            // The configuration has checked its form.
            seal_key: config.data.seal_key.as_ref().and_then(|key| SealKey::parse(key).ok()),
            clock: Arc::clone(&options.clock),
            random: Arc::clone(&options.random),
        },
    );
    Ok(tokio::task::spawn_blocking(move || Store::open(&folder, open)).await??)
}

/// What runs the plugins; with a data folder, their compiled code is kept there.
pub(crate) fn engine(config: &Config, folder: Option<&DataFolder>) -> Result<Engine, StartError> {
    Ok(Engine::new(engine_options(config, folder))?)
}

/// What runs plugins to count their instructions.
pub(crate) fn counting_engine(config: &Config) -> Result<Engine, StartError> {
    Ok(Engine::new(EngineOptions {
        precompiled_dir: None,
        counts_instructions: true,
        ..engine_options(config, None)
    })?)
}

fn engine_options(config: &Config, folder: Option<&DataFolder>) -> EngineOptions {
    EngineOptions {
        precompiled_dir: config.plugins.precompiled_dir.clone(),
        cache_dir: folder.map(DataFolder::plugin_cache),
        concurrency: u32::try_from(config.plugins.max_concurrent).unwrap_or(u32::MAX),
        queue_deadline: config.plugins.queue_timeout,
        max_wasm_mib: max_wasm_mib(config),
        ..EngineOptions::default()
    }
}

/// The largest component that is loaded, in MiB.
pub(crate) fn max_wasm_mib(config: &Config) -> u32 {
    u32::try_from(config.plugins.max_wasm_mib).unwrap_or(u32::MAX)
}

/// A plugin with what the operator says of it.
pub(crate) fn granted(grants: &Grants, source: PluginSource) -> PluginSource {
    match grants.get(&source.id) {
        Some(grant) => PluginSource {
            settings: grant.config.clone(),
            sha256: grant.sha256.clone(),
            is_enabled: grant.enabled,
            ..source
        },
        None => source,
    }
}

/// The operator's plugins, still to be loaded beside the others. Without the data folder as its own one only looks.
pub(crate) fn plugin_folder(config: &Config, folder: Option<&DataFolder>, plugins: Plugins) -> PluginFolder {
    let path = folder.map_or(config.data.dir.as_path(), DataFolder::path);
    let order = path.join("plugins.order");
    let order = match folder {
        Some(_) => Order::kept(order),
        None => Order::seen(order),
    };
    let path = path.join("plugins");
    PluginFolder::new(path, order, plugins, config.grants.clone(), max_wasm_mib(config))
}

/// Loads the bundled plugins. One that its grant does not fit is there with its error, as an added one would be: the grant may be
/// meant for the added plugin of the same name.
pub(crate) async fn load_plugins(config: &Config, folder: Option<&DataFolder>) -> Result<Plugins, StartError> {
    let mistakes = mistakes_in_grants(&config.grants);
    if !mistakes.is_empty() {
        return Err(StartError::Grants(mistakes));
    }
    let plugins = Plugins::new(engine(config, folder)?);
    for plugin in bundled::plugins() {
        let source = PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm);
        match plugins.put(granted(&config.grants, source)).await {
            Err(error) if error.reason.may_pass() => return Err(error.into()),
            // Whoever shows plugins shows why.
            Ok(()) | Err(_) => {}
        }
    }
    Ok(plugins)
}

/// What carries out the fetches of plugins. In a build that may dial loopback only, they reach no further.
pub(crate) fn fetcher() -> Result<Fetcher, StartError> {
    let reach = match Driver::realm() {
        Realm::Live => Reach::Public,
        Realm::Simulator => Reach::LoopbackOnly,
    };
    Ok(Fetcher::new(reach, Arc::new(SystemLookup)).map_err(DriverError::from)?)
}

/// What opens the lines to WhatsApp.
pub(crate) fn driver(config: &Config, options: &ServeOptions) -> Result<Driver, StartError> {
    let egress = Egress::new(EgressOptions { reach: Reach::Public }).map_err(DriverError::from)?;
    Ok(Driver::new(DriverOptions {
        url: config.whatsapp.url.to_string(),
        version: config.whatsapp.version,
        device_name: config.whatsapp.device_name.clone(),
        pre_keys: options.pre_keys,
        max_silence: config.whatsapp.max_silence,
        clock: Arc::clone(&options.clock),
        random: Arc::clone(&options.random),
        proxies: config.egress.proxies.clone(),
        egress,
    })?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;
    use switchboard_core::config::GrantConfig;

    use super::*;
    use crate::testing::{TestApp, shipped};

    /// Puts a plugin into the data folder that is called as the bundled `otp`, with another component and a setting of its own.
    fn drop_in_another_otp(config: &Config) {
        let place = config.data.dir.join("plugins/otp");
        fs::create_dir_all(&place).unwrap();
        let manifest = "id = \"otp\"\nversion = \"9.0.0\"\nworld = \"message-handler@1.0\"\n[config]\nown = \"\"\n";
        fs::write(place.join("plugin.toml"), manifest).unwrap();
        fs::write(place.join("plugin.wasm"), shipped("messages").wasm).unwrap();
    }

    /// What a started server says of its plugins of this name: origin, status, and whether it has an error.
    async fn told(app: &TestApp) -> Vec<(String, String, bool)> {
        app.anonymous("GET", "/readyz").await.json();
        let listed = app.get("/api/plugins").await.json();
        let plugins = listed["plugins"].as_array().unwrap().iter();
        let text = |plugin: &Value, key: &str| plugin[key].as_str().unwrap().to_owned();
        plugins
            .filter(|plugin| plugin["id"] == "otp")
            .map(|plugin| {
                (
                    text(plugin, "origin"),
                    text(plugin, "status"),
                    !plugin["error"].is_null(),
                )
            })
            .collect()
    }

    async fn started(has_another: bool, grant: &GrantConfig) -> Vec<(String, String, bool)> {
        let app = TestApp::with(|config| {
            if has_another {
                drop_in_another_otp(config);
            }
            config.grants.insert("otp".to_owned(), grant.clone());
        });
        told(&app.await).await
    }

    fn told_of(plugins: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
        let owned = plugins
            .iter()
            .map(|(origin, status, is_wrong)| ((*origin).to_owned(), (*status).to_owned(), *is_wrong));
        owned.collect()
    }

    #[tokio::test]
    async fn a_grant_that_fits_the_added_plugin_alone_serves_it_and_without_it_the_bundled_one_is_refused() {
        let first = TestApp::with(|config| drop_in_another_otp(config)).await;
        let listed = first.get("/api/plugins").await.json();
        let added = listed["plugins"]
            .as_array()
            .unwrap()
            .iter()
            .find(|plugin| plugin["id"] == "otp");
        let pinned = GrantConfig {
            sha256: Some(added.unwrap()["sha256"].as_str().unwrap().to_owned()),
            ..GrantConfig::default()
        };
        let mut set = GrantConfig::default();
        set.config.insert("own".to_owned(), "x".into());
        for grant in [pinned, set] {
            assert_eq!(
                started(true, &grant).await,
                told_of(&[("folder", "ready", false), ("bundled", "replaced", false)])
            );
            assert_eq!(started(false, &grant).await, told_of(&[("bundled", "failed", true)]));
        }
    }

    #[tokio::test]
    async fn a_pin_that_fits_neither_lets_neither_serve() {
        let pinned = GrantConfig {
            sha256: Some("0".repeat(64)),
            ..GrantConfig::default()
        };
        assert_eq!(
            started(true, &pinned).await,
            told_of(&[("folder", "failed", true), ("bundled", "failed", true)])
        );
    }
}
