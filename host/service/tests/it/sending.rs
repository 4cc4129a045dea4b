//! Sending: what is answered, what is written, in which order, and what the timeline says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use switchboard_core::event::ReceiptKind;
use switchboard_core::ids::SessionRef;
use switchboard_core::problem::Code;
use switchboard_core::status::{MessageStatus, SessionStatus};
use switchboard_core::wamid;
use switchboard_service::{Cursor, LogFilter, MessageRef, MessageView, SendStatus, Sent};
use tokio::task::JoinSet;

use crate::fake::{World, until};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";
const EVE: &str = "15550000003";

async fn message(world: &World, sent: &Sent) -> MessageView {
    world.service.message(MessageRef::Id(sent.message_id)).await.unwrap()
}

fn steps(message: &MessageView) -> Vec<MessageStatus> {
    message.timeline.iter().flatten().map(|step| step.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_answered_sent_after_whatsapp_acknowledged_it_and_receipts_complete_its_timeline() {
    use MessageStatus::{Accepted, Delivered, Read};
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let sent = world.send(id, "+1 (555) 000-0002", "hello 👋", true).await.unwrap();
    assert_eq!(
        (sent.status, sent.message, sent.to.to_string()),
        (SendStatus::Sent, "Message sent", BOB.to_owned())
    );
    let written = line.wrote(1).await;
    assert_eq!(
        wamid::decode(&sent.wamid.clone().unwrap()).unwrap().stanza_id,
        written[0].stanza_id
    );

    // What was answered is true at once for whoever looks.
    let seen = message(&world, &sent).await;
    assert_eq!(
        (seen.status, steps(&seen)),
        (MessageStatus::Sent, vec![Accepted, MessageStatus::Sent])
    );
    assert_eq!(
        (seen.text.as_deref(), seen.client_ref.as_deref()),
        (Some("hello 👋"), Some("ref-1"))
    );

    line.receipt(&written[0], ReceiptKind::Delivered);
    line.receipt(&written[0], ReceiptKind::Read);
    let read = until("read", async || {
        Some(message(&world, &sent).await).filter(|m| m.status == Read)
    })
    .await;
    assert_eq!(steps(&read), [Accepted, MessageStatus::Sent, Delivered, Read]);
    let by_wamid = world
        .service
        .message(sent.wamid.unwrap().parse().unwrap())
        .await
        .unwrap();
    assert_eq!(by_wamid.message_id, sent.message_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_without_whatsapp_is_refused_at_once_and_leaves_no_row() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.does_not_know(BOB);
    let problem = world.send(id, BOB, "hi", true).await.unwrap_err();
    assert_eq!(
        (problem.code(), problem.field_name()),
        (&Code::RECIPIENT_NOT_ON_WHATSAPP, Some("to"))
    );
    let log = world
        .service
        .messages(LogFilter::default(), Cursor::default(), 10)
        .await
        .unwrap();
    assert!(log.messages.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_connection_a_message_waits_and_is_sent_under_its_id_when_the_connection_is_back() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.lose();
    world.status(id, SessionStatus::Reconnecting).await;
    let sent = world.send(id, BOB, "later", true).await.unwrap();
    assert_eq!((sent.status, sent.message), (SendStatus::Queued, "Message queued"));
    assert_eq!(
        world
            .service
            .session(&SessionRef::Session(id))
            .await
            .unwrap()
            .health
            .unwrap()
            .queue_depth,
        1
    );
    assert!(line.written().is_empty());
    line.connect();
    until("sent", async || {
        (message(&world, &sent).await.status == MessageStatus::Sent).then_some(())
    })
    .await;
    let stanza_id = wamid::decode(&sent.wamid.unwrap()).unwrap().stanza_id;
    assert_eq!(line.written()[0].stanza_id, stanza_id);
    assert_eq!(
        world
            .service
            .session(&SessionRef::Session(id))
            .await
            .unwrap()
            .health
            .unwrap()
            .queue_depth,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_could_not_be_asked_for_fails_later_with_the_same_code() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.does_not_know(BOB);
    line.lose();
    world.status(id, SessionStatus::Reconnecting).await;
    let sent = world.send(id, BOB, "to nobody", true).await.unwrap();
    line.connect();
    let failed = until("failed", async || {
        Some(message(&world, &sent).await).filter(|m| m.status == MessageStatus::Failed)
    })
    .await;
    assert_eq!(failed.error.unwrap().code, "recipient_not_on_whatsapp");
    assert!(line.written().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_answered_with_whatsapps_number_and_kept_in_the_timeline() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.refuse(463);
    let problem = world.send(id, BOB, "hi stranger", true).await.unwrap_err();
    assert_eq!(problem.code(), &Code::WHATSAPP_REFUSED);
    assert!(problem.message().contains("463"));
    let log = world
        .service
        .messages(LogFilter::default(), Cursor::default(), 10)
        .await
        .unwrap();
    assert_eq!(log.messages[0].status, MessageStatus::Failed);
    assert_eq!(log.messages[0].error.as_ref().unwrap().message, problem.message());
    // A refusal is an outcome: the chat goes on.
    let problem = world.send(id, BOB, "again", true).await.unwrap_err();
    assert_eq!(problem.code(), &Code::WHATSAPP_REFUSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_waits_too_long_is_answered_queued_and_the_next_of_the_chat_stays_behind_it() {
    let world = World::impatient().await;
    let (id, line) = world.linked(ADA).await;
    line.be_silent(true);
    let first = world.send(id, BOB, "one", true).await.unwrap();
    assert_eq!(first.status, SendStatus::Queued);
    world.send(id, BOB, "two", false).await.unwrap();
    let other_chat = world.send(id, EVE, "other", false).await.unwrap();
    let written = line.wrote(2).await;
    // The other chat goes ahead; "two" waits for the word on "one".
    assert_eq!(
        written[1].stanza_id,
        wamid::decode(&other_chat.wamid.unwrap()).unwrap().stanza_id
    );
    line.be_silent(false);
    line.acknowledge(&written[0]);
    let written = line.wrote(3).await;
    assert_eq!(written[2].chat, written[0].chat);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_goes_out_again_under_its_id_after_a_reconnection() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.be_silent(true);
    let sent = world.send(id, BOB, "one", false).await.unwrap();
    let first = line.wrote(1).await;
    line.lose();
    line.be_silent(false);
    line.connect();
    let again = line.wrote(2).await;
    assert_eq!(first[0], again[1]);
    until("sent", async || {
        (message(&world, &sent).await.status == MessageStatus::Sent).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_to_a_lost_socket_goes_out_again_when_that_is_known_only_after_the_reconnection() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.be_silent(true);
    let written = line.get_stuck_once();
    let one = world.send(id, BOB, "one", false).await.unwrap();
    line.wrote(1).await;
    line.lose();
    line.be_silent(false);
    line.connect();
    // Acknowledged, so the session has heard that it is connected again.
    let two = world.send(id, EVE, "two", false).await.unwrap();
    until("sent", async || {
        (message(&world, &two).await.status == MessageStatus::Sent).then_some(())
    })
    .await;
    written.send(()).unwrap();
    until("sent", async || {
        (message(&world, &one).await.status == MessageStatus::Sent).then_some(())
    })
    .await;
    let written = line.written();
    assert_eq!(written[0], written[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_of_one_chat_keep_their_order_through_a_lost_connection() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.lose();
    world.status(id, SessionStatus::Reconnecting).await;
    let mut expected = Vec::new();
    for n in 0..1000 {
        let sent = world.send(id, BOB, &n.to_string(), false).await.unwrap();
        expected.push(wamid::decode(&sent.wamid.unwrap()).unwrap().stanza_id);
    }
    line.connect();
    let written = line.wrote(expected.len()).await;
    assert!(written.iter().map(|message| &message.stanza_id).eq(&expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_message_behind() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.be_silent(true);
    world.send(id, BOB, "so that the number is known", false).await.unwrap();
    line.wrote(1).await;
    line.be_silent(false);
    for _ in 0..50 {
        // Cut off somewhere between the plugin and the acknowledgement.
        let _ = tokio::time::timeout(Duration::from_micros(300), world.send(id, EVE, "maybe", true)).await;
    }
    line.acknowledge(&line.written()[0]);
    until("the outbox is empty", async || {
        let info = world.service.session(&SessionRef::Session(id)).await.unwrap();
        (info.health.unwrap().queue_depth == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_in_while_the_session_is_deleted_fails_and_never_waits() {
    let world = Arc::new(World::new().await);
    for round in 0..20 {
        let (id, line) = world.linked(ADA).await;
        line.be_silent(true);
        let mut sends = JoinSet::new();
        for n in 0..40 {
            let world = world.clone();
            sends.spawn(async move { world.send(id, BOB, &n.to_string(), false).await });
        }
        // Now and then in the middle of them.
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        world.service.delete(&SessionRef::Session(id)).await.unwrap();
        sends.join_all().await;
        until("all have failed", async || {
            let filter = LogFilter {
                session: Some(SessionRef::Session(id)),
                ..LogFilter::default()
            };
            let log = world.service.messages(filter, Cursor::default(), 100).await.unwrap();
            let mut rows = log.messages.iter();
            rows.all(|row| row.status == MessageStatus::Failed).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_never_was_linked_and_one_that_is_not_there_cannot_send() {
    let world = World::new().await;
    let id = world
        .service
        .create_session(switchboard_service::NewSession::default())
        .await
        .unwrap();
    assert_eq!(
        world.send(id, BOB, "hi", true).await.unwrap_err().code(),
        &Code::SESSION_NOT_LINKED
    );
    let stranger = "qr_1700000000000_000000ff".parse().unwrap();
    assert_eq!(
        world.send(stranger, BOB, "hi", true).await.unwrap_err().code(),
        &Code::SESSION_NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_hands_in_very_many_at_once_does_not_hold_up_another() {
    const MANY: usize = 1000;
    let world = Arc::new(World::new().await);
    let ((noisy, _), (quiet, _)) = (world.linked(ADA).await, world.linked(EVE).await);
    let accepted = Arc::new(AtomicUsize::new(0));
    let mut burst = JoinSet::new();
    for n in 0..MANY {
        let (world, accepted) = (world.clone(), accepted.clone());
        burst.spawn(async move {
            world.send(noisy, BOB, &n.to_string(), false).await.unwrap();
            accepted.fetch_add(1, Ordering::Relaxed);
        });
    }
    let behind_them = tokio::spawn({
        let (world, accepted) = (world.clone(), accepted.clone());
        async move {
            world.send(quiet, BOB, "only this", false).await.unwrap();
            accepted.load(Ordering::Relaxed)
        }
    });
    let before_it = behind_them.await.unwrap();
    assert!(before_it < MANY / 2, "{before_it} of {MANY} were accepted before it");
    burst.join_all().await;
    assert_eq!(accepted.load(Ordering::Relaxed), MANY);
}
