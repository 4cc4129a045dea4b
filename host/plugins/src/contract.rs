//! The contract of `wit/` as Rust types, generated. What the three worlds share is one set of types here.
//!
//! Their `Debug` shows everything, message bodies and all: none of them may reach a log.

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package switchboard:host;
        world every-plugin {
            include switchboard:plugin/message-handler-plugin@1.0.0;
            include switchboard:plugin/dialect-plugin@1.0.0;
            include switchboard:plugin/tts-provider-plugin@1.0.0;
        }
    ",
    world: "switchboard:host/every-plugin",
    exports: { default: async },
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
});

pub use exports::switchboard::plugin::{dialect, message_handler, tts_provider};
pub use switchboard::plugin::{content, effects, http, types};
