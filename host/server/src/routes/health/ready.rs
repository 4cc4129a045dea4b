//! `GET /readyz`: whether to send requests here.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard_core::problem::{Code, Problem};
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::Answer;

/// Requests are welcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Always true.
    success: bool,
    /// Always `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Whether requests are welcome: the database can be read and written, plugins are loaded, the server is not stopping. Else 503.
#[utoipa::path(get, path = "/readyz",
    operation_id = "isReady", tag = "operations", responses((status = 200, body = Ready)))]
pub(crate) async fn ready(State(app): State<App>) -> Answer<Json<Ready>> {
    if app.draining.started() {
        return Err(Problem::new(Code::UNAVAILABLE, "The server is stopping.").into());
    }
    if !app.plugin_folder.is_loaded() {
        let sentence = "The plugins in the data folder are still being loaded.";
        let problem = Problem::new(Code::UNAVAILABLE, sentence);
        return Err(problem.retry_after(Duration::from_secs(1)).into());
    }
    app.service.ready().await?;
    Ok(Json(Ready {
        success: true,
        status: "ready",
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::{HeaderValue, Request};
    use tokio::time::Instant;
    use tower::ServiceExt as _;

    use crate::router::router;
    use crate::serve::{ServeOptions, build};
    use crate::testing::{self, TestApp};

    #[tokio::test]
    async fn a_server_is_ready_until_it_drains_and_alive_all_the_while() {
        let app = TestApp::new().await;
        assert_eq!(app.anonymous("GET", "/readyz").await.json()["status"], "ready");
        app.app.draining.start();
        app.anonymous("GET", "/readyz").await.failure(503, "unavailable", None);
        assert_eq!(app.anonymous("GET", "/healthz").await.json()["status"], "live");
    }

    #[tokio::test]
    async fn while_plugins_are_loaded_a_server_answers_and_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let app = build(testing::config(folder.path()), ServeOptions::default(), true)
            .await
            .unwrap();
        let asked = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            router(app.clone()).oneshot(request).await.unwrap()
        };
        assert_eq!(asked("/healthz").await.status(), 200);
        let answer = asked("/readyz").await;
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], HeaderValue::from_static("1"));
        app.plugin_folder.load().await;
        assert_eq!(asked("/readyz").await.status(), 200);
    }

    #[tokio::test]
    async fn without_its_database_a_server_is_not_ready() {
        let app = TestApp::new().await;
        app.app.service.shutdown(Instant::now() + Duration::from_secs(10)).await;
        app.anonymous("GET", "/readyz").await.failure(503, "unavailable", None);
    }
}
