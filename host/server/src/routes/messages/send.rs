//! `POST /api/messages/send`: one message, of whatever kind the plugins know.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard_core::ids::{Recipient, RequestId, SessionRef};
use switchboard_core::problem::Problem;
use switchboard_plugins::ENVELOPE_FIELDS;
use switchboard_service::{Envelope, MessageRef, SendRequest, Sent};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::May;
use crate::auth::scope::MessagesSend;
use crate::described::{RecipientText, SessionRefText};
use crate::extract::{self, Query, Text};
use crate::problem::Answer;

/// From whom, to whom, and what. Every field that is not listed belongs to the kind of message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendBody {
    /// The session that sends: its id, its mobid, or its linked number.
    #[schema(value_type = SessionRefText)]
    session_id: SessionRef,
    /// A phone number in any common spelling, a WhatsApp address, or a group id.
    #[schema(value_type = RecipientText)]
    to: Recipient,
    /// The kind of message.
    #[serde(default, rename = "type")]
    #[schema(required, example = "text")]
    kind: String,
    /// The message that this one answers: its `messageId` or its `wamid`.
    #[schema(value_type = Option<String>, example = json!("msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"))]
    reply_to: Option<MessageRef>,
    /// An id of yours that comes back with everything about this message, up to 200 characters.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    client_ref: Option<Text<1, 200>>,
    /// Whether to wait for WhatsApp's acknowledgement (default), or to answer as soon as the message is safe here.
    wait: Option<bool>,
    #[serde(flatten)]
    #[schema(ignore)]
    content: Map<String, Value>,
}

/// The same switch as in the body; here it wins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SendQuery {
    /// `false`: answer 202 as soon as the message is safe here.
    wait: Option<bool>,
}

/// Sends a message. 200 after WhatsApp has acknowledged it; 202 when it is safe here and goes out as soon as it can.
#[utoipa::path(
    post,
    path = "/api/messages/send",
    operation_id = "sendMessage",
    tag = "messages",
    params(SendQuery),
    request_body = SendBody,
    responses((status = 200, body = Sent), (status = 202, body = Sent)),
    security(("bearer" = ["messages:send"]))
)]
pub(crate) async fn send(
    may: May<MessagesSend>,
    State(app): State<App>,
    Extension(request_id): Extension<RequestId>,
    Query(query): Query<SendQuery>,
    extract::Json(body): extract::Json<SendBody>,
) -> Answer<(StatusCode, Json<Sent>)> {
    if let Some(field) = ENVELOPE_FIELDS.iter().find(|field| body.content.contains_key(**field)) {
        return Err(Problem::invalid_field(*field, format!("{field} is not offered by this version.")).into());
    }
    let request = SendRequest {
        session: body.session_id,
        to: body.to,
        kind: body.kind,
        body: Value::Object(body.content),
        envelope: Envelope {
            reply_to: body.reply_to,
            wait: query.wait.or(body.wait).unwrap_or(true),
            client_ref: body.client_ref.map(String::from),
        },
    };
    let sent = may.service.send(request, request_id, app.clock.now()).await?;
    let status = if sent.is_queued() {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(sent)))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::{Value, json};

    use crate::testing::TestApp;

    const SEND: &str = "/api/messages/send";
    const JSON: (&str, &str) = ("content-type", "application/json");

    fn body(changes: &Value) -> Value {
        let mut body = json!({
            "sessionId": "qr_1700000000000_00000000", "to": "+1 555 000 0001", "type": "text", "text": "hello"
        });
        for (field, value) in changes.as_object().unwrap() {
            body[field] = value.clone();
        }
        body.as_object_mut()
            .unwrap()
            .retain(|_, value| *value != json!("(absent)"));
        body
    }

    #[tokio::test]
    async fn each_wrong_field_is_named_with_what_is_allowed() {
        let app = TestApp::new().await;
        let id = app.session().await;
        for (changes, field, allowed) in [
            (json!({"sessionId": "(absent)"}), "sessionId", "session id"),
            (json!({"sessionId": 5}), "sessionId", "session id"),
            (json!({"sessionId": "nonsense"}), "sessionId", "session id"),
            (json!({"to": "(absent)"}), "to", "phone number"),
            (json!({"to": null}), "to", "phone number"),
            (json!({"to": ["15550000001"]}), "to", "phone number"),
            (json!({"to": "12"}), "to", "phone number"),
            (json!({"to": "status@broadcast"}), "to", "phone number"),
            (json!({"type": 1}), "type", "string"),
            (json!({"wait": "no"}), "wait", "boolean"),
            (json!({"clientRef": {}}), "clientRef", "text"),
            (json!({"clientRef": "x".repeat(201)}), "clientRef", "200"),
            (json!({"replyTo": "x"}), "replyTo", "wamid"),
            (json!({"mentions": []}), "mentions", "not offered"),
            (json!({"sendAt": "x"}), "sendAt", "not offered"),
        ] {
            let mut body = body(&changes);
            if body["sessionId"] == "qr_1700000000000_00000000" {
                body["sessionId"] = id.clone().into();
            }
            let answered = app.call("POST", SEND, body).await;
            let sentence = answered.failure(400, "invalid_field", Some(field))["error"].to_string();
            assert!(sentence.contains(allowed), "{changes}: {sentence}");
        }
    }

    #[tokio::test]
    async fn a_body_is_json_an_object_and_not_too_large() {
        let app = TestApp::new().await;
        app.send("POST", SEND, &[], Body::from("{}"))
            .await
            .failure(415, "unsupported_media_type", None);
        for text in ["", "hello", "[]", "{\"to\": ", "{} {}"] {
            app.send("POST", SEND, &[JSON], Body::from(text))
                .await
                .failure(400, "invalid_json", None);
        }
        let large = json!({"text": "x".repeat(64 * 1024)}).to_string();
        app.send("POST", SEND, &[JSON], Body::from(large))
            .await
            .failure(413, "body_too_large", None);
    }

    #[tokio::test]
    async fn a_field_that_stands_twice_is_refused_whether_it_is_the_envelopes_or_the_kinds() {
        let app = TestApp::new().await;
        let id = app.session().await;
        for (twice, field) in [
            (r#""to": "15550000002""#, "to"),
            (r#""text": "b""#, "text"),
            (r#""text": "a""#, "text"),
            (r#""buttons": [{"id": 1}, {"id": 2, "id": 3}]"#, "buttons.1.id"),
        ] {
            let body = format!(r#"{{"sessionId": "{id}", "to": "15550000001", "type": "text", "text": "a", {twice}}}"#);
            let answered = app.send("POST", SEND, &[JSON], Body::from(body)).await;
            answered.failure(400, "invalid_field", Some(field));
        }
    }

    #[tokio::test]
    async fn a_message_needs_a_session_that_is_there_and_linked() {
        let app = TestApp::new().await;
        let answered = app.call("POST", SEND, body(&json!({}))).await;
        answered.failure(404, "session_not_found", Some("sessionId"));
        let id = app.session().await;
        app.call("POST", SEND, body(&json!({"sessionId": id}))).await.failure(
            409,
            "session_not_linked",
            Some("sessionId"),
        );
    }

    #[tokio::test]
    async fn a_parameter_that_does_not_exist_is_refused() {
        let app = TestApp::new().await;
        let answered = app
            .call("POST", "/api/messages/send?wiat=false", body(&json!({})))
            .await;
        answered.failure(400, "invalid_field", Some("wiat"));
    }
}
