//! What WhatsApp and the network do wrong, and what becomes of messages meanwhile.

use serde_json::json;
use simulator::Fault;

use crate::support::{DESK, FRIEND, PATIENCE, World, desk};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_the_socket_is_down_is_queued_and_arrives_once_in_order() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.inject(Fault::RefuseConnections { times: 2 });
    world.drop_socket();
    world.api.session_becomes(&session, "RECONNECTING").await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let queued = world.api.send(&session, FRIEND, text).await.expect(202);
        assert_eq!(queued["status"], "queued");
        ids.push(queued["messageId"].as_str().unwrap().to_owned());
    }
    world.api.session_becomes(&session, "READY").await;
    for id in &ids {
        world.api.message_becomes(id, "delivered").await;
    }
    let texts: Vec<_> = friend
        .messages()
        .into_iter()
        .filter_map(|message| message.text)
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_error_503_and_a_515_only_interrupt_the_session() {
    let world = World::start().await;
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    for code in [503, 515] {
        world.inject(Fault::StreamError {
            number: desk(),
            device: None,
            code,
        });
        let sent = world.api.send(&session, FRIEND, "still here").await;
        assert!(matches!(sent.status, 200 | 202), "{}", sent.status);
        let id = sent.json()["messageId"].as_str().unwrap().to_owned();
        world.api.message_becomes(&id, "delivered").await;
        world.api.session_becomes(&session, "READY").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_the_server_fails_the_message_with_its_code() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.api.send(&session, FRIEND, "hello").await.expect(200);
    world.inject(Fault::NackMessages {
        number: desk(),
        device: None,
        code: 463,
        times: 1,
    });
    let sentence = world
        .api
        .send(&session, FRIEND, "hello again")
        .await
        .expect_problem(422, "whatsapp_refused", None);
    assert!(sentence.contains("463"), "{sentence}");
    let log = world
        .api
        .get(&format!("/api/messages?sessionId={session}"))
        .await
        .expect(200);
    let refused = log["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(refused["status"], "failed", "{refused}");
    assert_eq!(friend.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_an_acknowledgement_is_sent_again_under_its_id_and_read_once() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.inject(Fault::WithholdAcks {
        number: desk(),
        device: None,
        times: 1,
    });
    let body = json!({"sessionId": session, "to": FRIEND, "type": "text", "text": "once"});
    let queued = world.api.post("/api/messages/send?wait=false", &body).await.expect(202);
    friend
        .wait_for_message(PATIENCE, |message| message.text.as_deref() == Some("once"))
        .await
        .unwrap();
    world.drop_socket();
    let id = queued["messageId"].as_str().unwrap();
    world.api.message_becomes(id, "delivered").await;
    assert_eq!(friend.messages().len(), 1, "the phone saw it twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_unlinked_says_why_and_links_again_under_its_id() {
    let world = World::start().await;
    let phone = world.phone(DESK);
    world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let mobid = world.api.session(&session).await["mobid"].clone();
    phone.unlink_all().unwrap();
    let info = world.api.session_becomes(&session, "LOGGED_OUT").await;
    assert_eq!(
        info["lastLoss"]["reason"], "The device was removed on the phone.",
        "{info}"
    );
    world
        .api
        .send(&session, FRIEND, "hello")
        .await
        .expect_problem(409, "session_not_linked", Some("sessionId"));

    world
        .api
        .post(&format!("/api/sessions/{session}/relink"), &json!({}))
        .await
        .expect(200);
    let qr = world.api.qr(&session).await;
    phone.scan_qr(&qr).await.unwrap();
    let info = world.api.session_becomes(&session, "READY").await;
    assert_eq!(info["mobid"], mobid, "the number keeps its mobid");
    world.api.send(&session, FRIEND, "back again").await.expect(200);
}
