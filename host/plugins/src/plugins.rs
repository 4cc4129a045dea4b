//! All plugins, as the rest of the host sees them. They come and go while requests are under way: a request uses the plugin that was
//! there when it began, and ends with it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus_client::registry::Registry as MetricRegistry;
use serde_json::Value;
use switchboard_core::problem::{Code, Problem};
use tokio::sync::{Mutex, watch};

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
use crate::manifest::{Asked, manifest_id};
use crate::metrics::Metrics;
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
    /// One change at a time.
    changing: Mutex<()>,
    changes: watch::Sender<u64>,
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
    /// What serves, if anything does.
    pub serving: Option<Serving>,
    /// Why the last attempt to load it failed. Another version may be serving all the same.
    pub error: Option<Arc<LoadError>>,
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
    /// The origins it asks for, with the configured ones put in.
    pub origins: Vec<String>,
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
            changing: Mutex::default(),
            changes: watch::Sender::new(0),
        }))
    }

    /// Loads every plugin, in order.
    ///
    /// # Errors
    /// The first plugin that is refused, and why.
    pub async fn load(engine: Engine, sources: Vec<PluginSource>) -> Result<Self, LoadError> {
        let plugins = Self::new(engine);
        for source in sources {
            let twice = manifest_id(&source.manifest_toml).filter(|id| {
                let table = plugins.0.table.load();
                table
                    .entries
                    .iter()
                    .any(|entry| entry.id == *id && entry.origin == source.origin)
            });
            if let Some(plugin) = twice {
                let reason = Refusal::IdTaken;
                return Err(LoadError { plugin, reason });
            }
            plugins.put(source).await?;
        }
        Ok(plugins)
    }

    /// Loads a plugin, or another version of one. It serves from then on; calls that are under way end on the one before.
    ///
    /// # Errors
    /// Why it is refused. What served before serves on, and the reason is kept with it.
    pub async fn put(&self, source: PluginSource) -> Result<(), LoadError> {
        let _turn = self.0.changing.lock().await;
        let (origin, named) = (source.origin, manifest_id(&source.manifest_toml));
        let loaded = load(&self.0.engine, &self.0.metrics, source).await;
        let mut entries = self.0.table.load().entries.clone();
        let id = match (&loaded, named) {
            (Ok(loaded), _) => loaded.plugin().id.clone(),
            (Err(_), Some(id)) => id,
            // Whoever put it there knows it by its folder.
            (Err(error), None) => error.plugin.clone(),
        };
        let place = entries
            .iter()
            .position(|entry| entry.id == id && entry.origin == origin);
        let before = place.map(|place| entries.swap_remove(place));
        let fresh = Entry {
            id,
            origin,
            is_enabled: before.as_ref().is_none_or(|entry| entry.is_enabled),
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
                        return Ok(());
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
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

    /// Takes an added plugin away. The bundled one of its name, if there is one, serves again.
    ///
    /// # Errors
    /// When what comes back does not fit beside the others.
    pub async fn remove(&self, id: &str) -> Result<(), LoadError> {
        let _turn = self.0.changing.lock().await;
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
        let _turn = self.0.changing.lock().await;
        let mut entries = self.0.table.load().entries.clone();
        let mut is_there = false;
        for entry in entries.iter_mut().filter(|entry| entry.id == id) {
            entry.is_enabled = is_enabled;
            is_there = true;
        }
        self.swap(Table::of(entries)?);
        Ok(is_there)
    }

    fn swap(&self, table: Table) {
        self.0.table.store(Arc::new(table));
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    /// Changes whenever a plugin comes, goes or is replaced.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Another number after every change.
    pub fn generation(&self) -> u64 {
        *self.0.changes.borrow()
    }

    /// Every plugin that was put in, in the order in which they go before each other.
    pub fn states(&self) -> Vec<PluginState> {
        let table = self.0.table.load();
        let states = table.entries.iter().map(|entry| PluginState {
            id: entry.id.clone(),
            origin: entry.origin,
            is_enabled: entry.is_enabled,
            serving: entry.loaded.as_ref().map(Serving::of),
            error: entry.error.clone(),
        });
        states.collect()
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

    /// Adds what is counted about calls to `registry`: their ends, their waits, and the time of the guests.
    pub fn register(&self, registry: &mut MetricRegistry) {
        self.0.metrics.register(registry);
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
            origins: plugin.asked_origins().into_iter().map(str::to_owned).collect(),
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
