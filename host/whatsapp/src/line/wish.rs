//! What is wanted of a line.

use tokio::sync::watch;

/// What is wanted of a line; a later one overrules an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    Run,
    Stop,
    Logout,
}

/// Waits until the line is not wanted any longer, and says what is.
pub(super) async fn wished(wishes: &mut watch::Receiver<Wish>) -> Wish {
    // Without anybody who holds the line it is not wanted.
    wishes
        .wait_for(|wish| *wish != Wish::Run)
        .await
        .map_or(Wish::Stop, |wish| *wish)
}
