//! `switchboard serve`: runs until it is told to stop. SIGHUP has the folder of plugins looked at.

use std::io;

use switchboard_core::config::Config;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::{Exit, Fault};
use crate::serve::{ServeOptions, serve};
use crate::shutdown::StopSignals;

/// The first signal stops gracefully, the second at once.
pub(super) async fn run(config: Config) -> Result<Exit, Fault> {
    let deaf = |error: io::Error| Fault::new(Exit::Software, &format!("cannot listen to signals: {error}"));
    let mut signals = StopSignals::listen().map_err(deaf)?;
    let mut look = signal(SignalKind::hangup()).map_err(deaf)?;
    let starting = serve(config, ServeOptions::default());
    let running = tokio::select! {
        started = starting => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped while starting");
            return Ok(Exit::Ok);
        }
    };
    let signal = loop {
        tokio::select! {
            signal = signals.next() => break signal,
            _ = look.recv() => {
                tracing::info!(signal = "SIGHUP", "looking at the folder of plugins");
                running.look_at_plugins();
            }
        }
    };
    tracing::info!(signal, "stopping; a second signal stops at once");
    tokio::select! {
        () = running.shutdown() => Ok(Exit::Ok),
        signal = signals.next() => {
            tracing::warn!(signal, "stopped at once");
            Ok(Exit::Interrupted)
        }
    }
}
