//! `GET /api/messages/voices`: who can speak.

use axum::{Extension, Json};
use switchboard_core::ids::RequestId;
use switchboard_service::VoicesView;

use crate::auth::May;
use crate::auth::scope::MessagesSend;

/// The voices of all plugins that speak. Those that cannot be used now are listed with the reason.
#[utoipa::path(
    get,
    path = "/api/messages/voices",
    operation_id = "listVoices",
    tag = "messages",
    responses((status = 200, body = VoicesView)),
    security(("bearer" = ["messages:send"]))
)]
pub(crate) async fn voices(may: May<MessagesSend>, request_id: Extension<RequestId>) -> Json<VoicesView> {
    Json(may.service.voices(request_id.0).await)
}

/// The same under another name.
#[utoipa::path(
    get,
    path = "/api/messages/tts-voices",
    operation_id = "listVoicesByTheirOldName",
    tag = "messages",
    responses((status = 200, body = VoicesView)),
    security(("bearer" = ["messages:send"]))
)]
pub(crate) async fn tts_voices(may: May<MessagesSend>, request_id: Extension<RequestId>) -> Json<VoicesView> {
    Json(may.service.voices(request_id.0).await)
}

/// The same under a third name.
#[utoipa::path(
    get,
    path = "/api/tts/voices",
    operation_id = "listVoicesOfSpeech",
    tag = "messages",
    responses((status = 200, body = VoicesView)),
    security(("bearer" = ["messages:send"]))
)]
pub(crate) async fn speech_voices(may: May<MessagesSend>, request_id: Extension<RequestId>) -> Json<VoicesView> {
    Json(may.service.voices(request_id.0).await)
}

#[cfg(test)]
mod tests {
    use crate::testing::TestApp;

    #[tokio::test]
    async fn the_voices_are_listed_under_every_name_and_those_without_a_key_say_so() {
        let app = TestApp::new().await;
        let voices = app.get("/api/messages/voices").await.json();
        for name in ["/api/messages/tts-voices", "/api/tts/voices"] {
            assert_eq!(app.get(name).await.json(), voices);
        }
        let listed = voices["voices"].as_array().unwrap();
        for id in ["nova", "alloy", "coral"] {
            let voice = listed.iter().find(|voice| voice["id"] == id).unwrap();
            assert_eq!(
                (&voice["provider"], &voice["available"]),
                (&"tts-openai".into(), &false.into())
            );
            assert!(
                voice["reason"].as_str().unwrap().contains("[grants.tts-openai]"),
                "{voice}"
            );
        }
        assert_eq!(voices["speeds"][0]["value"], "0.75");
        assert_eq!(voices["speeds"][1]["label"], "Normal");
        let providers = voices["providers"].as_array().unwrap();
        let elevenlabs = providers
            .iter()
            .find(|provider| provider["id"] == "tts-elevenlabs")
            .unwrap();
        assert!(
            elevenlabs["reason"].is_string(),
            "it cannot even say its voices without a key"
        );
    }
}
