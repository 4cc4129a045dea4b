//! `POST /api/plugins/{pluginId}/disable`: lets a plugin serve no more.

use super::done::{PluginDone, refused};
use super::id::PluginId;
use crate::app::App;
use crate::auth::May;
use crate::auth::scope::Plugins;
use crate::described::PluginIdText;
use crate::extract::Path;
use crate::problem::Answer;
use axum::Json;
use axum::extract::State;

/// Lets a plugin serve no more, until the next start: what shall last stands in the configuration, as `grants.<id>.enabled`.
///
/// Calls that are under way end. Its kinds and routes are gone at once; a bundled plugin of its name does not take its place, but another
/// that wanted one of its kinds or routes may.
#[utoipa::path(
    post,
    path = "/api/plugins/{pluginId}/disable",
    operation_id = "disablePlugin",
    tag = "plugins",
    params(("pluginId" = inline(PluginIdText), Path, description = "The plugin's id.")),
    responses((status = 200, body = PluginDone)),
    security(("bearer" = ["plugins"]))
)]
pub(crate) async fn disable(
    State(app): State<App>,
    may: May<Plugins>,
    Path(PluginId(id)): Path<PluginId>,
) -> Answer<Json<PluginDone>> {
    let plugins = may.service.plugins();
    plugins.enable(&id, false).await.map_err(|error| refused(&error))?;
    app.plugin_folder.retry().await;
    Ok(Json(PluginDone::new("Plugin disabled", may.service.plugin_view(&id)?)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn the_kinds_of_a_disabled_plugin_are_gone_from_the_api_until_it_is_enabled() {
        let app = TestApp::new().await;
        for (verb, status, is_there) in [
            ("disable", "disabled", false),
            ("disable", "disabled", false),
            ("enable", "ready", true),
        ] {
            let answered = app.call("POST", &format!("/api/plugins/otp/{verb}"), Value::Null).await;
            assert_eq!(answered.json()["plugin"]["status"], status, "{}", answered.json());
            let document = app.get("/openapi.json").await.json();
            assert_eq!(
                document["components"]["schemas"].get("SendBody.otp").is_some(),
                is_there
            );
        }
    }
}
