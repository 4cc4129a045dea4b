//! `POST /api/sessions/{sessionId}/logout`: takes the device off the phone, keeps the session.

use axum::Json;
use switchboard_core::ids::SessionRef;

use super::done::SessionDone;
use crate::auth::May;
use crate::auth::scope::SessionsWrite;
use crate::described::SessionRefText;
use crate::extract::Path;
use crate::problem::Answer;

/// Takes this device off the phone's list. The session stays, with its id and its log, and can be linked again.
#[utoipa::path(
    post,
    path = "/api/sessions/{sessionId}/logout",
    operation_id = "logOutSession",
    tag = "sessions",
    params(("sessionId" = inline(SessionRefText), Path, description = "The session's id, its mobid, or its linked number.")),
    responses((status = 200, body = SessionDone)),
    security(("bearer" = ["sessions:write"]))
)]
pub(crate) async fn logout(may: May<SessionsWrite>, Path(session): Path<SessionRef>) -> Answer<Json<SessionDone>> {
    let session = may.service.logout(&session).await?;
    Ok(Json(SessionDone::new("Session logged out", session)))
}
