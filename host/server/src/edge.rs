//! What happens to every request, whatever its route: it gets an id, a deadline and a guard against panics; a problem becomes its
//! JSON; nobody on the way keeps the answer; and it is counted and logged, with how it went.

use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::{Code, Problem};
use tokio::time::{Instant, timeout};

use crate::app::App;
use crate::dialects::Spoken;
use crate::problem::{self, Failure};

/// The header that carries the request id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The middleware around the whole router. Handlers find the id as `Extension<RequestId>`.
pub(crate) async fn edge(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&app, &request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let spoken = Spoken::default();
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(spoken.clone());

    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match timeout(app.request_timeout, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => Failure::from(Problem::internal("a handler panicked")).into_response(),
        Err(_elapsed) => Failure::from(Problem::new(
            Code::REQUEST_TIMEOUT,
            "The request took longer than server.request_timeout. What it began may still be carried out.",
        ))
        .into_response(),
    };

    let mut response = worded(&app, response, &spoken, &id).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    // Without an Authorization header, as behind a signed URL, a cache would be free to keep it.
    let caching = response.headers_mut().entry(header::CACHE_CONTROL);
    caching.or_insert(HeaderValue::from_static("no-store"));
    let route = spoken
        .route()
        .or(route.as_ref().map(MatchedPath::as_str))
        .unwrap_or("none");
    note(&app, &method, route, &response, &id, started);
    response
}

/// Gives a response that stands for a problem its words: those of the dialect that was spoken, or else ours.
async fn worded(app: &App, mut response: Response, spoken: &Spoken, id: &RequestId) -> Response {
    let Some(problem) = problem::take(&mut response) else {
        return response;
    };
    problem::log(&problem, id);
    match spoken.words(app, &problem, id).await {
        Some(rendered) => rendered,
        None => problem::render(&problem, response, id),
    }
}

/// The caller's own id, if it is one that can stand in a log line; else a new one.
fn request_id(app: &App, request: &Request) -> RequestId {
    request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| RequestId::mint(&*app.clock, &*app.random))
}

/// Counts the request and logs it. The route, not the path: paths hold ids and numbers.
fn note(app: &App, method: &Method, route: &str, response: &Response, id: &RequestId, started: Instant) {
    let (status, took) = (response.status(), started.elapsed());
    app.metrics.answered(route, method, status, took);
    let (status, elapsed_us) = (status.as_u16(), took.as_micros());
    tracing::debug!(target: "switchboard::requests", request_id = %id, %method, route, status, elapsed_us, "answered");
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::body::Body;
    use axum::routing::get;
    use axum::{Router, middleware};
    use tower::ServiceExt as _;

    use super::*;
    use crate::testing::TestApp;

    #[tokio::test]
    async fn every_answer_has_an_id_and_a_sane_one_of_the_callers_is_kept() {
        let app = TestApp::new().await;
        for path in ["/healthz", "/api/sessions", "/nowhere"] {
            assert_eq!(
                app.anonymous("GET", path).await.headers["x-request-id"].len(),
                26,
                "{path}"
            );
        }
        let kept = app
            .send("GET", "/healthz", &[("x-request-id", "trace-7")], Body::empty())
            .await;
        assert_eq!(kept.headers["x-request-id"], "trace-7");
        let replaced = app
            .send("GET", "/healthz", &[("x-request-id", "a b")], Body::empty())
            .await;
        assert_eq!(replaced.headers["x-request-id"].len(), 26);
    }

    #[tokio::test]
    async fn no_answer_is_kept_on_the_way() {
        let app = TestApp::new().await;
        let signed = app.signed_url("/api/sessions").await;
        for path in ["/healthz", "/openapi.json", "/nowhere", &signed] {
            let answered = app.anonymous("GET", path).await;
            assert_eq!(answered.headers["cache-control"], "no-store", "{path}");
        }
    }

    #[tokio::test]
    async fn an_unknown_route_and_a_wrong_method_are_answered_like_any_failure() {
        let app = TestApp::new().await;
        app.anonymous("GET", "/api/nothing")
            .await
            .failure(404, "not_found", None);
        let answered = app.anonymous("PUT", "/api/sessions").await;
        answered.failure(405, "method_not_allowed", None);
        let allow = answered.headers["allow"].to_str().unwrap();
        assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    }

    async fn through_the_edge(app: &App, path: &str) -> (u16, String) {
        let router = Router::new()
            .route(
                "/panic",
                get(|| async {
                    if true {
                        panic!("secret")
                    }
                }),
            )
            .route("/stuck", get(pending::<()>))
            .layer(middleware::from_fn_with_state(app.clone(), edge));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_failure_that_says_nothing() {
        let app = TestApp::new().await.app;
        let (status, body) = through_the_edge(&app, "/panic").await;
        assert!(
            status == 500 && body.contains("\"internal\"") && !body.contains("secret"),
            "{status} {body}"
        );
    }

    #[tokio::test]
    async fn a_handler_that_never_ends_is_answered_at_the_deadline() {
        let app = TestApp::new().await.app;
        tokio::time::pause();
        let (status, body) = through_the_edge(&app, "/stuck").await;
        assert!(status == 504 && body.contains("request_timeout"), "{status} {body}");
    }
}
