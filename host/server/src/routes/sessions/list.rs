//! `GET /api/sessions`: every session, in every state.

use axum::Json;
use serde::{Deserialize, Serialize};
use switchboard_core::ids::SessionId;
use switchboard_core::status::SessionStatus;
use switchboard_service::SessionView;
use utoipa::{IntoParams, ToSchema};

use crate::auth::May;
use crate::auth::scope::SessionsRead;
use crate::described::{SessionIdText, SessionStatusWord};
use crate::extract::{Limit, Query};
use crate::problem::Answer;

/// Which sessions, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only sessions in this state.
    #[param(inline, value_type = Option<SessionStatusWord>, example = "READY")]
    status: Option<SessionStatus>,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit<1000>,
    /// Only sessions behind this one: `next` of the page before.
    #[param(inline, value_type = Option<SessionIdText>)]
    after: Option<SessionId>,
}

/// A page of sessions, in the order of their creation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// Always true.
    success: bool,
    /// The sessions.
    sessions: Vec<SessionView>,
    /// Where the next page begins, as `after`; null when this is the last one.
    #[schema(value_type = Option<String>)]
    next: Option<SessionId>,
}

/// All sessions: active, inactive and registering.
#[utoipa::path(
    get,
    path = "/api/sessions",
    operation_id = "listSessions",
    tag = "sessions",
    params(Filter),
    responses((status = 200, body = SessionList)),
    security(("bearer" = ["sessions:read"]))
)]
pub(crate) async fn list(may: May<SessionsRead>, Query(filter): Query<Filter>) -> Answer<Json<SessionList>> {
    let page = may
        .service
        .sessions(filter.status, filter.after, usize::from(filter.limit.get()));
    Ok(Json(SessionList {
        success: true,
        sessions: page.sessions,
        next: page.next,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::TestApp;

    fn ids(list: &Value) -> Vec<&str> {
        list["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["sessionId"].as_str().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn all_sessions_are_listed_page_by_page_in_the_order_of_creation() {
        let app = TestApp::new().await;
        let mut created = Vec::new();
        for _ in 0..3 {
            created.push(app.session().await);
        }
        created.sort();
        let all = app.get("/api/sessions").await.json();
        assert_eq!(
            (ids(&all), &all["next"]),
            (created.iter().map(String::as_str).collect(), &Value::Null)
        );

        let first = app.get("/api/sessions?limit=2").await.json();
        assert_eq!(ids(&first), created[..2]);
        let second = app
            .get(&format!(
                "/api/sessions?limit=2&after={}",
                first["next"].as_str().unwrap()
            ))
            .await
            .json();
        assert_eq!(
            (ids(&second), &second["next"]),
            (vec![created[2].as_str()], &Value::Null)
        );
    }

    #[tokio::test]
    async fn a_status_picks_sessions() {
        let app = TestApp::new().await;
        let id = app.session().await;
        assert_eq!(
            app.get("/api/sessions?status=READY").await.json()["sessions"],
            json!([])
        );
        app.call("DELETE", &format!("/api/sessions/{id}"), Value::Null).await;
        assert_eq!(ids(&app.get("/api/sessions?status=INACTIVE").await.json()), [id]);
    }

    #[tokio::test]
    async fn each_wrong_parameter_is_named() {
        let app = TestApp::new().await;
        for (query, field) in [
            ("status=ready", "status"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("after=x", "after"),
            ("page=2", "page"),
        ] {
            app.get(&format!("/api/sessions?{query}"))
                .await
                .failure(400, "invalid_field", Some(field));
        }
    }
}
