//! Faults by HTTP.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::App;
use super::problem::{Body, Problem};
use crate::fault::{self, Fault};

/// `POST /admin/faults`, for example `{"fault":"stream-error","number":"15550000001","device":1,"code":503}`.
pub(super) async fn inject(State(server): State<App>, Body(fault): Body<Fault>) -> Result<Json<Value>, Problem> {
    fault::inject(&server, fault)?;
    Ok(Json(json!({ "done": true })))
}
