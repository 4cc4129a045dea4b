//! Issuing tokens, and learning of those that were made elsewhere.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::access::{Access, Sight};
use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::SessionRef;
use switchboard_core::problem::{Code, Problem};
use switchboard_core::random::{self, Random};
use switchboard_store::tokens::Token;

use crate::service::Service;

/// The name of the token that programs on this machine share; no other token may have it.
const APP: &str = "app";
/// How long a token lives if nothing else is said.
pub const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// To how many sessions a token can be limited; a longer list would not fit into every proxy's idea of a header.
const MOST_SESSIONS: usize = 64;

/// What a new token is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Who will show it.
    pub name: String,
    /// What it allows.
    pub access: Access,
    /// How long it lives; [`LIFETIME`] if nothing is said, or as long as the token that is shown for it.
    pub lifetime: Option<Duration>,
}

/// An id for a new token.
pub fn token_id(random: &dyn Random) -> String {
    format!("{:032x}", u128::from_be_bytes(random::array(random)))
}

impl NewToken {
    /// Checks what can be checked of a token without knowing who asks for it.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn check(&self) -> Result<(), Problem> {
        if self.name == APP {
            let sentence = "name must be another one: app is the token that programs on the server's machine share.";
            return Err(Problem::invalid_field("name", sentence));
        }
        if self.access.scopes.is_empty() {
            let sentence = "scopes must name at least one scope; a token without any could do nothing.";
            return Err(Problem::invalid_field("scopes", sentence));
        }
        match &self.access.sessions {
            Sight::Only(list) if !(1..=MOST_SESSIONS).contains(&list.len()) => Err(Problem::invalid_field(
                "sessions",
                format!("sessions must list 1 to {MOST_SESSIONS} sessions; leave it out for every session."),
            )),
            _ => Ok(()),
        }
    }

    /// The token, issued now.
    pub fn issue(self, id: String, now: UnixMillis, issued_by: Option<&Token>) -> Token {
        let issued_at = UnixMillis::from_secs(now.as_secs());
        let latest = issued_by.map_or(UnixMillis(i64::MAX), |issuer| issuer.expires_at);
        Token {
            id,
            subject: self.name,
            access: self.access,
            issued_by: issued_by.map(|issuer| issuer.id.clone()),
            issued_at,
            expires_at: issued_at.plus(self.lifetime.unwrap_or(LIFETIME)).min(latest),
            revoked_at: None,
        }
    }
}

impl Service {
    /// The token that programs on this machine share: the same one until half of its life is over or it is revoked, then a new one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn app_token(&self) -> Result<Arc<Token>, Problem> {
        let (book, now) = (&self.parts.tokens, self.parts.clock.now());
        let writing = book.write().await;
        if let Some(token) = book.all().into_iter().rfind(|token| is_shared(token, now)) {
            return Ok(token);
        }
        let new = NewToken {
            name: APP.to_owned(),
            access: Access::full(),
            lifetime: None,
        };
        writing
            .add(new.issue(token_id(&*self.parts.random), now, None), now)
            .await
    }

    /// A new token for whoever shows `issuer`, or the operator's key. It allows no more than `issuer` does and ends no later.
    ///
    /// # Errors
    /// `forbidden` for what would be more, `session_not_found`, `invalid_field`, `conflict` when there are too many; when the
    /// database cannot be written.
    pub async fn issue_token(&self, new: NewToken, issuer: Option<&Token>) -> Result<Arc<Token>, Problem> {
        new.check()?;
        let now = self.parts.clock.now();
        if let Some(issuer) = issuer {
            within(&new, issuer, now)?;
        }
        if let Sight::Only(list) = &new.access.sessions {
            for id in &**list {
                self.resolve(&SessionRef::Session(*id)).map_err(|_| {
                    Problem::new(Code::SESSION_NOT_FOUND, format!("There is no session {id}.")).field("sessions")
                })?;
            }
        }
        let token = new.issue(token_id(&*self.parts.random), now, issuer);
        let token = self.parts.tokens.write().await.add(token, now).await?;
        tracing::info!(token = token.id, "token issued");
        Ok(token)
    }

    /// The row of a token that was shown and is rightly signed. One that is not known yet is from now on.
    ///
    /// # Errors
    /// `conflict` when there are too many; when the database cannot be written.
    pub async fn know_token(&self, id: &str, shown: impl FnOnce() -> Token) -> Result<Arc<Token>, Problem> {
        let book = &self.parts.tokens;
        if let Some(token) = book.get(id) {
            return Ok(token);
        }
        let writing = book.write().await;
        match book.get(id) {
            Some(token) => Ok(token),
            None => writing.add(shown(), self.parts.clock.now()).await,
        }
    }

    /// The row of a token, if it is known.
    pub fn known_token(&self, id: &str) -> Option<Arc<Token>> {
        self.parts.tokens.get(id)
    }
}

/// Whether a token is the one that programs on this machine share, and goes on being it.
fn is_shared(token: &Token, now: UnixMillis) -> bool {
    let life = token.expires_at.since(token.issued_at);
    token.subject == APP && token.revoked_at.is_none() && now < token.issued_at.plus(life / 2)
}

/// Whether a token would be no more than the one that is shown for it.
fn within(new: &NewToken, issuer: &Token, now: UnixMillis) -> Result<(), Problem> {
    let forbidden = |field, sentence| Err(Problem::new(Code::FORBIDDEN, sentence).field(field));
    let scopes = issuer.access.scopes;
    if !scopes.covers(new.access.scopes) {
        let sentence = format!("A token cannot make one that may do more; it has the scopes {scopes}.");
        return forbidden("scopes", sentence);
    }
    // A list is checked session by session, so that one out of sight is not found.
    if new.access.sessions.is_all() && !issuer.access.sessions.is_all() {
        let sentence = "A token for certain sessions cannot make one for every session; list some of its own.";
        return forbidden("sessions", sentence.to_owned());
    }
    // Even a token of a second must fit.
    let lifetime = new.lifetime.unwrap_or(Duration::from_secs(1));
    if now.plus(lifetime) > issuer.expires_at {
        let end = issuer.expires_at.rfc3339();
        let sentence = format!("A token cannot make one that lives longer; it ends at {end}.");
        return forbidden("expiresIn", sentence);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use switchboard_core::access::Scope;

    use super::*;

    const START: UnixMillis = UnixMillis(1_800_000_000_500);
    const HOUR: Duration = Duration::from_secs(3600);

    fn new(scopes: &[Scope], sessions: Sight, lifetime: Option<Duration>) -> NewToken {
        NewToken {
            name: "desk".to_owned(),
            access: Access {
                scopes: scopes.iter().copied().collect(),
                sessions,
            },
            lifetime,
        }
    }

    fn refused(outcome: Result<(), Problem>) -> Option<(Code, String)> {
        let problem = outcome.err()?;
        Some((
            problem.code().clone(),
            problem.field_name().unwrap_or_default().to_owned(),
        ))
    }

    #[test]
    fn the_shared_token_is_good_for_half_of_its_life() {
        let full = NewToken {
            name: APP.to_owned(),
            access: Access::full(),
            lifetime: None,
        };
        let token = full.issue("a".to_owned(), START, None);
        let half = token.issued_at.plus(LIFETIME / 2);
        assert!(is_shared(&token, START) && is_shared(&token, UnixMillis(half.0 - 1)));
        assert!(!is_shared(&token, half));
        let revoked = Token {
            revoked_at: Some(START),
            ..token.clone()
        };
        let other = Token {
            subject: "desk".to_owned(),
            ..token
        };
        assert!(!is_shared(&revoked, START) && !is_shared(&other, START));
    }

    #[test]
    fn a_token_that_could_do_nothing_or_is_called_as_the_shared_one_is_refused() {
        let one = || Sight::from_iter(["qr_1_0000000a".parse().unwrap()]);
        let many = (0..65).map(|n| format!("qr_1_{n:08x}").parse().unwrap());
        for (token, field) in [
            (new(&[], Sight::All, None), "scopes"),
            (new(&[Scope::Admin], Sight::from_iter([]), None), "sessions"),
            (new(&[Scope::Admin], many.collect(), None), "sessions"),
            (
                NewToken {
                    name: APP.to_owned(),
                    ..new(&[Scope::Admin], one(), None)
                },
                "name",
            ),
        ] {
            let found = refused(token.check());
            assert_eq!(found, Some((Code::INVALID_FIELD, field.to_owned())), "{token:?}");
        }
        assert_eq!(refused(new(&[Scope::Admin], one(), None).check()), None);
    }

    #[test]
    fn a_token_makes_none_that_may_do_more_or_lives_longer() {
        let scopes = [Scope::Admin, Scope::SessionsRead];
        let issuer = new(&scopes, Sight::All, Some(HOUR)).issue("issuer".to_owned(), START, None);
        let left = issuer.expires_at.since(START);
        for (asked, field) in [
            (new(&scopes, Sight::All, None), None),
            (new(&scopes, Sight::All, Some(left)), None),
            (new(&[Scope::SessionsRead], Sight::from_iter([]), Some(left)), None),
            (new(&scopes, Sight::All, Some(HOUR)), Some("expiresIn")),
            (new(&[Scope::MessagesSend], Sight::All, None), Some("scopes")),
            (new(&Scope::ALL, Sight::All, None), Some("scopes")),
        ] {
            let found = refused(within(&asked, &issuer, START));
            assert_eq!(
                found,
                field.map(|field| (Code::FORBIDDEN, field.to_owned())),
                "{asked:?}"
            );
        }
        let made = new(&scopes, Sight::All, None).issue("made".to_owned(), START, Some(&issuer));
        assert_eq!(
            (made.expires_at, made.issued_by.as_deref()),
            (issuer.expires_at, Some("issuer"))
        );
        let over = within(&new(&scopes, Sight::All, None), &issuer, issuer.expires_at);
        assert_eq!(refused(over), Some((Code::FORBIDDEN, "expiresIn".to_owned())));
    }

    #[test]
    fn a_token_for_certain_sessions_makes_none_for_every_session() {
        let sessions = Sight::from_iter(["qr_1_0000000a".parse().unwrap()]);
        let issuer = new(&Scope::ALL, sessions, None).issue("issuer".to_owned(), START, None);
        let found = refused(within(&new(&Scope::ALL, Sight::All, None), &issuer, START));
        assert_eq!(found, Some((Code::FORBIDDEN, "sessions".to_owned())));
    }
}
