//! The plugins that come with the host, built for WebAssembly by this crate's build script and embedded as bytes.

#![forbid(unsafe_code)]

// Belongs to the build script, which cannot test itself.
#[cfg(test)]
#[path = "../build/toolchain.rs"]
mod toolchain;

/// One plugin as it is shipped.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    /// The name of its folder, which is also the id in its manifest.
    pub id: &'static str,
    /// Its plugin.toml.
    pub manifest: &'static str,
    /// Its component.
    pub wasm: &'static [u8],
}

/// All of them, by id.
pub fn plugins() -> &'static [Bundled] {
    PLUGINS
}

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    /// The first eight bytes of a component: magic, version 13, layer 1. A core module ends in `01 00 00 00`.
    const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 13, 0, 1, 0];

    #[test]
    fn every_plugin_folder_is_bundled_as_a_component_under_its_own_id() {
        assert!(plugins().iter().any(|plugin| plugin.id == "messages"));
        for plugin in plugins() {
            assert!(plugin.wasm.starts_with(&COMPONENT), "{}", plugin.id);
            assert!(
                plugin.manifest.contains(&format!("id = \"{}\"", plugin.id)),
                "{}",
                plugin.id
            );
        }
    }
}
