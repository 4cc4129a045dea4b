//! `switchboard serve`: runs until it is told to stop. SIGHUP has the folder of plugins looked at.

use std::io;

use switchboard_core::config::Config;

use super::exit::{Exit, Fault};
use crate::serve::{ServeOptions, serve};
use crate::shutdown::StopSignals;

/// The first signal stops gracefully, the second at once.
pub(super) async fn run(config: Config) -> Result<Exit, Fault> {
    let deaf = |error: io::Error| Fault::new(Exit::Software, &format!("cannot listen to signals: {error}"));
    let mut signals = StopSignals::listen().map_err(deaf)?;
    let starting = serve(config, ServeOptions::default());
    let running = tokio::select! {
        started = starting => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped while starting");
            return Ok(Exit::Ok);
        }
    };
    let signal = signals.stop(&running).await;
    tracing::info!(signal, "stopping; a second signal stops at once");
    tokio::select! {
        () = running.shutdown() => Ok(Exit::Ok),
        signal = signals.next() => {
            tracing::warn!(signal, "stopped at once");
            Ok(Exit::Interrupted)
        }
    }
}
