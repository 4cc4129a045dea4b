//! Reading the log by cursor.

use std::fmt;
use std::str::FromStr;

use switchboard_core::access::Sight;
use switchboard_core::direction::Direction;
use switchboard_core::ids::Jid;

use super::{Message, Messages, message_columns, read_message};
use crate::StoreError;
use crate::sight::sight_column;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter {
    /// Only these sessions'.
    pub sessions: Sight,
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
        const BY_CHAT: &str = log_query!("INDEXED BY messages_by_chat", " AND chat = ?4");
        const BY_BOTH: &str = log_query!(
            "INDEXED BY messages_by_chat",
            " AND chat = ?4 AND session_id IN (SELECT value FROM json_each(?5))"
        );
        // A page of each session first, so that a quiet session is not looked for among all the messages of busy ones.
        const BY_SESSION: &str = log_query!(
            "",
            " AND seq IN (SELECT page.seq FROM json_each(?4) AS listed CROSS JOIN messages AS page WHERE page.seq IN (\
             SELECT seq FROM messages INDEXED BY messages_by_session \
             WHERE session_id = listed.value AND seq > ?1 AND (?2 IS NULL OR direction = ?2) ORDER BY seq LIMIT ?3))"
        );
        let (since, direction) = (filter.since.0, filter.direction.map(Direction::as_str));
        let (sessions, chat) = (sight_column(&filter.sessions)?, filter.chat.map(|jid| jid.to_string()));
        self.store
            .read(move |reader| match (sessions, chat) {
                (None, None) => reader.query(ALL, (since, direction, limit), read_message),
                (Some(sessions), None) => reader.query(BY_SESSION, (since, direction, limit, sessions), read_message),
                (None, Some(chat)) => reader.query(BY_CHAT, (since, direction, limit, chat), read_message),
                (Some(sessions), Some(chat)) => {
                    reader.query(BY_BOTH, (since, direction, limit, chat, sessions), read_message)
                }
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::fixtures::{everything, fixture, jid};

    #[tokio::test]
    async fn every_filter_keeps_what_it_names_in_the_order_of_the_log() {
        let f = fixture().await;
        let (one, _) = f.accepted(f.a, 2, "one").await;
        f.messages.receive(vec![f.inbound(f.a, 2, "two")]).await.unwrap();
        let (three, _) = f.accepted(f.a, 3, "three").await;
        let (four, _) = f.accepted(f.b, 2, "four").await;
        let two = Cursor(one.0 + 1);
        let (a, both) = (Sight::from_iter([f.a]), Sight::from_iter([f.a, f.b]));
        let outbound = Some(Direction::Outbound);
        let all = everything();
        for (filter, expected) in [
            (all.clone(), vec![one, two, three, four]),
            (
                LogFilter {
                    sessions: a.clone(),
                    ..all.clone()
                },
                vec![one, two, three],
            ),
            (
                LogFilter {
                    sessions: both.clone(),
                    since: one,
                    ..all.clone()
                },
                vec![two, three, four],
            ),
            (
                LogFilter {
                    sessions: both,
                    chat: Some(jid(2)),
                    ..all.clone()
                },
                vec![one, two, four],
            ),
            (
                LogFilter {
                    sessions: Sight::from_iter([]),
                    ..all.clone()
                },
                vec![],
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
                    sessions: a.clone(),
                    chat: Some(jid(2)),
                    ..all.clone()
                },
                vec![one, two],
            ),
            (
                LogFilter {
                    sessions: a.clone(),
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
                    sessions: a.clone(),
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
            f.accepted(f.b, n, "y").await;
        }
        for (sessions, expected) in [
            (Sight::All, 14),
            (Sight::from_iter([f.a]), 7),
            (Sight::from_iter([f.a, f.b]), 14),
        ] {
            let mut filter = LogFilter {
                sessions,
                ..everything()
            };
            let mut seen = Vec::new();
            loop {
                let page = f.messages.log(filter.clone(), 3).await.unwrap();
                let Some(last) = page.last() else { break };
                filter.since = last.seq;
                seen.extend(page.into_iter().map(|message| message.seq));
            }
            assert_eq!(seen.len(), expected, "{filter:?}");
            assert!(seen.is_sorted());
        }
    }

    #[test]
    fn a_cursor_reads_back_and_nothing_else_is_one() {
        assert_eq!(Cursor(42).to_string().parse(), Ok(Cursor(42)));
        for text in ["", "-1", "+1", "1.0", "x", " 1", "99999999999999999999"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text:?}");
        }
    }
}
