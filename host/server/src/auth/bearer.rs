//! The `Authorization` header, and the handler argument that demands a scope.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use switchboard_core::problem::{Code, Problem};
use switchboard_core::secret::Secret;

use super::jwt::TokenFault;
use super::scope::{Needs, Scopes};
use crate::app::App;
use crate::problem::Failure;

/// The caller may do what `S` stands for. As the first argument of a handler it refuses everybody else before anything is read.
#[derive(Debug)]
pub(crate) struct May<S>(PhantomData<S>);

impl<S: Needs> FromRequestParts<App> for May<S> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let scopes = scopes(app, &parts.headers)?;
        if scopes.allow(S::SCOPE) {
            return Ok(Self(PhantomData));
        }
        let allowed: Vec<_> = scopes.iter().map(super::scope::Scope::as_str).collect();
        let sentence = format!(
            "This needs the scope {}; the token has {}.",
            S::SCOPE,
            if allowed.is_empty() {
                "none".into()
            } else {
                allowed.join(", ")
            }
        );
        Err(Problem::new(Code::FORBIDDEN, sentence).into())
    }
}

/// What the request's caller may do.
fn scopes(app: &App, headers: &HeaderMap) -> Result<Scopes, Problem> {
    let token = presented(headers)?.ok_or_else(|| {
        Problem::new(
            Code::UNAUTHORIZED,
            "Send a token as `Authorization: Bearer ...`. GET /api/token gives one to programs on the server's machine.",
        )
    })?;
    if app.admin_key.as_ref().is_some_and(|key| admin_key_matches(key, token)) {
        return Ok(Scopes::all());
    }
    let claims = app.tokens.verify(token, app.clock.now()).map_err(refused)?;
    if app.service.token_revoked(&claims.jti) {
        return Err(refused(TokenFault::Revoked));
    }
    Ok(claims.scopes)
}

fn refused(fault: TokenFault) -> Problem {
    Problem::new(Code::UNAUTHORIZED, fault.to_string())
}

/// The bearer token of a request, if it has an `Authorization` header.
///
/// # Errors
/// `unauthorized` when there are several headers, another scheme, or no single token.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().ok(),
        (Some(_), Some(_)) => None,
    };
    value
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim_matches(' '))
        .filter(|token| !token.is_empty())
        .map(Some)
        .ok_or_else(|| Problem::new(Code::UNAUTHORIZED, "Send one header `Authorization: Bearer <token>`."))
}

/// Whether `given` is the operator's key. Both are hashed under one key first, so the time says nothing about either.
pub(crate) fn admin_key_matches(key: &Secret, given: &str) -> bool {
    let tag = |text: &str| Hmac::<Sha256>::new_from_slice(b"switchboard admin key").map(|mac| mac.chain_update(text));
    match (tag(key.expose()), tag(given)) {
        (Ok(ours), Ok(theirs)) => ours.verify_slice(&theirs.finalize().into_bytes()).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::app_token::LIFETIME;
    use crate::auth::scope::Scope;
    use crate::testing::{ADMIN_KEY, TestApp};

    fn headers(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::AUTHORIZATION, value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn one_bearer_token_is_taken_whatever_the_case_of_its_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(presented(&headers(&[value])).unwrap(), Some("abc"), "{value:?}");
        }
        assert_eq!(presented(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn anything_else_in_the_header_is_refused() {
        let mut two = headers(&["Bearer a"]);
        two.append(header::AUTHORIZATION, "Bearer b".parse().unwrap());
        let mut corpus = vec![two];
        corpus.extend(["", "Bearer", "Bearer ", "Basic abc", "abc"].map(|value| headers(&[value])));
        for headers in corpus {
            assert_eq!(
                presented(&headers).unwrap_err().code(),
                &Code::UNAUTHORIZED,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn only_the_whole_admin_key_matches() {
        let key = Secret::from("correct horse battery".to_owned());
        assert!(admin_key_matches(&key, "correct horse battery"));
        for wrong in ["", "correct", "correct horse battery ", "Correct horse battery"] {
            assert!(!admin_key_matches(&key, wrong), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn every_documented_operation_but_the_open_ones_refuses_a_caller_without_a_token() {
        let app = TestApp::new().await;
        let document: serde_json::Value = serde_json::from_slice(&app.app.openapi).unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let answered = app.anonymous(&method.to_uppercase(), path).await;
                let open = matches!(path.as_str(), "/api/token" | "/openapi.json" | "/healthz" | "/readyz");
                assert_eq!(answered.status == 401, !open, "{method} {path}");
                if !open {
                    answered.failure(401, "unauthorized", None);
                    assert_eq!(answered.headers["www-authenticate"], "Bearer");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_token_goes_as_far_as_its_scopes_and_no_farther_than_its_revocation() {
        let app = TestApp::new().await;
        let scopes = [Scope::SessionsRead].into_iter().collect();
        let issued = app.app.service.app_token("narrow", LIFETIME).await.unwrap();
        let claims = app
            .app
            .tokens
            .claims("narrow", issued.jti.clone(), issued.issued_at, LIFETIME, scopes);
        let token = app.app.tokens.sign(&claims, app.app.clock.now()).unwrap();
        let list = || app.with_token("GET", "/api/sessions", &token);
        assert_eq!(list().await.status, 200);
        let answered = app.with_token("POST", "/api/messages/send", &token).await;
        let sentence = answered.failure(403, "forbidden", None)["error"].to_string();
        assert!(
            sentence.contains("messages:send") && sentence.contains("sessions:read"),
            "{sentence}"
        );
        assert!(app.app.service.revoke_token(&issued.jti).await.unwrap());
        list().await.failure(401, "unauthorized", None);
    }

    #[tokio::test]
    async fn the_admin_key_may_do_everything() {
        let app = TestApp::new().await;
        assert_eq!(app.with_token("GET", "/api/sessions", ADMIN_KEY).await.status, 200);
        app.with_token("GET", "/api/sessions", "another key")
            .await
            .failure(401, "unauthorized", None);
    }
}
