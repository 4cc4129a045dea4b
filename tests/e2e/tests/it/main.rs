//! The real host against the simulator, over HTTP. Each module is one thing that must hold.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not so"
)]

mod support;

mod bad_input;
mod cloud_api;
mod conversation;
#[cfg(target_os = "linux")]
mod disk;
mod events;
mod faults;
mod kills;
mod kinds;
mod life;
mod link;
mod operating;
mod plugins;
mod proxy;
mod restart;
mod start;
mod tokens;
