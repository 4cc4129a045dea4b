//! What a plugin wants to say.

use super::super::testing::{fetcher, granting, granting_with, request};
use super::*;

#[tokio::test]
async fn a_header_that_is_not_a_plugins_to_set_stops_the_request() {
    let trap = Trap::set();
    let url = format!("http://127.0.0.1:{}", trap.port());
    for (name, value) in [
        ("Host", "evil.example"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "0"),
        ("Authorization", "Bearer stolen"),
        ("aUTHORIZATION", "Bearer stolen"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Cookie", "a=b"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("Accept-Encoding", "gzip"),
        ("X-A", "a\r\nauthorization: Bearer stolen"),
        ("X-A\r\nHost", "evil.example"),
        ("X-A", "a\0"),
    ] {
        let asked = FetchRequest {
            headers: vec![(name.to_owned(), value.to_owned())],
            ..request(&url)
        };
        let error = refusal(&fetcher(), &granting(&[&url]), asked).await;
        assert!(matches!(error, FetchError::Header { .. }), "{name:?}: {error}");
        assert!(!error.to_string().contains("stolen"), "{error}");
    }
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn too_much_to_send_is_not_sent() {
    let trap = Trap::set();
    let url = format!("http://127.0.0.1:{}", trap.port());
    let body = FetchRequest {
        method: Method::Post,
        body: vec![Bytes::from(vec![b'x'; 65])],
        ..request(&url)
    };
    let error = refusal(&fetcher(), &granting(&[&url]), body).await;
    assert!(matches!(error, FetchError::RequestTooLarge(64)), "{error}");
    // 16 GiB, if it were ever put together.
    let pieces = FetchRequest {
        method: Method::Post,
        body: vec![Bytes::from(vec![b'x'; 1 << 24]); 1 << 10],
        ..request(&url)
    };
    let error = refusal(&fetcher(), &granting(&[&url]), pieces.clone()).await;
    assert!(matches!(error, FetchError::RequestTooLarge(64)), "{error}");
    // What is not granted is refused for that, whatever its size.
    let error = refusal(&fetcher(), &granting(&["https://api.example.com"]), pieces).await;
    assert!(matches!(error, FetchError::NotGranted { .. }), "{error}");
    let headers = FetchRequest {
        headers: vec![("x-a".to_owned(), "1".to_owned()); 1000],
        ..request(&url)
    };
    let error = refusal(&fetcher(), &granting(&[&url]), headers).await;
    assert!(matches!(error, FetchError::Headers { .. }), "{error}");
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn a_credential_goes_to_its_own_origins_in_private_and_only_to_those() {
    let trap = Trap::set();
    let port = trap.port();
    let near = format!("http://localhost:{port}");
    let another_port = format!("http://127.0.0.1:{port}");
    let origins = [
        "https://*.example.com",
        "https://api.example.com:8443",
        "http://api.example.com",
        &near,
        &another_port,
    ];
    let own = [
        "https://api.example.com",
        "http://api.example.com",
        "http://127.0.0.1:1",
        "https://127.0.0.1",
    ];
    let grant = granting_with(&origins, &own);
    for url in [
        &near,
        &another_port,
        "https://api.example.com:8443/",
        "http://api.example.com/",
        "https://other.example.com/",
    ] {
        let asked = FetchRequest {
            credential: Some("openai".to_owned()),
            ..request(url)
        };
        let error = refusal(&fetcher(), &grant, asked).await;
        assert!(
            matches!(error, FetchError::CredentialElsewhere { .. }),
            "{url}: {error}"
        );
    }
    for name in ["elevenlabs", "OpenAI", "", "openai\r\n"] {
        let asked = FetchRequest {
            credential: Some(name.to_owned()),
            ..request("https://api.example.com/")
        };
        let error = refusal(&fetcher(), &grant, asked).await;
        assert!(
            matches!(error, FetchError::UnknownCredential { .. }),
            "{name:?}: {error}"
        );
    }
    assert!(trap.is_untouched());
}

#[test]
fn nothing_that_is_shown_of_a_fetcher_or_a_grant_is_secret() {
    let shown = format!("{:?} {:?}", fetcher(), granting(&["https://api.example.com"]));
    assert!(!shown.contains("hunter2") && !shown.contains("Bearer"), "{shown}");
}
