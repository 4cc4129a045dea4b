//! Where a plugin wants to go.

use super::super::testing::{Names, Server, answer, fetcher, grant, granting, request};
use super::*;

#[tokio::test]
async fn a_url_without_a_grant_is_refused_by_its_origin_and_nothing_else_of_it() {
    let grant = granting(&["https://api.example.com"]);
    for (url, origin) in [
        (
            "https://evil.example/steal?token=hunter2#hunter2",
            "https://evil.example",
        ),
        ("https://evil.example:8443/hunter2", "https://evil.example:8443"),
        ("http://api.example.com/", "http://api.example.com"),
        ("https://api.example.com:80/", "https://api.example.com:80"),
        (
            "https://api.example.com.evil.example/",
            "https://api.example.com.evil.example",
        ),
        ("https://api.example.co/", "https://api.example.co"),
        ("https://x.api.example.com/", "https://x.api.example.com"),
        ("https://аpi.example.com/", "https://xn--pi-6kc.example.com"), // a Cyrillic letter
        ("https://evil.example#@api.example.com/", "https://evil.example"),
        ("https://evil.example?@api.example.com/", "https://evil.example"),
    ] {
        let error = refusal(&fetcher(), &grant, request(url)).await;
        assert!(matches!(error, FetchError::NotGranted { .. }), "{url}: {error}");
        assert_eq!(error.to_string(), format!("{origin} is not granted to this plugin"));
    }
    let error = refusal(&fetcher(), &Grant::default(), request("https://api.example.com/")).await;
    assert!(matches!(error, FetchError::NotGranted { .. }), "{error}");
}

#[tokio::test]
async fn no_spelling_of_an_address_next_door_is_dialled() {
    let trap = Trap::set();
    let port = trap.port();
    let grant = granting(&["https://*.example.com", "http://api.example.com", "https://8.8.8.8"]);
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
        "192.168.1.1",
    ] {
        for scheme in ["http", "https"] {
            let error = refusal(&fetcher(), &grant, request(&format!("{scheme}://{host}:{port}/"))).await;
            assert!(matches!(error, FetchError::NotGranted { .. }), "{host}: {error}");
        }
    }
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn a_url_that_reads_differently_to_different_readers_is_refused() {
    let trap = Trap::set();
    let here = format!("127.0.0.1:{}", trap.port());
    let grant = granting(&["https://api.example.com", &format!("http://{here}")]);
    for url in [
        format!("https://api.example.com@{here}/"),
        format!("http://{here}@api.example.com/"),
        format!("http://user:hunter2@{here}/"),
        format!("http://user@{here}/"),
        format!("http://:hunter2@{here}/"),
        format!("http://@{here}/"),
        format!("http://:@{here}/"),
        format!("http:\\\\{here}\\"),
        format!("http://{here}\\@api.example.com/"),
        format!("http://api.example.com\\@{here}/"),
        format!("http:/{here}/"),
        format!("http:{here}/"),
        format!("http:///{here}/"),
        format!("//{here}/"),
        format!("{here}/"),
        format!(" http://{here}/"),
        format!("http://{here}/ "),
        format!("ht\ttp://{here}/"),
        format!("http://\t{here}/"),
        format!("http://{here}/\r\nhost: evil.example"),
        format!("http://{here}/\0"),
        format!("http://{here}/a b"),
        format!("http://{here}/\u{a0}\u{2028}"),
        format!("http://{here}/{}", "x".repeat(8192)),
        format!("ftp://{here}/"),
        format!("ws://{here}/"),
        format!("unix:{here}"),
        "file:///etc/passwd".to_owned(),
        "data:text/plain,hunter2".to_owned(),
        "https://".to_owned(),
        "https://.".to_owned(),
        "https://api..example.com/".to_owned(),
        "https://api.example.com../".to_owned(),
        "https://api.example.com:99999/".to_owned(),
        "https://[::1/".to_owned(),
        String::new(),
    ] {
        let error = refusal(&fetcher(), &grant, request(&url)).await;
        assert!(matches!(error, FetchError::Url(_)), "{url:?}: {error}");
    }
    assert!(trap.is_untouched());
}

#[tokio::test]
async fn another_spelling_of_what_is_granted_is_sent_in_its_one_spelling() {
    let server = Server::start(|_, _| answer("200 OK", "", "")).await;
    for url in [
        format!("HTTP://0x7f.1:{}/a", server.port()),
        format!("http://127.0.0.1.:{}/a", server.port()),
        format!("http://2130706433:{}/b/../a#c", server.port()),
    ] {
        assert!(fetcher().fetch(&grant(&server), request(&url)).await.is_ok(), "{url}");
    }
    for seen in server.seen() {
        assert!(seen.starts_with("GET /a HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains(&format!("host: {}\r\n", server.host())), "{seen}");
    }
}

#[tokio::test]
async fn a_build_for_loopback_dials_loopback_literals_whatever_is_granted() {
    let server = Server::start(|_, _| answer("200 OK", "", "")).await;
    let (port, names) = (server.port(), Names::new(&[&["127.0.0.1"]]));
    let fetcher = Fetcher::new(Reach::LoopbackOnly, Arc::<Names>::clone(&names)).unwrap();
    for origin in [
        "https://api.example.com".to_owned(),
        "https://8.8.8.8".to_owned(),
        "http://10.0.0.1".to_owned(),
        format!("http://localhost:{port}"),
        format!("http://piper:{port}"),
    ] {
        let error = refusal(&fetcher, &granting(&[&origin]), request(&origin)).await;
        assert!(matches!(error, FetchError::OutOfReach(_)), "{origin}: {error}");
    }
    assert_eq!((names.left(), server.connections()), (1, 0));
    assert!(fetcher.fetch(&grant(&server), request(&server.url("/"))).await.is_ok());
    let error = refusal(&fetcher, &Grant::default(), request(&server.url("/"))).await;
    assert!(matches!(error, FetchError::NotGranted { .. }), "{error}");
}
