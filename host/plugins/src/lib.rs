//! Everything that touches WebAssembly: plugins are loaded, called and kept in bounds here.
//!
//! A plugin is a pure function, `next(context, input, outcomes) -> step` (see `wit/`). It has no socket, no file and no memory
//! between two calls: what is not linked cannot be used, and every call gets a fresh instance that is thrown away. This crate knows
//! no network and no database, so nothing a plugin answers can do more than be read by the caller.
//!
//! Bounds, and what happens at each:
//!
//! | bound | where | beyond it |
//! |---|---|---|
//! | imports | `admission` | the plugin is not loaded; every stranger is named |
//! | instances alive, in all and of one plugin | `engine`, `plugin` | the call waits, then `plugin_busy` |
//! | processor time of a call | `call`, `ticker` | `plugin_timeout` |
//! | wall time of a call | `call` | `plugin_timeout` |
//! | memory, tables, instances, handles | `limits` | refused to the guest; if it traps then, `plugin_trap` |
//! | bytes answered | `call` | `plugin_trap` |
//! | bytes written to standard error | `output` | counted and dropped |
//! | rounds, effects, contents | `effects`, `handler` | `plugin_trap` |
//! | work that a kind's schema can make | `effort` | the plugin is not loaded |
//! | crashes in a row | `health` | set aside for a while, `plugin_set_aside` |
//!
//! Start reading at [`Plugins`], then `effects.rs` and `call.rs`.

mod admission;
mod aside;
mod cache;
mod call;
#[expect(
    missing_docs,
    reason = "generated: wit/ has the words, where there is something to say"
)]
pub mod contract;
mod describe;
mod dialect;
pub mod effects;
mod effort;
mod engine;
mod fault;
mod foreign;
mod handler;
mod health;
mod kind;
mod leftovers;
mod limits;
mod load;
mod load_error;
mod manifest;
mod metrics;
mod output;
mod plugin;
mod plugins;
mod precompiled;
mod problem;
mod provider;
mod routes;
mod schema;
mod sentence;
mod table;
mod ticker;
pub mod trial;
mod wasi;
mod world;

pub use cache::PrecompileError;
pub use dialect::{Dialect, Route};
pub use engine::{Engine, EngineError, EngineOptions};
pub use kind::{ENVELOPE_FIELDS, Kind};
pub use limits::Limits;
pub use load::PluginSource;
pub use load_error::{LoadError, Refusal};
pub use manifest::{Asked, AskedCredential, TokenPlaces, is_id};
pub use plugin::{CallContext, Origin, Plugin};
pub use plugins::{PluginState, PluginStatus, Plugins, Serving};
pub use problem::for_guest;
pub use provider::{Bytes, Provider, Sound};
pub use routes::{Found, Params, RESERVED};
pub use world::World;

#[cfg(test)]
mod changes;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod testing;
