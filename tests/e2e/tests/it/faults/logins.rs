//! Logins that WhatsApp refuses.

use serde_json::json;
use simulator::Fault;

use super::{restart, wait_of, waits};
use crate::support::{DESK, FRIEND, World, desk};

/// Ends the connection, and refuses the login that follows.
fn refuse(world: &World, code: u16) {
    world.inject(Fault::LoginFailure {
        number: desk(),
        device: None,
        code,
        times: 1,
    });
    world.drop_socket();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_refused_for_a_passing_reason_is_tried_again_by_itself() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    for (code, loss, words) in [
        (405, "outdated", "version"),
        (409, "refused", "409"),
        (418, "refused", "418"),
        (500, "refused", "500"),
        (503, "refused", "503"),
    ] {
        refuse(&world, code);
        let path = format!("/api/sessions/{session}");
        let is_it = |info: &serde_json::Value| {
            let told = &info["losses"][0];
            let reason = told["reason"].as_str()?;
            (told["code"] == loss && reason.contains(words)).then_some(())
        };
        world.api.until(&path, is_it).await;
        world.api.session_becomes(&session, "READY").await;
        world.api.send(&session, FRIEND, "still here").await.expect(200);
        // A line that was opened anew has no failures behind it.
        restart(&world, &session).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_refused_for_too_many_requests_waits_a_minute_or_for_a_restart() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    refuse(&world, 429);
    let info = waits(&world, &session, "refused").await;
    assert_eq!(info["status"], "RECONNECTING", "{info}");
    assert!(wait_of(&info) >= 45.0, "{info}");
    world.api.send(&session, FRIEND, "later").await.expect(202);
    restart(&world, &session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_account_is_left_alone_until_the_ban_ends_or_somebody_tries() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    refuse(&world, 402);
    let info = waits(&world, &session, "banned").await;
    assert_eq!(info["status"], "BANNED");
    assert_eq!(info["lastLoss"]["code"], "banned", "{info}");
    assert!(wait_of(&info) > 3000.0, "the simulator bans for an hour: {info}");
    world
        .api
        .send(&session, FRIEND, "hello")
        .await
        .expect_problem(409, "session_not_linked", Some("sessionId"));
    restart(&world, &session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_whatsapp_has_asked_for_is_kept_over_a_stop_and_a_kill_and_ended_by_a_restart_of_the_session() {
    for (code, loss, status) in [(402, "banned", "BANNED"), (429, "refused", "CONNECTING")] {
        let world = World::start().await;
        world.phone(FRIEND);
        let session = world.linked(DESK).await;
        refuse(&world, code);
        let before = waits(&world, &session, loss).await;
        let handshakes = world.simulator.tally().handshakes;
        let assert_it_waits = async |world: &World| {
            let info = waits(world, &session, loss).await;
            assert_eq!(info["health"]["retryAt"], before["health"]["retryAt"]);
            assert_eq!(info["lastLoss"], before["lastLoss"]);
            assert_eq!(info["status"], status);
            assert_eq!(world.simulator.tally().handshakes, handshakes, "it has dialled");
        };
        let world = world.stop_and_restart().await;
        assert_it_waits(&world).await;
        let world = world.kill_and_restart().await;
        assert_it_waits(&world).await;
        restart(&world, &session).await;
        // An acknowledgement is heard after the connection was noted.
        world.api.send(&session, FRIEND, "back again").await.expect(200);
        let world = world.kill_and_restart().await;
        world.api.session_becomes(&session, "READY").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_refused_for_good_ends_the_link_and_says_what_to_do() {
    let world = World::start().await;
    let phone = world.phone(DESK);
    let session = world.linked(DESK).await;
    let mobid = world.api.session(&session).await["mobid"].clone();
    for (code, loss, words) in [
        (401, "removed_by_phone", "removed on the phone"),
        (403, "locked", "Open WhatsApp on the phone"),
        (406, "refused", "406"),
    ] {
        refuse(&world, code);
        let info = world.api.session_becomes(&session, "LOGGED_OUT").await;
        let told = &info["lastLoss"];
        assert!(
            told["code"] == loss && told["reason"].as_str().unwrap().contains(words),
            "{info}"
        );
        let path = format!("/api/sessions/{session}/relink");
        world.api.post(&path, &json!({})).await.expect(200);
        phone.scan_qr(&world.api.qr(&session).await).await.unwrap();
        let info = world.api.session_becomes(&session, "READY").await;
        assert_eq!(info["mobid"], mobid);
        assert_eq!(info["losses"], json!([]), "a new link begins without losses");
    }
}
