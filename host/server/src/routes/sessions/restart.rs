//! `POST /api/sessions/{sessionId}/restart`: closes the connection and makes it anew.

use axum::Json;
use switchboard_core::ids::SessionRef;

use super::done::SessionDone;
use crate::auth::May;
use crate::auth::scope::SessionsWrite;
use crate::described::SessionRefText;
use crate::extract::Path;
use crate::problem::Answer;

/// Closes the session's connection and makes it anew. The link stays.
#[utoipa::path(
    post,
    path = "/api/sessions/{sessionId}/restart",
    operation_id = "restartSession",
    tag = "sessions",
    params(("sessionId" = inline(SessionRefText), Path, description = "The session's id, its mobid, or its linked number.")),
    responses((status = 200, body = SessionDone)),
    security(("bearer" = ["sessions:write"]))
)]
pub(crate) async fn restart(may: May<SessionsWrite>, Path(session): Path<SessionRef>) -> Answer<Json<SessionDone>> {
    let session = may.service.restart(&session).await?;
    Ok(Json(SessionDone::new("Session restarting", session)))
}
