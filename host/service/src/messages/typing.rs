//! Showing that somebody is about to write.

use switchboard_core::ids::{Jid, SessionRef};
use switchboard_core::problem::Problem;
use switchboard_whatsapp::Typing;

use super::reference::MessageRef;
use crate::line_fault::{line_problem, no_connection};
use crate::service::Service;

impl Service {
    /// The chat of a message.
    ///
    /// # Errors
    /// `session_not_found`, `message_not_found`.
    pub(crate) async fn chat_of(&self, session: &SessionRef, message: MessageRef) -> Result<Jid, Problem> {
        let handle = self.resolve(session)?;
        Ok(self.parts.message_of(handle.id, message, "messageId").await?.chat)
    }

    /// Shows in a chat that this session writes or records, or does so no more. Phones forget it by themselves after some 25 seconds.
    ///
    /// # Errors
    /// `session_not_found`, `session_not_linked`; `unavailable` when there is no connection at this moment.
    pub async fn show_typing(&self, session: &SessionRef, chat: &Jid, typing: Typing) -> Result<(), Problem> {
        let _under_way = self.parts.enter()?;
        let handle = self.resolve(session)?;
        let (_, line) = handle.sendable()?;
        let line = line.ok_or_else(no_connection)?;
        line.line.show_typing(chat, typing).await.map_err(line_problem)
    }
}
