//! Taking a token back.

use switchboard_core::clock::UnixMillis;
use switchboard_core::problem::{Code, Problem};
use switchboard_store::tokens::Token;

use crate::service::Service;

impl Service {
    /// Takes a token back, at once. Twice is as good as once.
    ///
    /// # Errors
    /// `token_not_found`, also for one that allows sessions out of sight; when the database cannot be written, and then the token is
    /// as good as before.
    pub async fn revoke_token(&self, id: &str) -> Result<(), Problem> {
        let (book, now) = (&self.parts.tokens, self.parts.clock.now());
        let writing = book.write().await;
        let token = book
            .get(id)
            .filter(|token| self.may_manage(token))
            .ok_or_else(|| Problem::new(Code::TOKEN_NOT_FOUND, "There is no token with this id.").field("tokenId"))?;
        if token.revoked_at.is_none() {
            let revoked = Token {
                revoked_at: Some(UnixMillis::from_secs(now.as_secs())),
                ..Token::clone(&token)
            };
            writing.put(revoked, now).await?;
            tracing::info!(token = id, "token revoked");
        }
        Ok(())
    }
}
