//! What a dialect answers, as it goes to the client.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use switchboard_plugins::contract::http as contract;
use switchboard_service::Carrier;

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

/// The answer in HTTP; else what is wrong with it.
pub(super) fn respond(answer: contract::Response, carrier: &Carrier<'_>) -> Result<Response, String> {
    let broken = |what: &str| format!("an answer with {what} that is not allowed");
    let status = StatusCode::from_u16(answer.status).map_err(|_| broken("a status"))?;
    let body = carrier.whole(answer.body).map_err(|problem| problem.to_string())?;
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        let name: HeaderName = name.parse().map_err(|_| broken("a header"))?;
        let value: HeaderValue = value.parse().map_err(|_| broken("a header value"))?;
        if !OURS.contains(&name) {
            headers.append(name, value);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use switchboard_plugins::CallContext;

    use super::*;
    use crate::testing::TestApp;

    /// What the client gets for an answer with this status and header.
    async fn responded(status: u16, name: &str, value: &str) -> Result<Response, String> {
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
            let fault = responded(200, name, value).await.unwrap_err();
            assert!(fault.contains("not allowed") && !fault.contains(value), "{fault}");
        }
        for status in [0, 99, 1000, u16::MAX] {
            let fault = responded(status, "x-a", "b").await.unwrap_err();
            assert!(fault.contains("a status"), "{fault}");
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
