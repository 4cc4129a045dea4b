//! What a request shows for itself, and whom that stands for.

use axum::http::Method;
use axum::http::request::Parts;
use axum::http::uri::Uri;
use switchboard_core::clock::UnixMillis;
use switchboard_core::problem::{Code, Problem};
use switchboard_core::secret::Secret;

use super::bearer::{admin_key_matches, presented};
use super::caller::{Caller, refused, wrong};
use super::jwt::TokenFault;
use super::signed_url::Signature;
use crate::app::App;
use crate::peer::Peer;

/// A credential. It can be looked at again, for an answer that goes on for long.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// The admin key or a token, in the `Authorization` header.
    Bearer(Secret),
    /// The signature of this URL.
    SignedUrl(Signature, Uri),
}

impl Shown {
    /// What this request shows. The parameter of a signed URL is taken out of the query: it is no business of the handler's.
    ///
    /// # Errors
    /// `unauthorized` when it shows nothing, or more than one thing.
    pub(crate) fn take(parts: &mut Parts) -> Result<Self, Problem> {
        let signature = Signature::take(&mut parts.uri);
        match (presented(&parts.headers)?, signature) {
            (Some(_), Some(_)) => Err(Problem::new(
                Code::UNAUTHORIZED,
                "Send either the header Authorization or a signed URL.",
            )),
            (Some(shown), None) => Ok(Self::Bearer(shown.to_owned().into())),
            (None, Some(signature)) => Ok(Self::SignedUrl(signature, parts.uri.clone())),
            (None, None) => Err(Problem::new(
                Code::UNAUTHORIZED,
                "Send a token as `Authorization: Bearer ...`. GET /api/token gives one to programs on the server's machine.",
            )),
        }
    }

    /// Whom it stands for. What is none of ours counts as a guess.
    ///
    /// # Errors
    /// `unauthorized`; `rate_limited` after too many guesses; when the database cannot be written.
    pub(crate) async fn caller(&self, app: &App, method: &Method, peer: Peer) -> Result<Caller, Problem> {
        let now = app.clock.now();
        let caller = match self {
            Self::Bearer(text) if is_admin_key(app, text) => Caller::AdminKey,
            Self::Bearer(text) => {
                let claims = app.tokens.verify(text.expose(), now).map_err(|fault| match fault {
                    TokenFault::Invalid => wrong(app, peer, &fault.to_string()),
                    _ => refused(fault),
                })?;
                let id = claims.jti.clone();
                Caller::Token(app.service.know_token(&id, || claims.row()).await?)
            }
            Self::SignedUrl(signature, uri) => {
                let maker = signature.maker(app, method, uri, now);
                let maker = maker.map_err(|fault| wrong(app, peer, &fault.to_string()))?;
                signature.check_time(now)?;
                maker
            }
        };
        caller.checked(now)
    }

    /// Whether it still stands for whom it did: the token is neither revoked nor expired, and the key that signed it is in use. For
    /// how long a signed URL can be opened does not matter to who has opened it.
    pub(crate) fn is_good(&self, app: &App) -> bool {
        let now: UnixMillis = app.clock.now();
        let caller = match self {
            Self::Bearer(text) if is_admin_key(app, text) => Some(Caller::AdminKey),
            Self::Bearer(text) => {
                let claims = app.tokens.verify(text.expose(), now).ok();
                let token = claims.and_then(|claims| app.service.known_token(&claims.jti));
                token.map(Caller::Token)
            }
            Self::SignedUrl(signature, uri) => signature.maker(app, &Method::GET, uri, now).ok(),
        };
        caller.is_some_and(|caller| caller.checked(now).is_ok())
    }
}

fn is_admin_key(app: &App, text: &Secret) -> bool {
    let key = app.admin_key.as_ref();
    key.is_some_and(|key| admin_key_matches(key, text.expose()))
}
