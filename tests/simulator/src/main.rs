//! The simulator as a program: prints where it listens, and runs until it is told to stop.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use simulator::{Options, Simulator};
use tokio::signal::unix::{SignalKind, signal};

/// A WhatsApp Web server on loopback, with virtual phones.
#[derive(Parser)]
#[command(name = "simulator")]
struct Arguments {
    /// Where clients connect; a loopback address.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the admin interface listens; a loopback address.
    #[arg(long, default_value = "127.0.0.1:0")]
    admin: SocketAddr,
    /// The folder to keep accounts in; without it they live in memory.
    #[arg(long)]
    data: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "why the program ends is for whoever started it, log or no log"
)]
fn complain(error: &dyn std::error::Error) {
    eprintln!("simulator: {error}");
}

#[expect(
    clippy::print_stdout,
    reason = "the addresses are the program's output, and nothing else is"
)]
fn announce(simulator: &Simulator) {
    println!("SIMULATOR_WS={}", simulator.ws_url());
    println!("SIMULATOR_URL={}", simulator.admin_url());
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let simulator = Simulator::start(Options {
        listen: arguments.listen,
        admin_listen: arguments.admin,
        data_dir: arguments.data,
        ..Default::default()
    })
    .await?;
    announce(&simulator);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    simulator.shutdown().await;
    Ok(())
}
