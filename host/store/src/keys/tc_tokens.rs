//! Trusted-contact tokens: with one from a contact, WhatsApp lets us write first; we give ours to contacts in turn.
//!
//! Two writers share a row: what the contact gave us (`token`, `token_at`) and when we last gave ours (`sender_at`). Each owns its
//! own half and only moves it forward, in one statement, so neither can undo the other in whatever order they come.

use super::KeyStore;
use crate::StoreError;
use crate::db::{Row, Value};

const TABLE: &str = "wa_tc_token";

/// What is known about one contact's tokens. Times are Unix seconds.
#[derive(Clone, PartialEq, Eq)]
pub struct TcToken {
    /// The token the contact gave us; empty if they gave none.
    pub token: Vec<u8>,
    /// When they gave it.
    pub token_at: i64,
    /// When we last gave them ours.
    pub sender_at: Option<i64>,
}

/// One session's trusted-contact tokens.
#[derive(Debug)]
pub struct TcTokens<'a>(&'a KeyStore);

impl KeyStore {
    /// The trusted-contact tokens, by the contact's address.
    pub const fn tc_tokens(&self) -> TcTokens<'_> {
        TcTokens(self)
    }
}

impl TcTokens<'_> {
    /// The tokens of a contact.
    ///
    /// # Errors
    /// When the database cannot be read, or the token was not sealed for its row.
    pub async fn get(&self, jid: &str) -> Result<Option<TcToken>, StoreError> {
        const GET: &str = "SELECT value, token_at, sender_at FROM wa_tc_token WHERE session = ? AND jid = ?";
        let row = self.0.params(&jid, []);
        let read = |row: &Row<'_>| Ok((row.get::<Option<Vec<u8>>>(0)?, row.get(1)?, row.get(2)?));
        let found = self
            .0
            .store
            .read(move |reader| reader.query_one(GET, row, read))
            .await?;
        let Some((sealed, token_at, sender_at)) = found else {
            return Ok(None);
        };
        let token = sealed
            .map(|sealed| self.0.open(TABLE, &jid, &sealed))
            .transpose()?
            .unwrap_or_default();
        Ok(Some(TcToken {
            token,
            token_at,
            sender_at,
        }))
    }

    /// Writes both halves as they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put(&self, jid: &str, token: &TcToken) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO wa_tc_token (session, jid, value, token_at, sender_at) VALUES (?, ?, ?, ?, ?) \
                           ON CONFLICT (session, jid) DO UPDATE SET \
                           value = excluded.value, token_at = excluded.token_at, sender_at = excluded.sender_at";
        let row = self.row(jid, &token.token, [token.token_at.into(), token.sender_at.into()])?;
        self.0.write_each(PUT, vec![row]).await.map(drop)
    }

    /// Notes a token the contact gave us, unless a newer one is there already.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn received(&self, jid: &str, token: &[u8], token_at: i64) -> Result<(), StoreError> {
        const RECEIVED: &str = "INSERT INTO wa_tc_token (session, jid, value, token_at) VALUES (?, ?, ?, ?) \
                                ON CONFLICT (session, jid) DO UPDATE SET value = excluded.value, token_at = excluded.token_at \
                                WHERE wa_tc_token.value IS NULL OR excluded.token_at >= wa_tc_token.token_at";
        let row = self.row(jid, token, [token_at.into()])?;
        self.0.write_each(RECEIVED, vec![row]).await.map(drop)
    }

    /// Notes that we gave the contact our token, unless we did so later already.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn sent(&self, jid: &str, sender_at: i64) -> Result<(), StoreError> {
        const SENT: &str = "INSERT INTO wa_tc_token (session, jid, token_at, sender_at) VALUES (?1, ?2, ?3, ?3) \
                            ON CONFLICT (session, jid) DO UPDATE SET \
                            sender_at = max(coalesce(sender_at, excluded.sender_at), excluded.sender_at)";
        self.0
            .write_each(SENT, vec![self.0.params(&jid, [sender_at.into()])])
            .await
            .map(drop)
    }

    /// Removes a contact's tokens.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete(&self, jid: &str) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM wa_tc_token WHERE session = ? AND jid = ?";
        self.0.write_each(DELETE, vec![self.0.params(&jid, [])]).await.map(drop)
    }

    /// The contacts about whom anything is kept.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn jids(&self) -> Result<Vec<String>, StoreError> {
        const JIDS: &str = "SELECT jid FROM wa_tc_token WHERE session = ?";
        let session = self.0.params(&(), []);
        self.0
            .store
            .read(move |reader| reader.query(JIDS, session, |row| row.get(0)))
            .await
    }

    /// Removes the rows of which neither half is alive: the token from before `token_cutoff` or absent, and ours given before
    /// `sender_cutoff` or never. Returns how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete_expired(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32, StoreError> {
        const EXPIRED: &str = "DELETE FROM wa_tc_token WHERE session = ? AND (value IS NULL OR token_at < ?) \
                               AND (sender_at IS NULL OR sender_at < ?)";
        self.0
            .write_each(
                EXPIRED,
                vec![self.0.params(&(), [token_cutoff.into(), sender_cutoff.into()])],
            )
            .await
    }

    /// The contact, the sealed token or NULL for none, and the times.
    fn row<const N: usize>(&self, jid: &str, token: &[u8], times: [Value; N]) -> Result<Vec<Value>, StoreError> {
        if token.is_empty() {
            let none = Value::from(None::<Vec<u8>>);
            return Ok(self.0.params(&jid, std::iter::once(none).chain(times)));
        }
        self.0.row(TABLE, &jid, token, times)
    }
}

impl std::fmt::Debug for TcToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcToken")
            .field("token_at", &self.token_at)
            .field("sender_at", &self.sender_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::TestKeys;

    fn token(token: &[u8], token_at: i64, sender_at: Option<i64>) -> Option<TcToken> {
        Some(TcToken {
            token: token.to_vec(),
            token_at,
            sender_at,
        })
    }

    #[tokio::test]
    async fn each_half_only_moves_forward_whatever_the_order() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        let tokens = keys.tc_tokens();
        tokens.sent("1@lid", 50).await.unwrap();
        assert_eq!(tokens.get("1@lid").await.unwrap(), token(b"", 50, Some(50)));
        // The first token wins over the place that was kept for it, though its time is before.
        tokens.received("1@lid", b"a", 40).await.unwrap();
        assert_eq!(tokens.get("1@lid").await.unwrap(), token(b"a", 40, Some(50)));
        tokens.received("1@lid", b"old", 39).await.unwrap();
        tokens.sent("1@lid", 49).await.unwrap();
        assert_eq!(tokens.get("1@lid").await.unwrap(), token(b"a", 40, Some(50)));
        tokens.received("1@lid", b"b", 40).await.unwrap();
        tokens.sent("1@lid", 60).await.unwrap();
        assert_eq!(tokens.get("1@lid").await.unwrap(), token(b"b", 40, Some(60)));
    }

    #[tokio::test]
    async fn a_contact_is_forgotten_only_when_both_halves_are_old() {
        let TestKeys { keys, test: _test, .. } = TestKeys::new();
        let tokens = keys.tc_tokens();
        tokens.received("token alive@lid", b"t", 100).await.unwrap();
        tokens.sent("ours alive@lid", 100).await.unwrap();
        tokens.received("both old@lid", b"t", 99).await.unwrap();
        tokens.sent("both old@lid", 99).await.unwrap();
        assert_eq!(tokens.delete_expired(100, 100).await.unwrap(), 1);
        let mut left = tokens.jids().await.unwrap();
        left.sort();
        assert_eq!(left, ["ours alive@lid", "token alive@lid"]);
    }

    #[test]
    fn a_token_never_shows_itself() {
        let shown = format!(
            "{:?}",
            TcToken {
                token: b"secret".to_vec(),
                token_at: 1,
                sender_at: None
            }
        );
        assert_eq!(shown, "TcToken { token_at: 1, sender_at: None, .. }");
    }
}
