//! `GET /api/sessions/{sessionId}`: one session, with the truth about its socket.

use axum::Json;
use serde::Serialize;
use switchboard_core::ids::SessionRef;
use switchboard_service::SessionView;
use utoipa::ToSchema;

use crate::auth::May;
use crate::auth::scope::SessionsRead;
use crate::described::SessionRefText;
use crate::extract::Path;
use crate::problem::Answer;

/// One session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionInfo {
    /// Always true.
    success: bool,
    /// The session.
    #[serde(flatten)]
    session: SessionView,
}

/// One session: its status, number, health, and what to scan while it waits to be linked.
#[utoipa::path(
    get,
    path = "/api/sessions/{sessionId}",
    operation_id = "getSession",
    tag = "sessions",
    params(("sessionId" = inline(SessionRefText), Path, description = "The session's id, its mobid, or its linked number.")),
    responses((status = 200, body = SessionInfo)),
    security(("bearer" = ["sessions:read"]))
)]
pub(crate) async fn get(may: May<SessionsRead>, Path(session): Path<SessionRef>) -> Answer<Json<SessionInfo>> {
    Ok(Json(SessionInfo {
        success: true,
        session: may.service.session(&session).await?,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn a_session_that_waits_tells_so() {
        let app = TestApp::new().await;
        let id = app.session().await;
        let info = app.get(&format!("/api/sessions/{id}")).await.json();
        assert_eq!(info["sessionId"], id.as_str());
        assert_eq!(info["method"], "qr");
        for absent in ["mobid", "mobile_number"] {
            assert_eq!(info[absent], Value::Null, "{info}");
        }
        assert_eq!(info["health"]["socketOpen"], false, "{info}");
    }

    #[tokio::test]
    async fn an_unknown_session_is_not_found_and_a_malformed_id_is_explained() {
        let app = TestApp::new().await;
        for unknown in [
            "qr_1700000000000_00000000",
            "123456789012345",
            "+15550000009",
            "15550000009",
        ] {
            app.get(&format!("/api/sessions/{unknown}"))
                .await
                .failure(404, "session_not_found", Some("sessionId"));
        }
        for malformed in ["x", "qr_1", "%00", "..%2F..%2Fetc", "qr_1700000000000_0000000G"] {
            app.get(&format!("/api/sessions/{malformed}"))
                .await
                .failure(400, "invalid_field", Some("sessionId"));
        }
        app.get("/api/sessions/%FF").await.failure(404, "not_found", None);
    }
}
