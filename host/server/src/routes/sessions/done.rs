//! The answer to an operation on a session.

use serde::Serialize;
use switchboard_service::SessionView;
use utoipa::ToSchema;

/// It was done, or is being done; the session's status tells how far it has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionDone {
    /// Always true.
    success: bool,
    /// What was done.
    #[schema(example = "Session restarting")]
    message: &'static str,
    /// The session as it is now.
    session: SessionView,
}

impl SessionDone {
    pub(super) fn new(message: &'static str, session: SessionView) -> Self {
        Self {
            success: true,
            message,
            session,
        }
    }
}
