//! Our side of every comparison: an engine as the server has it, and the plugins it comes with.

use serde_json::{Map, Value, json};
use switchboard_core::clock::UnixMillis;
use switchboard_plugins::effects::NoEffects;
use switchboard_plugins::{CallContext, Engine, EngineOptions, Origin, PluginSource, Plugins};

/// A kind of the messages plugin, and a body for it.
pub(crate) const KIND: &str = "text";

pub(crate) fn body() -> Value {
    json!({"text": "Hello from Switchboard 👋 ".repeat(10), "previewUrl": true})
}

pub(crate) fn engine() -> Engine {
    Engine::new(EngineOptions::default()).unwrap()
}

/// A plugin that came with the program.
pub(crate) fn bundled(id: &str) -> PluginSource {
    let plugin = bundled::plugins().iter().find(|plugin| plugin.id == id).unwrap();
    PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm)
}

/// A message-handler of its own.
pub(crate) fn handler(id: &str, wasm: Vec<u8>) -> PluginSource {
    PluginSource {
        id: id.to_owned(),
        manifest_toml: format!("id = {id:?}\nversion = \"1.0.0\"\nworld = \"message-handler@1.0\"\n").into(),
        wasm: wasm.into(),
        origin: Origin::Folder,
        settings: Map::new(),
        sha256: None,
        is_enabled: true,
    }
}

/// The same component as another one: `number` stands in a section that nobody reads.
pub(crate) fn another(wasm: &[u8], number: u32) -> Vec<u8> {
    const CUSTOM: u8 = 0;
    let [a, b, c, d] = number.to_le_bytes();
    // Its length, the length of its name, its name, its content.
    [wasm, &[CUSTOM, 9, 4, b'c', b'o', b'p', b'y', a, b, c, d]].concat()
}

pub(crate) fn context() -> CallContext {
    CallContext {
        request_id: "bench".parse().unwrap(),
        accepted_at: UnixMillis(1_795_421_730_250),
    }
}

/// One call, which must be answered.
pub(crate) async fn call(plugins: &Plugins, kind: &str, body: &Value) {
    let contents = plugins.handle(&context(), kind, body, &NoEffects).await.unwrap();
    assert_eq!(contents.len(), 1);
}
