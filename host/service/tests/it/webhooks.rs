//! What happens here, in the words of the bundled dialect: it reads the log's own messages, whose shape it cannot share as a type.

use serde_json::{Value, json};
use switchboard_core::clock::UnixMillis;
use switchboard_core::content::{Contact, Content, Location, MessageKey, Reaction, Text};
use switchboard_core::event::InboundMessage;
use switchboard_core::ids::{SessionId, SessionRef};
use switchboard_plugins::CallContext;
use switchboard_service::{Cursor, LogFilter};

use crate::fake::{World, text_from};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";

/// What a subscriber of the Cloud API gets for each message of the session's log.
async fn told(world: &World, id: SessionId) -> Vec<Value> {
    let session = world.service.session(&SessionRef::Session(id)).await.unwrap();
    let filter = LogFilter {
        session: Some(SessionRef::Session(id)),
        ..LogFilter::default()
    };
    let log = world.service.messages(filter, Cursor::default(), 10).await.unwrap();
    let dialects = world.service.plugins().dialects();
    let context = CallContext {
        request_id: "webhooks".parse().unwrap(),
        accepted_at: UnixMillis(1_795_421_730_250),
    };
    let mut bodies = Vec::new();
    for message in log.messages {
        let event = json!({"type": "message", "message": message, "session": session});
        let body = dialects[0].webhook(&context, &event).await.unwrap().unwrap();
        bodies.push(serde_json::from_str(&body.body).unwrap());
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_that_can_arrive_is_told_in_metas_words() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let contents = [
        Content::Text(Text {
            body: "hello".to_owned(),
            preview_url: false,
        }),
        Content::Location(Location::new(9.9312, 76.2673).unwrap()),
        Content::Contacts(vec![Contact::named("Asha")]),
        Content::Reaction(Reaction {
            emoji: "🙏".to_owned(),
            message: MessageKey {
                chat: format!("{ADA}@s.whatsapp.net").parse().unwrap(),
                from_me: true,
                id: "3EB0A0".parse().unwrap(),
                sender: None,
            },
        }),
    ];
    let arrived = contents.into_iter().enumerate().map(|(n, content)| InboundMessage {
        content,
        ..text_from(BOB, &format!("3EB0A{n}"), "")
    });
    line.deliver(arrived.collect()).await.unwrap();

    let bodies = told(&world, id).await;
    let messages: Vec<_> = bodies
        .iter()
        .map(|body| &body["entry"][0]["changes"][0]["value"]["messages"][0])
        .collect();
    let kinds: Vec<_> = messages
        .iter()
        .map(|message| message["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["text", "location", "contacts", "reaction"]);
    assert_eq!(messages[0]["text"]["body"], "hello");
    assert_eq!(messages[1]["location"]["latitude"], 9.9312);
    assert_eq!(messages[2]["contacts"][0]["name"]["formatted_name"], "Asha");
    assert_eq!(messages[3]["reaction"]["message_id"], messages[0]["id"]);
    for message in messages {
        assert_eq!(message["from"], BOB);
    }
}
