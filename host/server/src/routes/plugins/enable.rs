//! `POST /api/plugins/{pluginId}/enable`: lets a plugin serve.

use axum::Json;

use super::done::{PluginDone, refused};
use super::id::PluginId;
use crate::auth::May;
use crate::auth::scope::Plugins;
use crate::described::PluginIdText;
use crate::extract::Path;
use crate::problem::Answer;

/// Lets a plugin serve again, until the next start: what shall last stands in the configuration, as `grants.<id>.enabled`.
///
/// It is refused when another plugin has taken what it offers meanwhile.
#[utoipa::path(
    post,
    path = "/api/plugins/{pluginId}/enable",
    operation_id = "enablePlugin",
    tag = "plugins",
    params(("pluginId" = inline(PluginIdText), Path, description = "The plugin's id.")),
    responses((status = 200, body = PluginDone)),
    security(("bearer" = ["plugins"]))
)]
pub(crate) async fn enable(may: May<Plugins>, Path(PluginId(id)): Path<PluginId>) -> Answer<Json<PluginDone>> {
    let plugins = may.service.plugins();
    plugins.enable(&id, true).await.map_err(|error| refused(&error))?;
    Ok(Json(PluginDone::new("Plugin enabled", may.service.plugin_view(&id)?)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use switchboard_core::config::GrantConfig;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn what_the_configuration_disables_can_be_enabled_until_the_next_start() {
        let app = TestApp::with(|config| {
            let off = GrantConfig {
                enabled: false,
                ..GrantConfig::default()
            };
            config.grants.insert("otp".to_owned(), off);
        })
        .await;
        let document = app.get("/openapi.json").await.json();
        assert!(document["components"]["schemas"].get("SendBody.otp").is_none());
        for _ in 0..2 {
            let answered = app.call("POST", "/api/plugins/otp/enable", Value::Null).await;
            assert_eq!(answered.json()["plugin"]["status"], "ready");
        }
        let document = app.get("/openapi.json").await.json();
        assert!(document["components"]["schemas"].get("SendBody.otp").is_some());
    }
}
