//! Showing the sender that a message was read.

use switchboard_core::direction::Direction;
use switchboard_core::ids::{Server, SessionRef};
use switchboard_core::problem::{Code, Problem};

use super::reference::MessageRef;
use crate::line_fault::{line_problem, no_connection};
use crate::service::Service;

impl Service {
    /// Tells WhatsApp that an inbound message was read. Phones show it for all messages before it in the chat too.
    ///
    /// # Errors
    /// `session_not_found`, `message_not_found`; `conflict` for a message of our own; `unavailable` when there is no connection at
    /// this moment.
    pub async fn mark_read(&self, session: &SessionRef, message: MessageRef) -> Result<(), Problem> {
        let _under_way = self.parts.enter()?;
        let handle = self.resolve(session)?;
        let message = self.parts.message_of(handle.id, message, "messageId").await?;
        if message.direction == Direction::Outbound {
            return Err(Problem::new(Code::CONFLICT, "Only what somebody else wrote can be read.").field("messageId"));
        }
        let (_, line) = handle.sendable()?;
        let line = line.ok_or_else(no_connection)?;
        let sender = (message.chat.server() == Server::Group).then_some(&message.sender);
        let read = line.line.mark_read(&message.chat, sender, &message.stanza_id);
        read.await.map_err(line_problem)
    }
}
