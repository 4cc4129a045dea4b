//! `GET /api/sessions/{sessionId}/events`: what happens to one session, as server-sent events.
//!
//! What a client does not read is not kept for it: the next event is looked for when there is room for it on the connection, which
//! `stall.rs` breaks off if there never is. A stream ends at once when the server stops. What its caller has shown is looked at again
//! before each event and every [`CHECK`], so that a token that was taken back is told nothing more and its streams end soon.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde::Deserialize;
use switchboard_core::access::Scope;
use switchboard_core::ids::{RequestId, SessionRef};
use switchboard_core::problem::Problem;
use switchboard_service::{Changed, Cursor, News, Watch};
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::scope::SessionsRead;
use crate::auth::{May, Shown};
use crate::described::{CursorText, SessionRefText};
use crate::extract::{Path, Query};
use crate::problem::Answer;

/// After so long without an event a comment is sent, so that nobody on the way takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After how long a client is to connect again.
const RETRY: Duration = Duration::from_secs(3);
/// How soon a stream ends whose token has ended.
const CHECK: Duration = Duration::from_secs(5);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Start {
    /// The same as the header `Last-Event-ID`, which comes before it: for a new EventSource, which cannot send a header.
    #[param(inline, value_type = Option<CursorText>)]
    last_event_id: Option<Cursor>,
}

/// The header that says from where on.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described; the route reads the header")]
pub(crate) struct Resumption {
    /// The `id` of the last event that was received; EventSource sends it when it reconnects.
    #[param(rename = "Last-Event-ID", inline, value_type = CursorText, required = false)]
    last_event_id: Cursor,
}

/// One event, as an EventSource has it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described; axum writes events")]
pub(crate) struct StreamEvent {
    /// Its place in the log.
    #[schema(value_type = CursorText)]
    id: Cursor,
    /// `session` or `message`.
    #[schema(example = "session")]
    event: String,
    /// The SessionView or MessageView as JSON.
    data: String,
    /// After how many milliseconds a client is to connect again.
    retry: Option<u32>,
}

/// What happens to one session, as server-sent events.
///
/// * `session`: the session as `GET /api/sessions/{sessionId}` shows it, a SessionView. It comes first, also after a reconnect, and
///   again whenever anything of it changes but `health` and `lastSeenAt`: the status, the QR code, the pairing code, the passkey, the
///   last loss.
/// * `message`: a MessageView as `GET /api/messages` shows it, for every message that is new in the session's log, in its order, and
///   for every one whose status has risen; what changes quickly may be told once. The last one with a `messageId` counts. They come
///   only with the scope `messages:read`.
///
/// The `id` of an event is a place in the log, the same as `next` of `GET /api/messages`. Without `Last-Event-ID` the log is told from
/// now on. With it no message is missing and none comes twice that was committed since, each with the status that it has by then.
/// Changes of the status of messages before that place are not told again if they happened meanwhile: `GET /api/messages/{messageId}`
/// tells.
///
/// A comment is sent after 15 seconds without an event. The stream ends when the session is deleted, after it has told so, as does one
/// that is opened later; within 5 seconds after the token has expired or was revoked, and nothing is told in between; when the client
/// takes nothing for 30 seconds or lets 4,096 changes come together; and when the server stops. A signed URL opens streams for five
/// minutes, and a stream outlives that. There are at most 1,000 streams, and 503 beyond.
#[utoipa::path(
    get,
    path = "/api/sessions/{sessionId}/events",
    operation_id = "streamSessionEvents",
    tag = "sessions",
    params(
        ("sessionId" = inline(SessionRefText), Path, description = "The session's id, its mobid, or its linked number."),
        Resumption,
        Start,
    ),
    responses((status = 200, description = "The events, for as long as the client reads.", body = StreamEvent, content_type = "text/event-stream")),
    security(("bearer" = ["sessions:read"]))
)]
pub(crate) async fn events(
    may: May<SessionsRead>,
    Path(session): Path<SessionRef>,
    Query(start): Query<Start>,
    Extension(request_id): Extension<RequestId>,
    State(app): State<App>,
    headers: HeaderMap,
) -> Answer<Response> {
    let since = since(&headers, &start)?;
    let messages = may.caller.scopes().allow(Scope::MessagesRead);
    let watch = may.service.watch(&session, messages, since).await?;
    let mut checks = interval(CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let telling = Telling {
        app,
        shown: may.shown,
        watch,
        checks,
        request_id,
    };
    let events = stream::unfold(telling, async |mut telling| {
        let news = telling.next().await?;
        Some((event(news), telling))
    });
    let headers = [(header::CACHE_CONTROL, "no-store"), (X_ACCEL_BUFFERING, "no")];
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok((headers, events).into_response())
}

fn since(headers: &HeaderMap, start: &Start) -> Result<Option<Cursor>, Problem> {
    let Some(shown) = headers.get(LAST_EVENT_ID) else {
        return Ok(start.last_event_id);
    };
    let cursor = shown.to_str().ok().and_then(|text| text.parse().ok());
    cursor.map(Some).ok_or_else(|| {
        let sentence = "Last-Event-ID must be the id of an event of this stream.";
        Problem::invalid_field("Last-Event-ID", sentence)
    })
}

fn event(news: News) -> Result<Event, axum::Error> {
    let event = Event::default().id(news.place.to_string());
    match news.what {
        Changed::Session(session) => event.event("session").retry(RETRY).json_data(session),
        Changed::Message(message) => event.event("message").json_data(message),
    }
}

/// A stream under way.
struct Telling {
    app: App,
    shown: Shown,
    watch: Watch,
    checks: Interval,
    request_id: RequestId,
}

impl Telling {
    /// What is to be told next; `None` at the end, whatever it is that ends the stream.
    async fn next(&mut self) -> Option<News> {
        loop {
            let news = tokio::select! {
                biased;
                () = self.app.draining.begun() => return None,
                _ = self.checks.tick() => None,
                news = self.watch.next() => Some(news),
            };
            if !self.shown.is_good(&self.app) {
                return None;
            }
            match news {
                None => {}
                Some(Ok(news)) => return news,
                Some(Err(problem)) => {
                    let (request_id, code, cause) = (&self.request_id, problem.code(), problem.cause_chain());
                    tracing::error!(%request_id, %code, cause, "a stream of events broke off");
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::{Body, BodyDataStream};
    use axum::http::{HeaderMap, Request};
    use futures::StreamExt as _;
    use serde_json::{Value, json};
    use switchboard_core::clock::Clock as _;
    use switchboard_core::random::OsRandom;
    use switchboard_service::MOST_WATCHES;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpStream;
    use tokio::time::{Instant, timeout};

    use super::{CHECK, KEEP_ALIVE};
    use crate::auth::keys::Keys;
    use crate::listen::{Connections, Setting, bind};
    use crate::router::router;
    use crate::testing::TestApp;

    /// An open stream.
    struct Events(BodyDataStream);

    impl Events {
        /// The next event or comment as it is written; `None` at the end.
        async fn next(&mut self) -> Option<String> {
            let bytes = timeout(Duration::from_secs(20), self.0.next()).await.unwrap()?;
            Some(String::from_utf8(bytes.unwrap().to_vec()).unwrap())
        }

        /// The next event's id, name and data; `None` at the end.
        async fn event(&mut self) -> Option<(String, String, Value)> {
            loop {
                let text = self.next().await?;
                let field = |name: &str| {
                    text.lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                if let Some(data) = field("data") {
                    let [id, event] = ["id", "event"].map(|name| field(name).unwrap().to_owned());
                    return Some((id, event, serde_json::from_str(data).unwrap()));
                }
            }
        }
    }

    impl TestApp {
        async fn events(&self, path: &str, headers: &[(&str, &str)]) -> (HeaderMap, Events) {
            let mut request = Request::builder().uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, body) = self.open(request.body(Body::empty()).unwrap()).await.into_parts();
            assert_eq!(parts.status, 200, "{path}");
            (parts.headers, Events(body.into_data_stream()))
        }

        /// A session that nothing happens to, a token with these scopes, its id, and the session's stream opened with it.
        async fn stream(&self, scopes: &[&str]) -> (String, String, Events) {
            let body = json!({"scopes": scopes, "expiresIn": "1h"});
            let made = self.call("POST", "/api/tokens", body).await.json();
            let [token, id] = ["token", "id"].map(|field| made[field].as_str().unwrap().to_owned());
            let path = format!("/api/sessions/{}/events", self.session().await);
            let mut events = self
                .events(&path, &[("authorization", &format!("Bearer {token}"))])
                .await
                .1;
            events.event().await.unwrap();
            (path, id, events)
        }
    }

    #[tokio::test]
    async fn the_session_as_it_is_comes_first_and_nobody_on_the_way_keeps_it() {
        let app = TestApp::new().await;
        let id = app.session().await;
        let url = app.signed_url(&format!("/api/sessions/{id}/events")).await;
        let (headers, mut events) = app.events(&url, &[]).await;
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(headers[name], value, "{name}");
        }
        let first = events.next().await.unwrap();
        assert!(first.lines().any(|line| line == "retry: 3000"), "{first}");
        let data = first.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let told: Value = serde_json::from_str(data).unwrap();
        let info = app.get(&format!("/api/sessions/{id}")).await.json();
        for field in ["sessionId", "status", "method", "createdAt", "health"] {
            assert_eq!(told[field], info[field], "{field}");
        }
    }

    #[tokio::test]
    async fn it_goes_on_from_the_last_event_id_in_the_header_and_else_in_the_query() {
        let app = TestApp::new().await;
        let path = format!("/api/sessions/{}/events", app.session().await);
        // One that reads the log would be told its end instead of a place behind it.
        let token = app.token(json!({"scopes": ["sessions:read"], "expiresIn": "1h"})).await;
        let bearer = format!("Bearer {token}");
        for (query, header, id) in [
            ("", None, "0"),
            ("?lastEventId=3", None, "3"),
            ("?lastEventId=3", Some("7"), "7"),
        ] {
            let mut headers = vec![("authorization", bearer.as_str())];
            headers.extend(header.map(|id| ("last-event-id", id)));
            let first = app
                .events(&format!("{path}{query}"), &headers)
                .await
                .1
                .event()
                .await
                .unwrap();
            assert_eq!(
                (first.0.as_str(), first.1.as_str()),
                (id, "session"),
                "{query} {header:?}"
            );
        }
        for wrong in ["x", "", "-1"] {
            let answered = app.send("GET", &path, &[("last-event-id", wrong)], Body::empty()).await;
            answered.failure(400, "invalid_field", Some("Last-Event-ID"));
        }
        let answered = app.get(&format!("{path}?lastEventId=x")).await;
        answered.failure(400, "invalid_field", Some("lastEventId"));
    }

    #[tokio::test]
    async fn a_token_that_was_taken_back_or_has_expired_is_told_nothing_more_and_its_stream_ends_soon() {
        let app = TestApp::new().await;
        let (_, id, mut revoked) = app.stream(&["sessions:read", "messages:read"]).await;
        let (_, _, mut expired) = app.stream(&["sessions:read"]).await;
        app.call("DELETE", &format!("/api/tokens/{id}"), Value::Null).await;
        // And a little, as much as clocks may differ.
        app.advance(3600 + 31);
        tokio::time::pause();
        for events in [&mut revoked, &mut expired] {
            let began = Instant::now();
            assert_eq!(events.next().await, None);
            assert!(began.elapsed() <= CHECK, "{:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn a_token_whose_key_was_rotated_away_is_told_nothing_more() {
        let app = TestApp::new().await;
        let (_, _, mut events) = app.stream(&["sessions:read"]).await;
        Keys::rotate(&Keys::path(&app.data()), Duration::ZERO, app.clock.now(), &OsRandom).unwrap();
        app.advance(1);
        tokio::time::pause();
        assert_eq!(events.next().await, None);
    }

    #[tokio::test]
    async fn a_stream_that_a_signed_url_has_opened_outlives_the_url_and_ends_with_the_session() {
        let app = TestApp::new().await;
        let id = app.session().await;
        let path = format!("/api/sessions/{id}");
        let url = app.signed_url(&format!("{path}/events")).await;
        let mut events = app.events(&url, &[]).await.1;
        app.advance(301);
        app.anonymous("GET", &url).await.failure(401, "unauthorized", None);
        assert_eq!(app.call("DELETE", &path, Value::Null).await.status, 200);
        let mut last = Value::Null;
        while let Some((_, _, told)) = events.event().await {
            last = told;
        }
        assert_eq!(last["status"], "INACTIVE");
        // Whoever comes again is told the same.
        let again = app.get(&format!("{path}/events")).await;
        assert!(
            String::from_utf8(again.bytes)
                .unwrap()
                .contains(r#""status":"INACTIVE""#)
        );
    }

    #[tokio::test]
    async fn a_server_that_stops_ends_every_stream_at_once() {
        let app = TestApp::new().await;
        let (_, _, mut events) = app.stream(&["sessions:read"]).await;
        app.app.draining.start();
        assert_eq!(events.next().await, None);
    }

    #[tokio::test]
    async fn there_are_so_many_streams_and_a_place_is_free_again_when_one_is_closed() {
        let app = TestApp::new().await;
        let path = format!("/api/sessions/{}/events", app.session().await);
        let url = app.signed_url(&path).await;
        let mut open = Vec::new();
        for _ in 0..MOST_WATCHES {
            open.push(app.events(&url, &[]).await);
        }
        let refused = app.get(&path).await;
        refused.failure(503, "unavailable", None);
        assert_eq!(refused.headers["retry-after"], "10");
        open.pop();
        app.events(&url, &[]).await;
    }

    #[tokio::test]
    async fn a_quiet_stream_is_kept_alive_beyond_every_deadline_of_a_request() {
        let app = TestApp::new().await;
        let path = format!("/api/sessions/{}/events", app.session().await);
        let url = app.signed_url(&path).await;
        let listeners = bind(Setting::Server, &["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let connections = Connections::serve(listeners, &router(app.app.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        while !lines.next_line().await.unwrap().unwrap().starts_with("data: ") {}

        tokio::time::pause();
        let began = Instant::now();
        let (mut comments, mut quiet_since) = (0, began);
        while began.elapsed() < 2 * app.app.request_timeout {
            let line = lines.next_line().await.unwrap().expect("the stream goes on");
            if line == ":" {
                comments += 1;
                assert!(quiet_since.elapsed() <= KEEP_ALIVE + Duration::from_secs(1));
            }
            quiet_since = Instant::now();
        }
        assert!(comments >= 2, "{comments}");
        app.app.draining.start();
        connections.drain().await;
    }
}
