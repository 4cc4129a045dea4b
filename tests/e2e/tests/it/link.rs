//! Linking a session, and what its info says on the way.

use serde_json::json;

use crate::support::{DESK, FRIEND, OFFICE, World, desk};
use simulator::{Fault, ReceivedMessage};

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_code_makes_a_session_ready_with_its_number_and_mobid() {
    let world = World::start().await;
    let created = world
        .api
        .post("/api/sessions", &json!({"name": "desk"}))
        .await
        .expect(201);
    assert_eq!(created["success"], true);
    assert_eq!(created["message"], "Session initialized");
    assert_eq!(created["session"]["status"], "REGISTERING");
    assert_eq!(created["session"]["method"], "qr");
    let session = created["session"]["sessionId"].as_str().unwrap();

    let qr = world.api.qr(session).await;
    let before = world.api.session(session).await;
    assert_eq!(before.get("mobid"), Some(&json!(null)), "{before}");
    world.phone(DESK).scan_qr(&qr).await.unwrap();

    let info = world.api.session_becomes(session, "READY").await;
    assert_eq!(info["mobile_number"], DESK);
    assert_eq!(info["name"], "desk");
    let mobid = info["mobid"].as_str().expect("a mobid");
    assert_eq!(mobid.len(), 15);
    for name in [mobid, DESK] {
        assert_eq!(world.api.session(name).await["sessionId"], session, "by {name}");
    }
    let listed = world.api.get("/api/sessions?status=READY").await.expect(200);
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_is_there_as_a_picture_as_a_drawing_and_as_text() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    world.api.qr(&session).await;
    let path = format!("/api/sessions/{session}/qr");
    for (accept, starts) in [
        ("image/png", &b"\x89PNG\r\n"[..]),
        ("image/svg+xml", b"<?xml"),
        ("application/json", b"{"),
    ] {
        let answer = world
            .api
            .call(reqwest::Method::GET, &path, &[("accept", accept)], None)
            .await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with(accept));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.bytes.starts_with(starts), "{accept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_to_scan_once_the_session_is_linked() {
    let world = World::start().await;
    let session = world.linked(DESK).await;
    world.api.get(&format!("/api/sessions/{session}/qr")).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_scanned_shows_a_code_again_after_a_restart() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    world.api.qr(&session).await;
    let world = world.kill_and_restart().await;
    let qr = world.api.qr(&session).await;
    world.phone(DESK).scan_qr(&qr).await.unwrap();
    world.api.session_becomes(&session, "READY").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_typed_on_the_phone_links_the_session_before_and_after_a_restart_and_again_after_a_logout() {
    let world = World::start().await;
    let body = json!({"method": "phone", "phoneNumber": "+1 (555) 000-0001"});
    let created = world.api.post("/api/sessions", &body).await.expect(201);
    assert_eq!(created["session"]["method"], "phone");
    let session = created["session"]["sessionId"].as_str().unwrap().to_owned();
    assert!(session.starts_with("phone_"), "{session}");
    world.api.session_becomes(&session, "PAIRING_CODE_READY").await;
    let world = world.kill_and_restart().await;
    for round in ["first", "second"] {
        let info = world.api.session_becomes(&session, "PAIRING_CODE_READY").await;
        let code = info["pairingCode"]["code"].as_str().expect("a code");
        assert_eq!(code.len(), 8, "{info}");
        let path = format!("/api/sessions/{session}/qr");
        world.api.get(&path).await.expect_problem(409, "qr_not_available", None);
        world.phone(DESK).enter_code(code).await.unwrap();
        let info = world.api.session_becomes(&session, "READY").await;
        assert_eq!(info["mobile_number"], DESK);
        world.phone(FRIEND);
        world.api.send(&session, FRIEND, round).await.expect(200);
        let path = format!("/api/sessions/{session}");
        world.api.post(&format!("{path}/logout"), &json!({})).await.expect(200);
        world.api.post(&format!("{path}/relink"), &json!({})).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_may_be_linked_twice_and_stands_for_the_session_that_was_linked_last() {
    let world = World::start().await;
    let (first, second) = (world.linked(DESK).await, world.linked(DESK).await);
    let (one, two) = (world.api.session(&first).await, world.api.session(&second).await);
    assert_eq!(one["mobid"], two["mobid"]);
    for name in [DESK, one["mobid"].as_str().unwrap()] {
        assert_eq!(world.api.session(name).await["sessionId"], second.as_str());
    }
    assert_eq!(world.phone(DESK).companions().len(), 2);
    // Both are devices of the account, and each has its own log.
    world.phone(FRIEND).send_text(DESK, "to both").await.unwrap();
    for session in [&first, &second] {
        let path = format!("/api/messages?sessionId={session}");
        world
            .api
            .until(&path, |page| (page["messages"][0]["text"] == "to both").then_some(()))
            .await;
    }
    world.api.delete(&format!("/api/sessions/{second}")).await.expect(200);
    assert_eq!(world.api.session(DESK).await["sessionId"], first.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_linked_again_by_another_number_is_that_number_from_then_on_and_sends_nothing_old_from_it() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let before = world.api.session(&session).await;
    let hold = Fault::WithholdAcks {
        number: desk(),
        device: None,
        times: 1,
    };
    world.inject(hold);
    for text in ["under way", "waits for the first"] {
        let body = json!({"sessionId": session, "to": FRIEND, "type": "text", "text": text});
        world.api.post("/api/messages/send?wait=false", &body).await.expect(202);
    }
    friend
        .wait_for_message(crate::support::PATIENCE, |_| true)
        .await
        .unwrap();
    world.phone(DESK).unlink_all().unwrap();
    world.api.session_becomes(&session, "LOGGED_OUT").await;
    let path = format!("/api/sessions/{session}/relink");
    world.api.post(&path, &json!({})).await.expect(200);
    let qr = world.api.qr(&session).await;
    world.phone(OFFICE).scan_qr(&qr).await.unwrap();
    let after = world.api.session_becomes(&session, "READY").await;
    assert_eq!(after["mobile_number"], OFFICE);
    assert_ne!(after["mobid"], before["mobid"]);
    world.api.send(&session, FRIEND, "from the office").await.expect(200);
    let is_new = |message: &ReceivedMessage| message.text.as_deref() == Some("from the office");
    friend.wait_for_message(crate::support::PATIENCE, is_new).await.unwrap();
    let from_the_office = friend.messages().into_iter().filter(|message| message.from == OFFICE);
    let texts: Vec<_> = from_the_office.filter_map(|message| message.text).collect();
    assert_eq!(texts, ["from the office"]);
    let page = world
        .api
        .get(&format!("/api/messages?sessionId={session}"))
        .await
        .expect(200);
    // The second may have gone out still, when the first was received before the device was removed.
    for old in [0, 1] {
        let status = page["messages"][old]["status"].as_str().unwrap();
        assert!(["failed", "sent", "delivered"].contains(&status), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_whatsapp_demands_is_in_the_session_s_info() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    let qr = world.api.qr(&session).await;
    world.phone(DESK);
    world.inject(Fault::RequirePasskey {
        number: desk(),
        times: 1,
    });
    world.phone(DESK).scan_qr(&qr).await.unwrap_err();
    let info = world.api.session_becomes(&session, "PASSKEY_REQUIRED").await;
    assert_eq!(info["passkey"]["challenge"]["rpId"], "web.whatsapp.com", "{info}");
    assert!(
        info["lastLoss"]["reason"].as_str().unwrap().contains("passkey"),
        "{info}"
    );
    assert!(info.get("qr").is_none(), "{info}");
}
