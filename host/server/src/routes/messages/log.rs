//! `GET /api/messages`: the log of both directions, by cursor.

use axum::Json;
use serde::{Deserialize, Serialize};
use switchboard_core::direction::Direction;
use switchboard_core::ids::{Recipient, SessionRef};
use switchboard_service::{Cursor, DirectionWord, LogFilter, MessageView};
use utoipa::{IntoParams, ToSchema};

use crate::auth::May;
use crate::auth::scope::MessagesRead;
use crate::described::{CursorText, RecipientText, SessionRefText};
use crate::extract::{Limit, Query};
use crate::problem::Answer;

/// Which messages, from where on, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only the log of this session: its id, its mobid, or its linked number.
    #[param(inline, value_type = Option<SessionRefText>)]
    session_id: Option<SessionRef>,
    /// Only the conversation with this number, address or group.
    #[param(inline, value_type = Option<RecipientText>)]
    chat: Option<Recipient>,
    /// Only messages that went this way.
    #[param(inline, value_type = Option<DirectionWord>)]
    direction: Option<Direction>,
    /// Only messages behind this cursor: `next` of the page before. Without it the log is read from its beginning.
    #[param(inline, value_type = Option<CursorText>)]
    #[serde(default)]
    since: Cursor,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 100)]
    limit: Limit<500>,
}

/// A page of the log, the oldest message first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageLog {
    /// Always true.
    success: bool,
    /// The messages.
    messages: Vec<MessageView>,
    /// The place of the last one: pass it as `since` to read on, now or later.
    #[schema(value_type = String, example = "42")]
    next: Cursor,
    /// Whether there is more to read at once.
    more: bool,
}

/// Messages in both directions, in the order in which they were committed. Poll with `since` to miss none.
#[utoipa::path(
    get,
    path = "/api/messages",
    operation_id = "listMessages",
    tag = "messages",
    params(Filter),
    responses((status = 200, body = MessageLog)),
    security(("bearer" = ["messages:read"]))
)]
pub(crate) async fn log(may: May<MessagesRead>, Query(filter): Query<Filter>) -> Answer<Json<MessageLog>> {
    let (limit, since) = (u32::from(filter.limit.get()), filter.since);
    let filter = LogFilter {
        session: filter.session_id,
        chat: filter.chat,
        direction: filter.direction,
    };
    let page = may.service.messages(filter, since, limit).await?;
    Ok(Json(MessageLog {
        success: true,
        messages: page.messages,
        next: page.next,
        more: page.more,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn an_empty_log_has_a_cursor_to_read_on_from() {
        let app = TestApp::new().await;
        let log = app.get("/api/messages").await.json();
        assert_eq!(
            log,
            json!({"success": true, "messages": [], "next": "0", "more": false})
        );
        assert_eq!(
            app.get("/api/messages?since=0&limit=500&chat=15550000001").await.json(),
            log
        );
    }

    #[tokio::test]
    async fn each_wrong_parameter_is_named() {
        let app = TestApp::new().await;
        for (query, field) in [
            ("since=x", "since"),
            ("since=-1", "since"),
            ("limit=501", "limit"),
            ("direction=up", "direction"),
            ("chat=12", "chat"),
            ("sessionId=x", "sessionId"),
            ("session=x", "session"),
        ] {
            app.get(&format!("/api/messages?{query}"))
                .await
                .failure(400, "invalid_field", Some(field));
        }
        let unknown = app.get("/api/messages?sessionId=qr_1700000000000_00000000").await;
        unknown.failure(404, "session_not_found", Some("sessionId"));
    }
}
