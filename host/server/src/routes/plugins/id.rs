//! The id of a plugin in a path.

use std::str::FromStr;

use switchboard_plugins::is_id;

/// An id that a plugin may have.
#[derive(Debug)]
pub(crate) struct PluginId(pub(super) String);

/// The text is no id of a plugin.
#[derive(Debug, thiserror::Error)]
#[error("must be 1 to 64 of a-z, 0-9 and -, first a letter")]
pub(crate) struct InvalidPluginId;

impl FromStr for PluginId {
    type Err = InvalidPluginId;

    fn from_str(text: &str) -> Result<Self, InvalidPluginId> {
        is_id(text).then(|| Self(text.to_owned())).ok_or(InvalidPluginId)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::testing::TestApp;

    #[tokio::test]
    async fn what_is_no_id_never_gets_to_a_folder() {
        let app = TestApp::new().await;
        for verb in ["reload", "enable", "disable"] {
            for hostile in [
                "..%2Fmessages",
                "..",
                "Messages",
                "7up",
                "%00",
                "a%0Ab",
                &"x".repeat(65),
                "%2e%2e",
            ] {
                let path = format!("/api/plugins/{hostile}/{verb}");
                let answered = app.call("POST", &path, Value::Null).await;
                answered.failure(400, "invalid_field", Some("pluginId"));
            }
            let path = format!("/api/plugins/nobody/{verb}");
            let answered = app.call("POST", &path, Value::Null).await;
            answered.failure(404, "plugin_not_found", Some("pluginId"));
        }
    }

    #[tokio::test]
    async fn plugins_are_for_whoever_has_their_scope() {
        let app = TestApp::new().await;
        let other = app
            .token(serde_json::json!({"scopes": ["messages:send", "sessions:write"]}))
            .await;
        let theirs = app.token(serde_json::json!({"scopes": ["plugins"]})).await;
        for (method, path) in [
            ("GET", "/api/plugins"),
            ("POST", "/api/plugins/messages/reload"),
            ("POST", "/api/plugins/messages/enable"),
            ("POST", "/api/plugins/messages/disable"),
        ] {
            app.with_token(method, path, &other)
                .await
                .failure(403, "forbidden", None);
            assert_eq!(app.with_token(method, path, &theirs).await.status, 200, "{path}");
        }
    }
}
