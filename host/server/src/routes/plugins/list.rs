//! `GET /api/plugins`: every plugin, also those that could not be loaded.

use axum::Json;
use serde::Serialize;
use switchboard_service::PluginView;
use utoipa::ToSchema;

use crate::auth::May;
use crate::auth::scope::Plugins;
use crate::problem::Answer;

/// All plugins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginList {
    /// Always true.
    success: bool,
    /// Added ones first, then by id. A bundled plugin stands here beside the one that replaces it.
    plugins: Vec<PluginView>,
}

/// All plugins: bundled ones, those in the data folder, and why some of them do not serve.
///
/// What a plugin asks for stands beside what the operator's configuration grants. No secret is ever told, only whether it is there.
#[utoipa::path(
    get,
    path = "/api/plugins",
    operation_id = "listPlugins",
    tag = "plugins",
    responses((status = 200, body = PluginList)),
    security(("bearer" = ["plugins"]))
)]
pub(crate) async fn list(may: May<Plugins>) -> Answer<Json<PluginList>> {
    Ok(Json(PluginList {
        success: true,
        plugins: may.service.plugin_views(),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use switchboard_core::config::GrantConfig;

    use crate::testing::TestApp;

    async fn plugin(app: &TestApp, id: &str) -> Value {
        let listed = app.get("/api/plugins").await.json();
        let mut plugins = listed["plugins"].as_array().unwrap().iter();
        plugins.find(|plugin| plugin["id"] == id).unwrap().clone()
    }

    #[tokio::test]
    async fn a_plugin_is_told_with_what_it_offers() {
        let app = TestApp::new().await;
        let otp = plugin(&app, "otp").await;
        for (field, value) in [
            ("origin", json!("bundled")),
            ("status", json!("ready")),
            ("error", Value::Null),
            ("world", json!("message-handler@1.0")),
            ("kinds", json!(["otp"])),
            ("setAsideFor", Value::Null),
            ("asks", json!({"origins": [], "credentials": []})),
        ] {
            assert_eq!(otp[field], value, "{field}");
        }
        assert_eq!(otp["limits"]["memoryMib"], 8);
        assert_eq!(otp["sha256"].as_str().unwrap().len(), 64);
        let routes = &plugin(&app, "cloud-api").await["routes"];
        assert!(routes.as_array().unwrap().iter().any(|route| route["method"] == "POST"));
    }

    #[tokio::test]
    async fn what_is_granted_is_told_and_never_a_secret() {
        let app = TestApp::with(|config| {
            let mut grant = GrantConfig {
                allow: vec![
                    "https://api.openai.com".parse().unwrap(),
                    "https://elsewhere.example".parse().unwrap(),
                ],
                ..GrantConfig::default()
            };
            for name in ["openai", "not-asked-for"] {
                grant.credentials.insert(name.to_owned(), "sk-secret".to_owned().into());
            }
            config.grants.insert("tts-openai".to_owned(), grant);
        })
        .await;
        let openai = plugin(&app, "tts-openai").await;
        assert_eq!(openai["asks"]["origins"], json!(["https://api.openai.com"]));
        assert_eq!(openai["asks"]["credentials"][0]["name"], "openai");
        let granted = json!({"origins": ["https://api.openai.com"], "credentials": ["openai"]});
        assert_eq!(openai["granted"], granted);
        let nothing = json!({"origins": [], "credentials": []});
        assert_eq!(plugin(&app, "tts-elevenlabs").await["granted"], nothing);
        let text = app.get("/api/plugins").await.json().to_string();
        assert!(!text.contains("sk-secret"));
    }
}
