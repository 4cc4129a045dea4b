//! How the crates are put together: from sections of the configuration to the parts of a server.

use std::path::Path;
use std::sync::Arc;

use switchboard_core::config::{Config, Grants};
use switchboard_core::realm::Realm;
use switchboard_egress::fetch::Fetcher;
use switchboard_egress::{Egress, EgressOptions, Reach, SystemLookup};
use switchboard_plugins::{Engine, EngineOptions, PluginSource, Plugins};
use switchboard_service::mistakes_in_grants;
use switchboard_store::{DataFolder, OpenOptions, SealKey, Store};
use switchboard_whatsapp::{Driver, DriverError, DriverOptions};

use crate::plugin_folder::PluginFolder;
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

/// The operator's plugins in the data folder at `path`, still to be loaded beside the others.
pub(crate) fn plugin_folder(config: &Config, path: &Path, plugins: Plugins) -> PluginFolder {
    let folder = path.join("plugins");
    PluginFolder::new(folder, plugins, config.grants.clone(), max_wasm_mib(config))
}

/// Loads the bundled plugins.
pub(crate) async fn load_plugins(config: &Config, folder: Option<&DataFolder>) -> Result<Plugins, StartError> {
    let mistakes = mistakes_in_grants(&config.grants);
    if !mistakes.is_empty() {
        return Err(StartError::Grants(mistakes));
    }
    let plugins = Plugins::new(engine(config, folder)?);
    for plugin in bundled::plugins() {
        let source = PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm);
        plugins.put(granted(&config.grants, source)).await?;
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
