//! Signed URLs: a GET that needs no header, for pictures, EventSource and links.
//!
//! The URL carries its own permission as the last parameter of its query, `signature=<until>.<maker>.<seal>`. The seal covers the
//! time, the path, the rest of the query byte by byte, and who made it: a token, which is looked up when the URL is used, so that
//! its scopes, its sessions, its end and its revocation are the URL's own; or the admin key, which is sealed in, so that another
//! key ends the URL.

use std::str::FromStr;
use std::time::Duration;

use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{Method, uri};
use switchboard_core::clock::UnixMillis;
use switchboard_core::problem::{Code, Problem};
use url::Url;

use super::caller::Caller;
use crate::app::App;

/// How long a URL is good.
const LIFETIME: Duration = Duration::from_secs(300);
/// The parameter.
const PARAMETER: &str = "signature=";
/// Stands for the admin key; no token has such an id.
const ADMIN: &str = "admin";

/// A path under `/api/` with its query, in the one spelling in which clients send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignablePath(String);

impl FromStr for SignablePath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        // What a browser would write differently would not fit its own signature.
        let base = Url::parse("http://localhost").ok();
        let as_sent = base.and_then(|base| base.join(text).ok()).map(|url| {
            let query = url.query().filter(|query| !query.is_empty());
            let query = query.map_or_else(String::new, |query| format!("?{query}"));
            format!("{}{query}", url.path())
        });
        let plain = text.len() <= Self::LONGEST && as_sent.is_some_and(|as_sent| as_sent == text);
        let signed = text.split(['?', '&']).any(|part| part.starts_with(PARAMETER));
        if plain && text.starts_with("/api/") && !signed {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a path that begins with /api/, with its query and percent-encoded, as it is requested")
        }
    }
}

impl<'de> serde::Deserialize<'de> for SignablePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl SignablePath {
    /// Longer paths are not signed.
    pub(crate) const LONGEST: usize = 2048;

    /// The path with a signature by this caller, and until when it is good.
    ///
    /// # Errors
    /// Only when the library cannot sign.
    pub(crate) fn sign(&self, app: &App, caller: &Caller) -> Result<(String, UnixMillis), Problem> {
        let Self(path) = self;
        let now = app.clock.now();
        let until = caller
            .token()
            .map_or(UnixMillis(i64::MAX), |token| token.expires_at)
            .min(now.plus(LIFETIME));
        let maker = caller.token().map_or(ADMIN, |token| token.id.as_str());
        let claim = format!("{}.{maker}", until.as_secs());
        let text = sealed_text(app, caller, &claim, path);
        let seal = app.tokens.seal(&text, now).map_err(Problem::internal)?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{path}{separator}{PARAMETER}{claim}.{seal}");
        Ok((url, UnixMillis::from_secs(until.as_secs())))
    }
}

/// What is sealed. The admin key is part of what it makes, and none of it can be read from the seal.
fn sealed_text(app: &App, maker: &Caller, claim: &str, path: &str) -> String {
    let key = match maker {
        Caller::AdminKey => app.admin_key.as_ref().map_or("", |key| key.expose()),
        Caller::Token(_) => "",
    };
    format!("GET\n{claim}\n{path}\n{key}")
}

/// Why a signature is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureFault {
    /// Another method was signed for.
    #[error("A signed URL is good for GET alone.")]
    Method,
    /// Not made here, or for another path.
    #[error("The signature does not fit this URL.")]
    Misfit,
}

/// The signature of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature(String);

impl Signature {
    /// Takes the signature out of the query, if it is the last parameter there.
    pub(crate) fn take(uri: &mut Uri) -> Option<Self> {
        let query = uri.query()?;
        let start = query.rfind('&').map_or(0, |at| at + 1);
        let signature = query.get(start..)?.strip_prefix(PARAMETER)?.to_owned();
        let rest = query.get(..start.saturating_sub(1)).unwrap_or_default();
        let unsigned = match rest {
            "" => uri.path().to_owned(),
            rest => format!("{}?{rest}", uri.path()),
        };
        let mut parts = uri::Parts::from(uri.clone());
        parts.path_and_query = PathAndQuery::try_from(unsigned).ok();
        *uri = Uri::from_parts(parts).ok()?;
        Some(Self(signature))
    }

    /// Who made this signature for this request. Whether its time is over is another question.
    ///
    /// # Errors
    /// When it is no signature of ours, or one for something else.
    pub(crate) fn maker(
        &self,
        app: &App,
        method: &Method,
        uri: &Uri,
        now: UnixMillis,
    ) -> Result<Caller, SignatureFault> {
        if method != Method::GET {
            return Err(SignatureFault::Method);
        }
        let (claim, seal) = self.0.rsplit_once('.').ok_or(SignatureFault::Misfit)?;
        let (_, maker) = claim.split_once('.').ok_or(SignatureFault::Misfit)?;
        let maker = if maker == ADMIN {
            app.admin_key.as_ref().map(|_| Caller::AdminKey)
        } else {
            app.service.known_token(maker).map(Caller::Token)
        };
        let maker = maker.ok_or(SignatureFault::Misfit)?;
        let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
        if app.tokens.is_sealed(&sealed_text(app, &maker, claim, path), seal, now) {
            Ok(maker)
        } else {
            Err(SignatureFault::Misfit)
        }
    }

    /// # Errors
    /// `unauthorized` when the URL's time is over.
    pub(crate) fn check_time(&self, now: UnixMillis) -> Result<(), Problem> {
        let until = self.0.split('.').next().and_then(|until| until.parse().ok());
        if until.is_some_and(|until| now < UnixMillis::from_secs(until)) {
            return Ok(());
        }
        let sentence = "The signed URL has expired; POST /api/signed-urls gives a new one.";
        Err(Problem::new(Code::UNAUTHORIZED, sentence))
    }
}
