//! What a dialect is told of a request: all that a client sent, but for what is between the client and the host.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Request};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use switchboard_core::problem::{Code, Problem};
use switchboard_plugins::Params;
use switchboard_plugins::Route;
use switchboard_plugins::contract::dialect::{Caller as ToldCaller, Request as ToldRequest};
use switchboard_plugins::contract::http as contract;
use switchboard_service::Carrier;
use url::form_urlencoded;

use crate::app::App;
use crate::auth::Caller;

/// What a dialect is not told, because it is between the client and the host.
const WITHHELD: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Parameters in one query.
const MOST_PARAMETERS: usize = 256;

/// A request to a route of a dialect.
pub(super) struct Asking<'a> {
    pub(super) parts: &'a Parts,
    pub(super) body: Body,
    pub(super) route: Route,
    pub(super) params: Params,
    pub(super) caller: Option<&'a Caller>,
}

impl Asking<'_> {
    /// The request in the words of the contract.
    ///
    /// # Errors
    /// `body_too_large`, `invalid_json` when the body does not arrive whole, `invalid_field` for what is not UTF-8, no form, or too much.
    pub(super) async fn told(self, app: &App, carrier: &Carrier<'_>) -> Result<ToldRequest, Problem> {
        let parts = self.parts;
        Ok(ToldRequest {
            method: self.route.method,
            base_url: base_url(app, parts)?,
            route: self.route.path,
            path: decoded(parts.uri.path())?,
            params: decoded_params(self.params)?,
            query: query(&parts.uri)?,
            headers: headers(parts),
            body: read(app, self.body, parts, carrier).await?,
            caller: self.caller.map(told_caller),
        })
    }
}

fn told_caller(caller: &Caller) -> ToldCaller {
    ToldCaller {
        subject: caller
            .token()
            .map_or_else(|| "admin".to_owned(), |token| token.subject.clone()),
        scopes: caller.scopes().iter().map(|scope| scope.as_str().to_owned()).collect(),
    }
}

/// Where clients reach this server: what the operator has set, or else what this client has.
fn base_url(app: &App, parts: &Parts) -> Result<String, Problem> {
    if let Some(url) = &app.public_url {
        return Ok(url.clone());
    }
    let hosts: Vec<_> = parts.headers.get_all(header::HOST).iter().collect();
    let host = match hosts[..] {
        [] => return Ok("http://localhost".to_owned()),
        [host] => Authority::try_from(host.as_bytes()).ok(),
        _ => None,
    };
    match host.filter(|host| !host.as_str().contains('@')) {
        Some(host) => Ok(format!("http://{host}")),
        None => Err(Problem::invalid_field(
            "host",
            "Host must be there once: a name or an address, and perhaps a port.",
        )),
    }
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

#[cfg(test)]
mod tests {
    use crate::testing::{TestApp, drop_in_frozen};

    #[tokio::test]
    async fn a_dialect_is_told_what_a_client_sent() {
        let app = TestApp::with(|config| drop_in_frozen(config, "")).await;
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
        let told = told.text();
        for part in [
            "method: Method::Post, base-url: \"http://chat.example.com:4002\", route: \"/frozen/{name}\", path: \"/frozen/a/b\"",
            "params: [(\"name\", \"a/b\")], query: [(\"q\", \"é\"), (\"q\", \"\")]",
            "body: Body::Whole(Data::Text(\"hello\"))",
            "caller: Some(Caller { subject: \"app\", scopes: [\"sessions:read\"",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        for secret in ["Bearer", "cookie", "a=b"] {
            assert!(!told.contains(secret), "{told}");
        }
        for host in ["", "a b", "x@y", "a\"><script>"] {
            let refused = app.send("POST", "/frozen/a", &[("host", host)], "hello".into()).await;
            assert!(
                refused.text().contains("field: \"host\""),
                "{host:?}: {}",
                refused.text()
            );
        }
        let settled = TestApp::with(|config| {
            drop_in_frozen(config, "");
            config.server.public_url = Some("https://chat.example.com/".parse().unwrap());
        })
        .await;
        let told = settled.send("POST", "/frozen/a", &headers, "hello".into()).await;
        assert!(told.text().contains("base-url: \"https://chat.example.com\""));
    }

    #[tokio::test]
    async fn what_is_large_and_every_file_of_a_form_comes_back_as_it_was_sent() {
        let app = TestApp::with(|config| {
            drop_in_frozen(config, "");
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
        assert_eq!(answered.text(), told);

        let large = "x".repeat(300 << 10);
        let answered = app.send("POST", "/frozen/a", &[], large.clone().into()).await;
        assert_eq!(answered.text(), large);

        let broken = app.send("POST", "/frozen/a", &form, "--b\r\n".into()).await;
        assert_eq!(broken.status, 418);
        let told = broken.text();
        assert!(
            told.contains("Asked { method: Some(Method::Post), path: \"/frozen/a\" }"),
            "{told}"
        );
        assert!(told.contains("The form ends before it is complete."), "{told}");
    }
}
