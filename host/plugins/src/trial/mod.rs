//! Plugins on trial: a case says in JSON what goes in and what must come out, and is run as a server would run it, every check included.
//!
//! A value of the contract has one form in JSON: see `json.rs`. What a plugin asks for is not carried out here: a case
//! brings the outcomes along.

mod case;
mod json;
mod overheard;

pub use self::case::{Case, CaseError, Cases, Input};

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json as value};
use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::Problem;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Type, types};

use self::json::{from_case, to_case};
use self::overheard::Overheard;
use crate::contract::effects::Outcome;
use crate::contract::http::Response;
use crate::effects::{Question, Turn};
use crate::engine::Engine;
use crate::handler::Handler;
use crate::limits::Limits;
use crate::load::{Loaded, PluginSource, load, set};
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
    manifest_toml: Cow<'static, str>,
    context: CallContext,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// A step, an answer, or `{"problem": {...}}` as a client would be told.
    pub value: Value,
    /// What is behind a problem, in one line: a server would log it.
    pub cause: Option<String>,
    /// What the plugin wrote to standard output and standard error, by lines, control characters escaped.
    pub written: Vec<String>,
}

impl Trial {
    /// Loads it as a server would. `request_id` is what it is told at every call.
    ///
    /// # Errors
    /// Why a server would refuse it. Of a crash it says what the plugin wrote last.
    pub async fn load(engine: &Engine, source: PluginSource, request_id: RequestId) -> Result<Self, LoadError> {
        let context = CallContext {
            request_id,
            accepted_at: AT,
        };
        let manifest_toml = source.manifest_toml.clone();
        let metrics = Metrics::default();
        let loaded = Overheard::default().during(load(engine, &metrics, source)).await?;
        Ok(Self {
            loaded,
            manifest_toml,
            context,
        })
    }

    /// The same plugin with other settings of an operator. Its component is not compiled again.
    ///
    /// # Errors
    /// Why a server would refuse it with these.
    pub async fn with_settings(&self, settings: &Map<String, Value>) -> Result<Self, LoadError> {
        let metrics = Metrics::default();
        let loading = set(self.plugin(), &metrics, &self.manifest_toml, settings);
        Ok(Self {
            loaded: Overheard::default().during(loading).await?,
            manifest_toml: self.manifest_toml.clone(),
            context: self.context.clone(),
        })
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

    /// Runs one case, and returns what came of it.
    ///
    /// # Errors
    /// When the case does not fit the plugin or the contract.
    pub async fn run(&self, case: &Case) -> Result<Answer, CaseError> {
        let overheard = Overheard::default();
        let answer = overheard.during(self.answer(case)).await?;
        Ok(Answer {
            written: overheard.take(),
            ..answer
        })
    }

    async fn answer(&self, case: &Case) -> Result<Answer, CaseError> {
        let context = &self.context;
        match (&self.loaded, &case.input) {
            (Loaded::Handler(handler), Input::Body { kind, body }) => {
                offered(handler, kind)?;
                let function = self.function("next")?;
                let outcomes = function.outcomes(3, &case.outcomes)?;
                let answer = match handler.handling(context, kind, body).await {
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
                function.answer(dialect.render(context, &asked, &problem, Ok).await)
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
        let (name, ty) = self.0.params().nth(place).ok_or_else(|| {
            CaseError::Input(format!(
                "needs the parameter {place}, which the plugin's function has not"
            ))
        })?;
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

    fn answer<T: Serialize>(&self, answer: Result<T, Problem>) -> Result<Answer, CaseError> {
        let (value, cause) = match (answer, self.answered()) {
            (Ok(answer), Some(ty)) => (to_case(&ty, written(&answer)?), None),
            (Ok(_), None) => (Value::Null, None),
            (Err(problem), _) => (told(&problem), problem.cause_chain()),
        };
        Ok(Answer {
            value,
            // A plugin's own sentence may be in it, which must not write over a line of a terminal.
            cause: cause.map(|cause| cause.replace(char::is_control, " ")),
            written: Vec::new(),
        })
    }

    fn step<A>(
        &self,
        answer: Result<Turn<A>, Problem>,
        done: impl FnOnce(A) -> Result<Value, CaseError>,
    ) -> Result<Answer, CaseError> {
        let answer = match answer {
            Ok(Turn::Do(effects)) => Ok(value!({"Do": written(&effects)?})),
            Ok(Turn::Done(answer)) => Ok(done(answer)?),
            Err(problem) => Err(problem),
        };
        self.answer(answer)
    }
}

/// Whether a plugin offers a kind: a server would not ask it for another, and there is no schema for that.
fn offered(handler: &Handler, kind: &str) -> Result<(), CaseError> {
    let kinds: Vec<_> = handler.kinds.iter().map(|offer| offer.kind.name.as_str()).collect();
    if kinds.contains(&kind) {
        return Ok(());
    }
    Err(CaseError::Input(format!(
        "has the kind {kind}, which the plugin does not offer; it offers {}",
        kinds.join(", ")
    )))
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
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::engine::EngineOptions;
    use crate::testing::{GuestText, engine, guest, source};

    async fn loaded(engine: &Engine, wasm: Vec<u8>, more: &str) -> Trial {
        Trial::load(engine, source("guest", wasm, more), "case".parse().unwrap())
            .await
            .unwrap()
    }

    fn case(kind: &str) -> Case {
        Case {
            input: Input::Body {
                kind: kind.to_owned(),
                body: value!({}),
            },
            config: Map::new(),
            outcomes: value!([]),
            expected: None,
        }
    }

    async fn used(counts_instructions: bool, next: &str) -> (u64, u64) {
        let engine = Engine::new(EngineOptions {
            concurrency: 1,
            counts_instructions,
            ..EngineOptions::default()
        });
        let trial = loaded(&engine.unwrap(), guest(next), "").await;
        let _ = (trial.instructions(), trial.peak_memory());
        trial.run(&case("x")).await.unwrap();
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

    /// A guest, and how it panics as Rust does.
    fn panicking() -> (GuestText, String) {
        let mut text = GuestText {
            wasi: true,
            ..GuestText::default()
        };
        let [words, length] = text.string("panicked at src/lib.rs:7:\nno digits\x1b[2K\n");
        let result = text.words(&[0, 0, 0]);
        let panic = format!(
            "(call $write (call $stderr) (i32.const {words}) (i32.const {length}) (i32.const {result}))
             unreachable"
        );
        (text, panic)
    }

    #[tokio::test]
    async fn a_plugin_that_crashes_when_it_is_loaded_is_told_with_what_it_wrote_last() {
        let (text, panic) = panicking();
        let functions = format!(
            r#"(func (export "switchboard:plugin/message-handler@1.0.0#kinds") (result i32) {panic})
               (func (export "switchboard:plugin/message-handler@1.0.0#next")
                    (param i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)"#
        );
        let source = source("guest", text.lifted("message-handler", &functions), "");
        let error = Trial::load(&engine(), source, "case".parse().unwrap())
            .await
            .unwrap_err();
        let sentence = error.to_string();
        assert!(
            sentence.ends_with(r"after it wrote: panicked at src/lib.rs:7:\nno digits\u{1b}[2K"),
            "{sentence}"
        );
    }

    #[tokio::test]
    async fn why_a_plugin_crashed_and_what_it_wrote_stand_beside_the_answer() {
        let (text, panic) = panicking();
        let wasm = text.component(&panic);
        let answer = loaded(&engine(), wasm, "").await.run(&case("x")).await.unwrap();
        assert_eq!(answer.value["problem"]["code"], "plugin_trap");
        let cause = answer.cause.unwrap();
        assert!(cause.starts_with("plugin guest 1.0.0: the guest trapped"), "{cause}");
        assert_eq!(answer.written, ["panicked at src/lib.rs:7:", r"no digits\u{1b}[2K"]);
    }

    #[tokio::test]
    async fn a_kind_that_the_plugin_does_not_offer_is_told_with_those_it_does() {
        let trial = loaded(&engine(), guest("(unreachable)"), "").await;
        let error = trial.run(&case("y")).await.unwrap_err();
        let sentence = "the input has the kind y, which the plugin does not offer; it offers x";
        assert_eq!(error.to_string(), sentence);
    }

    #[tokio::test]
    async fn what_a_function_does_not_take_is_told() {
        let trial = loaded(&engine(), guest("(unreachable)"), "").await;
        let next = trial.function("next").unwrap();
        let error = next.argument::<Value>(9, &Value::Null).unwrap_err();
        let sentence = "the input needs the parameter 9, which the plugin's function has not";
        assert_eq!(error.to_string(), sentence);
    }

    #[tokio::test]
    async fn other_settings_are_checked_and_nothing_is_compiled_again_for_them() {
        let engine = engine();
        let trial = loaded(&engine, guest("(unreachable)"), "[config]\ntone = \"low\"\n").await;
        let set = |settings: Value| serde_json::from_value::<Map<String, Value>>(settings).unwrap();
        let other = trial.with_settings(&set(value!({"tone": "high"}))).await.unwrap();
        assert!(other.plugin().context(&other.context).config.contains("high"));
        assert!(trial.plugin().context(&trial.context).config.contains("low"));
        let error = trial.with_settings(&set(value!({"tnoe": "x"}))).await.unwrap_err();
        assert!(error.to_string().ends_with("it has tone"), "{error}");

        let mut registry = Registry::default();
        engine.inner().cache.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("plugin_code_total{from=\"compiler\"} 1\n"), "{text}");
    }
}
