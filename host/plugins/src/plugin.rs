//! One loaded plugin: who it is, what it may use, and how it is called.

use serde::Serialize;
use serde_json::Value;
use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::Problem;
use tokio::sync::Semaphore;
use wasmtime::component::{Component, Instance, InstancePre};

use crate::admission::Admitted;
use crate::call::{Callee, Guest, Held, Occasion};
use crate::contract::types;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::health::Health;
use crate::limits::Limits;
use crate::manifest::{Asked, Claims, Manifest, TokenPlaces};
use crate::metrics::PluginMetrics;
use crate::problem;
use crate::world::World;

/// Where a plugin came from. What an operator adds goes before what was shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The folder of the operator's plugins.
    Folder,
    /// The program itself.
    Bundled,
}

/// What a plugin is told about the request behind a call.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// The id that every answer and log line of the request carries.
    pub request_id: RequestId,
    /// When the host accepted it. The guest's clocks stand at this moment.
    pub accepted_at: UnixMillis,
}

/// A loaded plugin.
pub struct Plugin {
    pub(crate) engine: Engine,
    pub(crate) id: String,
    pub(crate) version: String,
    /// Id and version.
    pub(crate) name: String,
    pub(crate) world: World,
    pub(crate) summary: Option<String>,
    pub(crate) origin: Origin,
    /// Of the component, in lower-case hexadecimal.
    pub(crate) sha256: String,
    pub(crate) asked: Asked,
    pub(crate) claims: Claims,
    pub(crate) limits: Limits,
    pub(crate) token_places: TokenPlaces,
    /// The settings as the guest gets them.
    config: String,
    component: InstancePre<Guest>,
    /// The instances it may have at the same time.
    share: Semaphore,
    pub(crate) metrics: PluginMetrics,
    pub(crate) health: Health,
}

impl Plugin {
    pub(crate) fn new(
        engine: Engine,
        manifest: Manifest,
        origin: Origin,
        sha256: String,
        component: InstancePre<Guest>,
        metrics: PluginMetrics,
    ) -> Self {
        let Manifest {
            id,
            version,
            world,
            summary,
            limits,
            asked,
            claims,
            token_places,
            config,
        } = manifest;
        let share = Semaphore::new(engine.inner().gate.share(&limits));
        Self {
            name: format!("{id} {version}"),
            engine,
            id,
            version,
            world,
            summary,
            origin,
            sha256,
            asked,
            claims,
            limits,
            token_places,
            config: Value::Object(config).to_string(),
            component,
            share,
            metrics,
            health: Health::default(),
        }
    }

    /// Its id: the name in plugin.toml.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Id and version, for the log and for sentences.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub const fn world(&self) -> World {
        self.world
    }

    /// The fingerprint of its component, in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What it asks the operator for.
    pub const fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Where the API of a dialect has a token, besides the usual header.
    pub const fn token_places(&self) -> &TokenPlaces {
        &self.token_places
    }

    pub(crate) fn context(&self, of: &CallContext) -> types::Context {
        types::Context {
            request_id: of.request_id.to_string(),
            accepted_at_ms: u64::try_from(of.accepted_at.0).unwrap_or(0),
            config: self.config.clone(),
        }
    }

    pub(crate) fn component(&self) -> &Component {
        self.component.component()
    }

    /// What it was made of, to be made again with other settings.
    pub(crate) fn admitted(&self) -> Admitted {
        Admitted {
            fingerprint: self.sha256.clone(),
            linked: self.component.clone(),
        }
    }

    /// Lets `work` call a fresh instance, within every bound.
    pub(crate) async fn call<T, W, F>(&self, occasion: Occasion<'_>, work: W) -> Result<T, Fault>
    where
        W: FnOnce(Held, Instance) -> F,
        F: Future<Output = wasmtime::Result<T>>,
    {
        let callee = Callee {
            name: &self.name,
            component: &self.component,
            limits: &self.limits,
            share: &self.share,
            metrics: &self.metrics,
        };
        self.engine.inner().gate.call(callee, occasion, work).await
    }

    /// Refuses a call while the plugin is set aside.
    pub(crate) fn check_in(&self) -> Result<(), Problem> {
        match self.health.rest() {
            Some(rest) => Err(Fault::SetAside(rest).into_problem(&self.name)),
            None => Ok(()),
        }
    }

    /// A fault, told, counted and held against the plugin.
    pub(crate) fn failed(&self, fault: Fault) -> Problem {
        let problem = self.crashed(fault);
        self.note(&Err(&problem));
        problem
    }

    /// What a call led to, checked by `check`, told, and counted. That it went well is not held for the plugin yet: it may be one of
    /// several for a request, of which the last crashes.
    pub(crate) fn settle<S, T>(
        &self,
        answer: Result<Result<S, types::Problem>, Fault>,
        check: impl FnOnce(S) -> Result<T, Fault>,
    ) -> Result<T, Problem> {
        let answer = self.told(answer, check);
        match &answer {
            Ok(_) => self.metrics.called(&Ok(())),
            Err(problem) => self.note(&Err(problem)),
        }
        answer
    }

    /// A request has its answer.
    pub(crate) fn did_well(&self) {
        self.health.note(&Ok(()));
    }

    fn told<S, T>(
        &self,
        answer: Result<Result<S, types::Problem>, Fault>,
        check: impl FnOnce(S) -> Result<T, Fault>,
    ) -> Result<T, Problem> {
        match answer {
            Ok(Ok(step)) => check(step).map_err(|fault| self.crashed(fault)),
            Ok(Err(problem)) => Err(problem::of_guest(problem, &self.name)),
            Err(fault) => Err(self.crashed(fault)),
        }
    }

    fn crashed(&self, fault: Fault) -> Problem {
        if let Some(how) = fault.crash() {
            self.metrics.crashed(how);
        }
        fault.into_problem(&self.name)
    }

    fn note(&self, answer: &Result<(), &Problem>) {
        self.metrics.called(answer);
        if let Some(rest) = self.health.note(answer) {
            tracing::error!(plugin = %self.name, rest = ?rest, "a plugin crashed again and again and is set aside");
        }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
