//! What a plugin asks to be fetched.
//!
//! A plugin has no socket. It hands back a record, and a [`Fetcher`] carries it out as far as a [`Grant`] of the operator's goes, trusting
//! neither side:
//!
//! * **The plugin** may be made to ask for anything by whoever calls it. The URL is read once, strictly, and refused unless its origin is
//!   granted. Headers that belong to the connection or say who is asking are refused. It names its credentials and never sees them.
//! * **The name server** may lie. A public origin is dialled at public addresses only; one next door, which the operator wrote out and
//!   marked as private, at private ones only; and in both cases at the very address that was checked.
//! * **The server** may answer with anything. Its answer has a most size and a most time, a redirect is followed within the origin alone,
//!   cookies end here, and whatever it repeats of the plugin's credentials is taken out before anybody sees it, also from a log.
//!
//! Bounds: 64 headers of 16 KiB and the grant's body out; 100 headers of 64 KiB and the request's body back; 3 redirects; 8 KiB of URL;
//! 10 seconds for a connection. Answers are asked for without compression. A compressed one is passed on as it came, unless a credential
//! went along with its request: it could not be found in there.
//! How many fetches run at once is for the caller to bound, as host/service does.

mod credential;
mod error;
mod grant;
mod headers;
#[cfg(test)]
mod hostile;
mod redact;
mod redirect;
mod target;
#[cfg(test)]
mod testing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, HeaderValue};
use switchboard_core::origin::Origin;

pub use self::credential::{Credential, CredentialOptions, InvalidCredential};
pub use self::error::FetchError;
pub use self::grant::{Grant, GrantOptions, InvalidGrant};

use self::redact::Redactor;
use self::redirect::{Hop, MOST_REDIRECTS, Redirected};
use self::target::Target;
use crate::http;
use crate::lookup::{Lookup, Names};
use crate::reach::Guard;
use crate::{EgressError, Method, Reach, tls};

/// How many connections to one host wait for the next request.
const MOST_IDLE: usize = 8;
/// How long they wait.
const IDLE: Duration = Duration::from_secs(30);

/// What a plugin asks for. The limits are the host's.
#[derive(Clone)]
pub struct FetchRequest {
    /// What is asked.
    pub method: Method,
    /// `http` or `https`, as the plugin wrote it.
    pub url: String,
    /// Names and values, as the plugin wrote them.
    pub headers: Vec<(String, String)>,
    /// What is sent along, piece after piece; may be empty. It is put together when all else is allowed and it is not too large.
    pub body: Vec<Bytes>,
    /// The name of the credential that the host adds.
    pub credential: Option<String>,
    /// How long everything together may take, redirects included.
    pub timeout: Duration,
    /// The largest body that is read.
    pub max_response_bytes: usize,
}

/// An answer, of whatever status, without the plugin's secrets.
#[derive(Clone)]
pub struct FetchResponse {
    /// The status, three digits.
    pub status: u16,
    /// Names, in lower case, and values. None about the connection, the framing or cookies.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

/// Carries out what plugins ask for, over connections that nobody else uses. A clone shares them.
#[derive(Clone)]
pub struct Fetcher {
    public: Way,
    near: Way,
}

/// A client, and who may be reached by it.
#[derive(Clone)]
struct Way {
    guard: Guard,
    http: reqwest::Client,
}

impl Fetcher {
    /// A new fetcher. `reach` is that of the whole build and only ever narrows a grant: with [`Reach::LoopbackOnly`] nothing but loopback
    /// literals is dialled, whatever is granted.
    ///
    /// # Errors
    /// When the TLS library or the HTTP client cannot be set up.
    pub fn new(reach: Reach, lookup: Arc<dyn Lookup>) -> Result<Self, EgressError> {
        let tls = tls::client_config()?;
        let (public, near) = match reach {
            Reach::LoopbackOnly => (Reach::LoopbackOnly, Reach::LoopbackOnly),
            Reach::Private => (Reach::Private, Reach::Private),
            Reach::Public | Reach::Anywhere => (Reach::Public, Reach::Private),
        };
        Ok(Self {
            public: Way::new(public, Arc::clone(&lookup), &tls)?,
            near: Way::new(near, lookup, &tls)?,
        })
    }

    /// Fetches what `request` asks for, within `grant`.
    ///
    /// # Errors
    /// When it is not granted or not proper, and when there was no complete answer within the limits. A 4xx or 5xx is an answer.
    pub async fn fetch(&self, grant: &Grant, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let limit = request.timeout;
        tokio::time::timeout(limit, self.exchange(grant, request))
            .await
            .map_err(|_| FetchError::Timeout(limit))?
    }

    async fn exchange(&self, grant: &Grant, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let target = Target::read(&request.url)?;
        grant.check(target.origin())?;
        let way = self.way(target.origin());
        let in_reach = way.guard.check_host(target.host());
        in_reach.map_err(|refusal| FetchError::OutOfReach(refusal.to_string()))?;
        let credential = request.credential.as_deref();
        let credential = credential
            .map(|name| grant.credential(name, target.origin()))
            .transpose()?;
        let headers = headers::outgoing(&request.headers, grant)?;
        let bytes = request.body.iter().map(Bytes::len).fold(0, usize::saturating_add);
        if grant.max_request_bytes() < bytes {
            return Err(FetchError::RequestTooLarge(grant.max_request_bytes()));
        }
        let hop = Hop {
            method: request.method,
            headers,
            target,
            body: whole(request.body),
        };
        let (hop, answer) = way.follow(hop, credential).await?;
        if credential.is_some() && headers::is_encoded(answer.headers()) {
            return Err(FetchError::Encoded(hop.target.host().to_owned()));
        }
        let redactor = Redactor::new(grant.credentials().iter().map(Credential::needles));
        let status = answer.status().as_u16();
        let headers = headers::incoming(answer.headers(), &redactor)?;
        let body = http::read(answer, request.max_response_bytes).await;
        let body = body.map_err(|unread| FetchError::unread(unread, hop.target.host()))?;
        let secrets = grant
            .credentials()
            .iter()
            .map(|credential| credential.needles().clone());
        let body = redact::clean(body, secrets.collect()).await;
        Ok(FetchResponse {
            status,
            headers,
            body: body.map_err(FetchError::Unsearched)?,
        })
    }

    fn way(&self, origin: &Origin) -> &Way {
        if origin.is_near() { &self.near } else { &self.public }
    }
}

/// The pieces as one. A single one is not copied.
fn whole(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 | 1 => pieces.pop().unwrap_or_default(),
        _ => pieces.concat().into(),
    }
}

impl Way {
    fn new(reach: Reach, lookup: Arc<dyn Lookup>, tls: &rustls::ClientConfig) -> Result<Self, EgressError> {
        let guard = Guard::new(reach);
        let http = http::builder(Names::new(guard, lookup), tls)
            .pool_max_idle_per_host(MOST_IDLE)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(http::failed)?;
        Ok(Self { guard, http })
    }

    /// Sends a request, and what its answers ask for instead of it, until there is an answer that stands.
    async fn follow(
        &self,
        mut hop: Hop,
        credential: Option<&Credential>,
    ) -> Result<(Hop, reqwest::Response), FetchError> {
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.send(&hop, credential).await?;
            hop = match hop.redirected(answer.status().as_u16(), answer.headers())? {
                Redirected::No(hop) => return Ok((hop, answer)),
                Redirected::To(next) => next,
            };
        }
        Err(FetchError::Redirects {
            origin: hop.target.origin().to_string(),
            most: MOST_REDIRECTS,
        })
    }

    /// One request and the head of its answer. All hops are within one origin, which the credential was checked for.
    async fn send(&self, hop: &Hop, credential: Option<&Credential>) -> Result<reqwest::Response, FetchError> {
        let mut request = reqwest::Request::new(hop.method.into(), hop.target.url().clone());
        request.headers_mut().clone_from(&hop.headers);
        if hop.method != Method::Get || !hop.body.is_empty() {
            *request.body_mut() = Some(hop.body.clone().into());
        }
        let headers = request.headers_mut();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(credential) = credential {
            headers.insert(credential.header(), credential.value().clone());
        }
        let answer = self.http.execute(request).await;
        answer.map_err(|error| FetchError::failed(error, hop.target.host()))
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("public", &self.public.guard)
            .field("near", &self.near.guard)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{SECRET, Server, answer, fetcher, grant, request};
    use super::*;

    #[tokio::test]
    async fn a_request_is_sent_as_it_was_asked_for_with_what_the_host_adds() {
        let server = Server::start(|_, _| answer("201 Created", "x-a: 1\r\nlocation: /other\r\n", "done")).await;
        let asked = FetchRequest {
            method: Method::Patch,
            headers: vec![
                ("X-Test".to_owned(), "yes".to_owned()),
                ("Accept".to_owned(), "audio/*".to_owned()),
            ],
            body: [&b"pi"[..], b"", b"ng"].map(Bytes::from_static).to_vec(),
            credential: Some("openai".to_owned()),
            ..request(&server.url("/v1/speech?a=b#c"))
        };
        let response = fetcher().fetch(&grant(&server), asked).await.ok().unwrap();
        assert_eq!((response.status, &response.body[..]), (201, b"done".as_slice()));
        let headers = [("x-a", "1"), ("location", "/other")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(response.headers, headers);
        let seen = server.seen();
        let mut lines: Vec<_> = seen[0].lines().collect();
        assert_eq!((seen.len(), lines.remove(0)), (1, "PATCH /v1/speech?a=b HTTP/1.1"));
        lines.sort_unstable();
        let host = format!("host: {}", server.host());
        let authorization = format!("authorization: Bearer {SECRET}");
        let sent = [
            "",
            "accept-encoding: identity",
            "accept: audio/*",
            &authorization,
            "content-length: 4",
            &host,
            "ping",
            "x-test: yes",
        ];
        assert_eq!(lines, sent);
    }

    #[tokio::test]
    async fn each_method_is_sent_and_a_get_needs_no_body() {
        let server = Server::start(|_, _| answer("200 OK", "", "")).await;
        let fetcher = fetcher();
        for method in [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete] {
            let asked = FetchRequest {
                method,
                ..request(&server.url("/"))
            };
            assert!(fetcher.fetch(&grant(&server), asked).await.is_ok(), "{method:?}");
        }
        let seen = server.seen();
        for (request, method) in seen.iter().zip(["GET", "POST", "PUT", "PATCH", "DELETE"]) {
            assert!(request.starts_with(&format!("{method} / HTTP/1.1\r\n")), "{request}");
        }
        assert!(!seen[0].contains("content-length"), "{}", seen[0]);
        assert_eq!(server.connections(), 1, "a connection is used again");
    }

    #[tokio::test]
    async fn an_error_status_is_an_answer_and_a_credential_is_added_only_when_it_is_named() {
        let server = Server::start(|_, _| answer("429 Too Many Requests", "retry-after: 3\r\n", "slow")).await;
        let response = fetcher()
            .fetch(&grant(&server), request(&server.url("/")))
            .await
            .ok()
            .unwrap();
        assert_eq!((response.status, response.headers.len()), (429, 1));
        assert!(!server.seen()[0].contains("authorization"), "{}", server.seen()[0]);
    }

    #[tokio::test]
    async fn a_compressed_answer_is_passed_on_as_it_came_when_no_credential_went_along() {
        let server = Server::start(|_, _| answer("200 OK", "content-encoding: gzip\r\n", "\x1f\x08 not gzip")).await;
        let response = fetcher()
            .fetch(&grant(&server), request(&server.url("/")))
            .await
            .ok()
            .unwrap();
        assert_eq!(&response.body[..], b"\x1f\x08 not gzip");
        assert_eq!(response.headers, [("content-encoding".to_owned(), "gzip".to_owned())]);
    }

    #[tokio::test]
    async fn a_redirect_within_the_origin_is_followed_with_the_credential() {
        let server = Server::start(|n, _| match n {
            0 => answer("307 Temporary Redirect", "location: /two\r\n", ""),
            1 => answer("303 See Other", "location: three?x\r\n", "elsewhere"),
            _ => answer("200 OK", "", "there"),
        })
        .await;
        let asked = FetchRequest {
            method: Method::Post,
            body: vec![Bytes::from_static(b"ping")],
            credential: Some("openai".to_owned()),
            ..request(&server.url("/one"))
        };
        let response = fetcher().fetch(&grant(&server), asked).await.ok().unwrap();
        assert_eq!(&response.body[..], b"there");
        let seen = server.seen();
        for (request, begins) in seen.iter().zip(["POST /one ", "POST /two ", "GET /three?x "]) {
            assert!(request.starts_with(begins) && request.contains(SECRET), "{request}");
            assert_eq!(request.ends_with("ping"), begins.starts_with("POST"), "{request}");
        }
        assert_eq!(seen.len(), 3);
    }
}
