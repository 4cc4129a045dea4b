//! Stops, kills and what is left after them.

use serde_json::json;
use simulator::Fault;

use crate::support::{DESK, FRIEND, PATIENCE, World, desk, texts};

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_session_is_ready_again_after_a_stop_without_a_new_link() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let mobid = world.api.session(&session).await["mobid"].clone();
    let world = world.stop_and_restart().await;
    let info = world.api.session_becomes(&session, "READY").await;
    assert_eq!(info["mobid"], mobid);
    assert_eq!(world.phone(DESK).companions().len(), 1, "a stop is not a logout");
    world.api.send(&session, FRIEND, "good morning").await.expect(200);
    friend.wait_for_message(PATIENCE, |_| true).await.unwrap();
    assert_eq!(friend.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_a_kill_is_sent_after_it_and_read_once() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    // The server takes the messages but its acknowledgements never arrive: nobody here can know that they were sent.
    world.inject(Fault::WithholdAcks {
        number: desk(),
        device: None,
        times: 1,
    });
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        let body = json!({"sessionId": session, "to": FRIEND, "type": "text", "text": text});
        let queued = world.api.post("/api/messages/send?wait=false", &body).await.expect(202);
        ids.push(queued["messageId"].as_str().unwrap().to_owned());
    }
    let world = world.kill_and_restart().await;
    for id in &ids {
        world.api.message_becomes(id, "delivered").await;
    }
    assert_eq!(texts(&friend), ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_the_host_is_down_is_in_the_log_once_after_it_is_back() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    friend.send_text(DESK, "before").await.unwrap();
    let path = format!("/api/messages?sessionId={session}");
    world
        .api
        .until(&path, |page| (page["messages"].as_array()?.len() == 1).then_some(()))
        .await;
    let world = world
        .kill_meanwhile(|| async { friend.send_text(DESK, "meanwhile").await.unwrap() })
        .await;
    world.api.session_becomes(&session, "READY").await;
    friend.send_text(DESK, "after").await.unwrap();
    let page = world
        .api
        .until(&path, |page| {
            (page["messages"].as_array()?.len() >= 3).then(|| page.clone())
        })
        .await;
    let texts: Vec<_> = page["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m.to_string())
        .collect();
    assert_eq!(texts.len(), 3, "{texts:#?}");
    for (message, text) in texts.iter().zip(["before", "meanwhile", "after"]) {
        assert!(message.contains(text), "{text} is not in {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_under_way_and_ends_with_success() {
    for signal in ["TERM", "INT"] {
        let world = World::start().await;
        world.phone(FRIEND);
        let session = world.linked(DESK).await;
        let withheld = Fault::DelayAcks {
            number: desk(),
            device: None,
            millis: 700,
            times: 1,
        };
        world.inject(withheld);
        let api = world.api.clone();
        let sending = tokio::spawn(async move { api.send(&session, FRIEND, "wait for me").await });
        world.phone(FRIEND).wait_for_message(PATIENCE, |_| true).await.unwrap();
        assert_eq!(world.host.stop(signal).await, Some(0), "after {signal}");
        let answer = sending.await.unwrap().expect(200);
        assert_eq!(answer["status"], "sent", "after {signal}");
    }
}
