//! Who may ask for what.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Api, DESK, FRIEND, Host, World};

/// A token with this body, made by the world's own: its text and its id.
async fn token(world: &World, body: Value) -> (String, String) {
    let created = world.api.post("/api/tokens", &body).await.expect(201);
    let text = |field: &str| created[field].as_str().expect("a text").to_owned();
    (text("token"), text("id"))
}

/// The host's command line for the world's data.
fn command(world: &World, words: &str) -> Command {
    let mut command = Host::command(&world.data(), &world.simulator.ws_url());
    command.args(words.split(' '));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scoped_token_does_what_it_was_made_for_with_its_own_session_until_it_is_revoked() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let [ours, theirs] = [world.linked(DESK).await, world.linked("15550000003").await];
    let (narrow, id) = token(
        &world,
        json!({"scopes": ["messages:send", "messages:read"], "sessions": [ours]}),
    )
    .await;
    let narrow = world.api.with_token(&narrow);
    narrow.send(&ours, FRIEND, "with a narrow token").await.expect(200);
    let other = world.api.send(&theirs, FRIEND, "with the wide one").await.expect(200);

    let answer = narrow.send(&theirs, FRIEND, "not ours").await;
    answer.expect_problem(404, "session_not_found", Some("sessionId"));
    let path = format!("/api/messages/{}", other["messageId"].as_str().unwrap());
    narrow.get(&path).await.expect_problem(404, "message_not_found", None);
    let log = narrow.get("/api/messages").await.expect(200);
    let texts: Vec<_> = log["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["text"])
        .collect();
    assert_eq!(texts, ["with a narrow token"]);
    let answer = narrow.get(&format!("/api/sessions/{ours}")).await;
    answer.expect_problem(403, "forbidden", None);
    let answer = narrow.post("/api/tokens", &json!({"scopes": ["messages:send"]})).await;
    answer.expect_problem(403, "forbidden", None);
    assert_eq!(friend.messages().len(), 2);

    world.api.delete(&format!("/api/tokens/{id}")).await.expect(200);
    let revoked = async |world: &World| {
        let api = Api::anonymous(&world.host.base).with_token(narrow.token());
        let answer = api.send(&ours, FRIEND, "revoked").await;
        answer.expect_problem(401, "unauthorized", None);
    };
    revoked(&world).await;
    revoked(&world.kill_and_restart().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_url_shows_the_qr_code_as_a_picture_without_a_header() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    world.api.qr(&session).await;
    let (narrow, id) = token(&world, json!({"scopes": ["sessions:read"], "sessions": [session]})).await;
    let body = json!({"path": format!("/api/sessions/{session}/qr")});
    let signed = world
        .api
        .with_token(&narrow)
        .post("/api/signed-urls", &body)
        .await
        .expect(200);
    let url = signed["url"].as_str().unwrap();

    let browser = Api::anonymous(&world.host.base);
    let accept = [(
        "accept",
        "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
    )];
    let picture = browser.call(reqwest::Method::GET, url, &accept, None).await;
    assert_eq!(
        (picture.status, &picture.headers["content-type"]),
        (200, &"image/png".parse().unwrap())
    );
    assert_eq!(picture.headers["cache-control"], "no-store");
    assert!(picture.bytes.starts_with(b"\x89PNG\r\n"));
    let changed = url.replace("/qr?", "?");
    browser.get(&changed).await.expect_problem(401, "unauthorized", None);

    world.api.delete(&format!("/api/tokens/{id}")).await.expect(200);
    browser.get(url).await.expect_problem(401, "unauthorized", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_tokens_and_rotates_their_key_while_the_host_runs() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    let words = format!("token --name script --scopes sessions:read --sessions {session} --expires-in 1h");
    let made = Host::run(command(&world, &words)).await;
    assert_eq!(made.code, Some(0), "{}", made.words);
    let script = world.api.with_token(made.words.trim());
    script.get(&format!("/api/sessions/{session}")).await.expect(200);
    script
        .delete(&format!("/api/sessions/{session}"))
        .await
        .expect_problem(403, "forbidden", None);
    let listed = world.api.get("/api/tokens").await.expect(200);
    let rows = listed["tokens"].as_array().unwrap();
    assert!(
        rows.iter()
            .any(|row| row["name"] == "script" && row["sessions"] == json!([session])),
        "{listed}"
    );

    let rotated = Host::run(command(&world, "token rotate --overlap 0")).await;
    assert_eq!(rotated.code, Some(0), "{}", rotated.words);
    world
        .api
        .until("/api/sessions", |body| (body["code"] == "unauthorized").then_some(()))
        .await;
    let fresh = Api::with_local_token(&world.host.base).await;
    fresh.get(&format!("/api/sessions/{session}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down_and_whoever_has_a_token_does_not_notice() {
    let world = World::start().await;
    let guesser = Api::anonymous(&world.host.base).with_token("a guess");
    let answers: Vec<u16> = {
        let mut answers = Vec::new();
        for _ in 0..30 {
            answers.push(guesser.get("/api/sessions").await.status);
        }
        answers
    };
    assert!(answers.starts_with(&[401; 20]), "{answers:?}");
    assert!(answers.contains(&429), "{answers:?}");
    world.api.get("/api/sessions").await.expect(200);
}

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
