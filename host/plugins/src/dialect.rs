//! Dialects: which routes one has, and how it answers a request, renders a problem and words a webhook.

use http::{HeaderName, HeaderValue};
use serde_json::Value;
use switchboard_core::problem::Problem;

use crate::call::Occasion;
use crate::contract::dialect::{Access, Asked, GuestIndices, Request, Step, WebhookBody};
use crate::contract::effects::Outcome;
use crate::contract::http::{Method, Response};
use crate::effects::{Answered, Effects, Question, Turn, ask};
use crate::fault::Fault;
use crate::load_error::Refusal;
use crate::plugin::{CallContext, Plugin};
use crate::problem;

/// Routes one dialect may have.
const MOST_ROUTES: usize = 256;
/// Headers in one answer.
const MOST_HEADERS: usize = 64;

/// A loaded dialect.
pub struct Dialect {
    pub(crate) plugin: Plugin,
    exports: GuestIndices,
    pub(crate) routes: Vec<Route>,
}

/// One route, as a dialect offers it. Whether its path is one is seen when it is put into the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for a segment and `{*name}` for the rest.
    pub path: String,
    /// Whether it may be called without a token.
    pub is_open: bool,
    /// One sentence for a reader of the API.
    pub summary: String,
}

impl Dialect {
    /// Asks the plugin for its routes.
    pub(crate) async fn new(plugin: Plugin, exports: GuestIndices) -> Result<Self, Refusal> {
        let asked = &exports;
        let routes = plugin.call(Occasion::load(), |mut store, instance| async move {
            let guest = asked.load(&mut store, &instance)?;
            guest.call_routes(&mut store).await
        });
        let routes = routes.await.map_err(|fault| Refusal::asked("routes", &fault))?;
        if !(1..=MOST_ROUTES).contains(&routes.len()) {
            return Err(Refusal::Routes(format!(
                "it has {} routes; 1 to {MOST_ROUTES} are allowed",
                routes.len()
            )));
        }
        let offered = routes
            .iter()
            .map(|route| format!("{} {}", word(route.method), route.path));
        plugin.claims.hold(offered)?;
        let routes = routes.into_iter().map(|route| {
            let summary = route.summary.trim().to_owned();
            if !(1..=300).contains(&summary.chars().count()) {
                return Err(Refusal::Routes(format!(
                    "its route {:?} needs a summary of 1 to 300 characters",
                    route.path.chars().take(200).collect::<String>()
                )));
            }
            Ok(Route {
                method: route.method,
                path: route.path,
                is_open: route.access == Access::Anyone,
                summary,
            })
        });
        Ok(Self {
            routes: routes.collect::<Result<_, _>>()?,
            plugin,
            exports,
        })
    }

    /// Whose dialect it is.
    pub const fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// The routes it has.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Answers a request to one of its routes. `made` makes of the answer what the client gets; why it cannot, is the plugin's fault.
    ///
    /// # Errors
    /// The plugin's own problem, or what went wrong with the plugin. [`render`](Self::render) puts it into the dialect's words.
    pub async fn answer<T>(
        &self,
        context: &CallContext,
        request: &Request,
        effects: &dyn Effects,
        made: impl FnOnce(Response) -> Result<T, String> + Send,
    ) -> Result<T, Problem> {
        let asking = Asking {
            dialect: self,
            context,
            request,
        };
        let Answered { answer, .. } = ask(&asking, effects).await?;
        let made = self.made(answer, made)?;
        self.plugin.did_well();
        Ok(made)
    }

    fn made<T>(&self, response: Response, made: impl FnOnce(Response) -> Result<T, String>) -> Result<T, Problem> {
        made(response).map_err(|fault| self.plugin.failed(Fault::Contract(fault)))
    }

    /// One step of [`answer`](Self::answer), for a history of outcomes that is given.
    pub(crate) async fn step(
        &self,
        context: &CallContext,
        request: &Request,
        outcomes: &[Outcome],
    ) -> Result<Turn<Response>, Problem> {
        let asking = Asking {
            dialect: self,
            context,
            request,
        };
        asking.put(outcomes).await
    }

    /// A problem in the dialect's words. `made` as for [`answer`](Self::answer).
    ///
    /// # Errors
    /// When the plugin fails at that too; the problem is then the host's to tell.
    pub async fn render<T>(
        &self,
        context: &CallContext,
        asked: &Asked,
        problem: &Problem,
        made: impl FnOnce(Response) -> Result<T, String> + Send,
    ) -> Result<T, Problem> {
        self.plugin.check_in()?;
        let (told, problem) = (self.plugin.context(context), problem::for_guest(problem));
        let answer = self
            .plugin
            .call(Occasion::of(context), |mut store, instance| async move {
                let guest = self.exports.load(&mut store, &instance)?;
                guest.call_render_problem(&mut store, &told, asked, &problem).await
            });
        let response = self.plugin.settle(answer.await.map(Ok), |response| {
            let response = checked(response)?;
            if response.status < 400 {
                return Err(Fault::Contract(format!(
                    "a problem rendered with the status {}",
                    response.status
                )));
            }
            Ok(response)
        });
        self.made(response?, made)
    }

    /// What a subscriber of this dialect gets for an event, if anything.
    ///
    /// # Errors
    /// The plugin's own problem, or what went wrong with the plugin.
    pub async fn webhook(&self, context: &CallContext, event: &Value) -> Result<Option<WebhookBody>, Problem> {
        self.plugin.check_in()?;
        let (told, event) = (self.plugin.context(context), event.to_string());
        let answer = self
            .plugin
            .call(Occasion::of(context), |mut store, instance| async move {
                let guest = self.exports.load(&mut store, &instance)?;
                guest.call_webhook(&mut store, &told, &event).await
            });
        let body = self.plugin.settle(answer.await, Ok)?;
        self.plugin.did_well();
        Ok(body)
    }
}

impl std::fmt::Debug for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialect")
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

/// One request on its way through a dialect.
struct Asking<'a> {
    dialect: &'a Dialect,
    context: &'a CallContext,
    request: &'a Request,
}

impl Question for Asking<'_> {
    type Answer = Response;

    fn plugin(&self) -> &Plugin {
        &self.dialect.plugin
    }

    async fn put(&self, outcomes: &[Outcome]) -> Result<Turn<Response>, Problem> {
        let Dialect { plugin, exports, .. } = self.dialect;
        let told = plugin.context(self.context);
        let answer = plugin.call(Occasion::of(self.context), |mut store, instance| async move {
            let guest = exports.load(&mut store, &instance)?;
            guest.call_next(&mut store, &told, self.request, outcomes).await
        });
        plugin.settle(answer.await, |step| match step {
            Step::Do(effects) => Turn::effects(effects),
            Step::Respond(response) => checked(response).map(Turn::Done),
        })
    }
}

/// A method as it stands in a request.
const fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    }
}

fn checked(response: Response) -> Result<Response, Fault> {
    if !(200..600).contains(&response.status) {
        return Err(Fault::Contract(format!(
            "an answer with the status {}",
            response.status
        )));
    }
    if response.headers.len() > MOST_HEADERS {
        return Err(Fault::Contract(format!(
            "an answer with {} headers; {MOST_HEADERS} are allowed",
            response.headers.len()
        )));
    }
    for (name, value) in &response.headers {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(Fault::Contract("an answer with a header of no name in HTTP".to_owned()));
        }
        if HeaderValue::from_str(value).is_err() {
            return Err(Fault::Contract(format!(
                "an answer with a header {name} of no value in HTTP"
            )));
        }
    }
    Ok(response)
}
