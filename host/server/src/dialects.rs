//! Requests in somebody else's words: what is none of our own routes may be a dialect's.
//!
//! The host does what is the same for every API: it checks the token before anything else, reads the body within the limit, and has
//! effects carried out as the caller. All words are the dialect's, also those for what went wrong.

use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;
use switchboard_core::ids::RequestId;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::contract::dialect::{Asked, Caller as ToldCaller, Request as ToldRequest};
use switchboard_plugins::contract::http as contract;
use switchboard_plugins::{CallContext, Dialect, Found, Params};
use switchboard_service::Carrier;
use url::form_urlencoded;

use crate::app::App;
use crate::auth::{Caller, Shown};
use crate::peer::Peer;
use crate::problem::Answer;

/// What a dialect is not told, because it is between the client and the host.
const WITHHELD: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// What a dialect may not answer, because it belongs to the connection.
const OURS: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::SET_COOKIE,
    header::DATE,
];

/// Parameters in one query.
const MOST_PARAMETERS: usize = 256;

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
        let rendered = match speaking.dialect.render(&context, &speaking.asked, problem).await {
            Ok(rendered) => respond(rendered, &carrier),
            Err(problem) => Err(problem),
        };
        rendered
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
            let told = ToldRequest {
                method: asked.unwrap_or(contract::Method::Get),
                route: route.path,
                path: decoded(parts.uri.path())?,
                params: decoded_params(params)?,
                query: query(&parts.uri)?,
                headers: headers(&parts),
                body: read(&app, body, &parts, &carrier).await?,
                caller: caller.as_ref().map(told_caller),
            };
            let answer = dialect.answer(&context, &told, &carrier).await?;
            Ok(respond(answer, &carrier)?)
        }
    }
}

/// Whoever shows a token: in the header, or where the dialect's API has it in the query.
async fn caller(app: &App, parts: &mut Parts, dialect: &Dialect) -> Result<Caller, Problem> {
    if let Some(name) = dialect.plugin().token_parameter()
        && let Some(token) = take_parameter(&mut parts.uri, name)
        && !parts.headers.contains_key(header::AUTHORIZATION)
        && let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}"))
    {
        parts.headers.insert(header::AUTHORIZATION, value);
    }
    let shown = Shown::take(parts)?;
    shown.caller(app, &parts.method, Peer::of(parts)).await
}

/// Takes a parameter out of the query, however often it stands there: a token is no business of the dialect's. The rest stays as it was
/// written.
fn take_parameter(uri: &mut Uri, name: &str) -> Option<String> {
    let (mut taken, mut left) = (None, Vec::new());
    for pair in uri.query()?.split('&') {
        match form_urlencoded::parse(pair.as_bytes()).next() {
            Some((key, value)) if key == name => taken = Some(value.into_owned()),
            _ => left.push(pair),
        }
    }
    let taken = taken?;
    *uri = format!("{}?{}", uri.path(), left.join("&")).parse().ok()?;
    Some(taken)
}

fn told_caller(caller: &Caller) -> ToldCaller {
    ToldCaller {
        subject: caller
            .token()
            .map_or_else(|| "admin".to_owned(), |token| token.id.to_string()),
        scopes: caller.scopes().iter().map(|scope| scope.as_str().to_owned()).collect(),
    }
}

const fn method(method: &Method) -> Option<contract::Method> {
    Some(match *method {
        Method::GET => contract::Method::Get,
        Method::POST => contract::Method::Post,
        Method::PUT => contract::Method::Put,
        Method::PATCH => contract::Method::Patch,
        Method::DELETE => contract::Method::Delete,
        _ => return None,
    })
}

fn decoded(text: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::invalid_field("path", "The path must be UTF-8."))
}

fn decoded_params(params: Params) -> Result<Params, Problem> {
    let params = params.into_iter().map(|(name, value)| Ok((name, decoded(&value)?)));
    params.collect()
}

fn query(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let query = uri.query().unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes()).into_owned();
    let taken: Vec<_> = parameters.by_ref().take(MOST_PARAMETERS).collect();
    match parameters.next() {
        None => Ok(taken),
        Some(_) => {
            let sentence = format!("The query must have at most {MOST_PARAMETERS} parameters.");
            Err(Problem::invalid_field("query", sentence))
        }
    }
}

fn headers(parts: &Parts) -> Vec<(String, String)> {
    let told = parts.headers.iter().filter(|(name, _)| !WITHHELD.contains(name));
    told.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

async fn read(app: &App, body: Body, parts: &Parts, carrier: &Carrier<'_>) -> Result<contract::Body, Problem> {
    // The limit is that of our own routes, which stands in the extensions.
    let mut request = Request::new(body);
    request.extensions_mut().clone_from(&parts.extensions);
    let bytes = Bytes::from_request(request, app).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let sentence = format!("The body must be at most {} KiB.", app.max_body_bytes / 1024);
            return Problem::new(Code::BODY_TOO_LARGE, sentence);
        }
        Problem::new(Code::INVALID_JSON, "The body did not arrive whole.").cause(rejection)
    })?;
    let mime = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    Ok(carrier.body(bytes, mime))
}

fn respond(answer: contract::Response, carrier: &Carrier<'_>) -> Result<Response, Problem> {
    let broken = |what: &str| {
        Problem::new(
            Code::PLUGIN_TRAP,
            format!("The plugin answered with {what} that is none."),
        )
    };
    let status = StatusCode::from_u16(answer.status).map_err(|_| broken("a status"))?;
    let body = carrier.whole(answer.body)?;
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        let name: HeaderName = name.parse().map_err(|_| broken("a header"))?;
        let value: HeaderValue = value.parse().map_err(|_| broken("a header's value"))?;
        if !OURS.contains(&name) {
            headers.append(name, value);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestApp;

    #[test]
    fn a_token_is_taken_out_of_the_query_and_the_rest_stays_as_it_was_written() {
        for (query, left, token) in [
            ("a=%2F&access_token=x.y&b", "a=%2F&b", Some("x.y")),
            ("access%5Ftoken=x%2By", "", Some("x+y")),
            ("access_token=a&access_token=b&c=1", "c=1", Some("b")),
            ("a=1&access=2", "a=1&access=2", None),
        ] {
            let mut uri: Uri = format!("/v23.0/1?{query}").parse().unwrap();
            assert_eq!(take_parameter(&mut uri, "access_token").as_deref(), token, "{query}");
            assert_eq!(uri.query(), Some(left));
        }
        let long = vec!["a"; 30_000].join("&");
        let mut uri: Uri = format!("/1?{long}&access_token=x").parse().unwrap();
        assert_eq!(take_parameter(&mut uri, "access_token").as_deref(), Some("x"));
    }

    /// What the client gets for an answer with this status and header.
    async fn responded(status: u16, name: &str, value: &str) -> Result<Response, Problem> {
        let app = TestApp::new().await.app;
        let context = CallContext {
            request_id: "r-1".parse().unwrap(),
            accepted_at: app.clock.now(),
        };
        let answer = contract::Response {
            status,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: contract::Body::Whole(contract::Data::Text("hello".to_owned())),
        };
        respond(answer, &Carrier::for_caller(&app.service, &context, None))
    }

    #[tokio::test]
    async fn a_header_that_would_split_the_answer_or_is_none_is_a_crash_of_the_plugin() {
        for (name, value) in [
            ("x-a", "b\r\nset-cookie: admin=1"),
            ("x-a", "b\n\n<script>"),
            ("x-a", "b\0"),
            ("x-a", "\u{7f}"),
            ("x-a\r\nset-cookie: b", "c"),
            ("x a", "b"),
            ("x-a:", "b"),
            ("", "b"),
            ("\u{212a}", "b"),
        ] {
            let problem = responded(200, name, value).await.unwrap_err();
            assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "{name:?}: {value:?}");
            assert!(!problem.message().contains(value), "{problem}");
        }
        for status in [0, 99, 1000, u16::MAX] {
            let problem = responded(status, "x-a", "b").await.unwrap_err();
            assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "{status}");
        }
    }

    #[tokio::test]
    async fn what_belongs_to_the_connection_is_not_a_dialects_to_say() {
        for name in [
            "Connection",
            "content-length",
            "Transfer-Encoding",
            "Upgrade",
            "TE",
            "Trailer",
            "Set-Cookie",
            "date",
        ] {
            let response = responded(200, name, "7").await.unwrap();
            assert!(response.headers().is_empty(), "{name}");
        }
        let response = responded(200, "X-Theirs", "7").await.unwrap();
        assert_eq!(response.headers()["x-theirs"], "7");
    }

    #[test]
    fn what_is_between_the_client_and_the_host_is_not_told() {
        let request = Request::builder()
            .header("Authorization", "Bearer secret")
            .header("Cookie", "a=secret")
            .header("Proxy-Authorization", "Basic secret")
            .header("X-Mine", "b");
        let (parts, _) = request.body(Body::empty()).unwrap().into_parts();
        assert_eq!(headers(&parts), [("x-mine".to_owned(), "b".to_owned())]);
    }
}
