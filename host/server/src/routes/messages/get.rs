//! `GET /api/messages/{messageId}`: one message and what became of it.

use axum::Json;
use serde::Serialize;
use switchboard_service::{MessageRef, MessageView};
use utoipa::ToSchema;

use crate::auth::May;
use crate::auth::scope::MessagesRead;
use crate::described::MessageRefText;
use crate::extract::Path;
use crate::problem::Answer;

/// One message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageInfo {
    /// Always true.
    success: bool,
    /// The message with its timeline.
    message: MessageView,
}

/// One message with its timeline: accepted, sent, delivered, read, played, or failed and why.
#[utoipa::path(
    get,
    path = "/api/messages/{messageId}",
    operation_id = "getMessage",
    tag = "messages",
    params(("messageId" = inline(MessageRefText), Path, description = "The message's id (`msg_...`), or its wamid with `/` written as `%2F`.")),
    responses((status = 200, body = MessageInfo)),
    security(("bearer" = ["messages:read"]))
)]
pub(crate) async fn get(may: May<MessagesRead>, Path(message): Path<MessageRef>) -> Answer<Json<MessageInfo>> {
    Ok(Json(MessageInfo {
        success: true,
        message: may.service.message(message).await?,
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::TestApp;

    #[tokio::test]
    async fn an_unknown_message_is_not_found_and_a_malformed_id_is_explained() {
        let app = TestApp::new().await;
        let wamid = "wamid.HBgLMTU1NTAwMDAwMDEVAgARGBQzRUIwMDAwMDAwMDAwMDAwMDAwMAA=";
        for unknown in ["msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", wamid] {
            app.get(&format!("/api/messages/{unknown}"))
                .await
                .failure(404, "message_not_found", None);
        }
        for malformed in ["x", "msg_1", "wamid.", "wamid.AA=="] {
            app.get(&format!("/api/messages/{malformed}"))
                .await
                .failure(400, "invalid_field", Some("messageId"));
        }
    }
}
