//! Stopping, and going on with the same keys.

use switchboard_core::event::LogoutReason;
use switchboard_whatsapp::{LineStatus, Purpose};

use crate::fixture::{A, B, World, arrives, send, status};

#[tokio::test]
async fn a_stopped_line_goes_on_with_its_keys_and_misses_nothing() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    line.stop().await;
    assert_eq!(line.state().borrow().status, LineStatus::Stopped);
    assert!(!line.health().socket_open);
    world.b.send_text(A, "while you were away").await.unwrap();
    let before = world.simulator.tally().handshakes;

    let line = session.open(Purpose::Resume);
    status(&line, LineStatus::Ready).await;
    session.heard.text("while you were away").await;
    // The server's key is remembered, which saves a round trip.
    let after = world.simulator.tally().handshakes;
    assert_eq!(after.get("xx"), before.get("xx"));
    assert!(after.get("ik") > before.get("ik"), "{after:?}");
    send(&line, B, "back again").await.unwrap();
    arrives(&world.b, "back again").await;
    line.stop().await;
}

#[tokio::test]
async fn a_second_line_of_a_session_waits_for_the_first_to_end() {
    let world = World::new().await;
    let (session, first) = world.linked().await;
    let second = session.open(Purpose::Resume);
    send(&first, B, "still here").await.unwrap();
    arrives(&world.b, "still here").await;
    assert_eq!(second.state().borrow().status, LineStatus::Connecting);
    assert_eq!(first.state().borrow().status, LineStatus::Ready);
    first.stop().await;
    status(&second, LineStatus::Ready).await;
    second.stop().await;
}

#[tokio::test]
async fn a_line_that_nobody_holds_stops() {
    let world = World::new().await;
    let (_, line) = world.linked().await;
    let mut state = line.state();
    drop(line);
    let stopped = state.wait_for(|state| state.status == LineStatus::Stopped);
    tokio::time::timeout(crate::fixture::PATIENCE, stopped)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_session_whose_keys_are_gone_is_logged_out() {
    let world = World::new().await;
    let session = world.session();
    let line = session.open(Purpose::Resume);
    status(&line, LineStatus::LoggedOut(LogoutReason::KeysLost)).await;
}

#[tokio::test]
async fn opening_a_linked_session_to_link_it_connects_it() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    line.stop().await;
    let line = session.open(Purpose::Link);
    status(&line, LineStatus::Ready).await;
    line.stop().await;
}
