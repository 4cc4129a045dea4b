//! One HTTP request, one answer, both with an end.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect;

use crate::lookup::{Names, SystemLookup};
use crate::proxy::Via;
use crate::reach::Guard;
use crate::{Egress, EgressError};

/// How long a connection may take to be made.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
        }
    }
}

/// A request.
#[derive(Clone)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// `http` or `https`, without user name and password.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent along; its length is announced.
    pub body: Option<Bytes>,
}

impl Request {
    /// A `GET` without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            url: url.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What an exchange may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest answer that is read.
    pub max_body_bytes: usize,
    /// How long everything together may take.
    pub timeout: Duration,
}

/// An answer, of whatever status.
#[derive(Clone)]
pub struct Response {
    /// The status, 100 to 599.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Egress {
    /// Sends a request and reads the whole answer. A redirect is an answer like any other.
    ///
    /// # Errors
    /// When there was no complete answer within the limits. A 4xx or 5xx is none.
    pub async fn send(&self, request: Request, limits: Limits) -> Result<Response, EgressError> {
        tokio::time::timeout(limits.timeout, self.exchange(request, limits.max_body_bytes))
            .await
            .map_err(|_| EgressError::Timeout(limits.timeout))?
    }

    async fn exchange(&self, request: Request, max_body_bytes: usize) -> Result<Response, EgressError> {
        let url = self.guard.check_url(&request.url)?;
        if let Some(via) = &self.via {
            via.check()?;
        }
        let mut builder = self.http.request(request.method.into(), url);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let answer = builder.send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = read(answer, max_body_bytes).await?;
        Ok(Response { status, headers, body })
    }
}

/// Why a body was not read to its end.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is larger than this many bytes.
    TooLarge(usize),
    /// It broke off.
    Broken(reqwest::Error),
}

impl From<Unread> for EgressError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge(most) => Self::TooLarge(most),
            Unread::Broken(error) => failed(error),
        }
    }
}

/// The whole body, unless it is larger than `max_body_bytes`, announced or not.
pub(crate) async fn read(mut answer: reqwest::Response, max_body_bytes: usize) -> Result<Bytes, Unread> {
    let announced = answer.content_length().unwrap_or(0);
    if usize::try_from(announced).unwrap_or(usize::MAX) > max_body_bytes {
        return Err(Unread::TooLarge(max_body_bytes));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(Unread::Broken)? {
        if body.len() + chunk.len() > max_body_bytes {
            return Err(Unread::TooLarge(max_body_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

pub(crate) fn failed(error: reqwest::Error) -> EgressError {
    EgressError::Http(error.without_url())
}

/// What every HTTP client is: it looks names up through a guard and follows nobody.
pub(crate) fn builder(names: Names, tls: &rustls::ClientConfig) -> reqwest::ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "the one place that builds an HTTP client")]
    reqwest::Client::builder()
        .no_proxy()
        .dns_resolver(Arc::new(names))
        .tls_backend_preconfigured(tls.clone())
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_PATIENCE)
}

/// The client of an egress. Behind a proxy the only name that it looks up is the proxy's.
pub(crate) fn client(
    guard: Guard,
    via: Option<&Via>,
    tls: &rustls::ClientConfig,
) -> Result<reqwest::Client, EgressError> {
    let guard = via.map_or(guard, Via::guard);
    let builder = builder(Names::new(guard, Arc::new(SystemLookup)), tls);
    let builder = match via {
        None => builder,
        Some(via) => builder.proxy(via.for_http().map_err(failed)?),
    };
    builder.build().map_err(failed)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::{EgressOptions, Reach};

    const LIMITS: Limits = Limits {
        max_body_bytes: 64,
        timeout: Duration::from_secs(20),
    };

    /// A server that reads one request and gives one answer; the request comes back when it is done.
    async fn answering(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/path", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"ping") {
                let mut some = [0; 1024];
                let n = stream.read(&mut some).await.unwrap();
                assert!(n > 0, "the request ended early");
                request.extend_from_slice(&some[..n]);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        (url, server)
    }

    fn egress() -> Egress {
        Egress::new(EgressOptions {
            reach: Reach::LoopbackOnly,
        })
        .unwrap()
    }

    #[tokio::test]
    async fn an_error_status_is_an_answer() {
        let (url, _) = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone").await;
        let response = egress().send(Request::get(url), LIMITS).await.unwrap();
        assert_eq!((response.status, &response.body[..]), (404, b"gone".as_slice()));
        assert_eq!(
            (response.header("content-length"), response.header("date")),
            (Some("4"), None)
        );
    }

    #[tokio::test]
    async fn a_body_is_sent_with_its_length_and_headers() {
        let (url, server) = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let request = Request {
            method: Method::Post,
            body: Some(Bytes::from_static(b"ping")),
            ..Request::get(url).header("x-test", "yes")
        };
        assert_eq!(egress().send(request, LIMITS).await.unwrap().status, 200);
        let seen = server.await.unwrap().to_lowercase();
        assert!(seen.starts_with("post /path http/1.1\r\n"), "{seen}");
        assert!(
            seen.contains("content-length: 4\r\n") && seen.contains("x-test: yes\r\n"),
            "{seen}"
        );
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let (url, _) =
            answering("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(egress().send(Request::get(url), LIMITS).await.unwrap().status, 302);
    }

    #[tokio::test]
    async fn an_answer_ends_at_the_cap_whether_it_is_announced_or_not() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             30\r\n000000000000000000000000000000000000000000000000\r\n\
             30\r\n000000000000000000000000000000000000000000000000\r\n0\r\n\r\n",
        ] {
            let (url, _) = answering(answer).await;
            let error = egress().send(Request::get(url), LIMITS).await.err().unwrap();
            assert!(matches!(error, EgressError::TooLarge(64)), "{error}");
        }
    }

    #[tokio::test]
    async fn a_silent_server_is_left_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limits = Limits {
            timeout: Duration::from_millis(50),
            ..LIMITS
        };
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let error = egress().send(Request::get(url), limits).await.err().unwrap();
        assert!(matches!(error, EgressError::Timeout(_)), "{error}");
    }

    #[tokio::test]
    async fn an_error_never_shows_the_path_of_a_url() {
        let (url, _) = answering("this is not HTTP\r\n\r\n").await;
        let error = egress()
            .send(Request::get(format!("{url}?token=secret")), LIMITS)
            .await
            .err()
            .unwrap();
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}
