//! What can be sent besides text, and answers to what was said.

use serde_json::{Value, json};

use crate::support::{DESK, FRIEND, OFFICE, PATIENCE, World};

/// A text from the friend, as the session's log has it.
async fn heard(world: &World, session: &str, text: &str) -> Value {
    world.phone(FRIEND).send_text(DESK, text).await.unwrap();
    let path = format!("/api/messages?sessionId={session}&direction=inbound");
    let find = |page: &Value| {
        let mut messages = page["messages"].as_array()?.iter();
        messages.find(|message| message["text"] == text).cloned()
    };
    world.api.until(&path, find).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_contacts_and_a_code_arrive_as_what_they_are() {
    let world = World::start().await;
    let (friend, session) = (world.phone(FRIEND), world.linked(DESK).await);
    let send = async |kind: &str, fields: Value| {
        let mut body = json!({"sessionId": session, "to": FRIEND, "type": kind});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        world.api.post("/api/messages/send", &body).await.expect(200)
    };

    send(
        "location",
        json!({"latitude": 48.2084, "longitude": 16.3731, "name": "Stephansdom"}),
    )
    .await;
    let place = friend
        .wait_for_message(PATIENCE, |message| message.kind == "location")
        .await;
    let place = place.unwrap();
    assert_eq!((place.latitude, place.longitude), (Some(48.2084), Some(16.3731)));
    assert_eq!(place.name.as_deref(), Some("Stephansdom"));

    let contacts = json!([
        {"name": {"formatted": "Ada Lovelace"}, "phones": [{"number": "+1 555 000 0003", "whatsapp": "15550000003"}]},
        {"name": "Bob"},
    ]);
    send("contact", json!({"contacts": contacts})).await;
    let cards = friend
        .wait_for_message(PATIENCE, |message| message.kind == "contact")
        .await;
    let cards = cards.unwrap().vcards;
    assert_eq!(cards.len(), 2);
    assert!(cards[0].contains("waid=15550000003:+1 555 000 0003"), "{}", cards[0]);

    send("otp", json!({"code": "492817", "language": "de"})).await;
    let code = friend
        .wait_for_message(PATIENCE, |message| message.kind == "text")
        .await
        .unwrap();
    assert!(code.text.as_deref().unwrap().contains("492817"), "{code:?}");

    let log = world
        .api
        .get(&format!("/api/messages?sessionId={session}"))
        .await
        .expect(200);
    let kinds: Vec<_> = log["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["type"])
        .collect();
    assert_eq!(kinds, ["location", "contact", "text"]);
    assert_eq!(log["messages"][0]["content"]["latitude"], 48.2084, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_is_put_on_a_message_by_either_of_its_names_and_taken_back() {
    let world = World::start().await;
    let (friend, session) = (world.phone(FRIEND), world.linked(DESK).await);
    let theirs = heard(&world, &session, "look at this").await;
    let ours = world.api.send(&session, FRIEND, "and at that").await.expect(200);
    let stanza = friend.wait_for_message(PATIENCE, |_| true).await.unwrap().id;
    for (message, emoji) in [
        (&theirs["messageId"], "👍🏽"),
        (&theirs["wamid"], ""),
        (&ours["wamid"], "❤️"),
    ] {
        let body =
            json!({"sessionId": session, "to": FRIEND, "type": "reaction", "messageId": message, "emoji": emoji});
        world.api.post("/api/messages/send", &body).await.expect(200);
        let wanted = |got: &simulator::ReceivedMessage| got.kind == "reaction" && got.emoji.as_deref() == Some(emoji);
        let got = friend.wait_for_message(PATIENCE, wanted).await.unwrap();
        if *message == ours["wamid"] {
            assert_eq!(got.reacts_to.as_ref(), Some(&stanza));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_shows_what_it_answers() {
    let world = World::start().await;
    let (friend, session) = (world.phone(FRIEND), world.linked(DESK).await);
    let question = heard(&world, &session, "when?").await;
    let answer = json!({"sessionId": session, "to": FRIEND, "replyTo": question["messageId"]});
    let mut by_text = answer.clone();
    (by_text["type"], by_text["text"]) = (json!("text"), json!("now"));
    let mut by_place = answer.clone();
    (by_place["type"], by_place["latitude"], by_place["longitude"]) = (json!("location"), json!(1), json!(2));
    for body in [by_text, by_place] {
        world.api.post("/api/messages/send", &body).await.expect(200);
        let kind = body["type"].as_str().unwrap();
        let got = friend.wait_for_message(PATIENCE, |got| got.kind == kind).await.unwrap();
        assert!(got.quotes.is_some(), "{got:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_there_or_in_another_chat_is_neither_answered_nor_reacted_to() {
    let world = World::start().await;
    let (_friend, session) = (world.phone(FRIEND), world.linked(DESK).await);
    world.linked(OFFICE).await;
    let said = world.api.send(&session, FRIEND, "hello").await.expect(200);
    let unknown = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let send = async |to: &str, field: &str, message: &Value| {
        let mut body = json!({"sessionId": session, "to": to, "type": "text", "text": "x"});
        if field == "messageId" {
            body = json!({"sessionId": session, "to": to, "type": "reaction", "emoji": "👍"});
        }
        body[field] = message.clone();
        world.api.post("/api/messages/send", &body).await
    };
    for field in ["replyTo", "messageId"] {
        let answer = send(FRIEND, field, &json!(unknown)).await;
        answer.expect_problem(404, "message_not_found", Some(field));
        let answer = send(FRIEND, field, &json!("nonsense")).await;
        answer.expect_problem(400, "invalid_field", Some(field));
        let answer = send(OFFICE, field, &said["messageId"]).await;
        answer.expect_problem(400, "invalid_field", Some(field));
    }
    let both = json!({
        "sessionId": session, "to": FRIEND, "type": "reaction", "emoji": "👍", "messageId": said["messageId"],
        "replyTo": said["messageId"],
    });
    let answer = world.api.post("/api/messages/send", &both).await;
    answer.expect_problem(400, "invalid_field", Some("replyTo"));
}
