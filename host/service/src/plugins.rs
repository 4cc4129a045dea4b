//! Plugins as clients read them: what each is, how it is doing, what it asks for and what of that the operator grants. Never a secret.

use serde::Serialize;
use switchboard_core::config::{GrantConfig, Grants};
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::http::Method;
use switchboard_plugins::{Origin, PluginState, PluginStatus, Plugins, Serving};
use utoipa::ToSchema;

use crate::effects::granted_origins;
use crate::service::Service;

/// One plugin. Where it could not be loaded and nothing serves in its place, only its id and the error are known.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginView {
    /// Its id: the name of its folder.
    #[schema(example = "otp")]
    pub id: String,
    /// Where it came from: `folder` for the data folder's `plugins/`, or `bundled` with the program. An added plugin goes before a
    /// bundled one.
    #[schema(value_type = String, example = "folder")]
    pub origin: Origin,
    /// `ready`, `disabled` by the operator, `failed` to load, `set_aside` for a while because it crashed again and again, or `replaced`
    /// by an added plugin of its name.
    #[schema(value_type = String, example = "ready")]
    pub status: PluginStatus,
    /// Why the last attempt to load it failed. While it is `ready` all the same, the version before serves on.
    pub error: Option<String>,
    /// Its version.
    #[schema(example = "1.0.0")]
    pub version: Option<String>,
    /// What it is made for: `message-handler@1.0`, `dialect@1.0` or `tts-provider@1.0`.
    #[schema(example = "message-handler@1.0")]
    pub world: Option<String>,
    /// One sentence of its author's.
    pub summary: Option<String>,
    /// The SHA-256 of its component, in hexadecimal, to pin it in the configuration.
    pub sha256: Option<String>,
    /// The kinds of messages it adds.
    pub kinds: Vec<String>,
    /// The routes it adds.
    pub routes: Vec<RouteView>,
    /// What one call of it may use.
    pub limits: Option<LimitsView>,
    /// What it asks the operator for.
    pub asks: AsksView,
    /// What of that the operator grants.
    pub granted: GrantedView,
    /// For how many seconds it is still set aside.
    pub set_aside_for: Option<u64>,
}

/// A route of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RouteView {
    /// The method.
    #[schema(value_type = String, example = "POST")]
    pub method: &'static str,
    /// The path, with `{name}` for a segment and `{*name}` for the rest.
    #[schema(example = "/{phoneNumberId}/messages")]
    pub path: String,
    /// One sentence about it.
    pub summary: String,
}

/// What one call of a plugin may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitsView {
    /// Time of a processor, in milliseconds.
    pub cpu_ms: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// What it may answer, in KiB.
    pub answer_kib: u32,
    /// What it may write to the log, in KiB.
    pub log_kib: u32,
}

/// What a plugin asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AsksView {
    /// The origins that it wants to fetch from.
    #[schema(example = json!(["https://api.example.com"]))]
    pub origins: Vec<String>,
    /// The secrets that it wants to be used.
    pub credentials: Vec<CredentialView>,
}

/// A secret that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CredentialView {
    /// The plugin's name for it.
    #[schema(example = "openai")]
    pub name: String,
    /// The header that the host puts it into.
    #[schema(example = "Authorization")]
    pub header: String,
}

/// What a plugin asks for and may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct GrantedView {
    /// The origins that it may fetch from.
    pub origins: Vec<String>,
    /// The names of the secrets that are there.
    pub credentials: Vec<String>,
}

impl PluginView {
    /// How a plugin is doing, and what the operator grants it.
    pub fn of(state: &PluginState, grant: Option<&GrantConfig>) -> Self {
        let serving = state.serving.as_ref();
        Self {
            id: state.id.clone(),
            origin: state.origin,
            status: state.status,
            error: state.error.as_ref().map(ToString::to_string),
            version: serving.map(|serving| serving.version.clone()),
            world: serving.map(|serving| serving.world.to_string()),
            summary: serving.and_then(|serving| serving.summary.clone()),
            sha256: serving.map(|serving| serving.sha256.clone()),
            kinds: serving.map(|serving| serving.kinds.clone()).unwrap_or_default(),
            routes: serving.map(routes).unwrap_or_default(),
            limits: serving.map(|serving| LimitsView {
                cpu_ms: serving.limits.cpu_ms,
                memory_mib: serving.limits.memory_mib,
                answer_kib: serving.limits.answer_kib,
                log_kib: serving.limits.log_kib,
            }),
            asks: serving.map(asks).unwrap_or_default(),
            granted: match (serving, grant) {
                (Some(serving), Some(grant)) => granted(serving, grant),
                _ => GrantedView::default(),
            },
            set_aside_for: serving.and_then(|serving| serving.rest).map(|rest| rest.as_secs() + 1),
        }
    }
}

fn routes(serving: &Serving) -> Vec<RouteView> {
    let routes = serving.routes.iter().map(|route| RouteView {
        method: match route.method {
            Method::Get => "GET",
            Method::Delete => "DELETE",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
        },
        path: route.path.clone(),
        summary: route.summary.clone(),
    });
    routes.collect()
}

fn asks(serving: &Serving) -> AsksView {
    let credentials = serving.asked.credentials.iter().map(|(name, asked)| CredentialView {
        name: name.clone(),
        header: asked.header.clone(),
    });
    AsksView {
        origins: serving.asked.origins.iter().map(ToString::to_string).collect(),
        credentials: credentials.collect(),
    }
}

fn granted(serving: &Serving, grant: &GrantConfig) -> GrantedView {
    let asked = serving.asked.credentials.keys();
    let credentials = asked.filter(|name| grant.credentials.contains_key(*name));
    let origins = granted_origins(&serving.asked, grant);
    GrantedView {
        origins: origins.iter().map(ToString::to_string).collect(),
        credentials: credentials.cloned().collect(),
    }
}

/// What of the operator's grants nobody has asked for, one sentence each: for a plugin that there is not, or that does not know the
/// credential. It may come later, so this is no error.
pub fn unused_grants(grants: &Grants, plugins: &Plugins) -> Vec<String> {
    let states = plugins.states();
    let mut unused = Vec::new();
    for (id, grant) in grants {
        let mut of_id = states.iter().filter(|state| state.id == *id).peekable();
        if of_id.peek().is_none() {
            unused.push(format!("grants.{id}: there is no plugin {id}"));
        }
        let Some(serving) = of_id.find_map(|state| state.serving.as_ref()) else {
            continue;
        };
        let asked = &serving.asked.credentials;
        for name in grant.credentials.keys().filter(|name| !asked.contains_key(*name)) {
            unused.push(format!(
                "grants.{id}.credentials.{name}: the plugin asks for no credential of this name"
            ));
        }
    }
    unused
}

impl Service {
    /// Every plugin, in the order in which they go before each other: added ones first, then by id.
    pub fn plugin_views(&self) -> Vec<PluginView> {
        let states = self.parts.plugins.states();
        let views = states
            .iter()
            .map(|state| PluginView::of(state, self.parts.grants.for_plugin(&state.id)));
        views.collect()
    }

    /// The plugin of this id; of two the added one.
    ///
    /// # Errors
    /// `plugin_not_found`.
    pub fn plugin_view(&self, id: &str) -> Result<PluginView, Problem> {
        let mut views = self.plugin_views().into_iter();
        views
            .find(|view| view.id == id)
            .ok_or_else(|| Problem::new(Code::PLUGIN_NOT_FOUND, "There is no such plugin.").field("pluginId"))
    }
}
