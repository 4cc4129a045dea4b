//! Restarting, logging out, linking again and deleting: the session's task does it, and is waited for.

use switchboard_core::ids::SessionRef;
use switchboard_core::problem::Problem;

use super::view::SessionView;
use crate::service::Service;
use crate::supervisor::commands::{Command, Reply};

impl Service {
    /// Closes the session's connection and makes it anew, without touching the link.
    ///
    /// # Errors
    /// `session_not_found`; `session_not_linked` when there is no connection to restart.
    pub async fn restart(&self, session: &SessionRef) -> Result<SessionView, Problem> {
        self.change(session, Command::Restart).await
    }

    /// Removes the device from the account and forgets its keys. The id stays, and can be linked again. Without a connection
    /// WhatsApp cannot be told, and the phone goes on listing the device.
    ///
    /// # Errors
    /// `session_not_found`; `session_not_linked` when it never was linked; when the keys cannot be deleted or the database cannot be written.
    pub async fn logout(&self, session: &SessionRef) -> Result<SessionView, Problem> {
        self.change(session, Command::Logout).await
    }

    /// Waits for a new link under the same id. Messages that wait are sent if it is the same number, and fail if it is another.
    ///
    /// # Errors
    /// `session_not_found`; `conflict` when the session is linked; when the database cannot be written.
    pub async fn relink(&self, session: &SessionRef) -> Result<SessionView, Problem> {
        self.change(session, Command::Relink).await
    }

    /// Logs the session out, deletes its keys, fails what it has not sent, and keeps its id, its mobid and its log. Twice is as
    /// good as once.
    ///
    /// # Errors
    /// `session_not_found`; when the keys cannot be deleted or the database cannot be written.
    pub async fn delete(&self, session: &SessionRef) -> Result<(), Problem> {
        self.change(session, Command::Delete).await.map(drop)
    }

    async fn change(&self, session: &SessionRef, command: fn(Reply) -> Command) -> Result<SessionView, Problem> {
        let _under_way = self.parts.enter()?;
        let handle = self.resolve(session)?;
        handle.ask(command).await?;
        Ok(SessionView::of(handle.moment()))
    }
}
