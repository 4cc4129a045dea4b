//! Every request that is wrong in some way, and the one envelope in which it is told so.

use serde_json::{Value, json};

use crate::support::{Api, DESK, FRIEND, World};

/// A sentence that names the field and goes on.
fn is_about(sentence: &str, field: &str) -> bool {
    sentence.contains(field) && sentence.len() > 2 * field.len() && sentence.ends_with('.')
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_field_of_a_send_is_named_with_what_is_allowed() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let good = json!({"sessionId": session, "to": FRIEND, "type": "text", "text": "hello"});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let without = |field: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        body
    };
    let cases = [
        (without("sessionId"), "invalid_field", "sessionId"),
        (with("sessionId", json!(7)), "invalid_field", "sessionId"),
        (with("sessionId", json!(null)), "invalid_field", "sessionId"),
        (with("sessionId", json!("nonsense")), "invalid_field", "sessionId"),
        (without("to"), "invalid_field", "to"),
        (with("to", json!("")), "invalid_field", "to"),
        (with("to", json!("12ab")), "invalid_field", "to"),
        (with("to", json!(["15550000002"])), "invalid_field", "to"),
        (with("to", json!("status@broadcast")), "invalid_field", "to"),
        (without("type"), "unknown_type", "type"),
        (with("type", json!("telegram")), "unknown_type", "type"),
        (with("type", json!("")), "unknown_type", "type"),
        (with("type", json!({})), "invalid_field", "type"),
        (without("text"), "invalid_field", "text"),
        (with("text", json!("")), "invalid_field", "text"),
        (with("text", json!(42)), "invalid_field", "text"),
        (with("text", json!("x".repeat(70_000))), "invalid_field", "text"),
        (with("previewUrl", json!("yes")), "invalid_field", "previewUrl"),
        (with("caption", json!("a text has none")), "invalid_field", "caption"),
        (with("clientRef", json!(1)), "invalid_field", "clientRef"),
    ];
    for (body, code, field) in cases {
        let answer = world.api.post("/api/messages/send", &body).await;
        let shown: String = body.to_string().chars().take(200).collect();
        assert_eq!(answer.status, 400, "{shown}: {}", answer.json());
        let sentence = answer.expect_problem(400, code, Some(field));
        assert!(is_about(&sentence, field), "{shown}: {sentence}");
    }
    world
        .api
        .post("/api/messages/send?wait=maybe", &good)
        .await
        .expect_problem(400, "invalid_field", Some("wait"));
    let log = world
        .api
        .get(&format!("/api/messages?sessionId={session}"))
        .await
        .expect(200);
    assert_eq!(log["messages"], json!([]), "nothing was kept of any of them");
    world.api.post("/api/messages/send", &good).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_object_is_told_so_and_a_large_one_is_cut_off() {
    let world = World::start().await;
    for body in [
        "",
        "{",
        "not json",
        "[]",
        "null",
        "\"text\"",
        "{\"to\":1}{}",
        "{\"a\":\"\u{1}\"}",
    ] {
        let json = [("content-type", "application/json")];
        let send = |path| {
            world
                .api
                .call(reqwest::Method::POST, path, &json, Some(body.as_bytes().to_vec()))
        };
        send("/api/messages/send")
            .await
            .expect_problem(400, "invalid_json", None);
    }
    let deep = format!("{{\"text\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let json = [("content-type", "application/json")];
    let answer = world
        .api
        .call(
            reqwest::Method::POST,
            "/api/messages/send",
            &json,
            Some(deep.into_bytes()),
        )
        .await;
    answer.expect_problem(400, "invalid_json", None);
    let large = json!({"text": "x".repeat(2 * 1024 * 1024)});
    world
        .api
        .post("/api/messages/send", &large)
        .await
        .expect_problem(413, "body_too_large", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_404_and_what_cannot_be_done_so_is_405() {
    let world = World::start().await;
    let api = &world.api;
    let nobody = "/api/sessions/qr_1700000000000_deadbeef";
    api.get(nobody)
        .await
        .expect_problem(404, "session_not_found", Some("sessionId"));
    api.get(&format!("{nobody}/qr"))
        .await
        .expect_problem(404, "session_not_found", Some("sessionId"));
    api.delete(nobody)
        .await
        .expect_problem(404, "session_not_found", Some("sessionId"));
    for action in ["restart", "logout", "relink"] {
        let answer = api.post(&format!("{nobody}/{action}"), &json!({})).await;
        answer.expect_problem(404, "session_not_found", Some("sessionId"));
    }
    let unknown = json!({"sessionId": "qr_1700000000000_deadbeef", "to": FRIEND, "type": "text", "text": "hi"});
    api.post("/api/messages/send", &unknown)
        .await
        .expect_problem(404, "session_not_found", Some("sessionId"));
    api.get("/api/messages/msg_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        .await
        .expect_problem(404, "message_not_found", None);
    api.get("/api/nonsense").await.expect_problem(404, "not_found", None);
    api.get("/docs/non/sense").await.expect_problem(404, "not_found", None);
    api.delete("/api/messages/send")
        .await
        .expect_problem(405, "method_not_allowed", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_queries_and_wrong_sessions_to_create_are_named() {
    let world = World::start().await;
    let api = &world.api;
    for (path, field) in [
        ("/api/sessions?status=ready", "status"),
        ("/api/sessions?limit=0", "limit"),
        ("/api/sessions?limit=x", "limit"),
        ("/api/messages?since=abc", "since"),
        ("/api/messages?chat=nonsense", "chat"),
        ("/api/messages?sessionId=nonsense", "sessionId"),
    ] {
        let sentence = api.get(path).await.expect_problem(400, "invalid_field", Some(field));
        assert!(is_about(&sentence, field), "{path}: {sentence}");
    }
    for (body, field) in [
        (json!({"method": "sms"}), "method"),
        (json!({"method": "phone"}), "phoneNumber"),
        (json!({"name": 5}), "name"),
        (json!({"name": "x".repeat(1000)}), "name"),
        (json!({"metadata": "text"}), "metadata"),
        (json!({"nmae": "typo"}), "nmae"),
    ] {
        let sentence = api
            .post("/api/sessions", &body)
            .await
            .expect_problem(400, "invalid_field", Some(field));
        assert!(is_about(&sentence, field), "{body}: {sentence}");
    }
    assert_eq!(
        api.get("/api/sessions").await.expect(200)["sessions"],
        json!([]),
        "none was made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_linked_cannot_send() {
    let world = World::start().await;
    let session = world.api.create_session().await;
    let answer = world.api.send(&session, FRIEND, "too early").await;
    answer.expect_problem(409, "session_not_linked", Some("sessionId"));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_the_description_need_no_token() {
    let world = World::start().await;
    let anonymous = Api::anonymous(&world.host.base);
    anonymous.get("/healthz").await.expect(200);
    anonymous.get("/readyz").await.expect(200);
    let described = anonymous.get("/openapi.json").await.expect(200);
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(described["paths"].get("/api/messages/send").is_some());
}
