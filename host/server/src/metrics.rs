//! What Prometheus reads: requests, counted here, and what the other rooms count about themselves.
//!
//! Served on listeners of its own (`metrics.listen`), because whoever collects metrics has no token. Every label has few values: the
//! template of a route and never its path, a method that HTTP has a name for, a status. So what a client makes up adds no series.

use std::fmt;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use switchboard_service::Service;
use switchboard_whatsapp::Driver;

use crate::app::App;

/// From an answer out of memory to `server.request_timeout`, in seconds.
const TIMES: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0,
];

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<ByAnswer, Counter>,
    times: Family<ByRoute, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    route: String,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAnswer {
    route: String,
    method: &'static str,
    status: u16,
}

impl Metrics {
    /// Starts to count requests; what lies below `service` counts already.
    pub(crate) fn new(service: &Service) -> Self {
        let mut registry = Registry::with_prefix("switchboard");
        let answers = Family::default();
        let times = Family::new_with_constructor((|| Histogram::new(TIMES)) as fn() -> Histogram);
        let build = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("realm", Driver::realm().as_str()),
        ];
        registry.register("build", "What this build is; always 1", Info::new(build));
        registry.register(
            "http_requests",
            "Requests by the template of their route, their method and the status of the answer",
            answers.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long a request took, from its head to the head of the answer",
            Unit::Seconds,
            times.clone(),
        );
        service.register(&mut registry);
        Self {
            registry,
            answers,
            times,
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let (route, method, status) = (route.to_owned(), known(method), status.as_u16());
        let by_route = ByRoute { route, method };
        self.times.get_or_create(&by_route).observe(took.as_secs_f64());
        let ByRoute { route, method } = by_route;
        let by_answer = ByAnswer { route, method, status };
        self.answers.get_or_create(&by_answer).inc();
    }

    /// All of it in Prometheus' text format.
    fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A client may call its method what it likes.
const fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// `GET /metrics` and nothing else.
pub(crate) fn router(app: App) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app)
}

async fn metrics(State(app): State<App>) -> Response {
    match app.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written down");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use crate::testing::TestApp;

    /// Every series, without its value.
    fn series(text: &str) -> BTreeSet<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    }

    #[tokio::test]
    async fn requests_are_counted_by_template_method_and_status() {
        let app = TestApp::new().await;
        let session = app.session().await;
        for _ in 0..2 {
            app.get(&format!("/api/sessions/{session}")).await;
        }
        app.call("POST", "/api/sessions", json!({"method": "pigeon"})).await;
        let text = app.app.metrics.text().unwrap();
        for number in [
            r#"switchboard_http_requests_total{route="/api/sessions/{sessionId}",method="GET",status="200"} 2"#,
            r#"switchboard_http_requests_total{route="/api/sessions",method="POST",status="400"} 1"#,
            r#"switchboard_http_request_duration_seconds_count{route="/api/sessions",method="POST"} 2"#,
            r#"switchboard_sessions{status="REGISTERING"} 1"#,
            r#"switchboard_sessions{status="READY"} 0"#,
        ] {
            assert!(text.lines().any(|line| line == number), "{number} is not in\n{text}");
        }
        assert!(!text.contains(&session));
    }

    #[tokio::test]
    async fn what_a_client_makes_up_adds_one_series_at_most() {
        let app = TestApp::new().await;
        let strange = async |n: u32| {
            app.anonymous(&format!("BREW{n}"), &format!("/coffee/{n}?cups={n}"))
                .await;
            app.anonymous("GET", &format!("/api/sessions/qr_{n}_00000000?n={n}"))
                .await;
            series(&app.app.metrics.text().unwrap())
        };
        let first = strange(1).await;
        for n in 2..20 {
            assert_eq!(strange(n).await, first);
        }
    }

    #[tokio::test]
    async fn every_metric_stands_in_the_readme_and_nothing_else_does() {
        let app = TestApp::new().await;
        app.get("/api/sessions").await;
        // Families without a sample are not shown; these need a phone, or a plugin that crashes.
        let unseen = [
            "switchboard_plugin_crashes_total",
            "switchboard_connection_losses_total",
            "switchboard_messages_settled_total",
        ];
        let text = app.app.metrics.text().unwrap();
        let shown = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        let counted: BTreeSet<_> = shown.chain(unseen).collect();
        let readme = include_str!("../README.md").lines();
        let listed = readme.filter_map(|line| line.strip_prefix("| `switchboard_")?.split(['`', '{']).next());
        let listed: BTreeSet<_> = listed.map(|name| format!("switchboard_{name}")).collect();
        assert_eq!(listed, counted.into_iter().map(str::to_owned).collect());
    }
}
