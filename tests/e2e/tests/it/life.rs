//! Logout, deletion and linking again under the same id.

use serde_json::json;

use crate::support::{DESK, FRIEND, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_removes_the_device_from_the_phone() {
    let world = World::start().await;
    let session = world.linked(DESK).await;
    world
        .api
        .post(&format!("/api/sessions/{session}/logout"), &json!({}))
        .await
        .expect(200);
    world.api.session_becomes(&session, "LOGGED_OUT").await;
    assert_eq!(
        world.phone(DESK).companions(),
        Vec::<u16>::new(),
        "the phone still lists a linked device"
    );
    world
        .api
        .send(&session, FRIEND, "hello")
        .await
        .expect_problem(409, "session_not_linked", Some("sessionId"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_is_inactive_keeps_its_log_and_can_be_linked_again() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.api.send(&session, FRIEND, "goodbye").await.expect(200);
    let mobid = world.api.session(&session).await["mobid"].clone();
    let path = format!("/api/sessions/{session}");
    for _ in 0..2 {
        let deleted = world.api.delete(&path).await.expect(200);
        assert_eq!(
            deleted,
            json!({"success": true, "message": "Session deleted and logged out successfully"})
        );
    }
    let info = world.api.session(&session).await;
    assert_eq!(info["status"], "INACTIVE");
    let log = world
        .api
        .get(&format!("/api/messages?sessionId={session}"))
        .await
        .expect(200);
    assert_eq!(log["messages"].as_array().unwrap().len(), 1);
    assert_eq!(
        world.phone(DESK).companions(),
        Vec::<u16>::new(),
        "the phone still lists a linked device"
    );

    world.api.post(&format!("{path}/relink"), &json!({})).await.expect(200);
    let qr = world.api.qr(&session).await;
    world.phone(DESK).scan_qr(&qr).await.unwrap();
    let info = world.api.session_becomes(&session, "READY").await;
    assert_eq!(info["mobid"], mobid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_session_cannot_be_linked_again_and_a_restart_keeps_its_link() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world
        .api
        .post(&format!("/api/sessions/{session}/relink"), &json!({}))
        .await
        .expect(409);
    world
        .api
        .post(&format!("/api/sessions/{session}/restart"), &json!({}))
        .await
        .expect(200);
    world.api.session_becomes(&session, "READY").await;
    world.api.send(&session, FRIEND, "after the restart").await.expect(200);
    assert_eq!(world.phone(DESK).companions().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_session_nobody_linked_leaves_an_inactive_row() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    world.api.delete(&format!("/api/sessions/{session}")).await.expect(200);
    let info = world.api.session(&session).await;
    assert_eq!(info["status"], "INACTIVE");
}
