//! The answer to an operation on a plugin.

use serde::Serialize;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::LoadError;
use switchboard_service::PluginView;
use utoipa::ToSchema;

/// It was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginDone {
    /// Always true.
    success: bool,
    /// What was done.
    #[schema(example = "Plugin reloaded")]
    message: &'static str,
    /// The plugin as it is now.
    plugin: PluginView,
}

impl PluginDone {
    pub(super) const fn new(message: &'static str, plugin: PluginView) -> Self {
        Self {
            success: true,
            message,
            plugin,
        }
    }
}

/// What the person who installed the plugin must know.
pub(super) fn refused(error: &LoadError) -> Problem {
    Problem::new(Code::PLUGIN_REFUSED, sentence(&error.to_string())).field("pluginId")
}

/// The error of a plugin as a sentence of its own.
pub(super) fn sentence(error: &str) -> String {
    let rest = error.strip_prefix('p').map(|rest| format!("P{rest}"));
    format!("{}.", rest.as_deref().unwrap_or(error))
}
