//! Why a server did not start: one sentence for the operator, and the exit code that goes with it.

use std::io;

use switchboard_core::problem::Problem;
use switchboard_plugins::{EngineError, LoadError};
use switchboard_store::OpenError;
use switchboard_whatsapp::DriverError;
use tokio::task::JoinError;

use crate::auth::keys::KeysError;
use crate::cli::exit::{Exit, Fault};
use crate::listen::ListenError;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A listener broke before it was used.
    #[error("a listener cannot say its address: {0}")]
    Address(#[from] io::Error),
    /// The data folder or the database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The keys of tokens cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The plugin engine does not run on this machine.
    #[error("the plugin engine cannot start: {0}")]
    Engine(#[from] EngineError),
    /// What is granted to plugins cannot be meant so.
    #[error("{}", .0.join("\n"))]
    Grants(Vec<String>),
    /// A plugin is not usable.
    #[error(transparent)]
    Plugin(#[from] LoadError),
    /// The line to WhatsApp cannot be set up.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The process is stopping already.
    #[error("stopped while starting")]
    Stopping,
    /// Work on a thread of its own panicked; what it said there is on standard error.
    #[error("starting failed where nobody expected it; please report this with what stands above")]
    Panicked,
    /// Anything else.
    #[error("{}", .0.cause_chain().unwrap_or_else(|| .0.to_string()))]
    Service(Problem),
}

impl StartError {
    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Listen(_) | Self::Address(_) => Exit::Unavailable,
            Self::Open(error) => match error {
                OpenError::NoParent { .. } | OpenError::NotAFolder { .. } | OpenError::NotWritable { .. } => {
                    Exit::CannotCreate
                }
                OpenError::Locked { .. } => Exit::TryAgain,
                OpenError::Io { .. } | OpenError::Store { .. } => Exit::Io,
                _ => Exit::Data,
            },
            Self::Keys(KeysError::Io { .. }) => Exit::Io,
            Self::Keys(_) => Exit::Data,
            Self::Driver(_) | Self::Grants(_) => Exit::Config,
            Self::Engine(_) | Self::Plugin(_) | Self::Stopping | Self::Panicked | Self::Service(_) => Exit::Software,
        }
    }
}

impl From<JoinError> for StartError {
    fn from(error: JoinError) -> Self {
        if error.is_panic() {
            Self::Panicked
        } else {
            Self::Stopping
        }
    }
}

impl From<StartError> for Fault {
    fn from(error: StartError) -> Self {
        Self::with_causes(error.exit(), &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_what_is_behind_it_and_says_nothing_twice() {
        let system = io::Error::other("no thread is left");
        let fault = Fault::from(StartError::Engine(EngineError::Ticker(system)));
        assert_eq!(
            fault.sentence,
            "the plugin engine cannot start: the thread that interrupts plugins cannot be started: no thread is left"
        );
        assert_eq!(fault.exit, Exit::Software);
    }

    #[tokio::test]
    async fn a_panic_is_not_called_a_stop() {
        let panicked = tokio::task::spawn_blocking(|| panic!("on purpose")).await;
        assert!(matches!(StartError::from(panicked.unwrap_err()), StartError::Panicked));
        let cut = tokio::spawn(std::future::pending::<()>());
        cut.abort();
        assert!(matches!(StartError::from(cut.await.unwrap_err()), StartError::Stopping));
    }
}
