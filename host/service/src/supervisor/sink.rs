//! What arrives on a session's line: messages are committed before WhatsApp hears of it, events go to the session's task.

use std::sync::Arc;

use async_trait::async_trait;
use switchboard_core::direction::Direction;
use switchboard_core::event::{InboundMessage, LineEvent};
use switchboard_core::ids::{Jid, MessageId, Server, SessionId, StanzaId};
use switchboard_core::problem::Problem;
use switchboard_store::messages::NewInbound;
use switchboard_whatsapp::Sink;
use tokio::sync::mpsc;

use crate::parts::Parts;

/// The ears of one session.
pub(super) struct SessionSink {
    pub(super) parts: Arc<Parts>,
    pub(super) events: mpsc::UnboundedSender<LineEvent>,
}

#[async_trait]
impl Sink for SessionSink {
    async fn messages(&self, session: &SessionId, batch: Vec<InboundMessage>) -> Result<(), Problem> {
        let rows = batch.into_iter().map(|message| {
            let id = MessageId::mint(&*self.parts.clock, &*self.parts.random);
            row(*session, id, message)
        });
        let (count, rows) = (rows.len(), rows.collect());
        let fresh = self.parts.messages.receive(rows).await?;
        self.parts.metrics.received(fresh);
        self.parts.audience.grown(*session);
        tracing::debug!(%session, count, fresh, "messages received");
        Ok(())
    }

    async fn knows(&self, session: &SessionId, chat: &Jid, sender: &Jid, id: &StanzaId) -> Result<bool, Problem> {
        Ok(self.parts.messages.has(*session, chat, sender, id).await?)
    }

    fn event(&self, _: &SessionId, event: LineEvent) {
        // A session whose task has ended no longer wants to know; what is not noted comes again with the next connection.
        let _ = self.events.send(event);
    }
}

/// One person has two addresses, and WhatsApp uses either. In the log a person stands under the number, whenever it is known.
fn row(session: SessionId, id: MessageId, message: InboundMessage) -> NewInbound {
    let (sender, sender_alt) = match message.sender_alt {
        Some(alt) if message.sender.server() == Server::Lid && alt.server() == Server::User => {
            (alt, Some(message.sender.clone()))
        }
        alt => (message.sender.clone(), alt),
    };
    let with_sender = message.chat == message.sender || Some(&message.chat) == sender_alt.as_ref();
    let chat: Jid = if with_sender { sender.clone() } else { message.chat };
    NewInbound {
        id,
        session,
        direction: if message.from_me {
            Direction::Outbound
        } else {
            Direction::Inbound
        },
        chat,
        sender,
        sender_alt,
        stanza_id: message.stanza_id,
        content: message.content,
        wire: message.wire.into(),
        push_name: message.push_name,
        at: message.at,
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::clock::{ManualClock, UnixMillis};
    use switchboard_core::content::{Content, Text};
    use switchboard_core::random::SeededRandom;

    use super::*;

    fn arrived(chat: &str, sender: &str, alt: Option<&str>) -> NewInbound {
        let message = InboundMessage {
            chat: chat.parse().unwrap(),
            sender: sender.parse().unwrap(),
            sender_alt: alt.map(|alt| alt.parse().unwrap()),
            from_me: false,
            stanza_id: "3EB001".parse().unwrap(),
            at: UnixMillis(1),
            push_name: None,
            content: Content::Text(Text {
                body: "hi".to_owned(),
                preview_url: false,
            }),
            wire: Vec::new(),
        };
        let id = MessageId::mint(&ManualClock::at(UnixMillis(1)), &SeededRandom::new(1));
        row("qr_1_00000001".parse().unwrap(), id, message)
    }

    #[test]
    fn a_person_stands_under_the_number_whichever_address_the_message_came_from() {
        const NUMBER: &str = "15550000002@s.whatsapp.net";
        const LID: &str = "123456789@lid";
        for (chat, sender, alt) in [(NUMBER, NUMBER, LID), (LID, LID, NUMBER)] {
            let row = arrived(chat, sender, Some(alt));
            let seen = (
                row.chat.to_string(),
                row.sender.to_string(),
                row.sender_alt.unwrap().to_string(),
            );
            assert_eq!(seen, (NUMBER.to_owned(), NUMBER.to_owned(), LID.to_owned()));
        }
        assert_eq!(arrived(LID, LID, None).chat.to_string(), LID);
        let group = "120363012345678901@g.us";
        assert_eq!(arrived(group, LID, Some(NUMBER)).chat.to_string(), group);
        assert_eq!(arrived(group, LID, Some(NUMBER)).sender.to_string(), NUMBER);
    }
}
