//! `DELETE /api/tokens/{tokenId}`: takes a token back.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::May;
use crate::auth::scope::Admin;
use crate::extract::Path;
use crate::problem::Answer;

/// The token is worth nothing any more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Revoked {
    /// Always true.
    success: bool,
    /// Always this sentence.
    #[schema(example = "Token revoked")]
    message: &'static str,
}

/// Takes a token back, at once and for good.
///
/// It and the URLs that it has signed are refused from now on. Tokens that were made with it stay. Doing it again changes nothing.
#[utoipa::path(
    delete,
    path = "/api/tokens/{tokenId}",
    operation_id = "revokeToken",
    tag = "tokens",
    params(("tokenId" = String, Path, description = "The token's id, as GET /api/tokens lists it.")),
    responses((status = 200, body = Revoked)),
    security(("bearer" = ["admin"]))
)]
pub(crate) async fn revoke(may: May<Admin>, Path(id): Path<String>) -> Answer<Json<Revoked>> {
    may.service.revoke_token(&id).await?;
    Ok(Json(Revoked {
        success: true,
        message: "Token revoked",
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::TestApp;

    #[tokio::test]
    async fn a_revoked_token_is_refused_at_once_and_revoking_twice_is_as_good_as_once() {
        let app = TestApp::new().await;
        let created = app
            .call("POST", "/api/tokens", json!({"scopes": ["sessions:read"]}))
            .await
            .json();
        let (token, id) = (created["token"].as_str().unwrap(), created["id"].as_str().unwrap());
        assert_eq!(app.with_token("GET", "/api/sessions", token).await.status, 200);
        for _ in 0..2 {
            let revoked = app.call("DELETE", &format!("/api/tokens/{id}"), Value::Null).await;
            assert_eq!(
                (revoked.status.as_u16(), revoked.json()),
                (200, json!({"success": true, "message": "Token revoked"}))
            );
            let answered = app.with_token("GET", "/api/sessions", token).await;
            let sentence = answered.failure(401, "unauthorized", None)["error"].to_string();
            assert!(sentence.contains("revoked"), "{sentence}");
        }
        let listed = app.get("/api/tokens").await.json();
        let rows = listed["tokens"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["id"] == id && row["revokedAt"].is_string()));
    }

    #[tokio::test]
    async fn a_token_that_never_was_cannot_be_revoked() {
        let app = TestApp::new().await;
        for unknown in ["x", "..%2Fx", "%00"] {
            app.call("DELETE", &format!("/api/tokens/{unknown}"), Value::Null)
                .await
                .failure(404, "token_not_found", Some("tokenId"));
        }
    }
}
