//! Tokens that were issued here, and those that were taken back. A token itself is signed claims and is not stored.

use switchboard_core::clock::UnixMillis;

use crate::db::Row;
use crate::{Store, StoreError};

/// One token's claims, as far as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, the claim `jti`.
    pub id: String,
    /// Who shows it, the claim `sub`.
    pub subject: String,
    /// When it was issued, in whole seconds.
    pub issued_at: UnixMillis,
    /// Until when it is valid, in whole seconds.
    pub expires_at: UnixMillis,
    /// When it was taken back.
    pub revoked_at: Option<UnixMillis>,
}

/// The table of tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    store: Store,
}

impl Tokens {
    /// The tokens in `store`.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Every token that is still to expire at `now`, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unexpired(&self, now: UnixMillis) -> Result<Vec<Token>, StoreError> {
        const ALL: &str = "SELECT token_id, subject, issued_s, expires_s, revoked_s FROM tokens \
                           WHERE expires_s > ?1 ORDER BY issued_s, token_id";
        self.store
            .read(move |reader| reader.query(ALL, (now.as_secs(),), read_token))
            .await
    }

    /// Keeps a token, or what has become of it, and forgets those that expired before `now`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put(&self, token: Token, now: UnixMillis) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO tokens (token_id, subject, issued_s, expires_s, revoked_s) \
                           VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (token_id) DO UPDATE SET revoked_s = excluded.revoked_s";
        const FORGET: &str = "DELETE FROM tokens WHERE expires_s <= ?1";
        self.store
            .write(move |tx| {
                tx.execute(FORGET, (now.as_secs(),))?;
                let (issued, expires) = (token.issued_at.as_secs(), token.expires_at.as_secs());
                let revoked = token.revoked_at.map(UnixMillis::as_secs);
                tx.execute(PUT, (token.id, token.subject, issued, expires, revoked))
                    .map(drop)
            })
            .await
    }
}

fn read_token(row: &Row<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.get(0)?,
        subject: row.get(1)?,
        issued_at: UnixMillis::from_secs(row.get(2)?),
        expires_at: UnixMillis::from_secs(row.get(3)?),
        revoked_at: row.get::<Option<i64>>(4)?.map(UnixMillis::from_secs),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn token(id: &str, expires_s: i64) -> Token {
        Token {
            id: id.to_owned(),
            subject: "app".to_owned(),
            issued_at: UnixMillis::from_secs(1),
            expires_at: UnixMillis::from_secs(expires_s),
            revoked_at: None,
        }
    }

    #[tokio::test]
    async fn a_token_is_kept_until_it_expires_and_stays_revoked() {
        let tokens = Tokens::new(testing::store().await);
        let start = UnixMillis::from_secs(2);
        for token in [token("long", 100), token("short", 10)] {
            tokens.put(token, start).await.unwrap();
        }
        let revoked = Token {
            revoked_at: Some(start),
            ..token("long", 100)
        };
        tokens.put(revoked.clone(), start).await.unwrap();
        assert_eq!(
            tokens.unexpired(start).await.unwrap(),
            [revoked.clone(), token("short", 10)]
        );
        assert_eq!(tokens.unexpired(UnixMillis::from_secs(10)).await.unwrap(), [revoked]);
    }
}
