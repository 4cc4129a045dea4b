//! `GET /api/sessions/{sessionId}/qr`: what the phone scans, as a picture or as text.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use switchboard_core::ids::SessionRef;
use utoipa::ToSchema;

use crate::auth::May;
use crate::auth::scope::SessionsRead;
use crate::described::SessionRefText;
use crate::extract::Path;
use crate::extract::accept::negotiate;
use crate::problem::Answer;
use crate::qr_image;

const JSON: &str = "application/json";
const PNG: &str = "image/png";
const SVG: &str = "image/svg+xml";

/// The code of this moment. Each is valid for some 20 to 60 seconds; ask again for the next one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Qr {
    /// Always true.
    success: bool,
    /// The text to encode, exactly as it is.
    #[schema(example = "2@...")]
    qr: String,
    /// Until when it can be scanned.
    #[schema(example = "2026-11-23T08:15:30.250Z")]
    expires_at: String,
}

/// The QR code of a session that waits to be linked: JSON, PNG or SVG, by `Accept`.
#[utoipa::path(
    get,
    path = "/api/sessions/{sessionId}/qr",
    operation_id = "getSessionQr",
    tag = "sessions",
    params(("sessionId" = inline(SessionRefText), Path, description = "The session's id, its mobid, or its linked number.")),
    responses((status = 200, content((Qr = "application/json"), (String = "image/png"), (String = "image/svg+xml")))),
    security(("bearer" = ["sessions:read"]))
)]
pub(crate) async fn qr(
    may: May<SessionsRead>,
    Path(session): Path<SessionRef>,
    headers: HeaderMap,
) -> Answer<Response> {
    let media_type = negotiate(&headers, &[JSON, PNG, SVG])?;
    let code = may.service.qr(&session)?;
    let picture = match media_type {
        PNG => qr_image::png(&code.text)?.into_response(),
        SVG => qr_image::svg(&code.text)?.into_response(),
        _ => Json(Qr {
            success: true,
            qr: code.text,
            expires_at: code.expires_at.rfc3339(),
        })
        .into_response(),
    };
    Ok(([(header::CONTENT_TYPE, media_type), (header::VARY, "accept")], picture).into_response())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn without_a_code_there_is_nothing_to_scan() {
        let app = TestApp::new().await;
        let id = app.session().await;
        app.get(&format!("/api/sessions/{id}/qr"))
            .await
            .failure(409, "qr_not_available", None);
    }

    #[tokio::test]
    async fn only_what_can_be_made_is_offered() {
        let app = TestApp::new().await;
        let path = format!("/api/sessions/{}/qr", app.session().await);
        let answered = app.send("GET", &path, &[("accept", "text/html")], Body::empty()).await;
        answered.failure(406, "not_acceptable", None);
    }
}
