//! Tokens that were issued or shown here, and those that were taken back. A token itself is signed claims and is not stored.

use std::time::Duration;

use switchboard_core::access::{Access, Scopes};
use switchboard_core::clock::UnixMillis;

use crate::db::Row;
use crate::sight::{read_sight, sight_column};
use crate::{Store, StoreError};

/// How long a token is remembered after it has expired. A clock that jumps ahead and back must not bring back what was revoked.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// One token's claims, as far as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, the claim `jti`.
    pub id: String,
    /// Who shows it, the claim `sub`.
    pub subject: String,
    /// What it allows.
    pub access: Access,
    /// The id of the token that was shown for it; `None` when it was made with the operator's key, or on the machine itself.
    pub issued_by: Option<String>,
    /// When it was issued, in whole seconds.
    pub issued_at: UnixMillis,
    /// Until when it is valid, in whole seconds.
    pub expires_at: UnixMillis,
    /// When it was taken back, in whole seconds.
    pub revoked_at: Option<UnixMillis>,
}

impl Token {
    /// Whether it has been expired for so long that nobody needs to know of it.
    pub fn is_forgotten(&self, now: UnixMillis) -> bool {
        self.expires_at.plus(REMEMBERED) <= now
    }
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

    /// Every token that is not forgotten.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all(&self) -> Result<Vec<Token>, StoreError> {
        const ALL: &str =
            "SELECT token_id, subject, scopes, sessions, issued_by, issued_s, expires_s, revoked_s FROM tokens";
        self.store.read(|reader| reader.query(ALL, (), read_token)).await
    }

    /// Keeps a token, or what has become of it, and forgets those that expired long before `now`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put(&self, token: Token, now: UnixMillis) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO tokens (token_id, subject, scopes, sessions, issued_by, issued_s, expires_s, revoked_s) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
                           ON CONFLICT (token_id) DO UPDATE SET revoked_s = excluded.revoked_s";
        const FORGET: &str = "DELETE FROM tokens WHERE expires_s + ?2 <= ?1";
        let scopes = serde_json::to_string(&token.access.scopes)
            .map_err(|error| StoreError::Misuse(format!("scopes cannot be written: {error}")))?;
        let sessions = sight_column(&token.access.sessions)?;
        let remembered = i64::try_from(REMEMBERED.as_secs()).unwrap_or(i64::MAX);
        self.store
            .write(move |tx| {
                tx.execute(FORGET, (now.as_secs(), remembered))?;
                let (issued, expires) = (token.issued_at.as_secs(), token.expires_at.as_secs());
                let revoked = token.revoked_at.map(UnixMillis::as_secs);
                let (id, subject, issued_by) = (token.id, token.subject, token.issued_by);
                tx.execute(
                    PUT,
                    (id, subject, scopes, sessions, issued_by, issued, expires, revoked),
                )
                .map(drop)
            })
            .await
    }
}

fn read_token(row: &Row<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.get(0)?,
        subject: row.get(1)?,
        access: Access {
            scopes: read_scopes(&row.get::<String>(2)?)?,
            sessions: read_sight(row.get::<Option<String>>(3)?.as_deref())?,
        },
        issued_by: row.get(4)?,
        issued_at: UnixMillis::from_secs(row.get(5)?),
        expires_at: UnixMillis::from_secs(row.get(6)?),
        revoked_at: row.get::<Option<i64>>(7)?.map(UnixMillis::from_secs),
    })
}

fn read_scopes(list: &str) -> Result<Scopes, StoreError> {
    serde_json::from_str(list).map_err(|error| StoreError::Unreadable(format!("the scopes of a token: {error}")))
}

#[cfg(test)]
mod tests {
    use switchboard_core::access::{Scope, Sight};
    use switchboard_core::ids::SessionId;

    use super::*;
    use crate::testing;

    fn token(id: &str, expires_s: i64) -> Token {
        Token {
            id: id.to_owned(),
            subject: "app".to_owned(),
            access: Access::full(),
            issued_by: None,
            issued_at: UnixMillis::from_secs(1),
            expires_at: UnixMillis::from_secs(expires_s),
            revoked_at: None,
        }
    }

    async fn kept(tokens: &Tokens) -> Vec<Token> {
        let mut all = tokens.all().await.unwrap();
        all.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        all
    }

    #[tokio::test]
    async fn a_token_reads_back_with_what_it_allows_and_stays_revoked() {
        let tokens = Tokens::new(testing::store().await);
        let start = UnixMillis::from_secs(2);
        let session: SessionId = "qr_1_0000000a".parse().unwrap();
        let narrow = Token {
            access: Access {
                scopes: [Scope::MessagesSend].into_iter().collect(),
                sessions: Sight::from_iter([session]),
            },
            issued_by: Some("full".to_owned()),
            ..token("narrow", 100)
        };
        for token in [token("full", 100), narrow.clone()] {
            tokens.put(token, start).await.unwrap();
        }
        let revoked = Token {
            revoked_at: Some(start),
            ..narrow
        };
        tokens.put(revoked.clone(), start).await.unwrap();
        assert_eq!(kept(&tokens).await, [token("full", 100), revoked]);
    }

    #[tokio::test]
    async fn a_token_is_remembered_for_a_while_after_it_has_expired() {
        let tokens = Tokens::new(testing::store().await);
        tokens.put(token("a", 10), UnixMillis::from_secs(2)).await.unwrap();
        let gone = UnixMillis::from_secs(10).plus(REMEMBERED);
        for (now, others) in [(UnixMillis(gone.0 - 1000), true), (gone, false)] {
            assert_eq!(token("a", 10).is_forgotten(now), !others);
            tokens.put(token("z", i64::MAX / 1000), now).await.unwrap();
            let ids: Vec<_> = kept(&tokens).await.into_iter().map(|token| token.id).collect();
            assert_eq!(ids.contains(&"a".to_owned()), others, "{now:?}");
        }
    }
}
