//! Has every sort of route of switchboard:plugin@1.0.0, and repeats whatever it is told.

mod bindings {
    wit_bindgen::generate!({
        path: "../../../../../../wit",
        world: "dialect-plugin",
    });
}

use bindings::exports::switchboard::plugin::dialect::{
    Access, Asked, Context, Effect, Guest, Method, Outcome, Problem, Request, Response, Route, Step, WebhookBody,
};
use bindings::switchboard::plugin::http::{Body, Data, Part};

pub struct Frozen;

impl Guest for Frozen {
    fn routes() -> Vec<Route> {
        [
            (Method::Get, "/frozen", Access::Anyone),
            (Method::Post, "/frozen/{name}", Access::Token),
            (Method::Put, "/frozen/{name}/here", Access::Token),
            (Method::Patch, "/frozen/{name}/there", Access::Token),
            (Method::Delete, "/frozen/files/{*rest}", Access::Token),
        ]
        .map(|(method, path, access)| Route {
            method,
            path: path.to_owned(),
            access,
            summary: "For tests.".to_owned(),
        })
        .into()
    }

    fn next(context: Context, request: Request, outcomes: Vec<Outcome>) -> Result<Step, Problem> {
        if request.query.iter().any(|(name, _)| name == "do") && outcomes.is_empty() {
            return Ok(Step::Do(vec![Effect::SessionGet("15550000001".to_owned())]));
        }
        let body = match &request.body {
            Body::Empty => Body::Empty,
            Body::Whole(Data::Blob(blob)) => Body::Whole(Data::Blob(blob.clone())),
            Body::Whole(Data::Bytes(bytes)) => Body::Whole(Data::Bytes(bytes.clone())),
            Body::Whole(Data::Text(_)) => Body::Whole(Data::Text(format!("{context:?} {request:?} {outcomes:?}"))),
            Body::Form(parts) => match parts.as_slice() {
                [
                    Part {
                        data: Data::Blob(blob), ..
                    },
                    ..,
                ] => Body::Whole(Data::Blob(blob.clone())),
                parts => Body::Whole(Data::Text(format!("{parts:?}"))),
            },
        };
        Ok(Step::Respond(Response {
            status: 201,
            headers: vec![("x-frozen".to_owned(), "1.0.0".to_owned())],
            body,
        }))
    }

    fn render_problem(context: Context, asked: Asked, problem: Problem) -> Response {
        Response {
            status: 418,
            headers: vec![],
            body: Body::Whole(Data::Text(format!("{context:?} {asked:?} {problem:?}"))),
        }
    }

    fn webhook(_context: Context, event: String) -> Result<Option<WebhookBody>, Problem> {
        match event.as_str() {
            "{}" => Ok(None),
            "{\"fail\":true}" => Err(Problem::NotSupported("Not this.".to_owned())),
            _ => Ok(Some(WebhookBody {
                content_type: "application/json".to_owned(),
                body: event,
            })),
        }
    }
}

bindings::export!(Frozen with_types_in bindings);
