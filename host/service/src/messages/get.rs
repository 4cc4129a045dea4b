//! One message and its timeline.

use std::sync::Arc;

use switchboard_core::access::Sight;
use switchboard_core::ids::SessionId;
use switchboard_core::problem::{Code, Problem};
use switchboard_store::messages::Message;

use super::reference::MessageRef;
use super::view::MessageView;
use crate::parts::Parts;
use crate::service::Service;

impl Service {
    /// A message and everything that became of it so far.
    ///
    /// # Errors
    /// `message_not_found`; when the database cannot be read.
    pub async fn message(&self, message: MessageRef) -> Result<MessageView, Problem> {
        self.parts.recorder.settled().await;
        let found = self.parts.messages.find(message.into(), &self.sight).await?;
        found
            .map(|found| MessageView::with_timeline(found.message, found.steps))
            .ok_or_else(|| Problem::new(Code::MESSAGE_NOT_FOUND, "There is no message with this id."))
    }
}

impl Parts {
    /// A message in the log of one session.
    ///
    /// # Errors
    /// `message_not_found` with the field; when the database cannot be read.
    pub(crate) async fn message_of(
        &self,
        session: SessionId,
        message: MessageRef,
        field: &'static str,
    ) -> Result<Message, Problem> {
        self.recorder.settled().await;
        let sight = Sight::Only(Arc::new([session].into()));
        let found = self.messages.find(message.into(), &sight).await?;
        found.map(|found| found.message).ok_or_else(|| {
            Problem::new(
                Code::MESSAGE_NOT_FOUND,
                "There is no message with this id in the session.",
            )
            .field(field)
        })
    }
}
