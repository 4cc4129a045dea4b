//! Linking a session by QR code, and what its info says on the way.

use serde_json::json;

use crate::support::{DESK, World};

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
