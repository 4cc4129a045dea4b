//! Showing one wrong credential after another.

use super::*;

#[tokio::test]
async fn whoever_guesses_is_told_to_wait_and_a_good_credential_is_taken_all_the_while() {
    let forge = Forge::new().await;
    let good = format!("Bearer {}", forge.token(&json!({}), &json!({})));
    let admin = format!("Bearer {ADMIN_KEY}");
    let wrong_url = format!("{}x", forge.app.signed_url("/api/sessions").await);
    let guess = async |n: usize| match n % 3 {
        0 => forge.show(1, "/api/sessions", &[b"Bearer guess"]).await,
        1 => forge.show(1, "/api/token", &[b"Bearer guess"]).await,
        _ => forge.show(1, &wrong_url, &[]).await,
    };
    for n in 0..20 {
        guess(n).await.failure(401, "unauthorized", None);
    }
    for n in 0..6 {
        let answered = guess(n).await;
        answered.failure(429, "rate_limited", None);
        assert_eq!(answered.headers["retry-after"], "3");
    }
    for bearer in [&good, &admin] {
        assert_eq!(forge.show(1, "/api/sessions", &[bearer.as_bytes()]).await.status, 200);
    }
    let elsewhere = forge.show(2, "/api/sessions", &[b"Bearer guess"]).await;
    elsewhere.failure(401, "unauthorized", None);
    let anonymous = forge.show(1, "/api/sessions", &[]).await;
    anonymous.failure(401, "unauthorized", None);
    forge.app.advance(3);
    guess(0).await.failure(401, "unauthorized", None);
    guess(0).await.failure(429, "rate_limited", None);
}

#[tokio::test]
async fn an_expired_or_revoked_token_is_no_guess() {
    let forge = Forge::new().await;
    let expired = forge.token(&json!({}), &json!({"exp": forge.app.clock.now().as_secs() - 3600}));
    for _ in 0..30 {
        let answered = forge
            .show(1, "/api/sessions", &[format!("Bearer {expired}").as_bytes()])
            .await;
        let sentence = answered.failure(401, "unauthorized", None)["error"].to_string();
        assert!(sentence.contains("expired"), "{sentence}");
    }
}
