//! Plugins on trial: a case says in JSON what goes in and what must come out, and is run as a server would run it, every check included.
//!
//! A value of the contract has one form in JSON: see `json.rs`. What a plugin asks for is not carried out here: a case
//! brings the outcomes along.

mod case;
mod json;

pub use self::case::{Case, CaseError, Input};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json as value};
use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::Problem;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Type, types};

use self::json::{from_case, to_case};
use crate::contract::effects::Outcome;
use crate::contract::http::Response;
use crate::effects::{Question, Turn};
use crate::engine::Engine;
use crate::limits::Limits;
use crate::load::{Loaded, PluginSource, load};
use crate::load_error::LoadError;
use crate::metrics::Metrics;
use crate::plugin::{CallContext, Plugin};
use crate::problem;

/// When every case is run: the clocks of a guest stand here.
const AT: UnixMillis = UnixMillis(1_795_421_730_250);

/// A plugin that is loaded to be tried.
#[derive(Debug)]
pub struct Trial {
    loaded: Loaded,
    context: CallContext,
}

impl Trial {
    /// Loads it as a server would. `request_id` is what it is told at every call.
    ///
    /// # Errors
    /// Why a server would refuse it.
    pub async fn load(engine: &Engine, source: PluginSource, request_id: RequestId) -> Result<Self, LoadError> {
        let context = CallContext {
            request_id,
            accepted_at: AT,
        };
        let loaded = load(engine, &Metrics::default(), source).await?;
        Ok(Self { loaded, context })
    }

    /// What one call may use.
    pub fn limits(&self) -> Limits {
        self.plugin().limits
    }

    /// The most memory that a call has had since this was asked last, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.plugin().metrics.memory.take()
    }

    /// The most instructions that a call has taken since this was asked last; 0 if the engine does not count them.
    pub fn instructions(&self) -> u64 {
        self.plugin().metrics.instructions.take()
    }

    /// Runs one case, and returns what came out: a step, an answer, or `{"problem": {...}}` as a client would be told.
    ///
    /// # Errors
    /// When the case does not fit the plugin or the contract.
    pub async fn run(&self, case: &Case) -> Result<Value, CaseError> {
        let context = &self.context;
        match (&self.loaded, &case.input) {
            (Loaded::Handler(handler), Input::Body { kind, body }) => {
                let function = self.function("next")?;
                let outcomes = function.outcomes(3, &case.outcomes)?;
                let answer = match handler.handling(context, kind, body) {
                    Ok(handling) => handling.put(&outcomes).await,
                    Err(problem) => Err(problem),
                };
                function.step(answer, |contents| Ok(value!({"Send": written(&contents)?})))
            }
            (Loaded::Dialect(dialect), Input::Request(request)) => {
                let function = self.function("next")?;
                let (request, outcomes) = (function.argument(1, request)?, function.outcomes(2, &case.outcomes)?);
                let answer = dialect.step(context, &request, &outcomes).await;
                function.step(answer, |response: Response| {
                    Ok(value!({"Respond": written(&response)?}))
                })
            }
            (Loaded::Dialect(dialect), Input::Problem { asked, problem }) => {
                let function = self.function("render-problem")?;
                let asked = function.argument(1, asked)?;
                let problem = problem::of_guest(function.argument(2, problem)?, self.plugin().name());
                function.answer(dialect.render(context, &asked, &problem).await)
            }
            (Loaded::Dialect(dialect), Input::Event(event)) => {
                let function = self.function("webhook")?;
                function.answer(dialect.webhook(context, event).await)
            }
            (Loaded::Provider(provider), Input::Speech(speech)) => {
                let function = self.function("next")?;
                let (speech, outcomes) = (function.argument(1, speech)?, function.outcomes(2, &case.outcomes)?);
                let answer = provider.step(context, &speech, &outcomes).await;
                function.step(answer, |step| written(&step))
            }
            (Loaded::Provider(provider), Input::Voices) => {
                let function = self.function("voices")?;
                let outcomes = function.outcomes(1, &case.outcomes)?;
                let answer = provider.catalog_step(context, &outcomes).await;
                function.step(answer, |catalog| Ok(value!({"Catalog": written(&catalog)?})))
            }
            _ => Err(CaseError::Input(format!(
                "is not for a plugin of the world {}",
                self.plugin().world
            ))),
        }
    }

    fn plugin(&self) -> &Plugin {
        self.loaded.plugin()
    }

    /// One of the plugin's functions, by its name in the contract.
    fn function(&self, name: &str) -> Result<Function, CaseError> {
        let component = self.plugin().component();
        let interface = self.plugin().world.interface();
        let ty = component.component_type();
        let found = ty.exports(component.engine()).find_map(|(export, item)| match item.ty {
            ComponentItem::ComponentInstance(instance) if export.starts_with(&interface) => {
                match instance.get_export(component.engine(), name)?.ty {
                    ComponentItem::ComponentFunc(function) => Some(function),
                    _ => None,
                }
            }
            _ => None,
        });
        found
            .map(Function)
            .ok_or_else(|| CaseError::Input(format!("needs the function {name}, which the plugin has not")))
    }
}

/// The types of a function, by which JSON becomes its arguments and its answer becomes JSON.
struct Function(types::ComponentFunc);

impl Function {
    fn argument<T: DeserializeOwned>(&self, place: usize, given: &Value) -> Result<T, CaseError> {
        let (name, ty) = self
            .0
            .params()
            .nth(place)
            .ok_or_else(|| CaseError::Input("has no place".to_owned()))?;
        let typed = from_case(&ty, given).map_err(|fault| CaseError::Input(format!("{name}{fault}")))?;
        serde_json::from_value(typed).map_err(|error| CaseError::Input(format!("{name}: {error}")))
    }

    fn outcomes(&self, place: usize, given: &Value) -> Result<Vec<Outcome>, CaseError> {
        self.argument(place, given).map_err(|error| match error {
            CaseError::Input(fault) => CaseError::Outcomes(fault),
            other => other,
        })
    }

    /// What stands in the place of an answer, without the `result` around it.
    fn answered(&self) -> Option<Type> {
        match self.0.results().next()? {
            Type::Result(result) => result.ok(),
            plain => Some(plain),
        }
    }

    fn answer<T: Serialize>(&self, answer: Result<T, Problem>) -> Result<Value, CaseError> {
        match (answer, self.answered()) {
            (Ok(answer), Some(ty)) => Ok(to_case(&ty, written(&answer)?)),
            (Ok(_), None) => Ok(Value::Null),
            (Err(problem), _) => Ok(told(&problem)),
        }
    }

    fn step<A>(
        &self,
        answer: Result<Turn<A>, Problem>,
        done: impl FnOnce(A) -> Result<Value, CaseError>,
    ) -> Result<Value, CaseError> {
        let answer = match answer {
            Ok(Turn::Do(effects)) => Ok(value!({"Do": written(&effects)?})),
            Ok(Turn::Done(answer)) => Ok(done(answer)?),
            Err(problem) => Err(problem),
        };
        self.answer(answer)
    }
}

fn written(value: &impl Serialize) -> Result<Value, CaseError> {
    serde_json::to_value(value).map_err(|error| CaseError::Answer(error.to_string()))
}

fn told(problem: &Problem) -> Value {
    let mut told = value!({
        "status": problem.code().status(), "code": problem.code().name(), "message": problem.message()
    });
    if let Some(field) = problem.field_name() {
        told["field"] = field.into();
    }
    value!({"problem": told})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineOptions;
    use crate::testing::{guest, source};

    async fn used(counts_instructions: bool, next: &str) -> (u64, u64) {
        let engine = Engine::new(EngineOptions {
            concurrency: 1,
            counts_instructions,
            ..EngineOptions::default()
        });
        let source = source("guest", guest(next), "");
        let trial = Trial::load(&engine.unwrap(), source, "case".parse().unwrap())
            .await
            .unwrap();
        let _ = (trial.instructions(), trial.peak_memory());
        let case = Case {
            name: "x".to_owned(),
            input: Input::Body {
                kind: "x".to_owned(),
                body: value!({}),
            },
            config: serde_json::Map::new(),
            outcomes: value!([]),
            expected: None,
        };
        trial.run(&case).await.unwrap();
        (trial.instructions(), trial.peak_memory())
    }

    #[tokio::test]
    async fn what_a_call_has_used_is_known_even_when_it_crashes() {
        const TWO_PAGES: u64 = 2 * 65_536;
        let (short, memory) = used(true, "(unreachable)").await;
        let (long, _) = used(true, "(drop (call $f (i32.const 0))) (unreachable)").await;
        assert!(0 < short && short < 1000 && short < long, "{short} {long}");
        assert_eq!(memory, TWO_PAGES);
        let grown = used(false, "(drop (memory.grow (i32.const 3))) (unreachable)").await;
        assert_eq!(grown, (0, TWO_PAGES + 3 * 65_536));
    }
}
