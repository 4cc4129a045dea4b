//! `GET /healthz`: whether the process answers at all.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Live {
    /// Always true.
    success: bool,
    /// Always `live`.
    #[schema(example = "live")]
    status: &'static str,
}

/// Whether the process answers. Looks at nothing else, so a supervisor that restarts on failure does not restart for a lost network.
#[utoipa::path(get, path = "/healthz",
    operation_id = "isLive", tag = "operations", responses((status = 200, body = Live)))]
pub(crate) async fn live() -> Json<Live> {
    Json(Live {
        success: true,
        status: "live",
    })
}
