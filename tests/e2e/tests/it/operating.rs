//! What an operator sees from outside: metrics and the log.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::Fault;

use crate::support::{Api, DESK, FRIEND, World, desk};

const ADMIN_KEY: &str = "sesame and open, more than sixteen";
const STRANGER: &str = "15559999999";

/// A host that has seen much of what must not be in its log.
struct Lived {
    world: World,
    session: String,
    private: Vec<String>,
}

/// Links, sends, receives, fails and reconnects, with the log as talkative as it gets.
async fn lived(format: &str) -> Lived {
    let world = World::start_with(|host| {
        host.env("SWITCHBOARD_LOG__FORMAT", format)
            .env("SWITCHBOARD_LOG__FILTER", "trace")
            .env("SWITCHBOARD_SERVER__ADMIN_KEY", ADMIN_KEY);
    })
    .await;
    let api = &world.api;
    let friend = world.phone(FRIEND);
    let named = json!({"name": "pilchard", "metadata": {"whose": "sprat"}});
    let session = api.post("/api/sessions", &named).await.expect(201)["session"]["sessionId"]
        .as_str()
        .unwrap()
        .to_owned();
    let qr = api.qr(&session).await;
    world.phone(DESK).scan_qr(&qr).await.unwrap();
    api.session_becomes(&session, "READY").await;

    let sent = api
        .send(&session, FRIEND, "the password is swordfish")
        .await
        .expect(200);
    friend.send_text(DESK, "thank you, marlin").await.unwrap();
    let path = format!("/api/messages?sessionId={session}&chat={FRIEND}");
    api.until(&path, |page| (page["messages"].as_array()?.len() == 2).then_some(()))
        .await;
    world.inject(Fault::NackMessages {
        number: desk(),
        device: None,
        code: 463,
        times: 1,
    });
    api.send(&session, FRIEND, "one more barracuda")
        .await
        .expect_problem(422, "whatsapp_refused", None);
    let mut body = json!({"sessionId": session, "to": "+1 555 999 9999", "type": "text", "text": "a haddock"});
    body["clientRef"] = json!("anchovy");
    api.post("/api/messages/send", &body)
        .await
        .expect_problem(422, "recipient_not_on_whatsapp", Some("to"));
    body["sturgeon"] = json!("a turbot");
    api.post("/api/messages/send", &body)
        .await
        .expect_problem(400, "invalid_field", Some("sturgeon"));
    api.post("/api/sessions", &json!({"sturgeon": "a turbot"}))
        .await
        .expect_problem(400, "invalid_field", Some("sturgeon"));
    // Answered somehow; what matters is that it is not written down.
    api.post(
        "/api/sessions",
        &json!({"method": "phone", "phoneNumber": "+1 555 000 0003"}),
    )
    .await;

    let (token, admin) = (
        local_token(&world).await,
        Api::anonymous(&world.host.base).with_token(ADMIN_KEY),
    );
    let wamid = sent["wamid"].as_str().unwrap().to_owned();
    api.get(&format!("/api/messages/{wamid}")).await.expect(200);
    admin.get(&format!("/api/sessions/{DESK}?probe=halibut")).await;
    admin.get(&format!("/api/flounder/{FRIEND}")).await.expect(404);
    let forged = format!("{token}mackerel");
    api.with_token(&forged).get("/api/sessions").await.expect(401);
    api.get(&format!("/api/sessions?token={token}")).await;

    world.drop_socket();
    api.lost(&session, "socket").await;
    api.session_becomes(&session, "READY").await;

    let words = "swordfish marlin barracuda haddock anchovy sturgeon turbot pilchard sprat halibut flounder mackerel";
    let numbers = [
        DESK,
        FRIEND,
        STRANGER,
        "15550000003",
        "+1 555 999 9999",
        "+1 555 000 0003",
    ];
    let mut private: Vec<_> = words.split(' ').chain(numbers).map(str::to_owned).collect();
    private.extend([ADMIN_KEY.to_owned(), token, qr, wamid]);
    private.extend(keys(&world));
    Lived {
        world,
        session,
        private,
    }
}

async fn local_token(world: &World) -> String {
    let answer = Api::anonymous(&world.host.base).get("/api/token").await.expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

/// The keys in the data folder, as they stand in their files.
fn keys(world: &World) -> Vec<String> {
    let read = |name: &str| std::fs::read_to_string(world.data().join("keys").join(name)).unwrap();
    let jwt: Value = serde_json::from_str(&read("jwt.json")).unwrap();
    let secret = jwt["keys"][0]["secret"].as_str().unwrap().to_owned();
    vec![read("seal.key").trim().to_owned(), secret]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_never_holds_what_was_written_nor_a_key_nor_a_whole_number_in_either_format() {
    for lived in [lived("text").await, lived("json").await] {
        let log = lived.world.host.log();
        for part in ["request refused", "switchboard::requests", &lived.session] {
            assert!(log.contains(part), "this is not the whole log:\n{log}");
        }
        for private in lived.private {
            let line = log.lines().find(|line| line.contains(&private));
            assert_eq!(line, None, "the log holds {private:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_about_a_request_or_a_session_says_which() {
    let Lived { world, session, .. } = lived("json").await;
    let log = world.host.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut answered, mut of_session) = (0, 0);
    for line in &lines {
        let target = line["target"].as_str().unwrap();
        if target == "switchboard::requests" {
            let fields: BTreeSet<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
            let expected = "timestamp level target message request_id method route status elapsed_us";
            assert_eq!(fields, expected.split(' ').collect());
            let route = line["route"].as_str().unwrap();
            assert!(!route.contains(['?', '%']) && !route.contains(&session), "{line}");
            answered += u32::from(route == "/api/messages/send" && line["status"] == 200 && line["method"] == "POST");
        }
        if line.to_string().contains(&session) {
            assert_eq!(line["session"], session.as_str(), "{line}");
            of_session += 1;
        }
        let session_only = ["switchboard_service::supervisor::task", "switchboard_whatsapp::line"];
        if session_only.iter().any(|room| target.starts_with(room)) {
            assert!(line["session"].is_string(), "{line}");
        }
    }
    assert_eq!(answered, 1, "{log}");
    assert!(of_session > 5, "{log}");
}

/// The text of `GET /metrics`, once all of this stands in it.
async fn metrics(world: &World, expected: &[&str]) -> String {
    let metrics = Api::anonymous(&world.host.metrics());
    metrics
        .until_text("/metrics", |text| {
            expected.iter().all(|number| text.lines().any(|line| line == *number))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_happened_and_not_to_whom() {
    let world = World::start_with(|host| {
        host.env("SWITCHBOARD_METRICS__LISTEN", "127.0.0.1:0");
    })
    .await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.api.send(&session, FRIEND, "hello").await.expect(200);
    friend.send_text(DESK, "hello yourself").await.unwrap();
    world.inject(Fault::NackMessages {
        number: desk(),
        device: None,
        code: 463,
        times: 1,
    });
    world
        .api
        .send(&session, FRIEND, "once more")
        .await
        .expect_problem(422, "whatsapp_refused", None);
    let text = metrics(
        &world,
        &[
            r#"switchboard_build_info{version="0.1.0",realm="simulator"} 1"#,
            r#"switchboard_sessions{status="READY"} 1"#,
            r#"switchboard_http_requests_total{route="/api/messages/send",method="POST",status="200"} 1"#,
            r#"switchboard_http_requests_total{route="/api/messages/send",method="POST",status="422"} 1"#,
            r#"switchboard_plugin_calls_total{plugin="messages",outcome="answered"} 2"#,
            r#"switchboard_plugin_guest_seconds_count{plugin="messages"} 2"#,
            "switchboard_messages_accepted_total 2",
            "switchboard_messages_received_total 1",
            r#"switchboard_messages_settled_total{outcome="sent"} 1"#,
            r#"switchboard_messages_settled_total{outcome="whatsapp_refused"} 1"#,
        ],
    )
    .await;
    // A receipt that overtakes the acknowledgement settles a message without a time.
    assert!(text.contains("switchboard_message_ack_seconds_count "), "{text}");
    for private in [session.as_str(), DESK, FRIEND] {
        assert!(!text.contains(private), "{private} is in\n{text}");
    }

    world.drop_socket();
    world.api.lost(&session, "socket").await;
    world.api.session_becomes(&session, "READY").await;
    metrics(&world, &[r#"switchboard_connection_losses_total{reason="socket"} 1"#]).await;
}
