//! Everything that touches WebAssembly: plugins are loaded, called and kept in bounds here.
//!
//! A plugin is a pure function, `next(context, kind, body, outcomes) -> step` (see `wit/`). It has no socket, no file and no memory
//! between two calls: what is not linked cannot be used, and every call gets a fresh instance that is thrown away. This crate knows
//! no network and no database, so nothing a plugin answers can do more than be read by the caller.
//!
//! Bounds, and what happens at each:
//!
//! | bound | where | beyond it |
//! |---|---|---|
//! | imports | `admission` | the plugin is not loaded; every stranger is named |
//! | instances alive | `engine` | the call waits, then `plugin_busy` |
//! | processor time of a call | `call`, `ticker` | `plugin_timeout` |
//! | wall time of a call | `call` | `plugin_timeout` |
//! | memory, tables, instances, handles | `limits` | refused to the guest; if it traps then, `plugin_trap` |
//! | bytes answered | `call` | `plugin_trap` |
//! | bytes written to standard error | `output` | counted and dropped |
//! | rounds, effects, contents | `registry`, `convert` | `plugin_trap` |
//!
//! Start reading at [`Plugins`], then `call.rs`.

mod admission;
mod bindings;
mod cache;
mod call;
mod convert;
mod describe;
mod engine;
mod fault;
mod kind;
mod limits;
mod load_error;
mod manifest;
mod metrics;
mod output;
mod precompiled;
mod registry;
mod schema;
mod sentence;
mod step;
mod ticker;
mod wasi;

pub use cache::PrecompileError;
pub use call::CallContext;
pub use engine::{Engine, EngineError, EngineOptions};
pub use kind::{ENVELOPE_FIELDS, Kind};
pub use limits::Limits;
pub use load_error::{LoadError, Refusal};
pub use registry::{PluginSource, Plugins};
pub use step::{Effect, Failure, Outcome, Step};

#[cfg(test)]
mod hostile_guests;
#[cfg(test)]
mod testing;
