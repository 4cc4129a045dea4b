//! Requests in somebody else's words: what is none of our own routes may be a dialect's.
//!
//! The host does what is the same for every API: it checks the token before anything else, reads the body within the limit, and has
//! effects carried out as the caller. All words are the dialect's, also those for what went wrong.

mod answer;
mod token;
mod told;

use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::dialect::Asked;
use switchboard_plugins::contract::http as contract;
use switchboard_plugins::{CallContext, Dialect, Found};
use switchboard_service::Carrier;

use self::answer::respond;
use self::token::caller;
use self::told::Asking;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Answer;

/// Which dialect a request was for: known while it is handled, and used for whatever goes wrong, wherever it does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spoken(Arc<OnceLock<Speaking>>);

#[derive(Debug)]
struct Speaking {
    dialect: Arc<Dialect>,
    /// The path of the route, for the log.
    route: String,
    asked: Asked,
}

impl Spoken {
    fn by(&self, dialect: &Arc<Dialect>, route: &str, parts: &Parts) {
        let speaking = Speaking {
            dialect: Arc::clone(dialect),
            route: route.to_owned(),
            asked: Asked {
                method: method(&parts.method),
                path: parts.uri.path().to_owned(),
            },
        };
        // Set once: a request is for one dialect.
        let _ = self.0.set(speaking);
    }

    /// The route, if a dialect was spoken.
    pub(crate) fn route(&self) -> Option<&str> {
        self.0.get().map(|speaking| speaking.route.as_str())
    }

    /// A problem in the dialect's words; none without a dialect, or with one that fails at it.
    pub(crate) async fn words(&self, app: &App, problem: &Problem, id: &RequestId) -> Option<Response> {
        let speaking = self.0.get()?;
        let context = CallContext {
            request_id: id.clone(),
            accepted_at: app.clock.now(),
        };
        let carrier = Carrier::for_caller(&app.service, &context, None);
        let made = |answer| respond(answer, &carrier);
        let rendered = speaking.dialect.render(&context, &speaking.asked, problem, made);
        rendered
            .await
            .inspect_err(|error| {
                let plugin = speaking.dialect.plugin().name();
                let cause = error.cause_chain();
                tracing::error!(request_id = %id, plugin, code = %error.code(), cause, "a dialect could not word a problem");
            })
            .ok()
    }
}

/// Whatever is none of our own routes.
pub(crate) async fn dialects(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    Extension(spoken): Extension<Spoken>,
    request: Request,
) -> Answer<Response> {
    let (mut parts, body) = request.into_parts();
    let asked = method(&parts.method);
    match app.service.plugins().find(asked, parts.uri.path()) {
        None => Err(Problem::new(
            Code::NOT_FOUND,
            "There is no such route. GET /openapi.json lists all there are.",
        )
        .into()),
        Some(Found::OtherMethod { dialect }) => {
            spoken.by(&dialect, "another method", &parts);
            // Some clients try their token on a route that does not exist, and look at nothing but this.
            caller(&app, &mut parts, &dialect).await?;
            let sentence = format!("This route does not take {}.", parts.method);
            Err(Problem::new(Code::METHOD_NOT_ALLOWED, sentence).into())
        }
        Some(Found::Route { dialect, route, params }) => {
            spoken.by(&dialect, &route.path, &parts);
            let caller = match caller(&app, &mut parts, &dialect).await {
                Ok(caller) => Some(caller),
                Err(problem) if route.is_open && *problem.code() == Code::UNAUTHORIZED => None,
                Err(problem) => return Err(problem.into()),
            };
            let context = CallContext {
                request_id: id,
                accepted_at: app.clock.now(),
            };
            let service = match &caller {
                Some(caller) => app.service.seeing(caller.sessions()),
                None => app.service.clone(),
            };
            let carrier = Carrier::for_caller(&service, &context, caller.as_ref().map(Caller::scopes));
            let asking = Asking {
                parts: &parts,
                body,
                route,
                params,
                caller: caller.as_ref(),
            };
            let told = asking.told(&app, &carrier).await?;
            let made = |answer| respond(answer, &carrier);
            Ok(dialect.answer(&context, &told, &carrier, made).await?)
        }
    }
}

const fn method(method: &Method) -> Option<contract::Method> {
    Some(match *method {
        // Of the answer to a HEAD, the connection leaves out the body.
        Method::GET | Method::HEAD => contract::Method::Get,
        Method::POST => contract::Method::Post,
        Method::PUT => contract::Method::Put,
        Method::PATCH => contract::Method::Patch,
        Method::DELETE => contract::Method::Delete,
        _ => return None,
    })
}
