//! Which tokens were issued and which were taken back. Signing them is the server's.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use switchboard_core::clock::UnixMillis;
use switchboard_core::problem::Problem;
use switchboard_core::random;
use switchboard_store::tokens::{Token, Tokens};
use switchboard_store::{Store, StoreError};
use tokio::sync::Mutex;

use crate::service::Service;

/// The claims of a token that make it this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// Its id.
    pub jti: String,
    /// When it was issued, in whole seconds.
    pub issued_at: UnixMillis,
}

/// The table of tokens and a copy in memory, because every request asks it.
#[derive(Debug)]
pub(crate) struct TokenBook {
    table: Tokens,
    known: RwLock<HashMap<String, Token>>,
    /// Held while a token is issued or taken back, so that two requests do not issue two.
    writing: Mutex<()>,
}

impl TokenBook {
    pub(crate) async fn load(store: Store, now: UnixMillis) -> Result<Self, StoreError> {
        let table = Tokens::new(store);
        let known = table
            .unexpired(now)
            .await?
            .into_iter()
            .map(|token| (token.id.clone(), token))
            .collect();
        Ok(Self {
            table,
            known: RwLock::new(known),
            writing: Mutex::new(()),
        })
    }

    fn get(&self, id: &str) -> Option<Token> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// The subject's latest token that is not revoked and has more than half of its life before it.
    fn young(&self, subject: &str, now: UnixMillis) -> Option<Token> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let good = known.values().filter(|token| {
            let life = token.expires_at.since(token.issued_at);
            token.subject == subject && token.revoked_at.is_none() && now < token.issued_at.plus(life / 2)
        });
        good.max_by_key(|token| token.issued_at).cloned()
    }

    async fn put(&self, token: Token, now: UnixMillis) -> Result<(), StoreError> {
        self.table.put(token.clone(), now).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, token| token.expires_at > now);
        known.insert(token.id.clone(), token);
        Ok(())
    }
}

impl Service {
    /// The token of `subject`: the same one until half of its life is over or it is revoked, then a new one of this lifetime.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn app_token(&self, subject: &str, lifetime: Duration) -> Result<IssuedToken, Problem> {
        let (book, now) = (&self.parts.tokens, self.parts.clock.now());
        let _writing = book.writing.lock().await;
        let token = match book.young(subject, now) {
            Some(token) => token,
            None => {
                let id = u128::from_be_bytes(random::array(&*self.parts.random));
                let issued_at = UnixMillis::from_secs(now.as_secs());
                let token = Token {
                    id: format!("{id:032x}"),
                    subject: subject.to_owned(),
                    issued_at,
                    expires_at: issued_at.plus(lifetime),
                    revoked_at: None,
                };
                book.put(token.clone(), now).await?;
                token
            }
        };
        Ok(IssuedToken {
            jti: token.id,
            issued_at: token.issued_at,
        })
    }

    /// Whether a token was taken back. Tokens that were not issued here are not known here and so never are.
    pub fn token_revoked(&self, jti: &str) -> bool {
        self.parts
            .tokens
            .get(jti)
            .is_some_and(|token| token.revoked_at.is_some())
    }

    /// Takes a token back, at once. Returns whether it is known.
    ///
    /// # Errors
    /// When the database cannot be written; then the token is as good as before.
    pub async fn revoke_token(&self, jti: &str) -> Result<bool, Problem> {
        let (book, now) = (&self.parts.tokens, self.parts.clock.now());
        let _writing = book.writing.lock().await;
        let Some(token) = book.get(jti) else { return Ok(false) };
        if token.revoked_at.is_none() {
            book.put(
                Token {
                    revoked_at: Some(now),
                    ..token
                },
                now,
            )
            .await?;
        }
        Ok(true)
    }
}
