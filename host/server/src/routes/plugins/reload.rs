//! `POST /api/plugins/{pluginId}/reload`: looks at a plugin's folder now.

use axum::Json;
use axum::extract::State;
use switchboard_core::problem::{Code, Problem};

use super::done::{PluginDone, sentence};
use super::id::PluginId;
use crate::app::App;
use crate::auth::May;
use crate::auth::scope::Plugins;
use crate::described::PluginIdText;
use crate::extract::Path;
use crate::problem::Answer;

/// Loads a plugin from its folder anew, whether its files have changed or not.
///
/// A change is noticed without this too, a few seconds after the last file was written. If the plugin is refused, the answer says why,
/// and the version before serves on. A plugin that came with the program stays as it is.
#[utoipa::path(
    post,
    path = "/api/plugins/{pluginId}/reload",
    operation_id = "reloadPlugin",
    tag = "plugins",
    params(("pluginId" = inline(PluginIdText), Path, description = "The plugin's id.")),
    responses((status = 200, body = PluginDone)),
    security(("bearer" = ["plugins"]))
)]
pub(crate) async fn reload(
    State(app): State<App>,
    may: May<Plugins>,
    Path(PluginId(id)): Path<PluginId>,
) -> Answer<Json<PluginDone>> {
    app.plugin_folder.reload(&id).await;
    let plugin = may.service.plugin_view(&id)?;
    match &plugin.error {
        Some(error) => Err(Problem::new(Code::PLUGIN_REFUSED, sentence(error))
            .field("pluginId")
            .into()),
        None => Ok(Json(PluginDone::new("Plugin reloaded", plugin))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use crate::testing::{TestApp, shipped};

    /// Puts the component of `otp` into a folder of the operator's, under its own name.
    fn drop_in(app: &TestApp, version: &str) {
        let folder = app.data().join("plugins/otp");
        fs::create_dir_all(&folder).unwrap();
        let manifest = shipped("otp").manifest.replace("0.1.0", version);
        fs::write(folder.join("plugin.toml"), manifest).unwrap();
        fs::write(folder.join("plugin.wasm"), shipped("otp").wasm).unwrap();
    }

    async fn reloaded(app: &TestApp) -> crate::testing::Answered {
        app.call("POST", "/api/plugins/otp/reload", Value::Null).await
    }

    #[tokio::test]
    async fn what_was_dropped_in_serves_in_the_place_of_the_bundled_one_until_it_is_gone() {
        let app = TestApp::new().await;
        drop_in(&app, "7.0.0");
        let plugin = reloaded(&app).await.json()["plugin"].clone();
        assert_eq!(
            (&plugin["origin"], &plugin["version"], &plugin["status"]),
            (&"folder".into(), &"7.0.0".into(), &"ready".into())
        );
        let listed = app.get("/api/plugins").await.json();
        let plugins = listed["plugins"].as_array().unwrap().iter();
        let statuses: Vec<_> = plugins
            .filter(|plugin| plugin["id"] == "otp")
            .map(|plugin| plugin["status"].as_str().unwrap())
            .collect();
        assert_eq!(statuses, ["ready", "replaced"]);
        fs::remove_dir_all(app.data().join("plugins/otp")).unwrap();
        let plugin = reloaded(&app).await.json()["plugin"].clone();
        assert_eq!(
            (&plugin["origin"], &plugin["status"]),
            (&"bundled".into(), &"ready".into())
        );
    }

    #[tokio::test]
    async fn why_it_is_refused_is_the_answer_and_stays_in_the_list() {
        let app = TestApp::new().await;
        drop_in(&app, "7.0.0");
        fs::write(app.data().join("plugins/otp/plugin.wasm"), "no component").unwrap();
        let failure = reloaded(&app).await.failure(422, "plugin_refused", Some("pluginId"));
        let sentence = failure["error"].as_str().unwrap();
        assert!(
            sentence.starts_with("Plugin otp cannot be loaded: the file "),
            "{sentence}"
        );
        let listed = app.get("/api/plugins").await.json();
        let failed = &listed["plugins"][0];
        assert_eq!(
            (&failed["status"], &failed["version"]),
            (&"failed".into(), &Value::Null)
        );
        assert!(failed["error"].as_str().unwrap().contains("otp cannot be loaded"));
    }

    #[tokio::test]
    async fn a_bundled_plugin_stays_as_it_is() {
        let app = TestApp::new().await;
        let answered = reloaded(&app).await;
        assert_eq!(
            (answered.status.as_u16(), &answered.json()["plugin"]["status"]),
            (200, &"ready".into())
        );
    }
}
