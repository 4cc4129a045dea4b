//! The fields in the body of a request: those of a JSON object, or of a form of either kind.

use serde_json::{Map, Value};

use crate::bindings::exports::switchboard::plugin::dialect::Request;
use crate::bindings::switchboard::plugin::http::{Body, Data, Part};
use crate::graph_error::GraphError;
use crate::meaning::WRONG_BODY;

const FORM: &str = "application/x-www-form-urlencoded";

/// What a body says. None at all says nothing.
pub(crate) fn fields(request: &Request) -> Result<Map<String, Value>, GraphError> {
    match &request.body {
        Body::Empty => Ok(Map::new()),
        Body::Whole(Data::Text(text)) => of_text(text.trim(), request),
        Body::Whole(Data::Bytes(_)) => Err(no_object()),
        Body::Whole(Data::Blob(_)) => Err(GraphError::new(&WRONG_BODY, "The body must be at most 256 KiB.")),
        Body::Form(parts) => Ok(parts.iter().filter_map(field).collect()),
    }
}

fn of_text(text: &str, request: &Request) -> Result<Map<String, Value>, GraphError> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    // Whatever its type is: of JSON that curl sends with -d, it says that it is a form.
    if text.starts_with(['{', '[']) || !is_form(request) {
        return serde_json::from_str(text).map_err(|_| no_object());
    }
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text).map_err(|_| no_object())?;
    Ok(pairs.into_iter().map(|(name, text)| (name, text.into())).collect())
}

fn no_object() -> GraphError {
    GraphError::new(&WRONG_BODY, "The body must be a JSON object.")
}

fn is_form(request: &Request) -> bool {
    let mut types = request.headers.iter().filter(|(name, _)| name == "content-type");
    types.any(|(_, value)| {
        let mime = value.split(';').next().unwrap_or_default();
        mime.trim().eq_ignore_ascii_case(FORM)
    })
}

/// A part of a form that is no file.
fn field(part: &Part) -> Option<(String, Value)> {
    match part {
        Part {
            name,
            filename: None,
            data: Data::Text(text),
            ..
        } => Some((name.clone(), text.as_str().into())),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::http::Method;
    use serde_json::json;

    pub(crate) fn request(content_type: &str, body: Body) -> Request {
        Request {
            method: Method::Post,
            base_url: "https://chat.example.com".to_owned(),
            route: String::new(),
            path: String::new(),
            params: vec![],
            query: vec![],
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body,
            caller: None,
        }
    }

    fn text(content_type: &str, body: &str) -> Result<Value, GraphError> {
        let request = request(content_type, Body::Whole(Data::Text(body.to_owned())));
        fields(&request).map(Value::Object)
    }

    #[test]
    fn json_is_read_whatever_its_type_is() {
        for content_type in ["application/json", "text/plain", FORM, ""] {
            assert_eq!(
                text(content_type, r#" {"to": 7}"#),
                Ok(json!({"to": 7})),
                "{content_type}"
            );
        }
    }

    #[test]
    fn a_form_is_read_in_either_encoding() {
        let form = "to=%2B91+98463&text=%7B%22body%22%3A%22hi%22%7D&to=1";
        let expected = json!({"to": "1", "text": r#"{"body":"hi"}"#});
        for content_type in [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
            assert_eq!(text(content_type, form).as_ref(), Ok(&expected), "{content_type}");
        }
        let part = |name: &str, filename: Option<&str>, data| Part {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            mime: None,
            data,
        };
        let parts = vec![
            part("to", None, Data::Text("1".to_owned())),
            part("file", Some("a.txt"), Data::Text("x".to_owned())),
            part("bytes", None, Data::Bytes(vec![0xff])),
        ];
        let multipart = request("multipart/form-data; boundary=b", Body::Form(parts));
        assert_eq!(fields(&multipart).map(Value::Object), Ok(json!({"to": "1"})));
    }

    #[test]
    fn what_is_neither_is_refused_and_nothing_is_nothing() {
        for body in ["[]", "7", "{", "to=1"] {
            assert!(text("application/json", body).is_err(), "{body}");
        }
        // Of JSON with a mistake no form is made.
        assert!(text(FORM, "{\"to\": 1").is_err());
        let bytes = request(FORM, Body::Whole(Data::Bytes(vec![0xff])));
        assert!(fields(&bytes).is_err());
        for body in [Body::Empty, Body::Whole(Data::Text(" \n".to_owned()))] {
            assert_eq!(fields(&request(FORM, body)), Ok(Map::new()));
        }
    }
}
