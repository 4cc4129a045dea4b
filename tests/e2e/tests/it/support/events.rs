//! A reader of server-sent events, as a browser's EventSource is one.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// An open stream.
pub(crate) struct Events {
    response: Response,
    unread: Vec<u8>,
    /// The id of the event that was read last.
    pub(crate) last_id: String,
}

/// One event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Events {
    pub(crate) fn new(response: Response) -> Self {
        Self {
            response,
            unread: Vec::new(),
            last_id: String::new(),
        }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        timeout(PATIENCE, async {
            loop {
                while let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                    let block: Vec<_> = self.unread.drain(..end + 2).collect();
                    let block = String::from_utf8(block).expect("text");
                    let field = |name: &str| {
                        block
                            .lines()
                            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                    };
                    if let Some(data) = field("data") {
                        self.last_id = field("id").expect("an id").to_owned();
                        return Some(Event {
                            name: field("event").expect("a name").to_owned(),
                            data: serde_json::from_str(data).expect("JSON"),
                        });
                    }
                }
                self.unread.extend(self.response.chunk().await.ok()??);
            }
        })
        .await
        .expect("an event, or the end")
    }

    /// Reads until an event satisfies, or fails at the end of the stream.
    pub(crate) async fn until<T>(&mut self, satisfied: impl Fn(&Event) -> Option<T>) -> T {
        let mut seen = Vec::new();
        while let Some(event) = self.next().await {
            if let Some(found) = satisfied(&event) {
                return found;
            }
            seen.push(event);
        }
        panic!("the stream ended after {seen:?}");
    }

    /// Reads until the session has this status; returns what is told of it.
    pub(crate) async fn session_becomes(&mut self, status: &str) -> Value {
        let of_session = |event: &Event| event.name == "session" && event.data["status"] == status;
        self.until(|event| of_session(event).then(|| event.data.clone())).await
    }

    /// Reads until a message with this text is told with this status; returns it.
    pub(crate) async fn message_becomes(&mut self, text: &str, status: &str) -> Value {
        let told = |event: &Event| event.data["text"] == text && event.data["status"] == status;
        self.until(|event| (event.name == "message" && told(event)).then(|| event.data.clone()))
            .await
    }
}

/// Longer than any test reads a stream.
pub(super) const OPEN: Duration = Duration::from_secs(600);
