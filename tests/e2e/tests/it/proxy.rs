//! Sessions behind proxies, good ones and others.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::proxy::{Kind, Proxy, Trick, hostile};
use crate::support::{DESK, FRIEND, OFFICE, World, texts};

const KINDS: [Kind; 2] = [Kind::Http, Kind::Socks5];
const PASSWORD: &str = "correct-horse-battery";

/// A world whose host says all that it can.
async fn talkative() -> World {
    World::start_with(|command| {
        let filter = "debug,switchboard=trace,switchboard_service=trace,switchboard_whatsapp=trace,whatsapp_rust=debug";
        command.env("SWITCHBOARD_LOG__FILTER", filter);
    })
    .await
}

async fn create(world: &World, proxy: &str) -> String {
    let created = world
        .api
        .post("/api/sessions", &json!({"proxy": proxy}))
        .await
        .expect(201);
    created["session"]["sessionId"].as_str().unwrap().to_owned()
}

async fn scan(world: &World, session: &str, number: &str) {
    let qr = world.api.qr(session).await;
    world.phone(number).scan_qr(&qr).await.expect("the phone links");
    world.api.session_becomes(session, "READY").await;
}

async fn patch(world: &World, session: &str, body: Value) -> Value {
    world
        .api
        .patch(&format!("/api/sessions/{session}"), &body)
        .await
        .expect(200)["session"]
        .clone()
}

/// Waits for a loss after which the session waits before it tries again; what it says of it.
async fn waits(world: &World, session: &str, codes: &[&str]) -> String {
    let path = format!("/api/sessions/{session}");
    let is_it = |info: &Value| {
        let code = info["lastLoss"]["code"].as_str()?;
        let waits = codes.contains(&code) && info["health"]["retryAt"].is_string();
        waits.then(|| info["lastLoss"]["reason"].as_str().unwrap().to_owned())
    };
    world.api.until(&path, is_it).await
}

/// How many connections WhatsApp has seen that went as far as a handshake.
fn handshakes(world: &World) -> usize {
    let count: u64 = world.simulator.tally().handshakes.values().sum();
    usize::try_from(count).unwrap()
}

/// Whether any file below the folder holds the text.
fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        // The database's own files come and go.
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_through_its_proxy_from_its_link_on_and_after_a_kill() {
    for kind in KINDS {
        let world = talkative().await;
        let friend = world.phone(FRIEND);
        let proxy = Proxy::start(kind, PASSWORD).await;
        let session = create(&world, &proxy.url(PASSWORD)).await;
        scan(&world, &session, DESK).await;
        world.api.send(&session, FRIEND, "one").await.expect(200);
        assert_eq!(proxy.targets(), [world.simulator.socket().to_string()]);

        let before = proxy.granted();
        let first_log = world.host.log();
        let world = world.kill_and_restart().await;
        let info = world.api.session_becomes(&session, "READY").await;
        assert_eq!(info["proxy"], proxy.shown());
        world.api.send(&session, FRIEND, "two").await.expect(200);
        assert!(proxy.granted() > before, "{kind:?}");
        assert!(
            (1..=proxy.granted()).contains(&handshakes(&world)),
            "something went past it"
        );
        assert_eq!(texts(&friend), ["one", "two"]);

        let listed = world.api.get("/api/sessions").await.expect(200).to_string();
        for (told, where_) in [
            (first_log, "the log"),
            (world.host.log(), "the log after the kill"),
            (listed, "the list"),
            (info.to_string(), "the session"),
        ] {
            assert!(!told.contains(PASSWORD), "the password is in {where_}");
        }
        assert!(!holds(&world.data(), PASSWORD), "the password is in a file");
        assert!(holds(&world.data(), &session), "the files are looked through");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_wants_another_password_is_the_loss_until_the_session_has_it() {
    for kind in KINDS {
        let world = talkative().await;
        let friend = world.phone(FRIEND);
        let proxy = Proxy::start(kind, PASSWORD).await;
        // Before the link.
        let session = create(&world, &proxy.url("wrong-horse")).await;
        let reason = waits(&world, &session, &["proxy"]).await;
        assert!(reason.contains("the proxy asks for other credentials"), "{reason}");
        assert_eq!(world.api.session(&session).await["status"], "REGISTERING");
        patch(&world, &session, json!({"proxy": proxy.url(PASSWORD)})).await;
        scan(&world, &session, DESK).await;

        // And after it.
        proxy.set_password("fresh-horse");
        world.drop_socket();
        waits(&world, &session, &["proxy"]).await;
        assert_eq!(world.api.session(&session).await["status"], "RECONNECTING");
        world.api.send(&session, FRIEND, "patience").await.expect(202);
        let updated = patch(&world, &session, json!({"proxy": proxy.url("fresh-horse")})).await;
        assert_eq!(updated["proxy"], proxy.shown());
        world.api.session_becomes(&session, "READY").await;
        let arrived = |message: &simulator::ReceivedMessage| message.text.as_deref() == Some("patience");
        friend
            .wait_for_message(crate::support::PATIENCE, arrived)
            .await
            .unwrap();
        assert!(proxy.refused() >= 2, "{kind:?}");
        assert!(handshakes(&world) <= proxy.granted(), "something went past it");
        let log = world.host.log();
        for password in [PASSWORD, "wrong-horse", "fresh-horse"] {
            assert!(!log.contains(password), "{password} is in the log");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_proxy_is_taken_at_once_and_the_same_one_leaves_the_connection_alone() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let proxies = [
        Proxy::start(KINDS[0], PASSWORD).await,
        Proxy::start(KINDS[1], PASSWORD).await,
    ];
    for proxy in &proxies {
        patch(&world, &session, json!({"proxy": proxy.url(PASSWORD)})).await;
        world.api.session_becomes(&session, "READY").await;
        let granted = proxy.granted();
        assert!(granted > 0);
        for body in [
            json!({"proxy": proxy.url(PASSWORD)}),
            json!({"name": "desk"}),
            json!({}),
        ] {
            assert_eq!(patch(&world, &session, body).await["status"], "READY");
        }
        world.api.send(&session, FRIEND, "hello").await.expect(200);
        assert_eq!(proxy.granted(), granted);
    }
    let granted = proxies.each_ref().map(Proxy::granted);
    let direct = patch(&world, &session, json!({"proxy": null})).await;
    assert_eq!((&direct["proxy"], &direct["name"]), (&Value::Null, &json!("desk")));
    world.api.session_becomes(&session, "READY").await;
    world.api.send(&session, FRIEND, "without").await.expect(200);
    assert_eq!(proxies.each_ref().map(Proxy::granted), granted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_proxy_costs_its_session_the_connection_and_nobody_else_anything() {
    const PROXY: &[&str] = &["proxy"];
    // A proxy that claims to be connected is found out by what comes then.
    const EITHER: &[&str] = &["proxy", "socket", "handshake"];
    let world = World::start().await;
    world.phone(FRIEND);
    let office = world.linked(OFFICE).await;
    let mut sessions = Vec::new();
    for (scheme, trick, codes) in [
        ("http", Trick::Say(b""), PROXY),
        (
            "http",
            Trick::Say(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"),
            PROXY,
        ),
        (
            "http",
            Trick::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nbelieve"),
            EITHER,
        ),
        ("http", Trick::Say(b"HTTP/1.1 200 OK\r\n\r\n"), EITHER),
        ("http", Trick::Repeat(b"HTTP/1.1 200 OK\r\n"), PROXY),
        ("http", Trick::Repeat(b"\0"), PROXY),
        (
            "http",
            Trick::Drip(b"HTTP/1.1 200 Connection established\r\n\r\n"),
            PROXY,
        ),
        ("http", Trick::Silence, PROXY),
        ("socks5", Trick::Say(b""), PROXY),
        ("socks5", Trick::Say(b"HTTP/1.1 200 OK\r\n\r\n"), PROXY),
        ("socks5", Trick::Say(b"\x05\x00\x05\x00\x00\x03\xffbelieve"), PROXY),
        ("socks5", Trick::Repeat(b"\x05\x00"), PROXY),
        ("socks5", Trick::Repeat(b"\xff"), PROXY),
        (
            "socks5",
            Trick::Drip(b"\x05\x00\x05\x00\x00\x03\xff............................"),
            PROXY,
        ),
        ("socks5", Trick::Silence, PROXY),
    ] {
        let proxy = format!("{scheme}://{}", hostile(trick).await);
        sessions.push((create(&world, &proxy).await, scheme, trick, codes));
    }
    for (session, scheme, trick, codes) in sessions {
        let reason = waits(&world, &session, codes).await;
        assert!(
            reason.len() < 200 && !reason.contains("believe"),
            "{scheme} {trick:?}: {reason}"
        );
        assert_eq!(world.api.session(&session).await["status"], "REGISTERING");
    }
    world.api.get("/readyz").await.expect(200);
    world.api.send(&office, FRIEND, "all is well").await.expect(200);
    assert_eq!(world.api.session(&office).await["losses"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_this_server_must_not_reach_is_refused_before_there_is_a_session() {
    let world = World::start().await;
    for (proxy, status, code) in [
        ("http://169.254.169.254:80", 403, "forbidden"),
        ("http://10.0.0.5:3128", 403, "forbidden"),
        ("http://[fd00:ec2::254]:80", 403, "forbidden"),
        ("http://2852039166:80", 403, "forbidden"),
        ("http://proxy.example.com:3128", 403, "forbidden"),
        ("socks5://localhost:1080", 403, "forbidden"),
        ("http://127.0.0.1:x@169.254.169.254:80", 403, "forbidden"),
        ("file:///etc/passwd", 400, "invalid_field"),
        ("gopher://127.0.0.1:70", 400, "invalid_field"),
        ("https://127.0.0.1:443", 400, "invalid_field"),
        ("http://127.0.0.1:3128/http://169.254.169.254/", 400, "invalid_field"),
    ] {
        let answer = world.api.post("/api/sessions", &json!({"proxy": proxy})).await;
        answer.expect_problem(status, code, Some("proxy"));
    }
    assert_eq!(world.api.get("/api/sessions").await.expect(200)["sessions"], json!([]));
}
