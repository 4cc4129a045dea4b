//! From a [`Problem`] to an answer: one JSON shape, always with a real 4xx or 5xx.
//!
//! A handler returns [`Failure`]; it travels as a response without a body until `edge.rs`, which knows the request id, logs its cause
//! once and has it rendered: here, or by the dialect that was spoken. Nothing that is behind a problem reaches the client.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::{Code, Problem};
use utoipa::ToSchema;

/// What a handler answers: its success, or a problem.
pub(crate) type Answer<T> = Result<T, Failure>;

/// A problem on its way to the edge.
#[derive(Debug)]
pub(crate) struct Failure(Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        response.extensions_mut().insert(Unrendered(Arc::new(self.0)));
        response
    }
}

/// The problem that a response stands for.
#[derive(Debug, Clone)]
pub(crate) struct Unrendered(Arc<Problem>);

/// Every failure's body.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody<'a> {
    /// Always false.
    #[schema(example = false)]
    success: bool,
    /// One sentence for a person.
    #[schema(example = "There is no such session.")]
    error: &'a str,
    /// A stable name for programs.
    #[schema(example = "session_not_found")]
    code: &'a str,
    /// The field of the request that it is about, in dotted form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sessionId")]
    field: Option<&'a str>,
    /// Leads to the line in the log; also in `X-Request-Id`.
    #[schema(value_type = String, example = "01ARZ3NDEKTSV4RRFFQ69G5FAV")]
    request_id: &'a str,
}

/// The problem that a response stands for, if it is one without words yet.
pub(crate) fn take(response: &mut Response) -> Option<Arc<Problem>> {
    response.extensions_mut().remove().map(|Unrendered(problem)| problem)
}

/// A problem in our own words. `response` stood for it.
pub(crate) fn render(problem: &Problem, mut response: Response, request_id: &RequestId) -> Response {
    let body = ErrorBody {
        success: false,
        error: problem.message(),
        code: problem.code().name(),
        field: problem.field_name(),
        request_id: request_id.as_str(),
    };
    let mut rendered = (status(problem), Json(body)).into_response();
    let headers = rendered.headers_mut();
    // `Allow` of a 405 is set by the router before it gets here.
    headers.extend(
        response
            .headers_mut()
            .remove(header::ALLOW)
            .map(|allow| (header::ALLOW, allow)),
    );
    if let Some(delay) = problem.retry_delay() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
    }
    if *problem.code() == Code::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    rendered
}

/// What the client did is no news to the operator; what failed here or behind us is. Sentences may repeat what a client sent, and
/// the name of a field may be one that the client made up, so neither is logged.
pub(crate) fn log(problem: &Problem, request_id: &RequestId) {
    let (code, cause) = (problem.code(), problem.cause_chain());
    if status(problem).is_server_error() {
        tracing::error!(%request_id, %code, cause, "request failed");
    } else {
        tracing::debug!(%request_id, %code, cause, "request refused");
    }
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::to_bytes;

    use super::*;

    async fn rendered(problem: Problem) -> (StatusCode, header::HeaderMap, serde_json::Value) {
        let mut response = Failure(problem).into_response();
        let problem = take(&mut response).unwrap();
        let response = render(&problem, response, &"r-1".parse().unwrap());
        let (parts, body) = response.into_parts();
        (
            parts.status,
            parts.headers,
            serde_json::from_slice(&to_bytes(body, 10_000).await.unwrap()).unwrap(),
        )
    }

    #[tokio::test]
    async fn a_problem_has_one_shape() {
        let (status, _, body) = rendered(Problem::invalid_field("to", "must be a number")).await;
        assert_eq!(status, 400);
        assert_eq!(
            body,
            serde_json::json!({
                "success": false, "error": "must be a number", "code": "invalid_field", "field": "to", "requestId": "r-1"
            })
        );
    }

    #[tokio::test]
    async fn what_is_behind_a_failure_stays_here() {
        let (status, _, body) = rendered(Problem::internal("password of the database")).await;
        assert_eq!(status, 500);
        assert!(!body.to_string().contains("password") && body.get("field").is_none());
    }

    #[tokio::test]
    async fn retry_after_is_in_whole_seconds_and_never_zero() {
        let (_, headers, _) =
            rendered(Problem::new(Code::PLUGIN_BUSY, "busy").retry_after(Duration::from_millis(10))).await;
        assert_eq!(headers[header::RETRY_AFTER], "1");
        let (_, headers, _) = rendered(Problem::new(Code::UNAUTHORIZED, "no")).await;
        assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
    }
}
