//! What befalls single messages, on their way out and on their way in.

use serde_json::json;
use simulator::{Fault, Number};

use crate::support::{DESK, FRIEND, PATIENCE, World, desk, texts};

fn friend_number() -> Number {
    Number::parse(FRIEND).unwrap()
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
async fn a_message_that_the_server_refuses_fails_with_the_servers_number_and_words() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.api.send(&session, FRIEND, "hello").await.expect(200);
    for (code, words) in [(463, "write first"), (479, "in this form"), (400, "error 400")] {
        world.inject(Fault::NackMessages {
            number: desk(),
            device: None,
            code,
            times: 1,
        });
        let sentence =
            world
                .api
                .send(&session, FRIEND, "hello again")
                .await
                .expect_problem(422, "whatsapp_refused", None);
        assert!(
            sentence.contains(&code.to_string()) && sentence.contains(words),
            "{sentence}"
        );
        let log = world
            .api
            .get(&format!("/api/messages?sessionId={session}"))
            .await
            .expect(200);
        let refused = log["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(refused["status"], "failed", "{refused}");
    }
    assert_eq!(friend.messages().len(), 1);
    assert_eq!(world.api.session(&session).await["status"], "READY");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_who_cannot_decrypt_a_message_asks_for_it_and_gets_it_once() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    world.api.send(&session, FRIEND, "before").await.expect(200);
    // As after WhatsApp was installed anew: the ratchet that this message continues is gone.
    world.inject(Fault::ForgetSessions {
        number: friend_number(),
    });
    let sent = world.api.send(&session, FRIEND, "after").await.expect(200);
    world
        .api
        .message_becomes(sent["messageId"].as_str().unwrap(), "delivered")
        .await;
    assert_eq!(texts(&friend), ["before", "after"]);
    assert!(world.simulator.tally().retries > 0, "it was never asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_damaged_late_twice_or_out_of_order_is_logged_once() {
    let world = World::start().await;
    let friend = world.phone(FRIEND);
    let session = world.linked(DESK).await;
    let (number, device, times) = (desk(), None, 1);
    let faults = [
        Fault::CorruptMessages {
            number: number.clone(),
            device,
            times,
        },
        Fault::DuplicateMessages {
            number: number.clone(),
            device,
            times,
        },
        Fault::DelayMessages {
            number: number.clone(),
            device,
            millis: 300,
            times,
        },
        Fault::OvertakeMessages { number, device, times },
    ];
    let mut expected = Vec::new();
    for (n, fault) in faults.into_iter().enumerate() {
        world.inject(fault);
        for what in ["struck", "after it"] {
            let text = format!("{n}: {what}");
            friend.send_text(DESK, &text).await.unwrap();
            expected.push(text);
        }
        let path = format!("/api/messages?sessionId={session}");
        let mut logged = world
            .api
            .until(&path, |log| {
                let texts = log["messages"]
                    .as_array()?
                    .iter()
                    .map(|row| row["text"].as_str().map(str::to_owned));
                texts
                    .collect::<Option<Vec<_>>>()
                    .filter(|texts| texts.len() >= expected.len())
            })
            .await;
        logged.sort();
        expected.sort();
        assert_eq!(logged, expected);
    }
    assert_eq!(world.api.session(&session).await["status"], "READY");
}
