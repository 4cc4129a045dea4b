//! The token of a request to a dialect: in the usual header, or where the dialect's API has it.

use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri, header};
use switchboard_core::problem::Problem;
use switchboard_plugins::{Dialect, TokenPlaces};
use url::form_urlencoded;

use crate::app::App;
use crate::auth::{Caller, Shown};
use crate::peer::Peer;

/// Whoever shows a token.
pub(super) async fn caller(app: &App, parts: &mut Parts, dialect: &Dialect) -> Result<Caller, Problem> {
    let token = take_token(parts, dialect.plugin().token_places());
    if let Some(token) = token
        && !parts.headers.contains_key(header::AUTHORIZATION)
        && let Ok(value) = HeaderValue::try_from([b"Bearer ", &token[..]].concat())
    {
        parts.headers.insert(header::AUTHORIZATION, value);
    }
    let shown = Shown::take(parts)?;
    shown.caller(app, &parts.method, Peer::of(parts)).await
}

/// Takes a token out of every place that it may have: it is no business of the dialect's.
fn take_token(parts: &mut Parts, places: &TokenPlaces) -> Option<Vec<u8>> {
    let header = places.header.as_ref().and_then(|name| parts.headers.remove(name));
    let parameter = places.parameter.as_ref();
    let parameter = parameter.and_then(|name| take_parameter(&mut parts.uri, name));
    header
        .map(|value| value.as_bytes().to_owned())
        .or(parameter.map(String::into_bytes))
}

/// Takes a parameter out of the query, however often it stands there. The rest stays as it was written.
fn take_parameter(uri: &mut Uri, name: &str) -> Option<String> {
    let (mut taken, mut left) = (None, Vec::new());
    for pair in uri.query()?.split('&') {
        match form_urlencoded::parse(pair.as_bytes()).next() {
            Some((key, value)) if key == name => taken = Some(value.into_owned()),
            _ => left.push(pair),
        }
    }
    let taken = taken?;
    let left = format!("{}?{}", uri.path(), left.join("&"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = left.parse().ok();
    *uri = Uri::from_parts(parts).unwrap_or_default();
    Some(taken)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::testing::{TestApp, drop_in_frozen};

    #[tokio::test]
    async fn a_token_is_taken_from_the_places_that_the_dialect_names() {
        let places = "[dialect]\ntoken_header = \"ApiKey\"\ntoken_parameter = \"key\"\n";
        let app = TestApp::with(|config| drop_in_frozen(config, places)).await;
        let token = app.token(serde_json::json!({"scopes": ["messages:send"]})).await;
        let ask = async |query: &str, name: &str, value: &str| {
            let request = Request::post(format!("/frozen/a?a=1{query}")).header(name, value);
            app.raw(request.body("hello".into()).unwrap()).await
        };
        let in_query = format!("&key={token}");
        for (query, name, value) in [
            ("", "apikey", token.as_str()),
            (&*in_query, "x-nothing", ""),
            ("&key=wrong", "apikey", token.as_str()),
        ] {
            let told = ask(query, name, value).await.text();
            assert!(told.contains("scopes: [\"messages:send\"]"), "{told}");
            assert!(!told.contains(&token) && !told.contains("key"), "{told}");
        }
        for (query, name, value) in [
            ("", "apikey", "wrong"),
            ("&key=wrong", "x-nothing", ""),
            ("", "token", &token),
        ] {
            let told = ask(query, name, value).await.text();
            assert!(told.contains("code: \"unauthorized\""), "{told}");
        }
    }

    #[test]
    fn a_token_is_taken_out_of_the_query_and_the_rest_stays_as_it_was_written() {
        for (query, left, token) in [
            ("a=%2F&access_token=x.y&b", "a=%2F&b", Some("x.y")),
            ("access%5Ftoken=x%2By", "", Some("x+y")),
            ("access_token=a&access_token=b&c=1", "c=1", Some("b")),
            ("a=1&access=2", "a=1&access=2", None),
        ] {
            let mut uri: Uri = format!("/v23.0/1?{query}").parse().unwrap();
            assert_eq!(take_parameter(&mut uri, "access_token").as_deref(), token, "{query}");
            assert_eq!(uri.query(), Some(left));
        }
        let long = vec!["a"; 30_000].join("&");
        let mut uri: Uri = format!("/1?{long}&access_token=x").parse().unwrap();
        assert_eq!(take_parameter(&mut uri, "access_token").as_deref(), Some("x"));
    }
}
