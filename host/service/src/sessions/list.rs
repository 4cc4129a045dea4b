//! The list of sessions.

use switchboard_core::ids::SessionId;
use switchboard_core::status::SessionStatus;

use super::view::SessionView;
use crate::service::Service;
use crate::supervisor::handle::Handle;

/// A part of the list.
#[derive(Debug, Clone)]
pub struct SessionPage {
    /// The sessions, the oldest first.
    pub sessions: Vec<SessionView>,
    /// After which session the list goes on; `None` at its end.
    pub next: Option<SessionId>,
}

impl Service {
    /// Every session with this status, or every session: at most `limit`, from behind `after`, the oldest first.
    pub fn sessions(&self, status: Option<SessionStatus>, after: Option<SessionId>, limit: usize) -> SessionPage {
        let mut handles = self.parts.directory.all(&self.sight);
        let place = |handle: &Handle| (handle.row().created_at, handle.id);
        handles.sort_unstable_by_key(|handle| place(handle));
        // A session is never removed from the directory, so the one that a page ended with is still there.
        let start = after
            .and_then(|after| handles.iter().position(|handle| handle.id == after))
            .map_or(0, |at| at + 1);
        let mut wanted = handles
            .drain(start..)
            .map(|handle| handle.moment())
            .filter(|now| status.is_none_or(|status| now.status == status));
        let sessions: Vec<_> = wanted.by_ref().take(limit).map(SessionView::of).collect();
        let next = wanted
            .next()
            .and_then(|_| sessions.last().map(|session| session.session_id));
        SessionPage { sessions, next }
    }
}
