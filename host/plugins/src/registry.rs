//! All loaded plugins and the kinds they handle. The host learns every message type from here and knows none by name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use prometheus_client::registry::Registry as MetricRegistry;
use serde_json::Value;
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::Content;
use switchboard_core::problem::{Code, Problem};

use crate::admission::admit;
use crate::bindings::{MessageHandlerPluginPre, types};
use crate::call::{CallContext, Callee, Guest, Occasion};
use crate::convert;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::kind::{Kind, check_all};
use crate::limits::Limits;
use crate::load_error::{LoadError, Refusal};
use crate::manifest::Manifest;
use crate::metrics::{Metrics, PluginMetrics};
use crate::schema::BodySchema;
use crate::step::{Outcome, Step};

/// Calls of `next` for one request.
const MAX_ROUNDS: usize = 8;

/// A plugin as it is shipped.
#[derive(Debug, Clone)]
pub struct PluginSource {
    /// The text of its plugin.toml.
    pub manifest_toml: Cow<'static, str>,
    /// Its component.
    pub wasm: Cow<'static, [u8]>,
}

/// The loaded plugins. Clones share them.
#[derive(Clone)]
pub struct Plugins(Arc<Registry>);

struct Registry {
    engine: Engine,
    kinds: Vec<Kind>,
    handlers: HashMap<String, Handler>,
    metrics: Metrics,
}

struct Handler {
    plugin: Arc<Plugin>,
    schema: BodySchema,
}

struct Plugin {
    id: String,
    /// Id and version.
    name: String,
    component: MessageHandlerPluginPre<Guest>,
    limits: Limits,
    config: String,
    metrics: PluginMetrics,
}

impl Plugins {
    /// Loads every plugin, in order.
    ///
    /// # Errors
    /// The first plugin that is refused, and why. Nothing is loaded then.
    pub async fn load(engine: Engine, sources: Vec<PluginSource>) -> Result<Self, LoadError> {
        let mut registry = Registry {
            engine,
            kinds: Vec::new(),
            handlers: HashMap::new(),
            metrics: Metrics::default(),
        };
        let mut ids = Vec::new();
        for (place, source) in sources.into_iter().enumerate() {
            let manifest =
                Manifest::parse(&source.manifest_toml, &registry.engine.inner().limits).map_err(|reason| {
                    LoadError {
                        plugin: format!("number {}", place + 1),
                        reason,
                    }
                })?;
            let id = manifest.id.clone();
            let refused = |reason| LoadError {
                plugin: id.clone(),
                reason,
            };
            if ids.contains(&id) {
                return Err(refused(Refusal::IdTaken));
            }
            registry.add(manifest, source.wasm).await.map_err(refused)?;
            ids.push(id);
        }
        Ok(Self(Arc::new(registry)))
    }

    /// Every kind that can be sent, in the order of loading.
    pub fn kinds(&self) -> &[Kind] {
        &self.0.kinds
    }

    /// Adds what is counted about calls to `registry`: their ends, and the time of the guests.
    pub fn register(&self, registry: &mut MetricRegistry) {
        self.0.metrics.register(registry);
    }

    /// Turns the body of a send, without its envelope, into contents.
    ///
    /// # Errors
    /// `unknown_type` for a kind nobody handles, `invalid_field` for a body its schema refuses, `plugin_busy`, `plugin_timeout` and
    /// `plugin_trap`, and whatever problem the plugin has with the body.
    pub async fn handle(&self, context: CallContext, kind: &str, body: Value) -> Result<Vec<Content>, Problem> {
        let handler = self.checked(kind, &body)?;
        let body = body.to_string();
        let mut outcomes = Vec::new();
        for _ in 0..MAX_ROUNDS {
            match self.ask(&handler.plugin, &context, kind, &body, &outcomes).await? {
                Step::Send(contents) => return Ok(contents),
                Step::Do(effects) => outcomes.extend(
                    effects
                        .iter()
                        .map(|effect| convert::outcome(&Step::unsupported(effect))),
                ),
            }
        }
        Err(Fault::Contract(format!("no final answer in {MAX_ROUNDS} rounds")).into_problem(&handler.plugin.name))
    }

    /// One step of [`handle`](Self::handle), for a history of outcomes that is given: how the cases of a plugin are run.
    ///
    /// # Errors
    /// As [`handle`](Self::handle).
    pub async fn next(
        &self,
        context: &CallContext,
        kind: &str,
        body: &Value,
        outcomes: &[Outcome],
    ) -> Result<Step, Problem> {
        let handler = self.checked(kind, body)?;
        let outcomes: Vec<_> = outcomes.iter().map(convert::outcome).collect();
        self.ask(&handler.plugin, context, kind, &body.to_string(), &outcomes)
            .await
    }

    fn checked(&self, kind: &str, body: &Value) -> Result<&Handler, Problem> {
        let Some(handler) = self.0.handlers.get(kind) else {
            let known: Vec<_> = self.0.kinds.iter().map(|kind| kind.name.as_str()).collect();
            let sentence = format!(
                "There is no message type of this name; there are: {}.",
                known.join(", ")
            );
            return Err(Problem::new(Code::UNKNOWN_TYPE, sentence).field("type"));
        };
        handler.schema.check(body)?;
        Ok(handler)
    }

    async fn ask(
        &self,
        plugin: &Plugin,
        context: &CallContext,
        kind: &str,
        body: &types::Json,
        outcomes: &[types::Outcome],
    ) -> Result<Step, Problem> {
        let answer = self.call(plugin, context, kind, body, outcomes).await;
        plugin.metrics.called(&answer);
        answer
    }

    async fn call(
        &self,
        plugin: &Plugin,
        context: &CallContext,
        kind: &str,
        body: &types::Json,
        outcomes: &[types::Outcome],
    ) -> Result<Step, Problem> {
        let told = types::Context {
            request_id: context.request_id.to_string(),
            accepted_at_ms: u64::try_from(context.accepted_at.0).unwrap_or(0),
            config: plugin.config.clone(),
        };
        let occasion = Occasion {
            name: context.request_id.as_str(),
            at: context.accepted_at,
        };
        let answer = self
            .0
            .engine
            .inner()
            .gate
            .call(plugin.callee(), occasion, |mut store, guest| async move {
                let _running = plugin.metrics.running();
                guest
                    .switchboard_plugin_message_handler()
                    .call_next(&mut store, &told, kind, body, outcomes)
                    .await
            });
        match answer.await {
            Ok(Ok(step)) => convert::step(step).map_err(|fault| fault.into_problem(&plugin.name)),
            Ok(Err(problem)) => Err(convert::problem(problem, &plugin.name)),
            Err(fault) => Err(fault.into_problem(&plugin.name)),
        }
    }
}

impl Registry {
    async fn add(&mut self, manifest: Manifest, wasm: Cow<'static, [u8]>) -> Result<(), Refusal> {
        let component = admit(&self.engine, wasm).await?;
        let Manifest {
            id,
            version,
            limits,
            config,
        } = manifest;
        let plugin = Arc::new(Plugin {
            name: format!("{id} {version}"),
            metrics: self.metrics.of(&id),
            id,
            component,
            limits,
            config,
        });
        let occasion = Occasion {
            name: "load",
            at: UnixMillis(0),
        };
        let kinds = self
            .engine
            .inner()
            .gate
            .call(plugin.callee(), occasion, |mut store, guest| async move {
                guest.switchboard_plugin_message_handler().call_kinds(&mut store).await
            });
        let kinds = kinds.await.map_err(|fault| Refusal::Kinds(fault.to_string()))?;
        for (kind, schema) in check_all(kinds, &plugin.id)? {
            if let Some(first) = self.handlers.get(&kind.name) {
                return Err(Refusal::KindTaken {
                    kind: kind.name,
                    by: first.plugin.id.clone(),
                });
            }
            self.handlers.insert(
                kind.name.clone(),
                Handler {
                    plugin: Arc::clone(&plugin),
                    schema,
                },
            );
            self.kinds.push(kind);
        }
        Ok(())
    }
}

impl Plugin {
    fn callee(&self) -> Callee<'_> {
        Callee {
            name: &self.name,
            component: &self.component,
            limits: &self.limits,
        }
    }
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.kinds.iter().map(|kind| (&kind.plugin_id, &kind.name)))
            .finish()
    }
}
