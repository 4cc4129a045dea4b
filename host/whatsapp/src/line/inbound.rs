//! Messages, committed before WhatsApp hears that they arrived.

use std::sync::Arc;

use switchboard_core::clock::UnixMillis;
use switchboard_core::event::InboundMessage;
use switchboard_core::ids::SessionId;
use whatsapp_rust::wacore::types::events::InboundMessage as LibraryMessage;
use whatsapp_rust::waproto::codec;
use whatsapp_rust::{Client, InboundDurabilityHook, anyhow, async_trait};

use crate::decode::{decode, is_between_devices};
use crate::jid;
use crate::sink::Sink;

/// The library's durability hook: it acknowledges a batch after `Ok`, and hands it over again after an error.
pub(super) struct Commit {
    pub(super) session: SessionId,
    pub(super) sink: Arc<dyn Sink>,
}

#[async_trait]
impl InboundDurabilityHook for Commit {
    async fn on_messages(&self, _client: Arc<Client>, messages: &[LibraryMessage]) -> anyhow::Result<()> {
        let batch = batch(&self.session, messages);
        if batch.is_empty() {
            return Ok(());
        }
        if let Err(problem) = self.sink.messages(&self.session, batch).await {
            let cause = problem.cause_chain().unwrap_or_else(|| problem.to_string());
            tracing::error!(session = %self.session, count = messages.len(), %cause, "messages could not be kept; they will come again");
            return Err(problem.into());
        }
        Ok(())
    }
}

/// Messages in our own words, in order.
pub(super) fn batch<'a>(
    session: &SessionId,
    messages: impl IntoIterator<Item = &'a LibraryMessage>,
) -> Vec<InboundMessage> {
    messages
        .into_iter()
        .filter_map(|arrived| message(session, arrived))
        .collect()
}

/// `None` for what devices tell each other, and for parties that have no address here: refusing them would only make them come
/// again for ever.
fn message(session: &SessionId, message: &LibraryMessage) -> Option<InboundMessage> {
    if is_between_devices(&message.message) {
        return None;
    }
    let info = &message.info;
    let source = &info.source;
    let Some((chat, sender)) = jid::bare(&source.chat).zip(jid::bare(&source.sender)) else {
        tracing::warn!(%session, stanza_id = %info.id, "a message from another network is left out");
        return None;
    };
    let Ok(stanza_id) = info.id.parse() else {
        tracing::warn!(%session, "a message with an id that is none is left out");
        return None;
    };
    Some(InboundMessage {
        chat,
        sender,
        sender_alt: source.sender_alt.as_ref().and_then(jid::bare),
        from_me: source.is_from_me,
        stanza_id,
        at: UnixMillis(info.timestamp.timestamp_millis()),
        push_name: Some(info.push_name.clone()).filter(|name| !name.is_empty()),
        content: decode(&message.message),
        wire: codec::message_to_vec(&message.message),
    })
}
