//! What happens to a session, as server-sent events.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::support::{Api, DESK, FRIEND, PATIENCE, World};

/// Long before `server.shutdown_timeout`, and long after a busy machine needs.
const PROMPT: Duration = Duration::from_secs(12);

fn path(session: &str) -> String {
    format!("/api/sessions/{session}/events")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_appears_in_the_stream_and_then_the_session_is_ready() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    let mut events = world.api.events(&path(&session), None).await;
    let waiting = events.session_becomes("QR_READY").await;
    let qr = waiting["qr"]["code"].as_str().expect("a code");
    world.phone(DESK).scan_qr(qr).await.unwrap();
    let ready = events.session_becomes("READY").await;
    assert_eq!(ready["mobile_number"], DESK);
    assert_eq!(ready.get("qr"), None, "{ready}");
    world.drop_socket();
    let lost = events.session_becomes("RECONNECTING").await;
    assert!(lost["lastLoss"]["reason"].is_string(), "{lost}");
    events.session_becomes("READY").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_watches_with_a_signed_url_until_the_session_is_deleted() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    let signed = world
        .api
        .post("/api/signed-urls", &json!({"path": path(&session)}))
        .await;
    let url = signed.expect(200)["url"].as_str().unwrap().to_owned();
    let mut events = Api::anonymous(&world.host.base).events(&url, None).await;
    events.session_becomes("QR_READY").await;
    world.api.delete(&format!("/api/sessions/{session}")).await.expect(200);
    events.session_becomes("INACTIVE").await;
    assert!(events.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_out_and_one_in_are_told_with_all_that_becomes_of_them() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let mut events = world.api.events(&path(&session), None).await;
    assert_eq!(events.next().await.unwrap().name, "session");
    world.api.send(&session, FRIEND, "are you there?").await.expect(200);
    events.message_becomes("are you there?", "delivered").await;
    let got = friend.wait_for_message(PATIENCE, |_| true).await.unwrap();
    friend.mark_read(&got.id).await.unwrap();
    let read = events.message_becomes("are you there?", "read").await;
    friend.send_text(DESK, "yes").await.unwrap();
    let answer = events.message_becomes("yes", "received").await;
    let log = world
        .api
        .get(&format!("/api/messages?sessionId={session}"))
        .await
        .expect(200);
    assert_eq!(log["messages"], json!([read, answer]));
    assert_eq!(log["next"], events.last_id.as_str());
}

/// The texts of the messages that a stream opened here tells, up to this one.
async fn texts(world: &World, session: &str, last_id: &str, up_to: &str) -> (Vec<Value>, String) {
    let mut events = world.api.events(&path(session), Some(last_id)).await;
    let mut texts = Vec::new();
    while texts.last().is_none_or(|text| text != up_to) {
        let event = events.next().await.expect("the stream goes on");
        if event.name == "message" && !texts.contains(&event.data["text"]) {
            texts.push(event.data["text"].clone());
        }
    }
    (texts, events.last_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_with_its_last_event_id_has_missed_no_message_even_if_the_host_was_killed() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let mut events = world.api.events(&path(&session), None).await;
    world.api.send(&session, FRIEND, "one").await.expect(200);
    events.message_becomes("one", "delivered").await;
    let last_id = events.last_id.clone();
    drop(events);
    world.api.send(&session, FRIEND, "two").await.expect(200);
    friend.send_text(DESK, "three").await.unwrap();
    let (told, last_id) = texts(&world, &session, &last_id, "three").await;
    assert_eq!(told, ["two", "three"]);

    let world = world
        .kill_meanwhile(|| async { friend.send_text(DESK, "four").await.unwrap() })
        .await;
    world.api.session_becomes(&session, "READY").await;
    friend.send_text(DESK, "five").await.unwrap();
    let (told, _) = texts(&world, &session, &last_id, "five").await;
    assert_eq!(told, ["four", "five"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_scope_for_messages_none_is_told_and_a_revoked_token_hears_no_more() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let token = async |scopes: Value| {
        let body = json!({"scopes": scopes, "sessions": [session]});
        let made = world.api.post("/api/tokens", &body).await.expect(201);
        ["token", "id"].map(|field| made[field].as_str().unwrap().to_owned())
    };
    let [reader, reader_id] = token(json!(["sessions:read", "messages:read"])).await;
    let [watcher, _] = token(json!(["sessions:read"])).await;
    let mut reading = world.api.with_token(&reader).events(&path(&session), None).await;
    let mut watching = world.api.with_token(&watcher).events(&path(&session), None).await;
    friend.send_text(DESK, "for readers").await.unwrap();
    reading.message_becomes("for readers", "received").await;

    world.api.delete(&format!("/api/tokens/{reader_id}")).await.expect(200);
    friend.send_text(DESK, "for nobody").await.unwrap();
    let asked = Instant::now();
    assert!(reading.next().await.is_none());
    assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());

    world.drop_socket();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|status| status != "RECONNECTING") {
        let event = watching.next().await.unwrap();
        assert_eq!(event.name, "session", "{event:?}");
        seen.push(event.data["status"].clone());
    }
}

/// A client that asks for the stream and reads nothing of it, with as little room for it as the system allows.
async fn idle(world: &World, session: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    let address = world.host.base.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        path(session),
        world.api.token()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_keeps_nobody_waiting_neither_the_others_nor_a_stop() {
    const COUNT: usize = 120;
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let mut idle = idle(&world, &session).await;
    let mut events = world.api.events(&path(&session), None).await;
    // More than the system keeps for a connection.
    let long = "x".repeat(60_000);
    for n in 0..COUNT {
        let text = format!("{n} {long}");
        let body = json!({"sessionId": session, "to": FRIEND, "type": "text", "text": text});
        world.api.post("/api/messages/send?wait=false", &body).await.expect(202);
    }
    let last = format!("{} {long}", COUNT - 1);
    events.message_becomes(&last, "delivered").await;
    world.api.send(&session, FRIEND, "still quick").await.expect(200);
    events.message_becomes("still quick", "delivered").await;

    let asked = Instant::now();
    assert_eq!(world.host.stop("TERM").await, Some(0));
    assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());
    while events.next().await.is_some() {}
    let mut got = Vec::new();
    // Reset or ended, it does not matter.
    let _ = idle.read_to_end(&mut got).await;
    assert!(
        got.len() < COUNT * long.len(),
        "it was all there to be read: {}",
        got.len()
    );
}
