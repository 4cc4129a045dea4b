//! What the system tells the process: SIGTERM and SIGINT, the first to stop gracefully, the second at once, and SIGHUP, to look at the
//! folder of plugins.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::serve::Running;

/// The signals, listened to from creation on.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl StopSignals {
    /// Starts to listen. From now on none of them ends the process by itself.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one that asks `running` to stop. Until then its plugins are looked at whenever that is asked for.
    pub async fn stop(&mut self, running: &Running) -> &'static str {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    tracing::info!(signal = "SIGHUP", "looking at the folder of plugins");
                    running.look_at_plugins();
                }
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
            }
        }
    }

    /// The next one that asks the process to stop.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
