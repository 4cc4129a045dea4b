//! The list of tokens.

use switchboard_core::problem::Problem;
use switchboard_store::tokens::Token;

use super::view::TokenView;
use crate::service::Service;

/// A part of the list.
#[derive(Debug, Clone)]
pub struct TokenPage {
    /// The tokens, the oldest first.
    pub tokens: Vec<TokenView>,
    /// After which token the list goes on; `None` at its end.
    pub next: Option<String>,
}

impl Service {
    /// Tokens that are still to expire, revoked ones included: at most `limit`, from behind `after`, the oldest first. Whoever does
    /// not see every session sees the tokens for those in sight.
    ///
    /// # Errors
    /// `invalid_field` when there is no token `after`.
    pub fn tokens(&self, after: Option<&str>, limit: usize) -> Result<TokenPage, Problem> {
        let now = self.parts.clock.now();
        let mut all = self.parts.tokens.all();
        let start = match after {
            None => 0,
            Some(after) => all
                .iter()
                .position(|token| token.id == after)
                .map(|at| at + 1)
                .ok_or_else(|| Problem::invalid_field("after", "after must be `next` of the page before."))?,
        };
        let mut wanted = all
            .drain(start..)
            .filter(|token| token.expires_at > now && self.may_manage(token));
        let page: Vec<_> = wanted.by_ref().take(limit).collect();
        let next = wanted.next().and_then(|_| page.last().map(|token| token.id.clone()));
        Ok(TokenPage {
            tokens: page.iter().map(|token| TokenView::of(token)).collect(),
            next,
        })
    }

    /// Whether a token is for nothing but sessions in sight.
    pub(super) fn may_manage(&self, token: &Token) -> bool {
        self.sight.covers(&token.access.sessions)
    }
}
