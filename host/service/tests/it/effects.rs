//! What plugins ask for, as the host carries it out.

use serde_json::{Value, json};
use switchboard_core::access::{Scope, Scopes, Sight};
use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::SessionId;
use switchboard_plugins::CallContext;
use switchboard_plugins::contract::content::{Content, Text};
use switchboard_plugins::contract::effects::{Effect, Entry, Outcome, RecordKey, RecordRange, Send, SessionRange};
use switchboard_plugins::contract::types;
use switchboard_plugins::effects::Effects as _;
use switchboard_service::{Carrier, Service};

use crate::fake::World;

fn context() -> CallContext {
    CallContext {
        request_id: "effects".parse().unwrap(),
        accepted_at: UnixMillis(1_795_421_730_250),
    }
}

/// Asks as the bundled dialect does when a client with these scopes calls it.
async fn asked(service: &Service, scopes: &[Scope], effect: Effect) -> Outcome {
    let context = context();
    let scopes: Scopes = scopes.iter().copied().collect();
    let dialects = service.plugins().dialects();
    let carrier = Carrier::for_caller(service, &context, Some(scopes));
    carrier.carry_out(dialects[0].plugin(), effect).await
}

/// Asks as a provider of voices does.
async fn asked_by_provider(service: &Service, effect: Effect) -> Outcome {
    let context = context();
    let providers = service.plugins().providers();
    let carrier = Carrier::for_caller(service, &context, None);
    carrier.carry_out(providers[0].plugin(), effect).await
}

fn key(collection: &str, key: &str) -> RecordKey {
    RecordKey {
        collection: collection.to_owned(),
        key: key.to_owned(),
    }
}

fn put(at: RecordKey, value: &str) -> Effect {
    Effect::RecordPut(Entry {
        at,
        value: value.to_owned(),
    })
}

/// The field that an effect failed at.
fn field(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(types::Problem::InvalidField(at)) => at.field,
        other => panic!("{other:?}"),
    }
}

fn send(session: SessionId, options: &Value) -> Effect {
    Effect::Send(Send {
        session: session.to_string(),
        to: "15550000002".to_owned(),
        content: Content::Text(Text {
            body: "hi".to_owned(),
            preview_url: false,
        }),
        reply_to: None,
        reference: None,
        options: options.to_string(),
    })
}

#[tokio::test]
async fn what_a_plugin_keeps_is_there_after_a_restart_and_is_its_own() {
    let world = World::new().await;
    let at = || key("templates", "welcome/en");
    assert_eq!(
        asked(&world.service, &[], Effect::RecordGet(at())).await,
        Outcome::Missing
    );
    let kept = asked(&world.service, &[], put(at(), "{\"body\":\"Hi {{1}}\"}")).await;
    assert_eq!(kept, Outcome::Done);
    let world = world.restarted().await;
    assert_eq!(
        asked(&world.service, &[], Effect::RecordGet(at())).await,
        Outcome::Json("{\"body\":\"Hi {{1}}\"}".to_owned())
    );
    // Another plugin, the same place.
    let elsewhere = asked_by_provider(&world.service, Effect::RecordGet(at())).await;
    assert_eq!(elsewhere, Outcome::Missing);
    let listed = RecordRange {
        collection: "templates".to_owned(),
        after: None,
        limit: 100,
    };
    let Outcome::Entries(entries) = asked(&world.service, &[], Effect::RecordList(listed)).await else {
        panic!("no entries")
    };
    assert_eq!(entries.iter().map(|entry| &entry.at).collect::<Vec<_>>(), [&at()]);
    let gone = asked(&world.service, &[], Effect::RecordDelete(at())).await;
    assert_eq!(gone, Outcome::Done);
    assert_eq!(
        asked(&world.service, &[], Effect::RecordGet(at())).await,
        Outcome::Missing
    );
}

#[tokio::test]
async fn a_record_that_is_not_allowed_fails_at_its_field() {
    let world = World::new().await;
    let (long, large) = ("k".repeat(257), format!("\"{}\"", "x".repeat(64 * 1024)));
    for (effect, at) in [
        (put(key("", "k"), "1"), "collection"),
        (put(key("../etc", "k"), "1"), "collection"),
        (put(key(&"c".repeat(65), "k"), "1"), "collection"),
        (put(key("c", ""), "1"), "key"),
        (put(key("c", "a\u{0}b"), "1"), "key"),
        (put(key("c", &long), "1"), "key"),
        (put(key("c", "k"), ""), "value"),
        (put(key("c", "k"), "{\"a\":"), "value"),
        (put(key("c", "k"), &large), "value"),
        (
            Effect::RecordList(RecordRange {
                collection: "c".to_owned(),
                after: None,
                limit: 101,
            }),
            "limit",
        ),
    ] {
        assert_eq!(field(asked(&world.service, &[], effect).await), at);
    }
}

#[tokio::test]
async fn a_list_of_sessions_has_those_that_the_token_sees() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for number in ["15550000001", "15550000002", "15550000003"] {
        ids.push(world.linked(number).await.0);
    }
    let list = |after: Option<SessionId>, limit| {
        Effect::SessionList(SessionRange {
            after: after.map(|id| id.to_string()),
            limit,
        })
    };
    let shown = |outcome: Outcome| match outcome {
        Outcome::Json(json) => {
            let list: Value = serde_json::from_str(&json).unwrap();
            let sessions = list["sessions"].as_array().unwrap().iter();
            let ids = sessions.map(|session| session["sessionId"].as_str().unwrap().parse().unwrap());
            (ids.collect::<Vec<SessionId>>(), list["next"].clone())
        }
        other => panic!("{other:?}"),
    };
    let may = [Scope::SessionsRead];
    let first = shown(asked(&world.service, &may, list(None, 2)).await);
    assert_eq!(first, (ids[..2].to_vec(), json!(ids[1])));
    let second = shown(asked(&world.service, &may, list(Some(ids[1]), 2)).await);
    assert_eq!(second, (ids[2..].to_vec(), Value::Null));
    let narrow = world.service.seeing(Sight::from_iter([ids[1]]));
    assert_eq!(shown(asked(&narrow, &may, list(None, 100)).await).0, [ids[1]]);
    for limit in [0, 101, u32::MAX] {
        assert_eq!(field(asked(&world.service, &may, list(None, limit)).await), "limit");
    }
    let denied = asked(&world.service, &[Scope::MessagesSend], list(None, 1)).await;
    assert!(matches!(&denied, Outcome::Failed(types::Problem::Other(problem)) if problem.code == "forbidden"));
}

#[tokio::test]
async fn a_provider_of_voices_acts_on_no_session() {
    let world = World::new().await;
    let (id, _line) = world.linked("15550000001").await;
    let range = SessionRange { after: None, limit: 1 };
    for effect in [send(id, &json!({})), Effect::SessionList(range)] {
        let refused = asked_by_provider(&world.service, effect).await;
        assert!(matches!(refused, Outcome::Failed(types::Problem::NotSupported(_))));
    }
}

#[tokio::test]
async fn a_content_that_has_no_type_or_says_nothing_is_not_sent() {
    let world = World::new().await;
    let (id, _line) = world.linked("15550000001").await;
    let may = [Scope::MessagesSend];
    let with = |content: Content| match send(id, &json!({})) {
        Effect::Send(send) => Effect::Send(Send { content, ..send }),
        other => other,
    };
    let open = Content::Other(types::Open {
        name: "hologram".to_owned(),
        json: "{\"secret\":1}".to_owned(),
    });
    let refused = asked(&world.service, &may, with(open)).await;
    assert!(
        matches!(&refused, Outcome::Failed(types::Problem::NotSupported(sentence)) if !sentence.contains("secret")),
        "{refused:?}"
    );
    let nothing = Content::Text(Text {
        body: String::new(),
        preview_url: false,
    });
    assert_eq!(field(asked(&world.service, &may, with(nothing)).await), "text");
}

#[tokio::test]
async fn no_option_of_a_send_is_passed_over() {
    let world = World::new().await;
    let (id, _line) = world.linked("15550000001").await;
    let may = [Scope::MessagesSend];
    for (options, at) in [
        (json!({"viewOnce": true}), "viewOnce"),
        (json!({"to": "1"}), "to"),
        (json!([]), "options"),
    ] {
        assert_eq!(field(asked(&world.service, &may, send(id, &options)).await), at);
    }
    assert!(matches!(
        asked(&world.service, &may, send(id, &json!({}))).await,
        Outcome::Sent(_)
    ));
}

#[tokio::test]
async fn a_dialect_is_told_the_number_by_which_whatsapp_knows_the_recipient() {
    let world = World::new().await;
    let (id, line) = world.linked("15550000001").await;
    line.knows_as("5511987654321", "551187654321");
    let Effect::Send(send) = send(id, &json!({})) else {
        panic!("no send")
    };
    let to = "+55 11 98765-4321".to_owned();
    let told = asked(
        &world.service,
        &[Scope::MessagesSend],
        Effect::Send(Send { to, ..send }),
    )
    .await;
    assert!(
        matches!(&told, Outcome::Sent(sent) if sent.to == "551187654321" && sent.acknowledged),
        "{told:?}"
    );
    assert_eq!(line.wrote(1).await[0].chat.to_string(), "551187654321@s.whatsapp.net");
    // Our own answer names the recipient as it was given.
    let ours = world.send(id, "+55 11 98765-4321", "hi", true).await.unwrap();
    assert_eq!(ours.to.to_string(), "5511987654321");
}
