//! Where a line hands over what it hears.

use async_trait::async_trait;
use switchboard_core::event::{InboundMessage, LineEvent};
use switchboard_core::ids::{Jid, SessionId, StanzaId};
use switchboard_core::problem::Problem;

/// Receives what the lines hear.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Takes messages, all or none, in order. WhatsApp is told that they arrived only after `Ok`, so they must be committed by
    /// then. After an error, or a crash, the same messages come again: known ones, by chat, sender and id, are to be dropped.
    ///
    /// Runs in the receive path, under the library's lock on the sender: it must not send anything over the line itself.
    ///
    /// # Errors
    /// When the messages could not be committed.
    async fn messages(&self, session: &SessionId, batch: Vec<InboundMessage>) -> Result<(), Problem>;

    /// Whether a message has been taken, by the address of its conversation and that of its sender.
    ///
    /// # Errors
    /// When that cannot be found out.
    async fn knows(&self, session: &SessionId, chat: &Jid, sender: &Jid, id: &StanzaId) -> Result<bool, Problem>;

    /// Takes an event; events of one line come in order. Runs in the receive path: it may only put the event somewhere.
    fn event(&self, session: &SessionId, event: LineEvent);
}
