//! Reading the log by cursor.

use std::fmt;
use std::str::FromStr;

use switchboard_core::direction::Direction;
use switchboard_core::ids::{Jid, SessionId};

use super::{Message, Messages, message_columns, read_message};
use crate::StoreError;

/// A place in the log: 0 is its beginning. Later messages have higher places, and nothing ever appears behind one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cursor(pub(crate) i64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// In JSON a text, as ids are: it means nothing but itself.
impl serde::Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize<'de>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a cursor that an earlier answer gave as `next`")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits
            .then(|| text.parse().ok())
            .flatten()
            .map(Self)
            .ok_or(InvalidCursor)
    }
}

/// What part of the log is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Only this session's.
    pub session: Option<SessionId>,
    /// Only this conversation's.
    pub chat: Option<Jid>,
    /// Only those that went this way.
    pub direction: Option<Direction>,
    /// Only those behind this place.
    pub since: Cursor,
}

macro_rules! log_query {
    ($from:literal, $where:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages ",
            $from,
            " WHERE seq > ?1 AND (?2 IS NULL OR direction = ?2)",
            $where,
            " ORDER BY seq LIMIT ?3"
        )
    };
}

impl Messages {
    /// The next `limit` messages of the log, in its order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn log(&self, filter: LogFilter, limit: u32) -> Result<Vec<Message>, StoreError> {
        // The index is named, because the planner has no statistics to choose by.
        const ALL: &str = log_query!("", "");
        const BY_SESSION: &str = log_query!("INDEXED BY messages_by_session", " AND session_id = ?4");
        const BY_CHAT: &str = log_query!("INDEXED BY messages_by_chat", " AND chat = ?4");
        const BY_BOTH: &str = log_query!("INDEXED BY messages_by_chat", " AND chat = ?4 AND session_id = ?5");
        let direction = filter.direction.map(Direction::as_str);
        let (since, session) = (filter.since.0, filter.session.map(|id| id.to_string()));
        let chat = filter.chat.map(|jid| jid.to_string());
        self.store
            .read(move |reader| match (session, chat) {
                (None, None) => reader.query(ALL, (since, direction, limit), read_message),
                (Some(session), None) => reader.query(BY_SESSION, (since, direction, limit, session), read_message),
                (None, Some(chat)) => reader.query(BY_CHAT, (since, direction, limit, chat), read_message),
                (Some(session), Some(chat)) => {
                    reader.query(BY_BOTH, (since, direction, limit, chat, session), read_message)
                }
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::fixtures::{fixture, jid};

    #[tokio::test]
    async fn every_filter_keeps_what_it_names_in_the_order_of_the_log() {
        let f = fixture().await;
        let (one, _) = f.accepted(f.a, 2, "one").await;
        f.messages.receive(vec![f.inbound(f.a, 2, "two")]).await.unwrap();
        let (three, _) = f.accepted(f.a, 3, "three").await;
        let (four, _) = f.accepted(f.b, 2, "four").await;
        let two = Cursor(one.0 + 1);
        let a = Some(f.a);
        let outbound = Some(Direction::Outbound);
        let all = LogFilter::default();
        for (filter, expected) in [
            (all.clone(), vec![one, two, three, four]),
            (
                LogFilter {
                    session: a,
                    ..all.clone()
                },
                vec![one, two, three],
            ),
            (
                LogFilter {
                    chat: Some(jid(2)),
                    ..all.clone()
                },
                vec![one, two, four],
            ),
            (
                LogFilter {
                    session: a,
                    chat: Some(jid(2)),
                    ..all.clone()
                },
                vec![one, two],
            ),
            (
                LogFilter {
                    session: a,
                    direction: outbound,
                    ..all.clone()
                },
                vec![one, three],
            ),
            (
                LogFilter {
                    direction: Some(Direction::Inbound),
                    ..all.clone()
                },
                vec![two],
            ),
            (
                LogFilter {
                    since: two,
                    ..all.clone()
                },
                vec![three, four],
            ),
            (
                LogFilter {
                    session: a,
                    since: one,
                    ..all.clone()
                },
                vec![two, three],
            ),
            (LogFilter { since: four, ..all }, vec![]),
        ] {
            let found = f.messages.log(filter.clone(), 100).await.unwrap();
            assert_eq!(
                found.iter().map(|message| message.seq).collect::<Vec<_>>(),
                expected,
                "{filter:?}"
            );
        }
    }

    #[tokio::test]
    async fn pages_joined_by_their_cursors_are_the_whole_log() {
        let f = fixture().await;
        for n in 0..7 {
            f.accepted(f.a, n, "x").await;
        }
        let (mut since, mut seen) = (Cursor::default(), Vec::new());
        loop {
            let page = f
                .messages
                .log(
                    LogFilter {
                        since,
                        ..LogFilter::default()
                    },
                    3,
                )
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            since = last.seq;
            seen.extend(page.into_iter().map(|message| message.seq));
        }
        assert_eq!(seen.len(), 7);
        assert!(seen.is_sorted());
    }

    #[test]
    fn a_cursor_reads_back_and_nothing_else_is_one() {
        assert_eq!(Cursor(42).to_string().parse(), Ok(Cursor(42)));
        for text in ["", "-1", "+1", "1.0", "x", " 1", "99999999999999999999"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
