//! Who may ask for what.

use crate::support::{Api, World};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_under_api_answers_without_a_token_or_with_a_damaged_one() {
    let world = World::start().await;
    let token = Api::anonymous(&world.host.base).get("/api/token").await.expect(200)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let anonymous = Api::anonymous(&world.host.base);
    for path in [
        "/api/sessions",
        "/api/messages",
        "/api/sessions/qr_1_deadbeef",
        "/api/messages/msg_x",
    ] {
        anonymous.get(path).await.expect_problem(401, "unauthorized", None);
    }
    let (head, signature) = token.rsplit_once('.').unwrap();
    let cut = &token[..token.len() - 1];
    let none = format!(
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.",
        token.split('.').nth(1).unwrap()
    );
    for damaged in [
        cut,
        head,
        &format!("{head}."),
        &none,
        &format!("{token}{token}"),
        &format!("{head}.A{}", &signature[1..]),
    ] {
        if damaged == token {
            continue;
        }
        anonymous
            .with_token(damaged)
            .get("/api/sessions")
            .await
            .expect_problem(401, "unauthorized", None);
    }
    anonymous
        .get(&format!("/api/sessions?token={token}"))
        .await
        .expect_problem(401, "unauthorized", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_token_is_the_same_one_and_survives_a_restart() {
    let world = World::start().await;
    let first = Api::anonymous(&world.host.base).get("/api/token").await.expect(200)["token"].clone();
    assert_eq!(
        Api::anonymous(&world.host.base).get("/api/token").await.expect(200)["token"],
        first
    );
    let world = world.stop_and_restart().await;
    assert_eq!(
        Api::anonymous(&world.host.base).get("/api/token").await.expect(200)["token"],
        first
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_token_is_for_programs_on_this_machine_alone() {
    let world = World::start().await;
    let anonymous = Api::anonymous(&world.host.base);
    for (name, value) in [
        ("host", "evil.example"),
        ("origin", "https://evil.example"),
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
    ] {
        let answer = anonymous
            .call(reqwest::Method::GET, "/api/token", &[(name, value)], None)
            .await;
        assert_eq!(answer.json().get("token"), None, "{name}");
        answer.expect_problem(403, "forbidden", None);
    }
}
