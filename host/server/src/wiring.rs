//! How the crates are put together: from sections of the configuration to the parts of a server.

use std::sync::Arc;

use switchboard_core::config::Config;
use switchboard_core::realm::Realm;
use switchboard_egress::fetch::Fetcher;
use switchboard_egress::{Egress, EgressOptions, Reach, SystemLookup};
use switchboard_plugins::{Engine, EngineOptions, PluginSource, Plugins};
use switchboard_store::{DataFolder, OpenOptions, SealKey, Store};
use switchboard_whatsapp::{Driver, DriverError, DriverOptions};

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

/// Loads the bundled plugins; with a data folder, their compiled code is kept there.
pub(crate) async fn load_plugins(config: &Config, folder: Option<&DataFolder>) -> Result<Plugins, StartError> {
    let engine = Engine::new(EngineOptions {
        precompiled_dir: config.plugins.precompiled_dir.clone(),
        cache_dir: folder.map(DataFolder::plugin_cache),
        concurrency: u32::try_from(config.plugins.max_concurrent).unwrap_or(u32::MAX),
        queue_deadline: config.plugins.queue_timeout,
        ..EngineOptions::default()
    })?;
    let plugins = Plugins::new(engine);
    for plugin in bundled::plugins() {
        let grant = config.grants.get(plugin.id).cloned().unwrap_or_default();
        let source = PluginSource {
            settings: grant.config,
            sha256: grant.sha256,
            ..PluginSource::bundled(plugin.manifest, plugin.wasm)
        };
        plugins.put(source).await?;
        if !grant.enabled {
            plugins.enable(plugin.id, false).await?;
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
