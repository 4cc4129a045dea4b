//! `PATCH /api/sessions/{sessionId}`: another name, other metadata, another proxy.

use axum::Json;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use switchboard_core::ids::SessionRef;
use switchboard_core::proxy::Proxy;
use switchboard_service::SessionChanges;
use utoipa::ToSchema;

use super::done::SessionDone;
use crate::auth::May;
use crate::auth::scope::SessionsWrite;
use crate::described::{ProxyText, SessionRefText};
use crate::extract::{self, Path, Text};
use crate::problem::Answer;

/// What is to be another. A field that is left out stays as it is, and null takes it away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateBody {
    /// A name for people, up to 100 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "front desk", min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    name: Option<Option<Text<1, 100>>>,
    /// Merged into what is there (RFC 7396): each name takes the value that is given here, an object inside is merged in the same way, a
    /// list takes the place of a list, and null removes the name. Up to 4 KiB afterwards.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Map<String, Value>>>,
    /// Through whom the session's connections leave, as at its creation. With another proxy than before, or none, the connection is
    /// closed and made anew; with the same one it stays. The `***` of an answer is not taken for a password.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<ProxyText>)]
    proxy: Option<Option<Proxy>>,
}

/// A value that stands there, be it null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Changes a session: a JSON merge patch (RFC 7396) of its `name`, `metadata` and `proxy`, all of them or nothing.
#[utoipa::path(
    patch,
    path = "/api/sessions/{sessionId}",
    operation_id = "updateSession",
    tag = "sessions",
    params(("sessionId" = inline(SessionRefText), Path, description = "The session's id, its mobid, or its linked number.")),
    request_body = UpdateBody,
    responses((status = 200, body = SessionDone)),
    security(("bearer" = ["sessions:write"]))
)]
pub(crate) async fn update(
    may: May<SessionsWrite>,
    Path(session): Path<SessionRef>,
    extract::Json(body): extract::Json<UpdateBody>,
) -> Answer<Json<SessionDone>> {
    let changes = SessionChanges {
        name: body.name.map(|name| name.map(String::from)),
        metadata: body.metadata,
        proxy: body.proxy,
    };
    let session = may.service.update_session(&session, changes).await?;
    Ok(Json(SessionDone::new("Session updated", session)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::TestApp;

    const PROXY: &str = "http://user:hunter2@127.0.0.1:9";
    const SHOWN: &str = "http://user:***@127.0.0.1:9";

    #[tokio::test]
    async fn what_is_left_out_stays_and_null_takes_away() {
        let app = TestApp::new().await;
        let path = format!("/api/sessions/{}", app.session().await);
        for (body, name, metadata, proxy) in [
            (
                json!({"name": "desk", "metadata": {"a": 1, "b": {"c": 2}}}),
                json!("desk"),
                json!({"a": 1, "b": {"c": 2}}),
                Value::Null,
            ),
            (
                json!({"proxy": PROXY}),
                json!("desk"),
                json!({"a": 1, "b": {"c": 2}}),
                json!(SHOWN),
            ),
            (
                json!({"name": null, "metadata": {"a": null, "b": {"d": 3}}}),
                Value::Null,
                json!({"b": {"c": 2, "d": 3}}),
                json!(SHOWN),
            ),
            (json!({}), Value::Null, json!({"b": {"c": 2, "d": 3}}), json!(SHOWN)),
            (
                json!({"metadata": null, "proxy": null}),
                Value::Null,
                Value::Null,
                Value::Null,
            ),
        ] {
            let updated = app.call("PATCH", &path, body.clone()).await;
            assert_eq!(updated.status, 200, "{body}: {}", updated.json());
            for session in [updated.json()["session"].clone(), app.get(&path).await.json()] {
                let found = (&session["name"], &session["metadata"], &session["proxy"]);
                assert_eq!(found, (&name, &metadata, &proxy), "{body}");
            }
        }
    }

    #[tokio::test]
    async fn each_wrong_field_is_named_and_nothing_is_changed() {
        let app = TestApp::new().await;
        let path = format!("/api/sessions/{}", app.session().await);
        let before = json!({"name": "desk", "metadata": {"a": "x".repeat(3000)}, "proxy": PROXY});
        app.call("PATCH", &path, before).await;
        let before = app.get(&path).await.json();
        for (body, field) in [
            (json!({"name": ""}), "name"),
            (json!({"name": "x", "metadata": "y"}), "metadata"),
            (json!({"name": "x", "metadata": {"b": "x".repeat(3000)}}), "metadata"),
            (json!({"name": "x", "proxy": SHOWN}), "proxy"),
            (json!({"name": "x", "proxy": {"url": PROXY}}), "proxy"),
            (json!({"method": "qr"}), "method"),
        ] {
            let answered = app.call("PATCH", &path, body).await;
            let said = answered.failure(400, "invalid_field", Some(field));
            assert!(!said.to_string().contains("hunter2"), "{said}");
        }
        let near = json!({"name": "x", "proxy": "http://10.0.0.5:3128"});
        let answered = app.call("PATCH", &path, near).await;
        answered.failure(403, "forbidden", Some("proxy"));
        let after = app.get(&path).await.json();
        for field in ["name", "metadata", "proxy"] {
            assert_eq!(after[field], before[field]);
        }
        let stranger = app
            .call("PATCH", "/api/sessions/qr_1700000000000_00000000", json!({}))
            .await;
        stranger.failure(404, "session_not_found", Some("sessionId"));
    }

    #[tokio::test]
    async fn it_needs_the_scope_to_write_sessions() {
        let app = TestApp::new().await;
        let path = format!("/api/sessions/{}", app.session().await);
        let token = app.token(json!({"name": "reader", "scopes": ["sessions:read"]})).await;
        let answered = app.call_with(&token, "PATCH", &path, json!({"name": "x"})).await;
        answered.failure(403, "forbidden", None);
    }
}
