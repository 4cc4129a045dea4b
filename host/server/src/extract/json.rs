//! The body of a request, as JSON.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Request};
use axum::http::header::{self, HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use switchboard_core::problem::{Code, Problem};

use super::{fault, value};
use crate::problem::Failure;

/// A JSON object of the shape `T`.
///
/// Not `application/json`: 415. Larger than `server.max_body_kib`: 413. Not JSON, or no object: 400 `invalid_json` with line and
/// column. Anything else that is wrong, a name that stands twice in any object included: 400 `invalid_field`.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                Code::UNSUPPORTED_MEDIA_TYPE,
                "Send the body as JSON, with the header `Content-Type: application/json`.",
            )
            .into());
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| unreadable(&rejection))?;
        Ok(parse(&body).map(Self)?)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|essence| essence.trim().to_ascii_lowercase());
    essence.is_some_and(|essence| {
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    })
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => Problem::new(
            Code::BODY_TOO_LARGE,
            "The body is larger than this server takes (server.max_body_kib).",
        ),
        _ => Problem::new(Code::INVALID_JSON, "The body broke off before its end."),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(
            Code::INVALID_JSON,
            "The body is empty; it must be a JSON object.",
        ));
    }
    let Value::Object(object) = value::read(body)? else {
        return Err(Problem::new(
            Code::INVALID_JSON,
            "The body must be a JSON object, in braces.",
        ));
    };
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body)).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        invalid::<T>(object, &path, &message)
    })
}

/// A field that is missing or of a wrong JSON type is answered with what its own parser says to an empty text, because that is
/// the sentence that tells what is allowed.
fn invalid<T: DeserializeOwned>(mut object: Map<String, Value>, path: &str, message: &str) -> Problem {
    let name = fault::missing(message).unwrap_or(path);
    let wrong_type = message.starts_with("invalid type");
    if wrong_type || fault::missing(message).is_some() {
        object.insert(name.to_owned(), Value::String(String::new()));
        let said = serde_json::from_value::<T>(Value::Object(object))
            .err()
            .map(|error| error.to_string());
        if let Some(allowed) = said.filter(|said| said.starts_with("must ")) {
            let verdict = if wrong_type { "must be a text" } else { "is required" };
            return Problem::invalid_field(name, format!("{name} {verdict}: it {allowed}."));
        }
    }
    fault::invalid(path, message)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use switchboard_core::ids::Recipient;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Sample {
        to: Recipient,
        wait: Option<bool>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Inner {
        count: u8,
    }

    fn refused(body: &str) -> (String, String, String) {
        let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
        (
            problem.code().name().to_owned(),
            problem.field_name().unwrap_or("-").to_owned(),
            problem.message().to_owned(),
        )
    }

    #[test]
    fn what_is_not_a_json_object_is_invalid_json() {
        for (body, part) in [
            ("", "empty"),
            (" \n", "empty"),
            ("hello", "line 1, column 1"),
            ("{\"to\":\n ,}", "line 2"),
            ("{\"to\": \"1", "line 1"),
            ("[]", "object"),
            ("null", "object"),
            ("\"x\"", "object"),
            ("[1", "line 1"),
            ("{} {}", "line 1"),
            ("{'to': 1}", "line 1"),
        ] {
            let (code, field, sentence) = refused(body);
            assert_eq!((code.as_str(), field.as_str()), ("invalid_json", "-"), "{body}");
            assert!(sentence.contains(part), "{body}: {sentence}");
        }
        assert_eq!(
            parse::<Sample>(b"{\"to\": \"\xff\"}").unwrap_err().code(),
            &Code::INVALID_JSON
        );
        let deep = format!("{{\"to\": {}", "[".repeat(100_000));
        assert_eq!(
            parse::<Sample>(deep.as_bytes()).unwrap_err().code(),
            &Code::INVALID_JSON
        );
    }

    #[test]
    fn a_wrong_field_is_named_with_what_is_allowed() {
        for (body, field, part) in [
            ("{}", "to", "to is required: it must be a phone number"),
            (r#"{"to": null}"#, "to", "must be a phone number"),
            (r#"{"to": 5}"#, "to", "must be a text: it must be a phone number"),
            (r#"{"to": "x"}"#, "to", "must be a phone number"),
            (r#"{"to": "15550000001", "wait": "no"}"#, "wait", "expected a boolean"),
            (
                r#"{"to": "15550000001", "tO": 1}"#,
                "tO",
                "expected one of `to`, `wait`, `inner`",
            ),
            (r#"{"to": "15550000001", "to": "15550000001"}"#, "to", "once"),
            (r#"{"to": "15550000001", "inner": {}}"#, "inner.count", "required"),
            (r#"{"to": "15550000001", "inner": {"count": 256}}"#, "inner.count", "u8"),
            (
                r#"{"to": "15550000001", "inner": {"count": 1, "x": 1}}"#,
                "inner.x",
                "expected `count`",
            ),
        ] {
            let (code, named, sentence) = refused(body);
            assert_eq!(
                (code.as_str(), named.as_str()),
                ("invalid_field", field),
                "{body}: {sentence}"
            );
            assert!(sentence.contains(part), "{body}: {sentence}");
        }
    }

    #[test]
    fn only_json_media_types_are_read() {
        let with = |value: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/problem+json",
        ] {
            assert!(is_json(&with(good)), "{good}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "text/json+x",
        ] {
            assert!(!is_json(&with(bad)), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
