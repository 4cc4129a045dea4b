//! `POST /api/sessions/{sessionId}/relink`: waits for a phone again, under the same id.

use axum::Json;
use switchboard_core::ids::SessionRef;

use super::done::SessionDone;
use crate::auth::May;
use crate::auth::scope::SessionsWrite;
use crate::described::SessionRefText;
use crate::extract::Path;
use crate::problem::Answer;

/// Lets a session that was logged out or deleted be linked again, under the same id.
#[utoipa::path(
    post,
    path = "/api/sessions/{sessionId}/relink",
    operation_id = "relinkSession",
    tag = "sessions",
    params(("sessionId" = inline(SessionRefText), Path, description = "The session's id, its mobid, or its linked number.")),
    responses((status = 200, body = SessionDone)),
    security(("bearer" = ["sessions:write"]))
)]
pub(crate) async fn relink(may: May<SessionsWrite>, Path(session): Path<SessionRef>) -> Answer<Json<SessionDone>> {
    let session = may.service.relink(&session).await?;
    Ok(Json(SessionDone::new("Session waits to be linked", session)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn a_deleted_session_waits_for_a_phone_again_under_its_id() {
        let app = TestApp::new().await;
        let id = app.session().await;
        app.call("DELETE", &format!("/api/sessions/{id}"), Value::Null).await;
        let relinked = app
            .call("POST", &format!("/api/sessions/{id}/relink"), Value::Null)
            .await;
        assert_eq!(relinked.status, 200);
        assert_eq!(relinked.json()["session"]["sessionId"], id.as_str());
        assert_eq!(
            app.get(&format!("/api/sessions/{id}")).await.json()["status"],
            "REGISTERING"
        );
    }
}
