//! Texts both ways, and what becomes of them.

use serde_json::json;
use simulator::Fault;

use crate::support::{Api, DESK, FRIEND, PATIENCE, World, desk};

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_an_emoji_arrives_as_it_was_written() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let text = "Grüße 👋🏽 – \"quoted\", \\ and\na second line";

    let sent = world.api.send(&session, "+1 (555) 000-0002", text).await.expect(200);
    assert_eq!(sent["success"], true);
    assert_eq!(sent["message"], "Message sent");
    assert_eq!(sent["status"], "sent");
    assert_eq!(sent["to"], FRIEND);
    assert_eq!(sent["sessionId"], json!(session));
    assert!(sent["messageId"].as_str().unwrap().starts_with("msg_"));
    assert!(sent["wamid"].as_str().unwrap().starts_with("wamid."));

    let got = friend
        .wait_for_message(PATIENCE, |message| message.text.as_deref() == Some(text))
        .await
        .unwrap();
    assert_eq!(got.from, DESK);
    assert_eq!(friend.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_tells_accepted_sent_delivered_and_read_in_order() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let sent = world.api.send(&session, FRIEND, "are you there?").await.expect(200);
    let id = sent["messageId"].as_str().unwrap();
    world.api.message_becomes(id, "delivered").await;
    let got = friend.wait_for_message(PATIENCE, |_| true).await.unwrap();
    friend.mark_read(&got.id).await.unwrap();
    let message = world.api.message_becomes(id, "read").await;
    let timeline = message["timeline"].as_array().expect("a timeline");
    let statuses: Vec<_> = timeline.iter().filter_map(|entry| entry["status"].as_str()).collect();
    assert_eq!(statuses, ["accepted", "sent", "delivered", "read"], "{message}");
    let by_wamid = world
        .api
        .get(&format!("/api/messages/{}", sent["wamid"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(by_wamid["message"], message);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_phone_writes_is_in_the_log_and_a_cursor_reads_on_from_there() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    friend.send_text(DESK, "first").await.unwrap();
    let path = format!("/api/messages?sessionId={session}");
    let page = world
        .api
        .until(&path, |page| {
            (!page["messages"].as_array()?.is_empty()).then(|| page.clone())
        })
        .await;
    let first = &page["messages"][0];
    assert_eq!(first["direction"], "inbound", "{first}");
    assert_eq!(first["text"], "first", "{first}");
    assert_eq!(first["from"]["phone"], FRIEND, "{first}");

    friend.send_text(DESK, "second").await.unwrap();
    let cursor = page["next"].as_str().expect("a cursor");
    let path = format!("{path}&since={cursor}");
    let page = world
        .api
        .until(&path, |page| {
            (!page["messages"].as_array()?.is_empty()).then(|| page.clone())
        })
        .await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(page["messages"][0]["text"], "second", "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_write_to_each_other() {
    let world = World::start().await;
    let (desk, shop) = (world.linked(DESK).await, world.linked(FRIEND).await);
    for (from, to, text) in [
        (&desk, FRIEND, "ping"),
        (&shop, DESK, "pong"),
        (&desk, FRIEND, "ping again"),
    ] {
        world.api.send(from, to, text).await.expect(200);
    }
    for (session, texts) in [(&shop, vec!["ping", "ping again"]), (&desk, vec!["pong"])] {
        let path = format!("/api/messages?sessionId={session}");
        let wanted = texts.clone();
        world
            .api
            .until(&path, move |page| {
                let inbound = page["messages"]
                    .as_array()?
                    .iter()
                    .filter(|message| message["direction"] == "inbound");
                inbound.map(|message| &message["text"]).eq(&wanted).then_some(())
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_not_on_whatsapp_is_refused_before_anything_is_sent() {
    let world = World::start().await;
    let session = world.linked(DESK).await;
    let answer = world.api.send(&session, "15559999999", "anybody?").await;
    answer.expect_problem(422, "recipient_not_on_whatsapp", Some("to"));
    let log = world
        .api
        .get(&format!("/api/messages?sessionId={session}"))
        .await
        .expect(200);
    assert_eq!(log["messages"], json!([]), "no row is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_the_process_never_holds_what_was_written_nor_a_token_nor_a_whole_number() {
    let world = World::start_with(|host| {
        host.env("SWITCHBOARD_LOG__FILTER", "debug");
    })
    .await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world
        .api
        .send(&session, FRIEND, "the password is swordfish")
        .await
        .expect(200);
    friend.send_text(DESK, "thank you, marlin").await.unwrap();
    let path = format!("/api/messages?sessionId={session}");
    world
        .api
        .until(&path, |page| (page["messages"].as_array()?.len() == 2).then_some(()))
        .await;
    world.inject(Fault::NackMessages {
        number: desk(),
        device: None,
        code: 463,
        times: 1,
    });
    world
        .api
        .send(&session, FRIEND, "one more barracuda")
        .await
        .expect_problem(422, "whatsapp_refused", None);
    let mut body = json!({"sessionId": session, "to": "+1 555 999 9999", "type": "text", "text": "a haddock"});
    world
        .api
        .post("/api/messages/send", &body)
        .await
        .expect_problem(422, "recipient_not_on_whatsapp", Some("to"));
    body["sturgeon"] = json!("a turbot");
    world
        .api
        .post("/api/messages/send", &body)
        .await
        .expect_problem(400, "invalid_field", Some("sturgeon"));
    world
        .api
        .post("/api/sessions", &json!({"sturgeon": "a turbot"}))
        .await
        .expect_problem(400, "invalid_field", Some("sturgeon"));
    world.drop_socket();
    world.api.session_becomes(&session, "RECONNECTING").await;
    world.api.session_becomes(&session, "READY").await;
    let token = Api::anonymous(&world.host.base).get("/api/token").await.expect(200)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let log = world.host.log();
    assert!(log.contains("request refused"), "this is not the whole log:\n{log}");
    let written = ["swordfish", "marlin", "barracuda", "haddock", "sturgeon", "turbot"];
    let numbers = [FRIEND, DESK, "15559999999", "+1 555 999 9999"];
    for secret in written.into_iter().chain(numbers).chain([token.as_str()]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the log holds {secret:?}");
    }
}
