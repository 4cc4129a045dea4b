//! Messages: one table for both directions, and the timeline of what became of each.
//!
//! One operation a file: [`Messages::accept`] commits what is to be sent, [`Messages::pending`] is the outbox,
//! [`Messages::report`] notes acknowledgements and receipts, [`Messages::receive`] commits what arrived, [`Messages::find`],
//! [`Messages::log`] and [`Messages::at`] read. A status only ever rises, in the order of `MessageStatus`; what comes late is still noted in the timeline.

mod accept;
mod find;
mod follow;
mod log;
mod outbox;
mod receive;
mod report;
mod wire;

use switchboard_core::clock::UnixMillis;
use switchboard_core::content::Content;
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Jid, MessageId, SessionId, StanzaId};
use switchboard_core::status::MessageStatus;

pub use self::accept::NewMessage;
pub use self::find::{Name, Step, Timeline};
pub use self::log::{Cursor, InvalidCursor, LogFilter};
pub use self::outbox::Pending;
pub use self::receive::NewInbound;
pub use self::report::{Failure, Noted, Outcome, Report, Settled};

use crate::db::Row;
use crate::{Store, StoreError};

/// The table of messages.
#[derive(Debug, Clone)]
pub struct Messages {
    store: Store,
}

impl Messages {
    /// The messages in `store`.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }
}

/// One message as the log shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its place in the log.
    pub seq: Cursor,
    /// Our id.
    pub id: MessageId,
    /// Whose log it is in.
    pub session: SessionId,
    /// Which way it went.
    pub direction: Direction,
    /// The conversation.
    pub chat: Jid,
    /// Who wrote it.
    pub sender: Jid,
    /// The writer's other address, if known.
    pub sender_alt: Option<Jid>,
    /// WhatsApp's id.
    pub stanza_id: StanzaId,
    /// What it says.
    pub content: Content,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The writer's name as WhatsApp showed it.
    pub push_name: Option<String>,
    /// The caller's own reference.
    pub client_ref: Option<String>,
    /// When it was accepted, or when it was sent to us.
    pub created_at: UnixMillis,
}

/// The columns that [`read_message`] reads, as a literal for `concat!`.
macro_rules! message_columns {
    () => {
        "seq, message_id, session_id, direction, chat, sender, sender_alt, stanza_id, kind, content, status, fail_code, \
         fail_text, push_name, client_ref, created_ms"
    };
}
use message_columns;

fn read_message(row: &Row<'_>) -> Result<Message, StoreError> {
    let (kind, content): (String, String) = (row.get(8)?, row.get(9)?);
    let (alt, fail_code): (Option<String>, Option<String>) = (row.get(6)?, row.get(11)?);
    Ok(Message {
        seq: Cursor(row.get(0)?),
        id: row.parse(1)?,
        session: row.parse(2)?,
        direction: row.parse(3)?,
        chat: row.parse(4)?,
        sender: row.parse(5)?,
        sender_alt: alt.is_some().then(|| row.parse(6)).transpose()?,
        stanza_id: row.parse(7)?,
        content: read_content(&kind, &content)?,
        status: row.parse(10)?,
        failure: fail_code
            .map(|code| {
                Ok::<_, StoreError>(Failure {
                    code,
                    message: row.get(12)?,
                })
            })
            .transpose()?,
        push_name: row.get(13)?,
        client_ref: row.get(14)?,
        created_at: row.get(15)?,
    })
}

fn read_content(kind: &str, json: &str) -> Result<Content, StoreError> {
    serde_json::from_str(json)
        .and_then(|json| Content::from_parts(kind, json))
        // The error would quote what was written.
        .map_err(|_| StoreError::Unreadable("the content of a message is not of its kind".to_owned()))
}

#[cfg(test)]
mod fixtures {
    //! What the tests of this folder share: a store with two sessions, and messages for them.

    use std::sync::Arc;

    use switchboard_core::access::Sight;
    use switchboard_core::clock::{Clock, ManualClock};
    use switchboard_core::content::Text;
    use switchboard_core::ids::LinkMethod;
    use switchboard_core::random::SeededRandom;

    use super::*;
    use crate::sessions::{Session, Sessions};
    use crate::testing;

    pub(super) struct Fixture {
        pub(super) messages: Messages,
        pub(super) a: SessionId,
        pub(super) b: SessionId,
        random: Arc<SeededRandom>,
    }

    pub(super) async fn fixture() -> Fixture {
        fixture_in(testing::store().await).await
    }

    pub(super) async fn fixture_in(store: Store) -> Fixture {
        let random = Arc::new(SeededRandom::new(1));
        let sessions = Sessions::new(store.clone());
        let clock = ManualClock::at(UnixMillis(1));
        let [a, b] = std::array::from_fn(|_| SessionId::mint(LinkMethod::Qr, &clock, &*random));
        for id in [a, b] {
            sessions
                .insert(&Session::new(id, None, None, clock.now()))
                .await
                .unwrap();
        }
        Fixture {
            messages: Messages::new(store),
            a,
            b,
            random,
        }
    }

    pub(super) fn jid(user: u64) -> Jid {
        format!("{user}@s.whatsapp.net").parse().unwrap()
    }

    pub(super) fn everything() -> LogFilter {
        LogFilter {
            sessions: Sight::All,
            chat: None,
            direction: None,
            since: Cursor::default(),
        }
    }

    impl Fixture {
        pub(super) fn text(&self, session: SessionId, chat: u64, body: &str) -> NewMessage {
            NewMessage {
                id: MessageId::mint(&ManualClock::at(UnixMillis(7)), &*self.random),
                session,
                chat: jid(chat),
                sender: jid(15_550_000_000),
                stanza_id: StanzaId::mint(&*self.random),
                content: Content::Text(Text {
                    body: body.to_owned(),
                    preview_url: false,
                }),
                wire: body.as_bytes().to_vec().into(),
                client_ref: None,
                accepted_at: UnixMillis(7),
            }
        }

        pub(super) async fn accepted(&self, session: SessionId, chat: u64, body: &str) -> (Cursor, NewMessage) {
            let message = self.text(session, chat, body);
            let seqs = self.messages.accept(vec![message.clone()]).await.unwrap();
            (seqs[0], message)
        }

        pub(super) fn inbound(&self, session: SessionId, chat: u64, body: &str) -> NewInbound {
            let text = self.text(session, chat, body);
            NewInbound {
                id: text.id,
                session,
                direction: Direction::Inbound,
                chat: jid(chat),
                sender: jid(chat),
                sender_alt: None,
                stanza_id: text.stanza_id,
                content: text.content,
                wire: text.wire,
                push_name: Some("Ada".to_owned()),
                at: UnixMillis(9),
            }
        }
    }
}
