//! One-time keys that run out.

use crate::fixture::{A, World};

#[tokio::test]
async fn one_time_keys_that_run_out_are_replaced_before_somebody_is_turned_away() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    let uploads = || {
        let tally = world.simulator.tally();
        tally.queries.get("set encrypt registration").copied().unwrap_or(0)
    };
    let before = uploads();
    // The fixture uploads 30 keys, and each stranger's first message takes one.
    for n in 0..40 {
        let stranger = world.simulator.phone(&format!("1666000{n:04}")).unwrap();
        let text = format!("hello from {n}");
        stranger.send_text(A, &text).await.unwrap();
        session.heard.text(&text).await;
    }
    assert!(uploads() > before, "{:?}", world.simulator.tally());
    line.stop().await;
}
