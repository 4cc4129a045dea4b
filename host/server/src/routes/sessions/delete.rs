//! `DELETE /api/sessions/{sessionId}`: logs out, deletes the keys, keeps the id and the log.

use axum::Json;
use serde::Serialize;
use switchboard_core::ids::SessionRef;
use utoipa::ToSchema;

use crate::auth::May;
use crate::auth::scope::SessionsWrite;
use crate::described::SessionRefText;
use crate::extract::Path;
use crate::problem::Answer;

/// The session is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deleted {
    /// Always true.
    success: bool,
    /// Always this sentence.
    #[schema(example = "Session deleted and logged out successfully")]
    message: &'static str,
}

/// Logs the session out, deletes its authentication data and marks it inactive. Doing it again changes nothing.
#[utoipa::path(
    delete,
    path = "/api/sessions/{sessionId}",
    operation_id = "deleteSession",
    tag = "sessions",
    params(("sessionId" = inline(SessionRefText), Path, description = "The session's id, its mobid, or its linked number.")),
    responses((status = 200, body = Deleted)),
    security(("bearer" = ["sessions:write"]))
)]
pub(crate) async fn delete(may: May<SessionsWrite>, Path(session): Path<SessionRef>) -> Answer<Json<Deleted>> {
    may.service.delete(&session).await?;
    Ok(Json(Deleted {
        success: true,
        message: "Session deleted and logged out successfully",
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::TestApp;

    #[tokio::test]
    async fn deleting_twice_is_as_good_as_once_and_the_id_stays() {
        let app = TestApp::new().await;
        let path = format!("/api/sessions/{}", app.session().await);
        for _ in 0..2 {
            let deleted = app.call("DELETE", &path, Value::Null).await;
            assert_eq!(deleted.status, 200);
            assert_eq!(
                deleted.json(),
                json!({"success": true, "message": "Session deleted and logged out successfully"})
            );
            assert_eq!(app.get(&path).await.json()["status"], "INACTIVE");
        }
    }

    #[tokio::test]
    async fn what_never_was_cannot_be_deleted() {
        let app = TestApp::new().await;
        let answered = app
            .call("DELETE", "/api/sessions/qr_1700000000000_00000000", Value::Null)
            .await;
        answered.failure(404, "session_not_found", Some("sessionId"));
    }
}
