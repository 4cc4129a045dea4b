//! Meta's WhatsApp Cloud API on top of this host's own.
//!
//! `next` never fails: whatever goes wrong is an answer in Meta's words, with the version that the client asked for. What goes
//! wrong outside of it reaches `render_problem`.

mod address;
mod body;
mod content;
mod debug_token;
mod field;
mod graph_error;
mod meaning;
mod messages;
mod node;
mod params;
mod read;
mod reply;
mod routes;
mod trace;
mod user_id;
mod webhook;

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "dialect-plugin",
        additional_derives: [PartialEq],
    });
}

use address::{Address, Target};
use bindings::exports::switchboard::plugin::dialect::{
    Asked, Context, Guest, Method, Outcome, Problem, Request, Response, Route, Step, WebhookBody,
};
use graph_error::GraphError;
use reply::Reply;

/// The component.
#[derive(Debug)]
pub struct CloudApi;

impl Guest for CloudApi {
    fn routes() -> Vec<Route> {
        routes::all()
    }

    fn next(context: Context, request: Request, outcomes: Vec<Outcome>) -> Result<Step, Problem> {
        let Address { version, target } = Address::of(&request);
        let reply = Reply::new(&context, version);
        let step = answer(&target, &request, &outcomes, &reply);
        Ok(step.unwrap_or_else(|error| Step::Respond(reply.refusal(&error))))
    }

    fn render_problem(context: Context, asked: Asked, problem: Problem) -> Response {
        let version = address::version_of(&asked.path).map(str::to_owned);
        Reply::new(&context, version).refusal(&GraphError::of_request(&problem))
    }

    fn webhook(context: Context, event: String) -> Result<Option<WebhookBody>, Problem> {
        webhook::body(&context.config, &event)
    }
}

fn answer(target: &Target, request: &Request, outcomes: &[Outcome], reply: &Reply) -> Result<Step, GraphError> {
    match (request.method, target) {
        (Method::Post, Target::Messages(phone)) => messages::next(phone, request, outcomes, reply),
        (method, Target::Messages(phone)) => Err(GraphError::no_edge(method, phone, "messages")),
        (Method::Get, Target::Object(id)) => node::next(id, request, outcomes, reply),
        (Method::Get, Target::Token) => debug_token::next(request, reply),
        (method, Target::Token) => Err(GraphError::unknown_object(method, "debug_token")),
        (method, Target::Edge(id, edge)) => Err(match edge.split_once('/') {
            None => GraphError::no_edge(method, id, edge),
            Some((_, rest)) => GraphError::unknown_path(&format!("/{rest}")),
        }),
        (method, Target::Object(id) | Target::Version(id)) => Err(GraphError::unknown_object(method, id)),
        (_, Target::Nothing(path)) => Err(GraphError::unknown_path(path)),
    }
}

/// Only in the component: natively these symbols do not link, and the tests need none of them.
#[cfg(target_family = "wasm")]
#[expect(
    unsafe_code,
    reason = "the component model's calling convention, generated from wit/"
)]
mod export {
    use super::{CloudApi, bindings};

    bindings::export!(CloudApi with_types_in bindings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::effects::{Effect, Sent};
    use crate::bindings::switchboard::plugin::http::{Body, Data};
    use serde_json::{Value, json};

    fn context() -> Context {
        Context {
            request_id: "r".to_owned(),
            accepted_at_ms: 0,
            config: r#"{"business_account_id": ""}"#.to_owned(),
        }
    }

    fn request(method: Method, route: &str, params: &[(&str, &str)], body: Body) -> Request {
        let params = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request {
            method,
            base_url: "https://chat.example.com".to_owned(),
            route: route.to_owned(),
            path: String::new(),
            params: params.collect(),
            query: vec![],
            headers: vec![],
            body,
            caller: None,
        }
    }

    fn json_of(response: &Response) -> Value {
        match &response.body {
            Body::Whole(Data::Text(text)) => serde_json::from_str(text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn responded(request: Request, outcomes: Vec<Outcome>) -> Response {
        match CloudApi::next(context(), request, outcomes) {
            Ok(Step::Respond(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    fn header<'a>(response: &'a Response, wanted: &str) -> Option<&'a str> {
        response
            .headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_text_is_sent_and_answered_as_meta_answers() {
        let send = json!({"messaging_product": "whatsapp", "to": "+91 98463 03025", "text": {"body": "hi"}});
        let send = Body::Whole(Data::Text(send.to_string()));
        let request = request(
            Method::Post,
            "/{version}/{phone}/messages",
            &[("version", "v20.0"), ("phone", "104857600000001")],
            send,
        );
        let Ok(Step::Do(effects)) = CloudApi::next(context(), request.clone(), vec![]) else {
            panic!("nothing is sent")
        };
        assert!(matches!(&effects[..], [Effect::Send(send)] if send.session == "104857600000001"));
        let sent = Outcome::Sent(Sent {
            message_id: "msg_1".to_owned(),
            wamid: Some("wamid.X".to_owned()),
            to: "919846303025".to_owned(),
            acknowledged: true,
        });
        let response = responded(request, vec![sent]);
        assert_eq!(response.status, 200);
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(header(&response, "facebook-api-version"), Some("v20.0"));
        assert_eq!(
            json_of(&response),
            json!({
                "messaging_product": "whatsapp",
                "contacts": [{"input": "+91 98463 03025", "wa_id": "919846303025"}],
                "messages": [{"id": "wamid.X"}],
            })
        );
    }

    #[test]
    fn what_leads_nowhere_is_an_error_in_metas_envelope() {
        for (method, route, params, code) in [
            (Method::Get, "/{phone}/messages", &[("phone", "1")][..], 100),
            (Method::Get, "/{id}", &[("id", "v13.0")], 100),
            (Method::Post, "/{phone}/messages", &[("phone", "v20.0")], 100),
            (
                Method::Get,
                "/{version}/{id}",
                &[("version", "1"), ("id", "media")],
                2500,
            ),
            (
                Method::Post,
                "/{version}/{id}/{*edge}",
                &[("version", "v20.0"), ("id", "1"), ("edge", "media")],
                100,
            ),
            (
                Method::Get,
                "/{version}/{id}/{*edge}",
                &[("version", "v20.0"), ("id", "1"), ("edge", "media/x")],
                2500,
            ),
            (
                Method::Delete,
                "/{version}/{id}/{*edge}",
                &[("version", "non"), ("id", "sen"), ("edge", "se")],
                2500,
            ),
            (Method::Get, "/{id}", &[("id", "debug_token")], 100),
        ] {
            let response = responded(request(method, route, params, Body::Empty), vec![]);
            let body = json_of(&response);
            assert_eq!(
                (response.status, &body["error"]["code"]),
                (400, &json!(code)),
                "{route}"
            );
            assert_eq!(header(&response, "x-fb-trace-id"), body["error"]["fbtrace_id"].as_str());
            assert!(
                header(&response, "www-authenticate")
                    .unwrap()
                    .starts_with(r#"OAuth "Facebook Platform" "#)
            );
        }
    }

    #[test]
    fn a_version_alone_shows_that_the_token_is_good() {
        let response = responded(request(Method::Get, "/{id}", &[("id", "v13.0")], Body::Empty), vec![]);
        assert_eq!(json_of(&response)["error"]["type"], "GraphMethodException");
        assert_eq!(header(&response, "facebook-api-version"), Some("v13.0"));
    }

    #[test]
    fn every_problem_of_the_host_is_rendered() {
        let problem = Problem::Internal("secret".to_owned());
        let asked = Asked {
            method: Some(Method::Post),
            path: "/v21.0/1/messages".to_owned(),
        };
        let response = CloudApi::render_problem(context(), asked, problem);
        assert_eq!(header(&response, "facebook-api-version"), Some("v21.0"));
        assert_eq!(
            (response.status, &json_of(&response)["error"]["code"]),
            (500, &json!(131_000))
        );
    }
}
