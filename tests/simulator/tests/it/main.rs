//! Whole conversations between real clients, the server and virtual phones.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of this crate is test code: what fails here fails its test"
)]

mod admin;
mod client;
mod faults;
mod linking;
mod messages;
mod program;
mod restarts;

use simulator::{Options, Simulator};

const A: &str = "15550000001";
const B: &str = "15550000002";

async fn start() -> Simulator {
    show_log();
    Simulator::start(Options::default()).await.unwrap()
}

/// With RUST_LOG set, shows what both ends do. The first test of the process installs it; later attempts change nothing.
fn show_log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).try_init().ok();
}
