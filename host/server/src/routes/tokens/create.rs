//! `POST /api/tokens`: a token that may do no more than whoever asks for it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use switchboard_core::access::{Access, Scopes, Sight};
use switchboard_core::problem::Problem;
use switchboard_service::{NewToken, TokenView};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::May;
use crate::auth::lifetime::Lifetime;
use crate::auth::scope::Admin;
use crate::described::{LifetimeValue, ScopeWord, SessionIdText};
use crate::extract::{self, Text};
use crate::problem::Answer;

/// What the token may do, with which sessions, and for how long.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewTokenBody {
    /// Who will show it, up to 100 characters.
    #[schema(value_type = Option<String>, example = "front desk", min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    name: Option<Text<1, 100>>,
    /// What it may do: `sessions:read`, `sessions:write`, `messages:send`, `messages:read`, `webhooks`, `plugins`, `admin`. No
    /// scope includes another one.
    #[schema(value_type = Vec<ScopeWord>, example = json!(["messages:send", "sessions:read"]), min_items = 1)]
    scopes: Scopes,
    /// The ids of the sessions that it is limited to; every other session is not there for it. Leave it out for every session.
    #[serde(default = "Sight::all")]
    #[schema(value_type = Vec<SessionIdText>, required = false, min_items = 1, max_items = 64)]
    sessions: Sight,
    /// How long it is valid, up to 366 days: seconds as a number, or a text such as `15m`, `24h` or `90d`. Without it 90 days, or as
    /// long as the token that is shown.
    #[schema(value_type = Option<LifetimeValue>)]
    expires_in: Option<Lifetime>,
}

/// The new token, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedToken {
    /// Always true.
    success: bool,
    /// Send it as `Authorization: Bearer ...`. It cannot be seen again.
    #[schema(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsImtpZCI6IjFhMmIzYzRkIn0.e30.c2ln")]
    token: String,
    /// What it may do.
    #[serde(flatten)]
    details: TokenView,
}

/// Makes a token.
///
/// It may do no more than the one that is shown for it, and ends no later.
#[utoipa::path(
    post,
    path = "/api/tokens",
    operation_id = "createToken",
    tag = "tokens",
    request_body = NewTokenBody,
    responses((status = 201, body = IssuedToken)),
    security(("bearer" = ["admin"]))
)]
pub(crate) async fn create(
    may: May<Admin>,
    State(app): State<App>,
    extract::Json(body): extract::Json<NewTokenBody>,
) -> Answer<(StatusCode, Json<IssuedToken>)> {
    let new = NewToken {
        name: body.name.map_or_else(|| "api".to_owned(), String::from),
        access: Access {
            scopes: body.scopes,
            sessions: body.sessions,
        },
        lifetime: body.expires_in.map(Lifetime::get),
    };
    let issued = may.service.issue_token(new, may.caller.token()).await?;
    let token = app.tokens.sign(&issued, app.clock.now()).map_err(Problem::internal)?;
    let created = IssuedToken {
        success: true,
        token,
        details: TokenView::of(&issued),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::TestApp;

    const TOKENS: &str = "/api/tokens";

    #[tokio::test]
    async fn a_new_token_is_shown_once_and_may_do_what_was_asked_for() {
        let app = TestApp::new().await;
        let id = app.session().await;
        let body = json!({"name": "desk", "scopes": ["sessions:read"], "sessions": [id], "expiresIn": "1h"});
        let created = app.call("POST", TOKENS, body).await;
        assert_eq!(created.status, 201);
        let mut shown = created.json();
        let token = shown["token"].take().as_str().unwrap().to_owned();
        assert_eq!(
            (
                &shown["name"],
                &shown["scopes"],
                &shown["sessions"],
                &shown["revokedAt"]
            ),
            (&json!("desk"), &json!(["sessions:read"]), &json!([id]), &Value::Null)
        );
        assert_eq!(app.with_token("GET", "/api/sessions", &token).await.status, 200);
        let listed = app.get(TOKENS).await;
        assert!(!String::from_utf8(listed.bytes.clone()).unwrap().contains(&token));
        let tokens = listed.json()["tokens"].as_array().unwrap().clone();
        let row = tokens.iter().find(|row| row["id"] == shown["id"]).unwrap();
        for field in ["name", "scopes", "sessions", "issuedBy", "issuedAt", "expiresAt"] {
            assert_eq!(row[field], shown[field], "{field}");
        }
    }

    #[tokio::test]
    async fn each_wrong_field_is_named() {
        let app = TestApp::new().await;
        let good = json!({"scopes": ["messages:send"]});
        for (field, value) in [
            ("name", json!("")),
            ("name", json!("app")),
            ("name", json!("a\nb")),
            ("name", json!("x".repeat(101))),
            ("scopes", Value::Null),
            ("scopes", json!([])),
            ("scopes", json!("admin")),
            ("scopes", json!(["root"])),
            ("sessions", Value::Null),
            ("sessions", json!([])),
            ("sessions", json!(["15550000001"])),
            (
                "sessions",
                json!((0..65).map(|n| format!("qr_1_{n:08x}")).collect::<Vec<_>>()),
            ),
            ("expiresIn", json!(0)),
            ("expiresIn", json!("1y")),
            ("expiresIn", json!(1.5)),
            ("expiresAt", json!("2030-01-01")),
        ] {
            let mut body = good.clone();
            body[field] = value.clone();
            let answered = app.call("POST", TOKENS, body).await;
            assert_eq!(answered.status, 400, "{field}: {value}");
            answered.failure(400, "invalid_field", Some(field));
        }
        app.call("POST", TOKENS, json!({}))
            .await
            .failure(400, "invalid_field", Some("scopes"));
        let unknown = json!({"scopes": ["messages:send"], "sessions": ["qr_1_deadbeef"]});
        app.call("POST", TOKENS, unknown)
            .await
            .failure(404, "session_not_found", Some("sessions"));
        assert_eq!(app.get(TOKENS).await.json()["tokens"].as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_token_makes_none_that_may_do_more() {
        let app = TestApp::new().await;
        let [ours, theirs] = [app.session().await, app.session().await];
        let narrow = json!({"scopes": ["admin", "sessions:read"], "sessions": [ours], "expiresIn": 3600});
        let token = app.token(narrow).await;
        let asked = async |body: Value| app.call_with(&token, "POST", TOKENS, body).await;
        for (body, status, code, field) in [
            (
                json!({"scopes": ["messages:send"], "sessions": [ours]}),
                403,
                "forbidden",
                "scopes",
            ),
            (json!({"scopes": ["sessions:read"]}), 403, "forbidden", "sessions"),
            (
                json!({"scopes": ["sessions:read"], "sessions": [ours], "expiresIn": "2h"}),
                403,
                "forbidden",
                "expiresIn",
            ),
            (
                json!({"scopes": ["sessions:read"], "sessions": [ours, theirs]}),
                404,
                "session_not_found",
                "sessions",
            ),
        ] {
            asked(body).await.failure(status, code, Some(field));
        }
        app.advance(1);
        let made = asked(json!({"scopes": ["admin"], "sessions": [ours]})).await;
        assert_eq!(made.status, 201);
        let listed = app.with_token("GET", TOKENS, &token).await.json();
        assert_eq!(
            listed["tokens"].as_array().unwrap().len(),
            2,
            "its own and the one it made"
        );
        assert_eq!(made.json()["issuedBy"], listed["tokens"][0]["id"]);
    }
}
