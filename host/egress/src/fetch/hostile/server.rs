//! What a server answers.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::testing::{SECRET, Server, answer, fetcher, grant, granting, request};
use super::*;

#[tokio::test]
async fn a_redirect_to_another_origin_is_not_followed() {
    let trap = Trap::set();
    let port = trap.port();
    for location in [
        format!("http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "https://api.example.com/".to_owned(), // granted, and yet another origin
        format!("https://{SECRET}.example.com/{SECRET}"),
        "file:///etc/passwd".to_owned(),
    ] {
        for status in ["301 A", "302 B", "303 C", "307 D", "308 E"] {
            let answered = answer(status, &format!("location: {location}\r\n"), SECRET);
            let server = Server::start(move |_, _| answered.clone()).await;
            let asked = FetchRequest {
                credential: Some("openai".to_owned()),
                ..request(&server.url("/path?token=x"))
            };
            let grant = granting(&[
                &server.url(""),
                "https://api.example.com",
                &format!("http://127.0.0.1:{port}"),
            ]);
            let error = refusal(&fetcher(), &grant, asked).await;
            assert!(
                matches!(error, FetchError::RedirectElsewhere { .. }),
                "{location}: {error}"
            );
            assert_eq!(server.seen().len(), 1);
        }
    }
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn a_redirect_without_end_ends() {
    let server = Server::start(|n, _| answer("302 Found", &format!("location: /{n}\r\n"), "")).await;
    let error = refusal(&fetcher(), &grant(&server), request(&server.url("/"))).await;
    assert!(matches!(error, FetchError::Redirects { most: 3, .. }), "{error}");
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn an_echoed_credential_is_seen_by_nobody() {
    let server = Server::start(|_, request| {
        let shown = request.lines().find_map(|line| line.strip_prefix("authorization: "));
        let shown = shown.unwrap_or_default();
        let secret = shown.trim_start_matches("Bearer ");
        let encoded = secret.replace('/', "%2F").replace('+', "%2b");
        let headers = format!("x-echo: {shown}\r\nx-key: a={secret}; b\r\nwww-authenticate: {encoded}\r\n");
        let body = [
            secret,
            shown,
            &encoded,
            &secret.replace('/', "\\/"),
            &STANDARD.encode(secret),
            &URL_SAFE_NO_PAD.encode(shown),
            &STANDARD.encode(format!("user:{secret}")),
        ]
        .join("|");
        answer("401 Unauthorized", &headers, &body)
    })
    .await;
    let asked = FetchRequest {
        credential: Some("openai".to_owned()),
        ..request(&server.url("/"))
    };
    let response = fetcher().fetch(&grant(&server), asked).await.ok().unwrap();
    assert!(server.seen()[0].contains(SECRET), "the server was shown it");
    let r = "[redacted]";
    // Of "user:" and the secret in base64 the last character before the secret is shared by both.
    let body = format!("{r}|{r}|{r}|{r}|{r}|{r}|dXNlcjp{r}");
    assert_eq!(String::from_utf8(response.body.to_vec()).unwrap(), body);
    let headers = [
        ("x-echo", r.to_owned()),
        ("x-key", format!("a={r}; b")),
        ("www-authenticate", r.to_owned()),
    ];
    assert_eq!(response.headers, headers.map(|(name, value)| (name.to_owned(), value)));
}

#[tokio::test]
async fn a_compressed_answer_to_a_request_with_a_credential_is_not_used() {
    for headers in [
        "content-encoding: gzip\r\n",
        "content-encoding: identity\r\ncontent-encoding: x-hidden\r\n",
    ] {
        let server = Server::start(move |_, _| answer("200 OK", headers, SECRET)).await;
        let asked = FetchRequest {
            credential: Some("openai".to_owned()),
            ..request(&server.url("/"))
        };
        let error = refusal(&fetcher(), &grant(&server), asked).await;
        assert!(
            matches!(&error, FetchError::Encoded(host) if host == "127.0.0.1"),
            "{error}"
        );
    }
    let server = Server::start(|_, _| answer("200 OK", "content-encoding: identity\r\n", "plain")).await;
    let asked = FetchRequest {
        credential: Some("openai".to_owned()),
        ..request(&server.url("/"))
    };
    let response = fetcher().fetch(&grant(&server), asked).await.ok().unwrap();
    assert_eq!(&response.body[..], b"plain");
}

#[tokio::test]
async fn a_server_that_remembers_a_credential_is_not_heard_when_another_request_asks() {
    let server = Server::start(|_, _| answer("200 OK", "", &format!("last time: {SECRET}"))).await;
    let response = fetcher()
        .fetch(&grant(&server), request(&server.url("/")))
        .await
        .ok()
        .unwrap();
    assert_eq!(&response.body[..], b"last time: [redacted]");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let chunk = format!("200\r\n{}\r\n", "x".repeat(512));
    for answered in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n".to_owned(),
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
            chunk.repeat(3)
        ),
        format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1025)),
    ] {
        let server = Server::start(move |_, _| answered.clone().into_bytes()).await;
        let error = refusal(&fetcher(), &grant(&server), request(&server.url("/"))).await;
        assert!(matches!(error, FetchError::TooLarge(1024)), "{error}");
    }
}

#[tokio::test]
async fn headers_without_end_are_not_read_to_their_end() {
    let one = format!("x-a: {}\r\n", "x".repeat(1000));
    for (headers, large) in [
        (one.repeat(70), true),
        ("x-a: 1\r\n".repeat(101), false),
        (one.repeat(600), false),
    ] {
        let server = Server::start(move |_, _| answer("200 OK", &headers, "")).await;
        let error = refusal(&fetcher(), &grant(&server), request(&server.url("/"))).await;
        let refused = match error {
            FetchError::AnswerHeaders(_) => large,
            FetchError::Broken { .. } => !large,
            _ => false,
        };
        assert!(refused, "{error:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_no_answer_and_is_not_repeated() {
    for answered in [
        "hunter2 hunter2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nhunter2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\nhunter2",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhunter2\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
    ] {
        let server = Server::start(move |_, _| answered.as_bytes().to_vec()).await;
        let error = refusal(&fetcher(), &grant(&server), request(&server.url("/?token=x"))).await;
        assert!(matches!(error, FetchError::Broken { .. }), "{answered:?}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_at_the_deadline() {
    let server = Server::start(|_, _| Vec::new()).await;
    let asked = FetchRequest {
        timeout: Duration::from_millis(50),
        ..request(&server.url("/"))
    };
    let error = refusal(&fetcher(), &grant(&server), asked).await;
    assert!(matches!(error, FetchError::Timeout(_)), "{error}");
}

#[tokio::test]
async fn a_body_that_comes_in_drops_is_left_at_the_deadline_of_the_whole() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let dripping = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        loop {
            // There is always something new, so that no limit on silence is ever reached.
            let _ = stream.write_all(b"x").await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let asked = FetchRequest {
        timeout: Duration::from_millis(100),
        ..request(&url)
    };
    let (fetcher, grant) = (fetcher(), granting(&[&url]));
    let error = tokio::select! {
        error = refusal(&fetcher, &grant, asked) => error,
        () = dripping => unreachable!(),
    };
    assert!(
        matches!(error, FetchError::Timeout(limit) if limit == Duration::from_millis(100)),
        "{error}"
    );
}

#[tokio::test]
async fn a_closed_port_and_a_server_without_tls_are_told_apart() {
    let closed = format!("http://127.0.0.1:{}", Trap::set().port());
    let error = refusal(
        &fetcher(),
        &granting(&[&closed]),
        request(&format!("{closed}/?token=x")),
    )
    .await;
    assert!(
        matches!(&error, FetchError::Connect { host, .. } if host == "127.0.0.1"),
        "{error}"
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = format!("https://{}", listener.local_addr().unwrap());
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    };
    let (fetcher, grant) = (fetcher(), granting(&[&plain]));
    let error = tokio::select! {
        error = refusal(&fetcher, &grant, request(&format!("{plain}/?token=x"))) => error,
        () = server => unreachable!(),
    };
    assert!(
        matches!(&error, FetchError::Tls { host, .. } if host == "127.0.0.1"),
        "{error:?}"
    );
}
