//! Which headers pass, both ways.
//!
//! What a plugin may not set is refused and not dropped, so that its author learns of it.

use std::borrow::Cow;

use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use switchboard_core::header::{is_the_hosts_own, plain};

use super::error::FetchError;
use super::grant::Grant;
use super::redact::Redactor;

/// The most headers that a plugin may send.
const MOST_HEADERS: usize = 64;
/// The most bytes of names and values that a plugin may send.
const MOST_HEADER_BYTES: usize = 16 << 10;
/// The most bytes of names and values that an answer may have. The HTTP client itself allows 100 headers.
const MOST_ANSWER_HEADER_BYTES: usize = 64 << 10;

/// What says who is asking.
const IDENTITY: [&str; 5] = ["authorization", "cookie", "cookie2", "forwarded", "x-real-ip"];
/// What ends at this hop, or would be a lie after the body was read and searched.
const OF_THE_HOP: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The headers that a plugin asked for.
///
/// # Errors
/// When one of them is not for a plugin to set, is none at all, or there is too much of them.
pub(super) fn outgoing(headers: &[(String, String)], grant: &Grant) -> Result<HeaderMap, FetchError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || MOST_HEADER_BYTES < bytes {
        return Err(FetchError::Headers {
            most: MOST_HEADERS,
            most_bytes: MOST_HEADER_BYTES,
        });
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let refused = |reason| FetchError::header(name, reason);
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("is not a header name"))?;
        check_name(header.as_str(), grant).map_err(refused)?;
        if !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(refused("must have a value of visible ASCII characters and spaces"));
        }
        let value = HeaderValue::from_str(value).map_err(|_| refused("has a value that cannot be sent"))?;
        map.append(header, value);
    }
    Ok(map)
}

fn check_name(name: &str, grant: &Grant) -> Result<(), &'static str> {
    let spelled = plain(name);
    if is_the_hosts_own(name) {
        return Err("is set by the host alone");
    }
    if IDENTITY.contains(&spelled.as_str()) || spelled.starts_with("x-forwarded-") {
        return Err("says who is asking, which a plugin does not: let the request name a credential");
    }
    let carries = |header: &HeaderName| plain(header.as_str()) == spelled;
    if grant
        .credentials()
        .iter()
        .any(|credential| carries(credential.header()))
    {
        return Err("carries a credential: let the request name it, and the host sets the header");
    }
    Ok(())
}

/// The headers of an answer: names in lower case, values without secrets. One whose name shows a secret is left out.
///
/// # Errors
/// When there is too much of them.
pub(super) fn incoming(headers: &HeaderMap, redactor: &Redactor<'_>) -> Result<Vec<(String, String)>, FetchError> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if MOST_ANSWER_HEADER_BYTES < bytes {
        return Err(FetchError::AnswerHeaders(MOST_ANSWER_HEADER_BYTES));
    }
    let named = headers.get_all("connection").iter();
    let named: Vec<_> = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .collect();
    let passes = |name: &str| {
        let hop = OF_THE_HOP.contains(&name) || name.starts_with("proxy-");
        !hop && !named.iter().any(|hop| hop.trim().eq_ignore_ascii_case(name))
    };
    let shows = |name: &HeaderName| matches!(redactor.text(name.as_str().as_bytes()), Cow::Owned(_));
    let passing = headers.iter().filter(|(name, _)| passes(name.as_str()) && !shows(name));
    let clean = |value: &HeaderValue| String::from_utf8_lossy(&redactor.text(value.as_bytes())).into_owned();
    Ok(passing.map(|(name, value)| (name.to_string(), clean(value))).collect())
}

/// Whether a body is something else than its bytes as they came: compressed, by the server or for the way.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    let mut values = [CONTENT_ENCODING, TRANSFER_ENCODING]
        .into_iter()
        .flat_map(|name| headers.get_all(name));
    let as_it_came = |value: &HeaderValue| {
        let codings = value.to_str().ok().map(|codings| codings.split(',').map(str::trim));
        codings.is_some_and(|mut codings| {
            codings.all(|coding| matches!(coding.to_ascii_lowercase().as_str(), "" | "identity" | "chunked"))
        })
    };
    !values.all(as_it_came)
}

#[cfg(test)]
mod tests {
    use super::super::{Credential, CredentialOptions, GrantOptions};
    use super::*;

    fn grant() -> Grant {
        let credential = Credential::new(CredentialOptions {
            name: "voices".to_owned(),
            header: "xi-api-key".to_owned(),
            prefix: String::new(),
            secret: "hunter2-hunter2".to_owned().into(),
            origins: vec!["https://api.example.com".parse().unwrap()],
        });
        Grant::new(GrantOptions {
            credentials: vec![credential.unwrap()],
            ..GrantOptions::default()
        })
        .unwrap()
    }

    fn sent(name: &str, value: &str) -> Result<HeaderMap, FetchError> {
        outgoing(&[(name.to_owned(), value.to_owned())], &grant())
    }

    #[test]
    fn a_plugin_does_not_set_what_belongs_to_the_host() {
        for name in [
            "Host",
            "host",
            "Connection",
            "Content-Length",
            "content_length",
            "Transfer-Encoding",
            "transfer_encoding",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Keep-Alive",
            "Proxy-Authorization",
            "proxy-connection",
            "Proxy_Anything",
            "Accept-Encoding",
            "Accept-Charset",
            "Range",
            "HTTP2-Settings",
            "Authorization",
            "Cookie",
            "Forwarded",
            "X-Forwarded-For",
            "x-forwarded-host",
            "X_Forwarded_Proto",
            "X-Real-IP",
            "XI-API-Key",
            "xi_api_key",
        ] {
            let error = sent(name, "x").unwrap_err();
            assert!(matches!(error, FetchError::Header { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn a_header_that_smuggles_another_is_refused() {
        for (name, value) in [
            ("", "x"),
            ("x y", "x"),
            ("x:", "x"),
            ("x\r\nhost", "x"),
            ("x\0", "x"),
            ("x\tb", "x"),
            ("héader", "x"),
            ("x-a", "a\r\nhost: b"),
            ("x-a", "a\nb"),
            ("x-a", "a\rb"),
            ("x-a", "a\0b"),
            ("x-a", "a\tb"),
            ("x-a", "a\u{7f}b"),
            ("x-a", "é"),
            ("x-a", "嘊嘍host: b"), // bytes that end in 0x0d and 0x0a
        ] {
            let error = sent(name, value).unwrap_err();
            let shown = error.to_string();
            assert!(matches!(error, FetchError::Header { .. }), "{name:?}: {shown}");
            assert!(!shown.contains(|c: char| c.is_control()), "{shown:?}");
        }
    }

    #[test]
    fn what_is_left_passes_in_its_order() {
        let headers = [
            ("Content-Type", "application/json"),
            ("X-A", "1"),
            ("x-a", "2"),
            ("user-agent", ""),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let map = outgoing(&headers, &grant()).unwrap();
        assert_eq!(map.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(
            (map.len(), map["content-type"].to_str().unwrap()),
            (4, "application/json")
        );
    }

    #[test]
    fn a_body_is_encoded_when_any_header_says_so() {
        for (headers, is_so) in [
            (&[][..], false),
            (&[("content-encoding", "identity")], false),
            (
                &[("content-encoding", "Identity, "), ("transfer-encoding", "chunked")],
                false,
            ),
            (&[("content-encoding", "gzip")], true),
            (&[("content-encoding", "identity"), ("content-encoding", "BR")], true),
            (&[("content-encoding", "identity,gzip")], true),
            (&[("transfer-encoding", "gzip, chunked")], true),
        ] {
            let mut answer = HeaderMap::new();
            for (name, value) in headers {
                answer.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(is_encoded(&answer), is_so, "{headers:?}");
        }
    }

    #[test]
    fn there_is_a_most_of_headers_and_of_their_bytes() {
        let many = |n, size| vec![("x-a".to_owned(), "x".repeat(size)); n];
        assert!(outgoing(&many(64, 1), &grant()).is_ok());
        for headers in [many(65, 1), many(1, 16 << 10), many(17, 1 << 10)] {
            let error = outgoing(&headers, &grant()).unwrap_err();
            assert!(matches!(error, FetchError::Headers { .. }), "{error}");
        }
    }

    #[test]
    fn an_answer_keeps_what_is_about_its_content() {
        let grant = grant();
        let redactor = Redactor::new(grant.credentials().iter().map(Credential::needles));
        let mut answer = HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/plain"),
            ("content-encoding", "gzip"),
            ("x-echo", "key=hunter2-hunter2;"),
            ("x-hunter2-hunter2", "1"),
            ("set-cookie", "a=b"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("proxy-authenticate", "Basic"),
        ] {
            answer.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let passed = incoming(&answer, &redactor).unwrap();
        let passed: Vec<_> = passed
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            passed,
            [
                ("content-type", "text/plain"),
                ("content-encoding", "gzip"),
                ("x-echo", "key=[redacted];"),
            ]
        );
        answer.append("x-large", HeaderValue::from_str(&"x".repeat(64 << 10)).unwrap());
        assert!(matches!(
            incoming(&answer, &redactor),
            Err(FetchError::AnswerHeaders(_))
        ));
    }
}
