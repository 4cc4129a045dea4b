//! Watching a session: what is told, in which order, and what a watch that was away or slow misses.

use std::collections::HashSet;
use std::time::Duration;

use switchboard_core::clock::{Clock, SystemClock};
use switchboard_core::content::{Content, Text};
use switchboard_core::event::ReceiptKind;
use switchboard_core::ids::{Jid, LinkMethod, MessageId, SessionId, SessionRef, StanzaId};
use switchboard_core::problem::Code;
use switchboard_core::random::OsRandom;
use switchboard_core::status::{MessageStatus, SessionStatus};
use switchboard_service::{
    Changed, Cursor, LogFilter, MOST_WATCHES, MessageView, NewSession, News, SessionView, Watch,
};
use switchboard_store::messages::{Messages, NewMessage};
use switchboard_whatsapp::Outgoing;
use tokio::time::timeout;

use crate::fake::{World, text_from};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";
const SOON: Duration = Duration::from_secs(20);

async fn watch(world: &World, id: SessionId, messages: bool, since: Option<Cursor>) -> Watch {
    let session = SessionRef::Session(id);
    world.service.watch(&session, messages, since).await.unwrap()
}

/// What is told next; `None` at the end.
async fn next(watch: &mut Watch) -> Option<News> {
    timeout(SOON, watch.next()).await.unwrap().unwrap()
}

/// The next that is told of the session, which nothing of a message comes before.
async fn session(watch: &mut Watch) -> SessionView {
    match next(watch).await.unwrap().what {
        Changed::Session(session) => *session,
        Changed::Message(message) => panic!("{message:?}"),
    }
}

/// Reads until the session has this status.
async fn session_becomes(watch: &mut Watch, status: SessionStatus) -> SessionView {
    loop {
        let session = session(watch).await;
        if session.status == status {
            return session;
        }
    }
}

/// The next that is told of a message, and the place; what is told of the session is passed over.
async fn message(watch: &mut Watch) -> (MessageView, Cursor) {
    loop {
        let News { what, place } = next(watch).await.unwrap();
        if let Changed::Message(message) = what {
            return (*message, place);
        }
    }
}

/// Reads until a message is told with this status, which no other message comes before.
async fn message_becomes(watch: &mut Watch, status: MessageStatus) -> (MessageView, Cursor) {
    let (mut found, mut place) = message(watch).await;
    let id = found.message_id;
    while found.status != status {
        (found, place) = message(watch).await;
        assert_eq!(found.message_id, id);
    }
    (found, place)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_truth_comes_first_and_again_whenever_it_changes() {
    let world = World::new().await;
    let id = world.service.create_session(NewSession::default()).await.unwrap();
    world.status(id, SessionStatus::QrReady).await;
    let mut watch = watch(&world, id, false, None).await;
    let first = session(&mut watch).await;
    assert_eq!(
        (first.status, first.qr.unwrap().code),
        (SessionStatus::QrReady, "2@qr".to_owned())
    );
    assert_eq!(first.health.unwrap().queue_depth, 0);

    let line = world.lines.of(id).await;
    line.demand_passkey(r#"{"challenge":"YWJj"}"#);
    let passkey = session(&mut watch).await;
    assert_eq!(
        (passkey.status, passkey.qr.is_none()),
        (SessionStatus::PasskeyRequired, true)
    );
    assert_eq!(passkey.passkey.unwrap().challenge["challenge"], "YWJj");

    line.link(ADA);
    let ready = session_becomes(&mut watch, SessionStatus::Ready).await;
    assert_eq!(ready.mobile_number.unwrap().digits(), ADA);
    line.lose();
    let lost = session_becomes(&mut watch, SessionStatus::Reconnecting).await;
    assert_eq!(lost.last_loss.unwrap().reason, "the connection ended: reset");
    line.connect();
    session_becomes(&mut watch, SessionStatus::Ready).await;
    // Another line is another one to listen to.
    world.service.restart(&SessionRef::Session(id)).await.unwrap();
    session_becomes(&mut watch, SessionStatus::Connecting).await;
    world.lines.of(id).await.connect();
    session_becomes(&mut watch, SessionStatus::Ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_code_is_told() {
    let world = World::new().await;
    let new = NewSession {
        method: LinkMethod::Phone,
        phone_number: Some(ADA.parse().unwrap()),
        ..NewSession::default()
    };
    let id = world.service.create_session(new).await.unwrap();
    let mut watch = watch(&world, id, false, None).await;
    let told = session_becomes(&mut watch, SessionStatus::PairingCodeReady).await;
    assert_eq!(told.pairing_code.unwrap().code, "ABCD1234");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_both_directions_are_told_and_every_rise_of_their_status() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let (other, other_line) = world.linked("15550000009").await;
    world.send(id, BOB, "before", true).await.unwrap();
    // It is answered before the acknowledgement is on disk; whoever looks waits for that.
    world.status(id, SessionStatus::Ready).await;
    let mut watch = watch(&world, id, true, None).await;
    other_line
        .deliver(vec![text_from(BOB, "3EB0FF", "for another")])
        .await
        .unwrap();
    world.send(other, BOB, "from another", true).await.unwrap();

    line.deliver(vec![text_from(BOB, "3EB0AA", "question")]).await.unwrap();
    let (question, at_question) = message(&mut watch).await;
    assert_eq!(
        (question.text.as_deref(), question.status),
        (Some("question"), MessageStatus::Received)
    );
    let sent = world.send(id, BOB, "answer", true).await.unwrap();
    let (answer, at_answer) = message_becomes(&mut watch, MessageStatus::Sent).await;
    assert_eq!(
        (answer.message_id, answer.text.as_deref()),
        (sent.message_id, Some("answer"))
    );
    assert!(at_question < at_answer);

    // A row from before the watch, and one that it has told.
    for (written, text) in line.wrote(2).await.iter().zip(["before", "answer"]) {
        line.receipt(written, ReceiptKind::Delivered);
        line.receipt(written, ReceiptKind::Read);
        let (read, place) = message_becomes(&mut watch, MessageStatus::Read).await;
        assert_eq!((read.text.as_deref(), place), (Some(text), at_answer));
    }
    // Nothing new is nothing to tell.
    line.receipt(&line.written()[1], ReceiptKind::Read);
    line.deliver(vec![text_from(BOB, "3EB0AA", "question")]).await.unwrap();
    line.deliver(vec![text_from(BOB, "3EB0AB", "last")]).await.unwrap();
    assert_eq!(message(&mut watch).await.0.text.as_deref(), Some("last"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_messages_a_watch_tells_of_the_session_alone_and_keeps_the_place_it_was_given() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let since: Cursor = "7".parse().unwrap();
    let mut watches = [
        (watch(&world, id, false, None).await, Cursor::default()),
        (watch(&world, id, false, Some(since)).await, since),
    ];
    for (watch, _) in &mut watches {
        session_becomes(watch, SessionStatus::Ready).await;
    }
    line.deliver(vec![text_from(BOB, "3EB0AA", "private")]).await.unwrap();
    line.lose();
    for (watch, place) in &mut watches {
        let lost = next(watch).await.unwrap();
        assert!(
            matches!(lost.what, Changed::Session(_)) && lost.place == *place,
            "{lost:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_cut_again_and_again_misses_no_message_and_repeats_none() {
    const COUNT: usize = 60;
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let writing = async {
        for n in 0..COUNT / 2 {
            world.send(id, BOB, &format!("out {n}"), true).await.unwrap();
            let inbound = text_from(BOB, &format!("3EB0{n:04X}"), &format!("in {n}"));
            line.deliver(vec![inbound]).await.unwrap();
        }
    };
    let reading = async {
        let (mut told, mut place, mut cuts) = (Vec::new(), Cursor::default(), 0_u64);
        while told.len() < COUNT {
            let mut watch = watch(&world, id, true, Some(place)).await;
            cuts += 1;
            for _ in 0..=cuts % 7 {
                // Also cut in the middle of looking.
                let Ok(news) = timeout(
                    Duration::from_micros(300 * (cuts % 11) * (1 + cuts / 200)),
                    watch.next(),
                )
                .await
                else {
                    continue;
                };
                let News { what, place: now } = news.unwrap().unwrap();
                if let Changed::Message(message) = what
                    && now > place
                {
                    told.push(message.message_id);
                }
                place = now;
            }
        }
        told
    };
    let (told, ()) = timeout(SOON, async { tokio::join!(reading, writing) }).await.unwrap();
    let log = world.service.messages(LogFilter::default(), Cursor::default(), 500);
    let log: Vec<_> = log
        .await
        .unwrap()
        .messages
        .iter()
        .map(|message| message.message_id)
        .collect();
    assert_eq!(told, log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_looked_at_in_snatches_tells_each_message_once() {
    const COUNT: usize = 40;
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let mut watch = watch(&world, id, true, None).await;
    let writing = async {
        for n in 0..COUNT {
            let inbound = text_from(BOB, &format!("3EB0{n:04X}"), &n.to_string());
            line.deliver(vec![inbound]).await.unwrap();
        }
    };
    let reading = async {
        let (mut told, mut snatch) = (Vec::new(), 0_u64);
        while told.len() < COUNT {
            snatch += 1;
            if let Ok(news) = timeout(
                Duration::from_micros(50 * (snatch % 40) * (1 + snatch / 200)),
                watch.next(),
            )
            .await
                && let Changed::Message(message) = news.unwrap().unwrap().what
            {
                told.push(message.text.unwrap());
            }
        }
        told
    };
    let (told, ()) = timeout(SOON, async { tokio::join!(reading, writing) }).await.unwrap();
    assert_eq!(told, (0..COUNT).map(|n| n.to_string()).collect::<Vec<_>>());
}

/// Accepted messages, and how the line would know them.
async fn accepted(world: &World, id: SessionId, count: usize) -> Vec<(MessageId, Outgoing)> {
    let [chat, sender] = [BOB, ADA].map(|number| Jid::of_number(&number.parse().unwrap()));
    let rows: Vec<_> = (0..count)
        .map(|n| NewMessage {
            id: MessageId::mint(&SystemClock, &OsRandom),
            session: id,
            chat: chat.clone(),
            sender: sender.clone(),
            stanza_id: StanzaId::mint(&OsRandom),
            content: Content::Text(Text {
                body: n.to_string(),
                preview_url: false,
            }),
            wire: vec![1].into(),
            client_ref: None,
            accepted_at: SystemClock.now(),
        })
        .collect();
    let outgoing = rows.iter().map(|row| {
        let (stanza_id, chat, wire) = (row.stanza_id.clone(), row.chat.clone(), row.wire.clone());
        (row.id, Outgoing { stanza_id, chat, wire })
    });
    let outgoing = outgoing.collect();
    Messages::new(world.store.clone()).accept(rows).await.unwrap();
    outgoing
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_keep_up_is_sent_away_and_finds_every_message_later_and_others_do_not_notice() {
    const COUNT: usize = 4_200;
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let rows = accepted(&world, id, COUNT).await;
    let mut slow = watch(&world, id, true, None).await;
    let mut quick = watch(&world, id, true, Some(Cursor::default())).await;
    let mut delivered = HashSet::new();
    for wave in rows.chunks(COUNT / 2) {
        let all = delivered.len() + wave.len();
        for (_, row) in wave {
            line.receipt(row, ReceiptKind::Delivered);
        }
        while delivered.len() < all {
            let (message, _) = message(&mut quick).await;
            if message.status == MessageStatus::Delivered {
                delivered.insert(message.message_id);
            }
        }
    }
    let mut place = Cursor::default();
    while let Some(news) = next(&mut slow).await {
        assert!(matches!(news.what, Changed::Session(_)), "{news:?}");
        place = news.place;
    }
    assert_eq!(
        watch(&world, id, true, None).await.next().await.unwrap().unwrap().place,
        place
    );

    let mut later = watch(&world, id, true, Some(Cursor::default())).await;
    for (row, _) in rows {
        let (told, _) = message(&mut later).await;
        assert_eq!((told.message_id, told.status), (row, MessageStatus::Delivered));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_is_told_of_with_the_messages_that_failed_by_it_and_that_is_the_end() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.lose();
    let queued = world.send(id, BOB, "never sent", true).await.unwrap();
    let mut watched = watch(&world, id, true, None).await;
    world.service.delete(&SessionRef::Session(id)).await.unwrap();
    let (mut last, mut failed) = (None, Vec::new());
    while let Some(news) = next(&mut watched).await {
        match news.what {
            Changed::Session(session) => last = Some(session.status),
            Changed::Message(message) => failed.push((message.message_id, message.status)),
        }
    }
    assert_eq!(last, Some(SessionStatus::Inactive));
    assert_eq!(failed, [(queued.message_id, MessageStatus::Failed)]);

    let mut again = watch(&world, id, true, None).await;
    assert_eq!(session(&mut again).await.status, SessionStatus::Inactive);
    assert!(next(&mut again).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_sight_is_not_there_and_there_is_room_for_so_many_watches() {
    let world = World::new().await;
    let [ours, theirs] = [
        world.service.create_session(NewSession::default()).await.unwrap(),
        world.service.create_session(NewSession::default()).await.unwrap(),
    ];
    let ours_alone = world.service.seeing([ours].into_iter().collect());
    let unseen = ours_alone.watch(&SessionRef::Session(theirs), true, None).await;
    assert_eq!(unseen.unwrap_err().code(), &Code::SESSION_NOT_FOUND);

    let mut watches = Vec::new();
    for _ in 0..MOST_WATCHES {
        watches.push(watch(&world, ours, false, None).await);
    }
    let one_more = async || world.service.watch(&SessionRef::Session(theirs), true, None).await;
    let full = one_more().await.unwrap_err();
    assert_eq!((full.code(), full.retry_delay().is_some()), (&Code::UNAVAILABLE, true));
    watches.pop();
    one_more().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_told_is_in_the_log_as_it_is_told() {
    let world = World::new().await;
    let (id, _line) = world.linked(ADA).await;
    let mut watch = watch(&world, id, true, None).await;
    world.send(id, BOB, "hi", true).await.unwrap();
    let (told, place) = message_becomes(&mut watch, MessageStatus::Sent).await;
    let page = world
        .service
        .messages(LogFilter::default(), Cursor::default(), 10)
        .await
        .unwrap();
    assert_eq!(
        (serde_json::to_value(&told).unwrap(), place),
        (serde_json::to_value(&page.messages[0]).unwrap(), page.next)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_behind_the_end_of_the_log_hides_nothing_that_comes() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let mut watch = watch(&world, id, true, Some("9000000000000000000".parse().unwrap())).await;
    line.deliver(vec![text_from(BOB, "3EB0AA", "hello")]).await.unwrap();
    loop {
        match next(&mut watch).await.unwrap().what {
            Changed::Message(message) => break assert_eq!(message.text.as_deref(), Some("hello")),
            Changed::Session(_) => {}
        }
    }
}
