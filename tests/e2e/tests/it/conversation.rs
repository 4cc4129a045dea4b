//! Texts both ways, and what becomes of them.

use serde_json::json;

use crate::support::{DESK, FRIEND, PATIENCE, World};

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
