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
use switchboard_plugins::{CallContext, Dialect, Found, Params, TokenPlaces};
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
                base_url: base_url(&app, &parts),
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

/// Whoever shows a token: in the usual header, or where the dialect's API has it.
async fn caller(app: &App, parts: &mut Parts, dialect: &Dialect) -> Result<Caller, Problem> {
    let token = take_token(parts, dialect.plugin().token_places());
    if let Some(token) = token
        && !parts.headers.contains_key(header::AUTHORIZATION)
        && let Ok(value) = HeaderValue::try_from([b"Bearer ", &token[..]].concat())
    {
        parts.headers.insert(header::AUTHORIZATION, value);
    }
    let shown = Shown::take(parts)?;
    shown.caller(app, &parts.method, Peer::of(parts)).await
}

/// Takes a token out of every place that it may have: it is no business of the dialect's.
fn take_token(parts: &mut Parts, places: &TokenPlaces) -> Option<Vec<u8>> {
    let header = places.header.as_ref().and_then(|name| parts.headers.remove(name));
    let parameter = places.parameter.as_ref();
    let parameter = parameter.and_then(|name| take_parameter(&mut parts.uri, name));
    header
        .map(|value| value.as_bytes().to_owned())
        .or(parameter.map(String::into_bytes))
}

/// Takes a parameter out of the query, however often it stands there. The rest stays as it was written.
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

/// Where clients reach this server: what the operator has set, or else what this client has.
fn base_url(app: &App, parts: &Parts) -> String {
    if let Some(url) = &app.public_url {
        return url.clone();
    }
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(axum::http::uri::Authority::as_str).or(host);
    format!("http://{}", host.unwrap_or("localhost"))
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
    if let Some(mime) = mime
        && let Some(form) = carrier.form(&bytes, mime).await
    {
        return form;
    }
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
    use std::fs;
    use std::path::Path;

    use switchboard_core::config::Config;

    use super::*;
    use crate::testing::{Answered, TestApp};

    /// Puts the dialect that was built against the frozen contract into the operator's plugins: it repeats what it is told.
    fn with_frozen(config: &mut Config) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/tests/frozen/1.0.0/dialect");
        let to = config.data.dir.join("plugins/frozen");
        fs::create_dir_all(&to).unwrap();
        for file in ["plugin.toml", "plugin.wasm"] {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }

    fn text(answered: &Answered) -> String {
        String::from_utf8(answered.bytes.clone()).unwrap()
    }

    #[tokio::test]
    async fn a_dialect_is_told_what_a_client_sent() {
        let app = TestApp::with(with_frozen).await;
        let headers = [
            ("host", "chat.example.com:4002"),
            ("content-type", "text/plain"),
            ("cookie", "a=b"),
        ];
        let told = app
            .send("POST", "/frozen/a%2Fb?q=%C3%A9&q", &headers, "hello".into())
            .await;
        assert_eq!(
            (told.status.as_u16(), told.headers["x-frozen"].as_bytes()),
            (201, &b"1.0.0"[..])
        );
        let told = text(&told);
        for part in [
            "method: Method::Post, base-url: \"http://chat.example.com:4002\", route: \"/frozen/{name}\", path: \"/frozen/a/b\"",
            "params: [(\"name\", \"a/b\")], query: [(\"q\", \"é\"), (\"q\", \"\")]",
            "body: Body::Whole(Data::Text(\"hello\"))",
            "scopes: [\"sessions:read\"",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        for secret in ["Bearer", "cookie", "a=b"] {
            assert!(!told.contains(secret), "{told}");
        }
        let settled = TestApp::with(|config| {
            with_frozen(config);
            config.server.public_url = Some("https://chat.example.com/".parse().unwrap());
        })
        .await;
        let told = settled.send("POST", "/frozen/a", &headers, "hello".into()).await;
        assert!(text(&told).contains("base-url: \"https://chat.example.com\""));
    }

    #[tokio::test]
    async fn a_token_is_taken_from_the_places_that_the_dialect_names() {
        let app = TestApp::with(|config| {
            with_frozen(config);
            let manifest = config.data.dir.join("plugins/frozen/plugin.toml");
            let places = "\n[dialect]\ntoken_header = \"ApiKey\"\ntoken_parameter = \"key\"\n";
            let text = fs::read_to_string(&manifest).unwrap() + places;
            fs::write(manifest, text).unwrap();
        })
        .await;
        let token = app.token(serde_json::json!({"scopes": ["messages:send"]})).await;
        let ask = async |query: &str, name: &str, value: &str| {
            let request = Request::post(format!("/frozen/a?a=1{query}")).header(name, value);
            app.raw(request.body("hello".into()).unwrap()).await
        };
        let in_query = format!("&key={token}");
        for (query, name, value) in [
            ("", "apikey", token.as_str()),
            (&*in_query, "x-nothing", ""),
            ("&key=wrong", "apikey", token.as_str()),
        ] {
            let told = text(&ask(query, name, value).await);
            assert!(told.contains("scopes: [\"messages:send\"]"), "{told}");
            assert!(!told.contains(&token) && !told.contains("key"), "{told}");
        }
        for (query, name, value) in [
            ("", "apikey", "wrong"),
            ("&key=wrong", "x-nothing", ""),
            ("", "token", &token),
        ] {
            let told = text(&ask(query, name, value).await);
            assert!(told.contains("code: \"unauthorized\""), "{told}");
        }
    }

    #[tokio::test]
    async fn what_is_large_and_every_file_of_a_form_comes_back_as_it_was_sent() {
        let app = TestApp::with(|config| {
            with_frozen(config);
            config.server.max_body_kib = 1024;
        })
        .await;
        let form = [("content-type", "multipart/form-data; boundary=b")];
        let file = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\0\u{1}\r\n--b--\r\n";
        let answered = app.send("POST", "/frozen/a", &form, file.into()).await;
        assert_eq!((answered.status.as_u16(), &answered.bytes[..]), (201, &b"\0\x01"[..]));

        let field = "--b\r\ncontent-disposition: form-data; name=type\r\n\r\nimage/png\r\n--b--\r\n";
        let answered = app.send("POST", "/frozen/a", &form, field.into()).await;
        let told = "[Part { name: \"type\", filename: None, mime: None, data: Data::Text(\"image/png\") }]";
        assert_eq!(text(&answered), told);

        let large = "x".repeat(300 << 10);
        let answered = app.send("POST", "/frozen/a", &[], large.clone().into()).await;
        assert_eq!(text(&answered), large);

        let broken = app.send("POST", "/frozen/a", &form, "--b\r\n".into()).await;
        assert_eq!(broken.status, 418);
        let told = text(&broken);
        assert!(
            told.contains("Asked { method: Some(Method::Post), path: \"/frozen/a\" }"),
            "{told}"
        );
        assert!(told.contains("The form ends before it is complete."), "{told}");
    }

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
}
