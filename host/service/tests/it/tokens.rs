//! The app's token: the same for everybody, until it is old or taken back.

use std::time::Duration;

use crate::fake::World;

const QUARTER: Duration = Duration::from_secs(90 * 24 * 3600);

#[tokio::test(flavor = "multi_thread")]
async fn the_token_stays_the_same_through_a_restart_until_it_is_revoked() {
    let world = World::new().await;
    let first = world.service.app_token("app", QUARTER).await.unwrap();
    assert_eq!(world.service.app_token("app", QUARTER).await.unwrap(), first);
    assert_ne!(world.service.app_token("other", QUARTER).await.unwrap(), first);
    let world = world.restarted().await;
    assert_eq!(world.service.app_token("app", QUARTER).await.unwrap(), first);

    assert!(!world.service.token_revoked(&first.jti));
    assert!(world.service.revoke_token(&first.jti).await.unwrap());
    assert!(world.service.token_revoked(&first.jti));
    assert_ne!(world.service.app_token("app", QUARTER).await.unwrap(), first);
    let world = world.restarted().await;
    assert!(world.service.token_revoked(&first.jti));
    assert!(!world.service.revoke_token("unknown").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_past_half_of_its_life_is_followed_by_a_new_one() {
    let world = World::new().await;
    let short = Duration::from_secs(1);
    let first = world.service.app_token("app", short).await.unwrap();
    crate::fake::until("half of its life is over", async || {
        let token = world.service.app_token("app", short).await.unwrap();
        (token != first).then_some(())
    })
    .await;
}
