//! Networks that break, and servers that are not there, say nothing, or are not WhatsApp's.

use std::time::Duration;

use serde_json::Value;
use simulator::{Fault, Options};

use super::{lost, restart, wait_of};
use crate::support::{DESK, FRIEND, PATIENCE, World, desk, texts};

/// A host that asks a silent socket soon.
async fn watchful() -> World {
    World::start_with(|command| {
        command.env("SWITCHBOARD_WHATSAPP__MAX_SILENCE", "300ms");
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_the_socket_is_down_is_queued_and_arrives_once_in_order() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.inject(Fault::RefuseConnections { times: 2 });
    world.drop_socket();
    world.api.session_becomes(&session, "RECONNECTING").await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let queued = world.api.send(&session, FRIEND, text).await.expect(202);
        assert_eq!(queued["status"], "queued");
        ids.push(queued["messageId"].as_str().unwrap().to_owned());
    }
    world.api.session_becomes(&session, "READY").await;
    for id in &ids {
        world.api.message_becomes(id, "delivered").await;
    }
    assert_eq!(texts(&friend), ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_open_and_dead_is_found_and_nothing_is_lost_by_it() {
    let world = watchful().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.api.send(&session, FRIEND, "before").await.expect(200);
    world.inject(Fault::FreezeSocket {
        number: desk(),
        device: None,
    });
    let into_the_void = world.api.send(&session, FRIEND, "into the void");
    friend.send_text(DESK, "out of it").await.unwrap();
    let (sent, info) = tokio::join!(into_the_void, lost(&world, &session, "silent"));
    let reason = info["losses"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("silent"), "{reason}");
    assert!(matches!(sent.status, 200 | 202), "{}", sent.status);
    world
        .api
        .message_becomes(sent.json()["messageId"].as_str().unwrap(), "delivered")
        .await;
    assert_eq!(texts(&friend), ["before", "into the void"]);
    let path = format!("/api/messages?sessionId={session}");
    let arrived = |log: &Value| {
        log["messages"]
            .as_array()?
            .iter()
            .any(|row| row["text"] == "out of it")
            .then_some(())
    };
    world.api.until(&path, arrived).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_which_nothing_happens_is_asked_and_not_taken_for_dead() {
    let world = watchful().await;
    let session = world.linked(DESK).await;
    let asked = |world: &World| world.simulator.tally().queries.get("get w:p ").copied().unwrap_or(0);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while asked(&world) < 3 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", world.simulator.tally());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let info = world.api.session(&session).await;
    assert_eq!(
        (&info["status"], info["losses"].as_array().unwrap().len()),
        (&"READY".into(), 0),
        "{info}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_a_login_and_says_nothing_is_left() {
    let world = watchful().await;
    let session = world.linked(DESK).await;
    world.inject(Fault::IgnoreLogins {
        number: desk(),
        device: None,
        times: 1,
    });
    world.drop_socket();
    lost(&world, &session, "silent").await;
    world.api.session_becomes(&session, "READY").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_whatsapps_is_told_from_one_that_does_not_answer() {
    let world = World::start().await;
    let session = world.linked(DESK).await;
    for (fault, code, words) in [
        (Fault::ForgeCertificates { times: 1 }, "handshake", "certificate"),
        (Fault::BreakHandshakes { times: 1 }, "handshake", "handshake"),
        (
            Fault::StallHandshakes { times: 1 },
            "socket",
            "did not answer the handshake",
        ),
    ] {
        let path = format!("/api/sessions/{session}");
        let before = world.api.session(&session).await["losses"].as_array().unwrap().len();
        world.inject(fault);
        world.drop_socket();
        let is_it = |info: &Value| {
            // The socket, and then the attempt.
            let told = info["losses"]
                .as_array()
                .filter(|losses| losses.len() >= before + 2)?
                .first()?;
            (told["code"] == code && told["reason"].as_str()?.contains(words)).then_some(())
        };
        world.api.until(&path, is_it).await;
        world.api.session_becomes(&session, "READY").await;
        // A line that was opened anew has no failures behind it.
        restart(&world, &session).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_cannot_be_decrypted_costs_the_connection_and_nothing_else() {
    let world = watchful().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.inject(Fault::GarbleFrame {
        number: desk(),
        device: None,
    });
    let sent = world.api.send(&session, FRIEND, "hello").await;
    assert!(matches!(sent.status, 200 | 202), "{}", sent.status);
    world
        .api
        .message_becomes(sent.json()["messageId"].as_str().unwrap(), "delivered")
        .await;
    assert_eq!(texts(&friend), ["hello"]);
    lost(&world, &session, "silent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_waited_for_with_its_next_attempt_told() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data_dir: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let mut world = World::start_on(options.clone()).await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let listen = world.simulator.socket();
    world.simulator.clone().shutdown().await;
    let path = format!("/api/sessions/{session}");
    let waits = |info: &Value| {
        let waits = info["status"] == "RECONNECTING" && info["health"]["retryAt"].is_string() && wait_of(info) >= 1.5;
        waits.then(|| info.clone())
    };
    let info = world.api.until(&path, waits).await;
    assert_eq!(
        (&info["lastLoss"]["code"], &info["health"]["socketOpen"]),
        (&"socket".into(), &false.into())
    );
    let queued = world.api.send(&session, FRIEND, "when you are back").await.expect(202);
    world.simulator = simulator::Simulator::start(Options { listen, ..options })
        .await
        .unwrap();
    world
        .api
        .message_becomes(queued["messageId"].as_str().unwrap(), "delivered")
        .await;
    assert_eq!(texts(&world.phone(FRIEND)), ["when you are back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_under_load_costs_no_message_in_either_direction() {
    const EACH: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data_dir: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let mut world = World::start_on(options.clone()).await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.api.send(&session, FRIEND, "0 out").await.expect(200);
    let (mut accepted, mut written) = (vec!["0 out".to_owned()], Vec::new());
    for n in 1..=EACH {
        let (out, inward) = (format!("{n} out"), format!("{n} in"));
        let body = serde_json::json!({"sessionId": session, "to": FRIEND, "type": "text", "text": out});
        let answer = world.api.post("/api/messages/send?wait=false", &body).await;
        assert_eq!(answer.status, 202);
        accepted.push(out);
        friend.send_text(DESK, &inward).await.unwrap();
        written.push(inward);
    }
    // With most of it still under way.
    let listen = world.simulator.socket();
    world.simulator.clone().shutdown().await;
    drop(friend);
    world.simulator = simulator::Simulator::start(Options { listen, ..options })
        .await
        .unwrap();
    let friend = world.phone(FRIEND);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while texts(&friend).len() < accepted.len() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(texts(&friend), accepted);
    let path = format!("/api/messages?sessionId={session}&limit=500");
    let inward = |log: &Value| {
        let rows = log["messages"]
            .as_array()?
            .iter()
            .filter(|row| row["direction"] == "inbound");
        let texts: Vec<_> = rows.filter_map(|row| row["text"].as_str().map(str::to_owned)).collect();
        (texts.len() >= written.len()).then_some(texts)
    };
    assert_eq!(world.api.until(&path, inward).await, written);
}
