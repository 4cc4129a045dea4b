//! `POST /api/signed-urls`: a URL that can be read for five minutes without a header.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::auth::signed_url::SignablePath;
use crate::described::SignablePathText;
use crate::extract;
use crate::problem::Answer;

/// What is to be read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignBody {
    /// A path that begins with `/api/`, with its query and percent-encoded, exactly as it will be requested.
    #[schema(value_type = SignablePathText)]
    path: SignablePath,
}

/// The URL.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedUrl {
    /// Always true.
    success: bool,
    /// The whole URL if `server.public_url` is set; else its path and query, to be put behind the address that you use.
    #[schema(example = "https://wa.example.com/api/sessions/qr_1700000000000_1a2b3c4d/qr?signature=...")]
    url: String,
    /// Until when it can be opened.
    #[schema(example = "2026-11-23T08:20:30.000Z")]
    expires_at: String,
}

/// Signs a URL for one GET route, which then needs no `Authorization` header: for pictures, links and EventSource.
///
/// It is good for five minutes, for this path and query alone, as far as the token that makes it may go, and as long as that token
/// is valid. It can be opened several times.
#[utoipa::path(
    post,
    path = "/api/signed-urls",
    operation_id = "signUrl",
    tag = "tokens",
    request_body = SignBody,
    responses((status = 200, body = SignedUrl)),
    security(("bearer" = []))
)]
pub(crate) async fn create(
    caller: Caller,
    State(app): State<App>,
    extract::Json(body): extract::Json<SignBody>,
) -> Answer<Json<SignedUrl>> {
    let (signed, until) = body.path.sign(&app, &caller)?;
    let base = app.public_url.as_deref().unwrap_or_default();
    Ok(Json(SignedUrl {
        success: true,
        url: format!("{base}{signed}"),
        expires_at: until.rfc3339(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{ADMIN_KEY, TestApp};

    #[tokio::test]
    async fn a_signed_url_is_read_without_a_header_by_get_and_for_its_own_path_alone() {
        let app = TestApp::new().await;
        let id = app.session().await;
        for path in [
            "/api/sessions".to_owned(),
            "/api/sessions?limit=5&status=INACTIVE".to_owned(),
            format!("/api/sessions/{id}"),
            "/api/messages?limit=5".to_owned(),
        ] {
            let url = app.signed_url(&path).await;
            for _ in 0..2 {
                let signed = app.anonymous("GET", &url).await;
                assert_eq!(
                    (signed.status.as_u16(), &signed.bytes),
                    (200, &app.get(&path).await.bytes),
                    "{url}"
                );
            }
        }
        let url = app.signed_url(&format!("/api/sessions/{id}")).await;
        for (method, changed) in [
            ("DELETE", url.clone()),
            ("HEAD", url.clone()),
            ("GET", url.replace(&id, "qr_1_deadbeef")),
            ("GET", url.replace('?', "?limit=5&")),
            ("GET", format!("{url}&limit=5")),
            ("GET", url.replace("/api/", "/api//")),
        ] {
            let answered = app.anonymous(method, &changed).await;
            assert!(matches!(answered.status.as_u16(), 401 | 404), "{method} {changed}");
        }
        assert_eq!(
            app.get(&format!("/api/sessions/{id}")).await.json()["status"],
            "REGISTERING"
        );
    }

    #[tokio::test]
    async fn a_signed_url_goes_as_far_as_its_token_and_dies_with_it() {
        let app = TestApp::new().await;
        let [ours, theirs] = [app.session().await, app.session().await];
        let created = app
            .call(
                "POST",
                "/api/tokens",
                json!({"scopes": ["sessions:read"], "sessions": [ours]}),
            )
            .await
            .json();
        let (token, id) = (created["token"].as_str().unwrap(), created["id"].as_str().unwrap());
        let sign = async |path: &str| {
            let signed = app
                .call_with(token, "POST", "/api/signed-urls", json!({"path": path}))
                .await;
            signed.json()["url"].as_str().unwrap().to_owned()
        };
        let own = sign(&format!("/api/sessions/{ours}")).await;
        assert_eq!(app.anonymous("GET", &own).await.status, 200);
        let list = app.anonymous("GET", &sign("/api/sessions").await).await.json();
        assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
        let other = sign(&format!("/api/sessions/{theirs}")).await;
        app.anonymous("GET", &other)
            .await
            .failure(404, "session_not_found", Some("sessionId"));
        let beyond = sign("/api/messages").await;
        app.anonymous("GET", &beyond).await.failure(403, "forbidden", None);

        app.call("DELETE", &format!("/api/tokens/{id}"), json!(null)).await;
        app.anonymous("GET", &own).await.failure(401, "unauthorized", None);
    }

    #[tokio::test]
    async fn a_signed_url_is_good_for_five_minutes_and_no_longer_than_its_token() {
        let app = TestApp::new().await;
        let short = app.token(json!({"scopes": ["sessions:read"], "expiresIn": 60})).await;
        let until = |answered: crate::testing::Answered| answered.json()["expiresAt"].as_str().unwrap().to_owned();
        let body = json!({"path": "/api/sessions"});
        let now = app.app.clock.now();
        let of_app = until(app.call("POST", "/api/signed-urls", body.clone()).await);
        let of_short = until(app.call_with(&short, "POST", "/api/signed-urls", body.clone()).await);
        let in_secs = |secs| now.plus(std::time::Duration::from_secs(secs)).rfc3339();
        assert_eq!([of_app, of_short], [in_secs(300), in_secs(60)]);

        let url = app.signed_url("/api/sessions").await;
        app.advance(299);
        assert_eq!(app.anonymous("GET", &url).await.status, 200);
        app.advance(1);
        let answered = app.anonymous("GET", &url).await;
        let sentence = answered.failure(401, "unauthorized", None)["error"].to_string();
        assert!(sentence.contains("signed-urls"), "{sentence}");
    }

    #[tokio::test]
    async fn behind_a_public_url_it_is_the_whole_url() {
        for public in ["https://wa.example.com", "https://example.com/wa/"] {
            let app = TestApp::with(|config| config.server.public_url = Some(public.parse().unwrap())).await;
            let url = app.signed_url("/api/sessions").await;
            let base = public.trim_end_matches('/');
            let path = url.strip_prefix(base).unwrap();
            assert_eq!(app.anonymous("GET", path).await.status, 200, "{url}");
        }
    }

    #[tokio::test]
    async fn the_admin_key_signs_too() {
        let app = TestApp::new().await;
        let body = json!({"path": "/api/sessions"});
        let signed = app.call_with(ADMIN_KEY, "POST", "/api/signed-urls", body).await.json();
        let url = signed["url"].as_str().unwrap();
        assert!(!url.contains(ADMIN_KEY));
        assert_eq!(app.anonymous("GET", url).await.status, 200);
    }

    #[tokio::test]
    async fn what_a_client_would_request_differently_is_not_signed() {
        let app = TestApp::new().await;
        let long = format!("/api/sessions?x={}", "y".repeat(2048));
        for path in [
            "",
            "/",
            "/healthz",
            "/apisessions",
            "api/sessions",
            "//evil.example/api/",
            "https://evil.example/api/sessions",
            "/api/../openapi.json",
            "/api/./sessions",
            "/api/%2e%2e/openapi.json",
            "/api/sessions#x",
            "/api/sessions?",
            "/api/sessions?q=a b",
            "/api/sessions?q=ü",
            "/api/sessions\n",
            "/api\\sessions",
            "/api/sessions?signature=x",
            "/api/sessions?limit=1&signature=x",
            &long,
        ] {
            app.call("POST", "/api/signed-urls", json!({"path": path}))
                .await
                .failure(400, "invalid_field", Some("path"));
        }
    }
}
