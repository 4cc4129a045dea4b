//! What somebody needs who follows a session's log, beside its pages: where it ends, and rows that were read before and have changed.

use switchboard_core::ids::SessionId;

use super::{Cursor, Message, Messages, message_columns, read_message};
use crate::StoreError;

impl Messages {
    /// The end of a session's log: the place of its last message; the beginning if there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn end(&self, session: SessionId) -> Result<Cursor, StoreError> {
        const END: &str = "SELECT max(seq) FROM messages INDEXED BY messages_by_session WHERE session_id = ?1";
        let end = self
            .store
            .read(move |reader| reader.query_one(END, (session.to_string(),), |row| row.get::<Option<i64>>(0)))
            .await?;
        Ok(end.flatten().map(Cursor).unwrap_or_default())
    }

    /// The messages at these places, in the order of the log.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn at(&self, places: impl IntoIterator<Item = Cursor>) -> Result<Vec<Message>, StoreError> {
        const AT: &str = concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages WHERE seq IN (SELECT value FROM json_each(?1)) ORDER BY seq"
        );
        let places: Vec<_> = places.into_iter().map(|Cursor(seq)| seq).collect();
        let places = serde_json::Value::from(places).to_string();
        self.store
            .read(move |reader| reader.query(AT, (places,), read_message))
            .await
    }
}

#[cfg(test)]
mod tests {
    use crate::messages::Cursor;
    use crate::messages::fixtures::fixture;

    #[tokio::test]
    async fn a_log_ends_at_its_session_s_last_message() {
        let f = fixture().await;
        assert_eq!(f.messages.end(f.a).await, Ok(Cursor(0)));
        f.accepted(f.a, 2, "one").await;
        let (two, _) = f.accepted(f.a, 3, "two").await;
        f.accepted(f.b, 2, "another session's").await;
        assert_eq!(f.messages.end(f.a).await, Ok(two));
    }

    #[tokio::test]
    async fn the_messages_at_some_places_come_in_the_order_of_the_log() {
        let f = fixture().await;
        let (one, _) = f.accepted(f.a, 2, "one").await;
        f.accepted(f.a, 2, "two").await;
        let (three, _) = f.accepted(f.b, 2, "three").await;
        let found = f.messages.at([three, one, Cursor(99)]).await.unwrap();
        let places: Vec<_> = found.iter().map(|message| message.seq).collect();
        assert_eq!(places, [one, three]);
        assert_eq!(f.messages.at([]).await, Ok(vec![]));
    }
}
