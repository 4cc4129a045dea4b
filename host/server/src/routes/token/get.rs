//! `GET /api/token`: the app's token, for programs on this machine and for whoever holds the admin key.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{admin_key_matches, app_token, local, presented, wrong};
use crate::peer::Peer;
use crate::problem::Answer;

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenBody {
    /// Always true.
    success: bool,
    /// Send it as `Authorization: Bearer ...`.
    #[schema(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImtpZCI6IjFhMmIzYzRkIn0.e30.c2ln")]
    token: String,
}

/// A token with all scopes, valid for 90 days. It stays the same until half of that is over.
///
/// Answers without a key only to programs on the server's own machine; from elsewhere send `server.admin_key` as a bearer token.
#[utoipa::path(get, path = "/api/token",
    operation_id = "getToken", tag = "tokens", responses((status = 200, body = TokenBody)))]
pub(crate) async fn get(State(app): State<App>, peer: Peer, uri: Uri, headers: HeaderMap) -> Answer<Json<TokenBody>> {
    match presented(&headers)? {
        None => local::check(app.locality, &uri, &headers)?,
        Some(key)
            if app
                .admin_key
                .as_ref()
                .is_some_and(|admin| admin_key_matches(admin, key)) => {}
        Some(_) => {
            let sentence = "This is not the admin key. A token cannot fetch another one; on the server's own machine leave \
                            the header out.";
            return Err(wrong(&app, peer, sentence).into());
        }
    }
    let token = app_token::current(&app).await?;
    Ok(Json(TokenBody { success: true, token }))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;

    use crate::testing::{ADMIN_KEY, Answered, TestApp};

    async fn fetched(app: &TestApp, headers: &[(&str, &str)]) -> Answered {
        let mut request = Request::builder().uri("/api/token");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        app.raw(request.body(Body::empty()).unwrap()).await
    }

    fn token(answered: &Answered) -> String {
        assert_eq!(answered.status, 200, "{:?}", String::from_utf8_lossy(&answered.bytes));
        assert_eq!(answered.headers["cache-control"], "no-store");
        answered.json()["token"].as_str().unwrap().to_owned()
    }

    const LOCAL: (&str, &str) = ("host", "localhost:4002");

    #[tokio::test]
    async fn programs_on_this_machine_share_one_token_until_it_is_revoked() {
        let app = TestApp::new().await;
        let first = token(&fetched(&app, &[LOCAL]).await);
        assert_eq!(token(&fetched(&app, &[LOCAL]).await), first);
        assert_eq!(app.with_token("GET", "/api/sessions", &first).await.status, 200);

        let claims = app.app.tokens.verify(&first, app.app.clock.now()).unwrap();
        app.app.service.revoke_token(&claims.jti).await.unwrap();
        app.with_token("GET", "/api/sessions", &first)
            .await
            .failure(401, "unauthorized", None);
        assert_ne!(token(&fetched(&app, &[LOCAL]).await), first);
    }

    #[tokio::test]
    async fn whoever_is_not_local_needs_the_admin_key() {
        let app = TestApp::new().await;
        let from_afar = [("host", "wa.example.com"), ("x-forwarded-for", "192.0.2.1")];
        fetched(&app, &from_afar).await.failure(403, "forbidden", None);
        let bearer = format!("Bearer {ADMIN_KEY}");
        let with_key = [from_afar[0], from_afar[1], ("authorization", &bearer)];
        token(&fetched(&app, &with_key).await);
    }

    #[tokio::test]
    async fn a_token_does_not_fetch_another_one() {
        let app = TestApp::new().await;
        let bearer = format!("Bearer {}", token(&fetched(&app, &[LOCAL]).await));
        fetched(&app, &[LOCAL, ("authorization", &bearer)])
            .await
            .failure(401, "unauthorized", None);
    }
}
