//! One message and its timeline.

use switchboard_core::problem::{Code, Problem};
use switchboard_store::messages::Name;

use super::reference::MessageRef;
use super::view::MessageView;
use crate::service::Service;

impl Service {
    /// A message and everything that became of it so far.
    ///
    /// # Errors
    /// `message_not_found`; when the database cannot be read.
    pub async fn message(&self, message: MessageRef) -> Result<MessageView, Problem> {
        self.parts.recorder.settled().await;
        let name = match message {
            MessageRef::Id(id) => Name::Id(id),
            MessageRef::Wamid(wamid) => Name::Wamid(wamid),
        };
        let found = self.parts.messages.find(name, &self.sight).await?;
        found
            .map(|found| MessageView::with_timeline(found.message, found.steps))
            .ok_or_else(|| Problem::new(Code::MESSAGE_NOT_FOUND, "There is no message with this id."))
    }
}
