//! A client of the REST API, as a user would write one.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::PATIENCE;
use super::events::{Events, OPEN};

/// Speaks to one host with one token.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body, after checking the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        let body = self.json();
        assert_eq!(self.status, status, "{body}");
        body
    }

    /// Checks that this is a failure in the one envelope.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str, field: Option<&str>) -> String {
        let request_id = self
            .headers
            .get("x-request-id")
            .map(|id| id.to_str().unwrap().to_owned());
        let body = self.expect(status);
        assert_eq!(body["success"], false, "{body}");
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["field"].as_str(), field, "{body}");
        assert_eq!(body["requestId"].as_str().map(str::to_owned), request_id, "{body}");
        body["error"].as_str().expect("a sentence").to_owned()
    }
}

impl Api {
    /// A client with the token that the host gives to programs on this machine.
    pub(crate) async fn with_local_token(base: &str) -> Self {
        let mut api = Self::anonymous(base);
        let token = api.get("/api/token").await.expect(200)["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        api.token = Some(token);
        api
    }

    /// A client without a token.
    pub(crate) fn anonymous(base: &str) -> Self {
        // Only http is spoken here, but the client wants its TLS backend chosen; the second test to choose it is told that it is.
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "the test is the client")]
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Self {
            base: base.to_owned(),
            token: None,
            http,
        }
    }

    /// The same client with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The token it speaks with.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("a token")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string().into_bytes();
        self.call(Method::POST, path, &[("content-type", "application/json")], Some(body))
            .await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string().into_bytes();
        self.call(Method::PATCH, path, &[("content-type", "application/json")], Some(body))
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, &[], None).await
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        self.request(method, path, headers, body).await.expect("an answer")
    }

    /// Posts to a host that may die meanwhile; `None` if it did before it answered.
    pub(crate) async fn attempt(&self, path: &str, body: &Value) -> Option<Answer> {
        let headers = [("content-type", "application/json")];
        let body = Some(body.to_string().into_bytes());
        self.request(Method::POST, path, &headers, body).await.ok()
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> reqwest::Result<Answer> {
        let request = self.prepared(method, path, headers);
        let response = request.body(body.unwrap_or_default()).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        Ok(Answer { status, headers, bytes })
    }

    fn prepared(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    }

    /// Opens a stream of events, behind the one with this id if there is one.
    pub(crate) async fn events(&self, path: &str, last_event_id: Option<&str>) -> Events {
        let headers: Vec<_> = last_event_id.map(|id| ("last-event-id", id)).into_iter().collect();
        let response = self.prepared(Method::GET, path, &headers).timeout(OPEN).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        Events::new(response)
    }

    /// A new session, to be linked by QR code: its id.
    pub(crate) async fn create_session(&self) -> String {
        let created = self.post("/api/sessions", &json!({})).await.expect(201);
        created["session"]["sessionId"].as_str().expect("an id").to_owned()
    }

    /// The session's info.
    pub(crate) async fn session(&self, session: &str) -> Value {
        self.get(&format!("/api/sessions/{session}")).await.expect(200)
    }

    /// Waits until the session has this status; returns its info.
    pub(crate) async fn session_becomes(&self, session: &str, status: &str) -> Value {
        let path = format!("/api/sessions/{session}");
        self.until(&path, |info| (info["status"] == status).then(|| info.clone()))
            .await
    }

    /// Waits until the session tells that it was lost with this code, which stays when it is connected again.
    pub(crate) async fn lost(&self, session: &str, code: &str) -> Value {
        let path = format!("/api/sessions/{session}");
        let is_it = |info: &Value| {
            let losses = info["losses"].as_array()?;
            losses.iter().any(|loss| loss["code"] == code).then(|| info.clone())
        };
        self.until(&path, is_it).await
    }

    /// Waits until there is a QR code to scan; returns its text.
    pub(crate) async fn qr(&self, session: &str) -> String {
        self.session_becomes(session, "QR_READY").await;
        let accept = [("accept", "application/json")];
        let answer = self
            .call(Method::GET, &format!("/api/sessions/{session}/qr"), &accept, None)
            .await
            .expect(200);
        answer["qr"].as_str().expect("a code").to_owned()
    }

    /// Asks for `path` again and again until the answer satisfies, or fails with the last one.
    pub(crate) async fn until<T>(&self, path: &str, satisfied: impl Fn(&Value) -> Option<T>) -> T {
        self.until_answer(path, |answer| satisfied(&answer.json())).await
    }

    /// The same for an answer that is not JSON; returns its text.
    pub(crate) async fn until_text(&self, path: &str, satisfied: impl Fn(&str) -> bool) -> String {
        let text = |answer: &Answer| String::from_utf8_lossy(&answer.bytes).into_owned();
        self.until_answer(path, |answer| Some(text(answer)).filter(|text| satisfied(text)))
            .await
    }

    async fn until_answer<T>(&self, path: &str, satisfied: impl Fn(&Answer) -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path).await;
            if let Some(found) = satisfied(&answer) {
                return found;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "still waiting at {path}: {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.bytes)
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends a text and returns the whole answer.
    pub(crate) async fn send(&self, session: &str, to: &str, text: &str) -> Answer {
        let body = json!({"sessionId": session, "to": to, "type": "text", "text": text});
        self.post("/api/messages/send", &body).await
    }

    /// Waits until the message has come this far; returns it with its timeline.
    pub(crate) async fn message_becomes(&self, message: &str, status: &str) -> Value {
        let path = format!("/api/messages/{message}");
        self.until(&path, |found| {
            (found["message"]["status"] == status).then(|| found["message"].clone())
        })
        .await
    }
}
