//! The contract of `wit/` as Rust types, generated.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "message-handler-plugin",
    exports: { default: async },
});

pub(crate) use exports::switchboard::plugin::message_handler as handler;
pub(crate) use switchboard::plugin::{content, types};
