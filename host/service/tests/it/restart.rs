//! A stop and a start: nothing is lost, and nobody has to link again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use switchboard_core::clock::{Clock as _, SystemClock, UnixMillis};
use switchboard_core::ids::{SessionId, SessionRef};
use switchboard_core::problem::Code;
use switchboard_core::random::Random;
use switchboard_core::status::{MessageStatus, SessionStatus};
use switchboard_service::{MessageRef, NewSession, Service, ServiceOptions};
use switchboard_store::sessions::{Phase, Session, Sessions};
use switchboard_whatsapp::{LossReason, Patience, Purpose};
use tokio::time::{Duration, Instant};

use crate::fake::{self, FakeLines, SOON, World, until};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";

/// Chance that was decided beforehand: these numbers, in this order.
#[derive(Debug)]
struct Drawn(&'static [u64], AtomicUsize);

impl Random for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        let drawn = self.0[self.1.fetch_add(1, Ordering::Relaxed)];
        bytes.copy_from_slice(&drawn.to_le_bytes());
    }
}

#[tokio::test]
async fn at_a_start_each_session_connects_at_a_random_moment_of_four_milliseconds_for_each_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = fake::store(&folder).await;
    let sessions = Sessions::new(store.clone());
    let ids: Vec<SessionId> = (1..=6).map(|n| format!("qr_{n}_00000001").parse().unwrap()).collect();
    for (&id, at) in ids.iter().zip(1..) {
        sessions
            .insert(&Session::new(id, None, None, UnixMillis(at)))
            .await
            .unwrap();
    }
    // Deleted: it does not connect, and nobody makes room for it.
    sessions.set_phase(ids[5], Phase::Inactive, &[]).await.unwrap();
    let lines = Arc::<FakeLines>::default();
    let options = ServiceOptions {
        random: Arc::new(Drawn(&[7, 19, 20, 0, 33, 1], AtomicUsize::new(0))),
        ..fake::options(store, lines.clone(), SOON).await
    };
    tokio::time::pause();
    let _service = Service::start(options).await.unwrap();
    let opened = until("five lines are open", async || {
        Some(lines.opened()).filter(|opened| opened.len() == 5)
    })
    .await;
    let first = opened.iter().map(|(_, at)| *at).min().unwrap();
    let after: HashMap<_, _> = opened
        .into_iter()
        .map(|(id, at)| (id, (at - first).as_millis()))
        .collect();
    // What was drawn for each, within 20 ms.
    assert_eq!(
        ids.iter().map(|id| after.get(id).copied()).collect::<Vec<_>>(),
        [Some(7), Some(19), Some(0), Some(0), Some(13), None]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_session_connects_again_without_a_code_and_is_not_called_ready_before_it_is() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let mobid = world.service.session(&SessionRef::Session(id)).await.unwrap().mobid;
    let world = world.restarted().await;
    assert!(!line.was_logged_out());
    world.status(id, SessionStatus::Connecting).await;
    let line = world.lines.of(id).await;
    assert_eq!(line.purpose, Purpose::Resume);
    line.connect();
    world.status(id, SessionStatus::Ready).await;
    assert_eq!(
        world.service.session(&SessionRef::Session(id)).await.unwrap().mobid,
        mobid
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_has_asked_for_holds_after_a_start_until_the_session_is_ready_or_somebody_decides_otherwise() {
    let hour = || SystemClock.now().plus(Duration::from_secs(3600));
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let session = SessionRef::Session(id);
    let until = hour();
    line.lose_for(LossReason::Stream("429".to_owned()), Some(until));

    let world = world.restarted().await;
    let line = world.lines.of(id).await;
    assert_eq!(line.patience, Some(Patience { until, banned: false }));
    let health = world.service.session(&session).await.unwrap().health.unwrap();
    assert_eq!(health.retry_at, Some(until));

    world.service.restart(&session).await.unwrap();
    assert_eq!(world.lines.of(id).await.patience, None, "it was asked for");

    // Not READY since: for another start it holds.
    let world = world.restarted().await;
    let line = world.lines.of(id).await;
    assert_eq!(line.patience, Some(Patience { until, banned: false }));
    line.connect();
    world.status(id, SessionStatus::Ready).await;

    let world = world.restarted().await;
    let line = world.lines.of(id).await;
    assert_eq!(line.patience, None);
    let until = hour();
    let reason = "too many people".to_owned();
    line.lose_for(LossReason::Banned { reason, until }, Some(until));
    let world = world.restarted().await;
    let line = world.lines.of(id).await;
    assert_eq!(line.patience, Some(Patience { until, banned: true }));
    line.lose();
    let world = world.restarted().await;
    assert_eq!(world.lines.of(id).await.patience, None, "another loss came after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_waits_for_its_phone_shows_a_fresh_code() {
    let world = World::new().await;
    let id = world.service.create_session(NewSession::default()).await.unwrap();
    let world = world.restarted().await;
    world.status(id, SessionStatus::QrReady).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_accepted_before_the_stop_is_sent_under_its_id_after_the_start() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.be_silent(true);
    let accepted = world.send(id, BOB, "over the restart", false).await.unwrap();
    let before = line.wrote(1).await;
    let world = world.restarted().await;
    let line = world.lines.of(id).await;
    line.connect();
    assert_eq!(line.wrote(1).await, before);
    until("sent", async || {
        let message = world
            .service
            .message(MessageRef::Id(accepted.message_id))
            .await
            .unwrap();
        (message.status == MessageStatus::Sent).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_who_waits_closes_every_line_and_takes_nothing_new() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.be_silent(true);
    let waiting = {
        let world = &world;
        async move { world.send(id, BOB, "waiting", true).await }
    };
    let stop = async {
        line.wrote(1).await;
        world.service.shutdown(Instant::now() + Duration::from_secs(10)).await;
    };
    let (answer, ()) = tokio::join!(waiting, stop);
    assert!(answer.unwrap().is_queued());
    assert_eq!(world.lines.open_count(), 0);
    assert!(!line.was_logged_out());
    assert_eq!(
        world.send(id, BOB, "too late", false).await.unwrap_err().code(),
        &Code::UNAVAILABLE
    );
    assert_eq!(world.service.ready().await.unwrap_err().code(), &Code::UNAVAILABLE);
}
