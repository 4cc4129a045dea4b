//! That something has changed about a session, by its task or by its line; what it is now, the handle tells.

use std::sync::Arc;

use switchboard_whatsapp::LineState;
use tokio::sync::watch;

use super::handle::Handle;
use super::task;

/// The changes of one session from a moment on.
pub(crate) struct Changes {
    handle: Arc<Handle>,
    known: watch::Receiver<()>,
    /// What the line says that was open when the handle changed last.
    said: Option<watch::Receiver<LineState>>,
}

impl Changes {
    /// From now on.
    pub(crate) fn of(handle: Arc<Handle>) -> Self {
        let known = handle.changes();
        let said = said(&handle);
        Self { handle, known, said }
    }

    /// Waits for the next one. Several that come together are one. Can be dropped at any time without a loss.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            // Cannot fail: the handle that is held here has the other end.
            _ = self.known.changed() => self.said = said(&self.handle),
            () = task::changed(self.said.as_mut()) => {}
        }
    }
}

fn said(handle: &Handle) -> Option<watch::Receiver<LineState>> {
    let mut said = handle.line()?.line.state();
    said.mark_unchanged();
    Some(said)
}
