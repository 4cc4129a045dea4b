//! Tokens and URLs that were signed with a key that is no longer the one that signs.

use super::*;

#[tokio::test]
async fn after_a_rotation_old_tokens_and_urls_go_on_until_the_overlap_is_over() {
    let forge = Forge::new().await;
    let app = &forge.app;
    let (old, old_url) = (
        forge.token(&json!({}), &json!({})),
        app.signed_url("/api/sessions").await,
    );
    let rotate = |overlap| {
        let overlap = std::time::Duration::from_secs(overlap);
        let random = switchboard_core::random::OsRandom;
        Keys::rotate(&Keys::path(&app.data()), overlap, app.clock.now(), &random).unwrap()
    };
    let kid = rotate(60);
    app.advance(1);
    let new = app.token(json!({"scopes": ["sessions:read"]})).await;
    assert_eq!(part(&new, 0)["kid"], kid.as_str());
    for token in [&old, &new] {
        assert_eq!(app.with_token("GET", "/api/sessions", token).await.status, 200);
    }
    assert_eq!(app.anonymous("GET", &old_url).await.status, 200);
    app.advance(59);
    app.with_token("GET", "/api/sessions", &old)
        .await
        .failure(401, "unauthorized", None);
    app.anonymous("GET", &old_url).await.failure(401, "unauthorized", None);
    assert_eq!(app.with_token("GET", "/api/sessions", &new).await.status, 200);

    rotate(0);
    app.advance(1);
    app.with_token("GET", "/api/sessions", &new)
        .await
        .failure(401, "unauthorized", None);
}
