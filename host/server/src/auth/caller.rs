//! Who asks, and the handler arguments that demand it.
//!
//! A caller shows the admin key or a token in the `Authorization` header, or a signed URL that a token made. Handlers reach the use
//! cases through [`May`], which holds a service that sees the caller's sessions and no other: a route without a check has no service.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use switchboard_core::access::{Scopes, Sight};
use switchboard_core::clock::UnixMillis;
use switchboard_core::problem::{Code, Problem};
use switchboard_service::{Service, Token};

use super::jwt::{TokenFault, is_over};
use super::scope::Needs;
use super::shown::Shown;
use crate::app::App;
use crate::peer::Peer;
use crate::problem::Failure;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// The operator.
    AdminKey,
    /// Whoever has this token.
    Token(Arc<Token>),
}

/// The caller may do what `S` stands for. As the first argument of a handler it refuses everybody else before anything is read.
#[derive(Debug)]
pub(crate) struct May<S> {
    /// Who it is.
    pub(crate) caller: Caller,
    /// By what it is known.
    pub(crate) shown: Shown,
    /// The use cases, with the sessions that the caller sees.
    pub(crate) service: Service,
    scope: PhantomData<S>,
}

impl<S: Needs> FromRequestParts<App> for May<S> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let shown = Shown::take(parts)?;
        let caller = shown.caller(app, &parts.method, Peer::of(parts)).await?;
        let scopes = caller.scopes();
        if !scopes.allow(S::SCOPE) {
            let sentence = format!("This needs the scope {}; the token has {scopes}.", S::SCOPE);
            return Err(Problem::new(Code::FORBIDDEN, sentence).into());
        }
        Ok(Self {
            service: app.service.seeing(caller.sessions()),
            caller,
            shown,
            scope: PhantomData,
        })
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let shown = Shown::take(parts)?;
        Ok(shown.caller(app, &parts.method, Peer::of(parts)).await?)
    }
}

impl Caller {
    /// The caller, unless its token was taken back or has ended meanwhile.
    ///
    /// # Errors
    /// `unauthorized`.
    pub(super) fn checked(self, now: UnixMillis) -> Result<Self, Problem> {
        match &self {
            Self::Token(token) if token.revoked_at.is_some() => Err(refused(TokenFault::Revoked)),
            Self::Token(token) if is_over(token.expires_at, now) => Err(refused(TokenFault::Expired)),
            _ => Ok(self),
        }
    }

    /// What it may do.
    pub(crate) fn scopes(&self) -> Scopes {
        match self {
            Self::AdminKey => Scopes::all(),
            Self::Token(token) => token.access.scopes,
        }
    }

    /// With which sessions.
    pub(crate) fn sessions(&self) -> Sight {
        match self {
            Self::AdminKey => Sight::All,
            Self::Token(token) => token.access.sessions.clone(),
        }
    }

    /// The token that it has shown; the admin key is none.
    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::AdminKey => None,
            Self::Token(token) => Some(token),
        }
    }
}

/// The refusal of a credential that was good once, or will be.
pub(super) fn refused(fault: TokenFault) -> Problem {
    Problem::new(Code::UNAUTHORIZED, fault.to_string())
}

/// The refusal of a credential that is none of ours, which may be a guess: 401, and 429 when there were too many.
pub(crate) fn wrong(app: &App, Peer(address): Peer, sentence: &str) -> Problem {
    match app.guesses.wrong(address, app.clock.now()) {
        Ok(()) => Problem::new(Code::UNAUTHORIZED, sentence),
        Err(wait) => Problem::new(
            Code::RATE_LIMITED,
            "Too many wrong credentials came from this address. Wait as Retry-After says; a good one is taken at any time.",
        )
        .retry_after(wait),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use switchboard_core::access::Scope;

    use crate::openapi;
    use crate::testing::{ADMIN_KEY, TestApp};

    /// Every operation of our own in the document: method, path, and the scope it needs, if it needs a token.
    fn operations(app: &TestApp) -> Vec<(String, String, Option<Option<String>>)> {
        let document = openapi::document(app.app.service.plugins()).unwrap();
        let paths = document["paths"].as_object().unwrap().clone();
        let operations = paths.into_iter().flat_map(|(path, operations)| {
            let operations = operations.as_object().unwrap().clone();
            operations
                .into_iter()
                .filter(|(_, operation)| operation["x-plugin"].is_null())
                .map(move |(method, operation)| {
                    let bearer = operation["security"][0].get("bearer");
                    let scope = bearer.map(|scopes| scopes[0].as_str().map(str::to_owned));
                    (method.to_uppercase(), path.clone(), scope)
                })
                .collect::<Vec<_>>()
        });
        operations.collect()
    }

    #[tokio::test]
    async fn every_documented_operation_but_the_open_ones_refuses_a_caller_without_a_token() {
        let app = TestApp::new().await;
        for (method, path, scope) in operations(&app) {
            let answered = app.anonymous(&method, &path).await;
            let open = matches!(path.as_str(), "/api/token" | "/openapi.json" | "/healthz" | "/readyz");
            assert_eq!(scope.is_none(), open, "{method} {path}");
            if open {
                assert_ne!(answered.status, 401, "{method} {path}");
            } else {
                answered.failure(401, "unauthorized", None);
                assert_eq!(answered.headers["www-authenticate"], "Bearer");
            }
        }
    }

    #[tokio::test]
    async fn every_documented_operation_takes_its_own_scope_and_no_other() {
        let app = TestApp::new().await;
        let mut checked = 0;
        for (method, path, scope) in operations(&app) {
            let Some(Some(scope)) = scope else { continue };
            let others: Vec<_> = Scope::ALL
                .into_iter()
                .map(Scope::as_str)
                .filter(|other| *other != scope)
                .collect();
            let without = app.token(json!({"scopes": others})).await;
            let answered = app.with_token(&method, &path, &without).await;
            let sentence = answered.failure(403, "forbidden", None)["error"].to_string();
            assert!(sentence.contains(&scope), "{method} {path}: {sentence}");
            let with = app.token(json!({"scopes": [scope]})).await;
            let status = app.with_token(&method, &path, &with).await.status.as_u16();
            assert!(!matches!(status, 401 | 403), "{method} {path}: {status}");
            checked += 1;
        }
        assert!(checked >= 13, "{checked}");
    }

    #[tokio::test]
    async fn every_documented_operation_on_a_session_does_not_know_one_out_of_sight() {
        let app = TestApp::new().await;
        let [ours, theirs] = [app.session().await, app.session().await];
        let scopes: Vec<_> = Scope::ALL.into_iter().map(Scope::as_str).collect();
        let token = app.token(json!({"scopes": scopes, "sessions": [ours]})).await;
        let mut checked = 0;
        for (method, path, _) in operations(&app) {
            if path.contains("{sessionId}") {
                let path = path.replace("{sessionId}", &theirs);
                let answered = app.call_with(&token, &method, &path, json!({})).await;
                answered.failure(404, "session_not_found", Some("sessionId"));
                checked += 1;
            }
        }
        assert!(checked >= 6, "{checked}");
        let send = json!({"sessionId": theirs, "to": "15550000001", "type": "text", "text": "x"});
        for (method, path, body) in [
            ("POST", "/api/messages/send".to_owned(), send),
            ("GET", format!("/api/messages?sessionId={theirs}"), Value::Null),
        ] {
            let answered = app.call_with(&token, method, &path, body).await;
            answered.failure(404, "session_not_found", Some("sessionId"));
        }
        app.call_with(&token, "POST", "/api/sessions", json!({}))
            .await
            .failure(403, "forbidden", None);
        let listed = app.with_token("GET", "/api/sessions", &token).await.json();
        let listed = listed["sessions"].as_array().unwrap();
        assert_eq!((listed.len(), &listed[0]["sessionId"]), (1, &json!(ours)));
        let info = app.get(&format!("/api/sessions/{theirs}")).await;
        assert_eq!(info.json()["status"], "REGISTERING", "nothing was done to it");
    }

    #[tokio::test]
    async fn the_admin_key_may_do_everything() {
        let app = TestApp::new().await;
        assert_eq!(app.with_token("GET", "/api/sessions", ADMIN_KEY).await.status, 200);
        assert_eq!(app.with_token("GET", "/api/tokens", ADMIN_KEY).await.status, 200);
        app.with_token("GET", "/api/sessions", "another key")
            .await
            .failure(401, "unauthorized", None);
    }
}
