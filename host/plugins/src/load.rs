//! From a manifest and the bytes of a component to a plugin that can be called: every check that can be made before the first call is
//! made here, and none of the work on an async thread.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::admission::{Admitted, Candidate, admit};
use crate::contract::{dialect, message_handler, tts_provider};
use crate::dialect::Dialect;
use crate::engine::Engine;
use crate::handler::Handler;
use crate::load_error::{LoadError, Refusal};
use crate::manifest::Manifest;
use crate::metrics::Metrics;
use crate::plugin::{Origin, Plugin};
use crate::provider::Provider;
use crate::world::World;

/// A plugin as it is shipped, and what its operator says of it.
#[derive(Debug, Clone)]
pub struct PluginSource {
    /// The id that its manifest must have: whoever ships it calls it so.
    pub id: String,
    /// The text of its plugin.toml.
    pub manifest_toml: Cow<'static, str>,
    /// Its component.
    pub wasm: Cow<'static, [u8]>,
    /// Where it came from.
    pub origin: Origin,
    /// What the operator sets over the plugin's own configuration.
    pub settings: Map<String, Value>,
    /// The SHA-256 that the component must have, in lower-case hexadecimal, if the operator pins it.
    pub sha256: Option<String>,
    /// Whether it serves, unless it was enabled or disabled before.
    pub is_enabled: bool,
}

impl PluginSource {
    /// A plugin that came with the program, without any settings.
    pub fn bundled(
        id: impl Into<String>,
        manifest_toml: impl Into<Cow<'static, str>>,
        wasm: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        Self {
            id: id.into(),
            manifest_toml: manifest_toml.into(),
            wasm: wasm.into(),
            origin: Origin::Bundled,
            settings: Map::new(),
            sha256: None,
            is_enabled: true,
        }
    }
}

/// A loaded plugin, by what it is for.
#[derive(Debug, Clone)]
pub(crate) enum Loaded {
    Handler(Arc<Handler>),
    Dialect(Arc<Dialect>),
    Provider(Arc<Provider>),
}

impl Loaded {
    pub(crate) fn plugin(&self) -> &Plugin {
        match self {
            Self::Handler(handler) => &handler.plugin,
            Self::Dialect(dialect) => &dialect.plugin,
            Self::Provider(provider) => &provider.plugin,
        }
    }
}

/// Loads one plugin.
pub(crate) async fn load(engine: &Engine, metrics: &Metrics, source: PluginSource) -> Result<Loaded, LoadError> {
    let PluginSource {
        id,
        manifest_toml,
        wasm,
        origin,
        settings,
        sha256: pinned,
        is_enabled: _,
    } = source;
    let refused = |reason| LoadError {
        plugin: id.clone(),
        reason,
    };
    let manifest = Manifest::parse(&manifest_toml, &engine.inner().limits, &settings).map_err(refused)?;
    if manifest.id != id {
        return Err(refused(Refusal::OtherId { found: manifest.id }));
    }
    let candidate = Candidate {
        plugin: id.clone(),
        origin,
        world: manifest.world,
        wasm,
        pinned,
    };
    let admitted = admit(engine, candidate).await.map_err(refused)?;
    begun(engine, metrics, manifest, origin, admitted)
        .await
        .map_err(refused)
}

/// The same plugin with other settings of an operator. Its component is not compiled again.
pub(crate) async fn set(
    plugin: &Plugin,
    metrics: &Metrics,
    manifest_toml: &str,
    settings: &Map<String, Value>,
) -> Result<Loaded, LoadError> {
    let refused = |reason| LoadError {
        plugin: plugin.id.clone(),
        reason,
    };
    let engine = &plugin.engine;
    let manifest = Manifest::parse(manifest_toml, &engine.inner().limits, settings).map_err(refused)?;
    begun(engine, metrics, manifest, plugin.origin, plugin.admitted())
        .await
        .map_err(refused)
}

/// A component that may run, asked for what it offers.
async fn begun(
    engine: &Engine,
    metrics: &Metrics,
    manifest: Manifest,
    origin: Origin,
    admitted: Admitted,
) -> Result<Loaded, Refusal> {
    let Admitted { fingerprint, linked } = admitted;
    let hollow = |error: wasmtime::Error| Refusal::Types(format!("{error:#}"));
    let world = manifest.world;
    let metrics = metrics.of(&manifest.id);
    let plugin = Plugin::new(engine.clone(), manifest, origin, fingerprint, linked.clone(), metrics);
    Ok(match world {
        World::MessageHandler => {
            let exports = message_handler::GuestIndices::new(&linked).map_err(hollow)?;
            Loaded::Handler(Arc::new(Handler::new(plugin, exports).await?))
        }
        World::Dialect => {
            let exports = dialect::GuestIndices::new(&linked).map_err(hollow)?;
            Loaded::Dialect(Arc::new(Dialect::new(plugin, exports).await?))
        }
        World::TtsProvider => {
            let exports = tts_provider::GuestIndices::new(&linked).map_err(hollow)?;
            Loaded::Provider(Arc::new(Provider::new(plugin, exports)))
        }
    })
}
