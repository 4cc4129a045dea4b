//! Streams that WhatsApp ends.

use serde_json::json;
use simulator::Fault;

use super::{restart, wait_of, waits};
use crate::support::{DESK, FRIEND, World, desk};

fn end_stream(world: &World, code: u16) {
    world.inject(Fault::StreamError {
        number: desk(),
        device: None,
        code,
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_with_503_515_or_an_unknown_error_only_interrupts_the_session() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    for code in [503, 515, 500] {
        end_stream(&world, code);
        let sent = world.api.send(&session, FRIEND, "still here").await;
        assert!(matches!(sent.status, 200 | 202), "{}", sent.status);
        let id = sent.json()["messageId"].as_str().unwrap().to_owned();
        world.api.message_becomes(&id, "delivered").await;
        world.api.session_becomes(&session, "READY").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_for_too_many_requests_is_made_anew_after_a_minute_or_by_a_restart() {
    let world = World::start().await;
    let session = world.linked(DESK).await;
    end_stream(&world, 429);
    let info = waits(&world, &session, "stream").await;
    assert_eq!(info["status"], "RECONNECTING", "{info}");
    assert!(wait_of(&info) >= 45.0, "{info}");
    restart(&world, &session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_because_the_device_is_gone_ends_the_link() {
    for code in [401, 516] {
        let world = World::start().await;
        let session = world.linked(DESK).await;
        end_stream(&world, code);
        let info = world.api.session_becomes(&session, "LOGGED_OUT").await;
        assert_eq!(info["lastLoss"]["code"], "removed_by_phone", "{info}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_place_another_client_takes_does_not_fight_for_it() {
    let world = World::start().await;
    let session = world.linked(DESK).await;
    end_stream(&world, 409);
    let info = waits(&world, &session, "replaced").await;
    assert_eq!(info["status"], "RECONNECTING", "{info}");
    assert!(wait_of(&info) >= 45.0, "{info}");
    restart(&world, &session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_unlinked_says_why_and_links_again_under_its_id() {
    let world = World::start().await;
    let phone = world.phone(DESK);
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let mobid = world.api.session(&session).await["mobid"].clone();
    phone.unlink_all().unwrap();
    let info = world.api.session_becomes(&session, "LOGGED_OUT").await;
    assert_eq!(
        info["lastLoss"]["reason"], "The device was removed on the phone.",
        "{info}"
    );
    world
        .api
        .send(&session, FRIEND, "hello")
        .await
        .expect_problem(409, "session_not_linked", Some("sessionId"));

    world
        .api
        .post(&format!("/api/sessions/{session}/relink"), &json!({}))
        .await
        .expect(200);
    let qr = world.api.qr(&session).await;
    phone.scan_qr(&qr).await.unwrap();
    let info = world.api.session_becomes(&session, "READY").await;
    assert_eq!(info["mobid"], mobid, "the number keeps its mobid");
    world.api.send(&session, FRIEND, "back again").await.expect(200);
}
