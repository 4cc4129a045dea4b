//! Switchboard's host as a program: REST routes over the use cases, the command line, and the wiring of all crates.
//!
//! [`serve`] starts a server in this process and returns when it answers; the program, the sandbox and the end-to-end tests all
//! start the same one. Start reading at `router.rs`, the table of routes; then any file of `routes/`, one operation each.

#![forbid(unsafe_code)]

mod app;
mod auth;
pub mod cli;
mod described;
mod dialects;
mod edge;
mod extract;
mod listen;
mod log;
mod metrics;
mod openapi;
mod peer;
mod plugin_files;
mod plugin_folder;
mod problem;
mod qr_image;
mod router;
mod routes;
mod serve;
mod shutdown;
mod stall;
mod start_error;
#[cfg(test)]
mod testing;
mod wiring;

pub use crate::auth::keys::KeysError;
pub use crate::listen::{ListenError, Setting};
pub use crate::log::{LogError, start as start_log};
pub use crate::serve::{Running, ServeOptions, serve};
pub use crate::shutdown::StopSignals;
pub use crate::start_error::StartError;
