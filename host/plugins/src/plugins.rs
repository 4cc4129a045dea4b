//! All plugins, as the rest of the host sees them. They come and go while requests are under way: a request uses the plugin that was
//! there when it began, and ends with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus_client::registry::Registry as MetricRegistry;
use serde::Serialize;
use serde_json::Value;
use switchboard_core::problem::{Code, Problem};
use tokio::sync::Mutex;

use crate::aside::aside;
use crate::contract::content::Content;
use crate::contract::http::Method;
use crate::dialect::{Dialect, Route};
use crate::effects::Effects;
use crate::engine::Engine;
use crate::handler::Handler;
use crate::kind::Kind;
use crate::limits::Limits;
use crate::load::{Loaded, PluginSource, load};
use crate::load_error::{LoadError, Refusal};
use crate::manifest::Asked;
use crate::metrics::{Metrics, Statuses};
use crate::plugin::{CallContext, Origin};
use crate::provider::Provider;
use crate::routes::Found;
use crate::table::{Entry, Table};
use crate::world::World;

/// The plugins. Clones share them.
#[derive(Clone)]
pub struct Plugins(Arc<Inner>);

struct Inner {
    engine: Engine,
    metrics: Metrics,
    table: ArcSwap<Table>,
    /// What was enabled or disabled here, which stays so until the next start, whatever comes and goes. Held by whoever changes the
    /// table; what is loaded for that is loaded before.
    switches: Mutex<BTreeMap<String, bool>>,
    changes: AtomicU64,
}

/// How one plugin is doing.
#[derive(Debug, Clone)]
pub struct PluginState {
    /// Its id.
    pub id: String,
    /// Where it came from.
    pub origin: Origin,
    /// Whether the operator lets it serve.
    pub is_enabled: bool,
    /// In one word.
    pub status: PluginStatus,
    /// What serves, if anything does.
    pub serving: Option<Serving>,
    /// Why the last attempt to load it failed. Another version may be serving all the same.
    pub error: Option<Arc<LoadError>>,
}

/// How one plugin is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginStatus {
    /// It serves.
    Ready,
    /// The operator does not let it serve.
    Disabled,
    /// It could not be loaded.
    Failed,
    /// It crashed again and again, and rests.
    SetAside,
    /// An added plugin of its name serves in its place.
    Replaced,
}

impl PluginStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ready,
        Self::Disabled,
        Self::Failed,
        Self::SetAside,
        Self::Replaced,
    ];

    /// The word in the API and in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Disabled => "disabled",
            Self::Failed => "failed",
            Self::SetAside => "set_aside",
            Self::Replaced => "replaced",
        }
    }

    fn of(entry: &Entry, others: &[Entry]) -> Self {
        match &entry.loaded {
            _ if !entry.is_enabled => Self::Disabled,
            _ if entry.is_replaced(others) => Self::Replaced,
            None => Self::Failed,
            Some(loaded) if loaded.plugin().health.rest().is_some() => Self::SetAside,
            Some(_) => Self::Ready,
        }
    }
}

/// What is known of a plugin that is loaded.
#[derive(Debug, Clone)]
pub struct Serving {
    /// Three numbers.
    pub version: String,
    /// What it is for.
    pub world: World,
    /// One sentence of its author's.
    pub summary: Option<String>,
    /// Of its component, in lower-case hexadecimal.
    pub sha256: String,
    /// What it may use.
    pub limits: Limits,
    /// What it asks for.
    pub asked: Asked,
    /// The kinds it offers.
    pub kinds: Vec<String>,
    /// The routes it has.
    pub routes: Vec<Route>,
    /// For how long it is still set aside, if it is.
    pub rest: Option<Duration>,
}

impl Plugins {
    /// None yet.
    pub fn new(engine: Engine) -> Self {
        Self(Arc::new(Inner {
            engine,
            metrics: Metrics::default(),
            table: ArcSwap::default(),
            switches: Mutex::default(),
            changes: AtomicU64::new(0),
        }))
    }

    /// Loads every plugin, in order.
    ///
    /// # Errors
    /// The first plugin that is refused, and why.
    pub async fn load(engine: Engine, sources: Vec<PluginSource>) -> Result<Self, LoadError> {
        let plugins = Self::new(engine);
        for source in sources {
            let is_twice = {
                let table = plugins.0.table.load();
                let mut entries = table.entries.iter();
                entries.any(|entry| entry.id == source.id && entry.origin == source.origin)
            };
            if is_twice {
                return Err(LoadError {
                    plugin: source.id,
                    reason: Refusal::IdTaken,
                });
            }
            plugins.put(source).await?;
        }
        Ok(plugins)
    }

    /// Loads a plugin, or another version of one. It serves from then on; calls that are under way end on the one before. Of two
    /// loads at the same time the one that finishes last wins.
    ///
    /// # Errors
    /// Why it is refused. What served before serves on, and the reason is kept with it.
    pub async fn put(&self, source: PluginSource) -> Result<(), LoadError> {
        let (id, origin, is_enabled) = (source.id.clone(), source.origin, source.is_enabled);
        let loaded = load(&self.0.engine, &self.0.metrics, source).await;
        let switches = self.0.switches.lock().await;
        let mut entries = self.0.table.load().entries.clone();
        let is_enabled = switches.get(&id).copied().unwrap_or(is_enabled);
        let place = entries
            .iter()
            .position(|entry| entry.id == id && entry.origin == origin);
        let before = place.map(|place| entries.swap_remove(place));
        let fresh = Entry {
            id,
            origin,
            is_enabled,
            loaded: None,
            error: None,
        };
        let error = match loaded {
            Ok(loaded) => {
                let entry = Entry {
                    loaded: Some(loaded),
                    ..fresh.clone()
                };
                match Table::of([&entries[..], &[entry]].concat()) {
                    Ok(table) => {
                        self.swap(table);
                        self.0.metrics.loaded(true);
                        return Ok(());
                    }
                    Err(error) => error.laid_to(&fresh.id),
                }
            }
            Err(error) => error,
        };
        self.0.metrics.loaded(false);
        entries.push(Entry {
            loaded: before.and_then(|entry| entry.loaded),
            error: Some(Arc::new(error.clone())),
            ..fresh
        });
        // What served before fits.
        if let Ok(table) = Table::of(entries) {
            self.swap(table);
        }
        Err(error)
    }

    /// Keeps why an added plugin could not even be read. What served before serves on.
    pub async fn refuse(&self, error: LoadError) {
        let switches = self.0.switches.lock().await;
        self.0.metrics.loaded(false);
        let mut entries = self.0.table.load().entries.clone();
        let added = |entry: &&mut Entry| entry.id == error.plugin && entry.origin == Origin::Folder;
        match entries.iter_mut().find(added) {
            Some(entry) => entry.error = Some(Arc::new(error)),
            None => entries.push(Entry {
                id: error.plugin.clone(),
                origin: Origin::Folder,
                is_enabled: switches.get(&error.plugin).copied().unwrap_or(true),
                loaded: None,
                error: Some(Arc::new(error)),
            }),
        }
        // Nothing else serves than did before.
        if let Ok(table) = Table::of(entries) {
            self.swap(table);
        }
    }

    /// Takes an added plugin away. The bundled one of its name, if there is one, serves again.
    ///
    /// # Errors
    /// When what comes back does not fit beside the others.
    pub async fn remove(&self, id: &str) -> Result<(), LoadError> {
        let _switches = self.0.switches.lock().await;
        let mut entries = self.0.table.load().entries.clone();
        entries.retain(|entry| !(entry.id == id && entry.origin == Origin::Folder));
        self.swap(Table::of(entries)?);
        Ok(())
    }

    /// Lets a plugin serve, or not. Returns whether there is one of this name.
    ///
    /// # Errors
    /// When it does not fit beside the others any more.
    pub async fn enable(&self, id: &str, is_enabled: bool) -> Result<bool, LoadError> {
        let mut switches = self.0.switches.lock().await;
        let mut entries = self.0.table.load().entries.clone();
        let mut is_there = false;
        for entry in entries.iter_mut().filter(|entry| entry.id == id) {
            entry.is_enabled = is_enabled;
            is_there = true;
        }
        self.swap(Table::of(entries).map_err(|error| error.laid_to(id))?);
        if is_there {
            switches.insert(id.to_owned(), is_enabled);
        }
        Ok(is_there)
    }

    fn swap(&self, table: Table) {
        self.0.table.store(Arc::new(table));
        self.0.changes.fetch_add(1, Ordering::Release);
    }

    /// Another number whenever a plugin comes, goes or is replaced.
    pub fn generation(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Every plugin that was put in, in the order in which they go before each other.
    pub fn states(&self) -> Vec<PluginState> {
        let table = self.0.table.load();
        let states = table.entries.iter().map(|entry| PluginState {
            id: entry.id.clone(),
            origin: entry.origin,
            is_enabled: entry.is_enabled,
            status: PluginStatus::of(entry, &table.entries),
            serving: entry.loaded.as_ref().map(Serving::of),
            // What an operator says of this id is for the one that serves; that it does not fit the other is nobody's fault.
            error: entry.error.clone().filter(|_| !entry.is_replaced(&table.entries)),
        });
        states.collect()
    }

    /// Deletes from the cache the compiled code that no plugin here has any more, of whatever version of this program. Only for who has
    /// the cache to himself. A plugin that is being loaded meanwhile may have to be compiled again at the next start.
    pub async fn drop_unused_code(&self) {
        let table = self.0.table.load();
        let loaded = table.entries.iter().filter_map(|entry| entry.loaded.as_ref());
        let in_use = loaded.map(|loaded| loaded.plugin().sha256.clone()).collect();
        let engine = self.0.engine.clone();
        let dropped = aside("clearing up", move || engine.inner().cache.retain(&in_use)).await;
        match dropped {
            Ok(Ok(0)) => {}
            Ok(Ok(files)) => tracing::info!(files, "compiled plugin code that nobody uses was deleted"),
            Ok(Err(error)) => tracing::warn!(%error, "compiled plugin code that nobody uses cannot be deleted"),
            Err(reason) => tracing::warn!(%reason, "compiled plugin code that nobody uses cannot be deleted"),
        }
    }

    /// Every kind that can be sent.
    pub fn kinds(&self) -> Vec<Arc<Kind>> {
        self.0.table.load().kinds.clone()
    }

    /// Every dialect that is served.
    pub fn dialects(&self) -> Vec<Arc<Dialect>> {
        self.0.table.load().dialects.clone()
    }

    /// Every tts-provider.
    pub fn providers(&self) -> Vec<Arc<Provider>> {
        self.0.table.load().providers.clone()
    }

    /// What the dialects have for a path; `method` is none for one that no route can have.
    pub fn find(&self, method: Option<Method>, path: &str) -> Option<Found> {
        self.0.table.load().routes.find(method, path)
    }

    /// Adds to `registry` what is counted: the plugins, their loads and code, and the ends, waits and times of calls.
    pub fn register(&self, registry: &mut MetricRegistry) {
        registry.register_collector(Box::new(Statuses(self.clone())));
        self.0.metrics.register(registry);
        self.0.engine.inner().cache.register(registry);
    }

    /// Turns the body of a send, without its envelope, into contents.
    ///
    /// # Errors
    /// `unknown_type` for a kind nobody handles, `invalid_field` for a body its schema refuses, `plugin_busy`, `plugin_timeout`,
    /// `plugin_trap` and `plugin_set_aside`, and whatever problem the plugin has with the body.
    pub async fn handle(
        &self,
        context: &CallContext,
        kind: &str,
        body: &Value,
        effects: &dyn Effects,
    ) -> Result<Vec<Content>, Problem> {
        let handler = self.handler(kind)?;
        handler.handle(context, kind, body, effects).await
    }

    /// Who handles a kind: the first that is not set aside, or else the first.
    pub(crate) fn handler(&self, kind: &str) -> Result<Arc<Handler>, Problem> {
        let table = self.0.table.load();
        let handlers = table.handlers.get(kind).map(Vec::as_slice).unwrap_or_default();
        let fit = handlers.iter().find(|handler| handler.plugin.health.rest().is_none());
        if let Some(handler) = fit.or(handlers.first()) {
            return Ok(Arc::clone(handler));
        }
        let known: Vec<_> = table.kinds.iter().map(|kind| kind.name.as_str()).collect();
        let sentence = format!(
            "There is no message type of this name; there are: {}.",
            known.join(", ")
        );
        Err(Problem::new(Code::UNKNOWN_TYPE, sentence).field("type"))
    }
}

impl Serving {
    fn of(loaded: &Loaded) -> Self {
        let plugin = loaded.plugin();
        let (kinds, routes) = match loaded {
            Loaded::Handler(handler) => {
                let names = handler.kinds.iter().map(|offer| offer.kind.name.clone());
                (names.collect(), Vec::new())
            }
            Loaded::Dialect(dialect) => (Vec::new(), dialect.routes.clone()),
            Loaded::Provider(_) => Default::default(),
        };
        Self {
            version: plugin.version.clone(),
            world: plugin.world,
            summary: plugin.summary.clone(),
            sha256: plugin.sha256.clone(),
            limits: plugin.limits,
            asked: plugin.asked.clone(),
            kinds,
            routes,
            rest: plugin.health.rest(),
        }
    }
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let table = self.0.table.load();
        let entries = table.entries.iter().map(|entry| (&entry.id, entry.origin));
        f.debug_list().entries(entries).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::effects::NoEffects;
    use crate::testing::{context, engine, guest, honest, source};

    fn kinds(plugins: &Plugins) -> usize {
        plugins.kinds().len()
    }

    #[tokio::test]
    async fn what_could_not_be_read_changes_nothing_but_the_error_that_is_shown() {
        let plugins = Plugins::new(engine());
        let unread = |plugin: &str| LoadError {
            plugin: plugin.to_owned(),
            reason: Refusal::Files("it is gone".to_owned()),
        };
        plugins.put(source("a", guest("unreachable"), "")).await.unwrap();
        for id in ["a", "../b"] {
            plugins.refuse(unread(id)).await;
        }
        let states = plugins.states();
        let shown: Vec<_> = states
            .iter()
            .map(|state| (state.id.as_str(), state.serving.is_some(), state.error.is_some()))
            .collect();
        assert_eq!(shown, [("../b", false, true), ("a", true, true)]);
        assert_eq!(kinds(&plugins), 1);
        plugins.put(source("a", guest("unreachable"), "")).await.unwrap();
        assert!(plugins.states()[1].error.is_none(), "it could be read again");
    }

    #[tokio::test]
    async fn whoever_comes_later_is_at_fault_for_what_two_want() {
        let plugins = Plugins::new(engine());
        plugins.put(source("b", guest("unreachable"), "")).await.unwrap();
        let error = plugins.put(source("a", guest("unreachable"), "")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "plugin a cannot be loaded: its kind x is already handled by the plugin b"
        );
    }

    #[tokio::test]
    async fn what_was_disabled_stays_so_when_another_version_comes() {
        let plugins = Plugins::new(engine());
        let bundled = |is_enabled| PluginSource {
            origin: Origin::Bundled,
            is_enabled,
            ..source("a", guest("unreachable"), "")
        };
        plugins.put(bundled(false)).await.unwrap();
        assert_eq!(kinds(&plugins), 0);
        assert!(plugins.enable("a", true).await.unwrap());
        plugins.put(bundled(false)).await.unwrap();
        assert_eq!(kinds(&plugins), 1);
        plugins.enable("a", false).await.unwrap();
        plugins.put(source("a", guest("unreachable"), "")).await.unwrap();
        assert_eq!(kinds(&plugins), 0);
        assert!(!plugins.enable("nobody", true).await.unwrap());
    }

    #[tokio::test]
    async fn a_kind_nobody_handles_is_answered_with_those_there_are() {
        let sources = vec![source("a", honest("x"), ""), source("b", honest("y"), "")];
        let plugins = Plugins::load(engine(), sources).await.unwrap();
        let answered = plugins.handle(&context(), "image", &json!({}), &NoEffects).await;
        let problem = answered.unwrap_err();
        assert_eq!(
            (problem.code(), problem.field_name()),
            (&Code::UNKNOWN_TYPE, Some("type"))
        );
        assert_eq!(
            problem.message(),
            "There is no message type of this name; there are: x, y."
        );
        let kinds = plugins.kinds();
        let offered: Vec<_> = kinds
            .iter()
            .map(|kind| (kind.name.as_str(), kind.plugin_id.as_str()))
            .collect();
        assert_eq!(offered, [("x", "a"), ("y", "b")]);
    }
}
