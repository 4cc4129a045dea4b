//! Connections that are lost and come back.

use std::time::Duration;

use simulator::{Fault, Number};
use switchboard_core::clock::{Clock as _, SystemClock};
use switchboard_whatsapp::{LineState, LineStatus, LossReason, Patience, Purpose};

use crate::fixture::{A, B, Log, World, arrives, send, state, status};

fn number() -> Number {
    Number::parse(A).unwrap()
}

#[tokio::test]
async fn after_a_stream_error_or_a_dropped_socket_the_line_says_so_and_recovers() {
    let faults = [
        Fault::StreamError {
            number: number(),
            device: None,
            code: 503,
        },
        Fault::DropSocket {
            number: number(),
            device: None,
        },
    ];
    for fault in faults {
        let world = World::new().await;
        let (_, line) = world.linked().await;
        world.simulator.inject(fault).unwrap();
        status(&line, LineStatus::Reconnecting).await;
        assert!(send(&line, B, "too soon").await.is_err());
        status(&line, LineStatus::Ready).await;
        assert!(line.state().borrow().last_loss.is_some());
        send(&line, B, "recovered").await.unwrap();
        arrives(&world.b, "recovered").await;
        line.stop().await;
    }
}

#[tokio::test]
async fn a_refused_login_is_a_loss_and_not_the_end() {
    for (code, reason) in [(405, LossReason::Outdated), (418, LossReason::Refused(418))] {
        let world = World::new().await;
        let (_, line) = world.linked().await;
        world.refuse_login(code);
        let is_it = |state: &LineState| (state.last_loss.as_ref()?.reason == reason).then_some(());
        state(&line, is_it).await;
        status(&line, LineStatus::Ready).await;
        line.stop().await;
    }
}

#[tokio::test]
async fn a_ban_is_shown_with_its_reason_and_end_and_keeps_the_link() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    world.refuse_login(402);
    let banned = |state: &LineState| match &state.status {
        LineStatus::Banned { until } => Some((*until, state.last_loss.clone()?)),
        _ => None,
    };
    let (until, loss) = state(&line, banned).await;
    assert!(until > loss.at);
    assert_eq!(loss.wait_until, Some(until));
    let waits = |state: &LineState| state.retry_at;
    assert_eq!(state(&line, waits).await, until);
    assert!(matches!(loss.reason, LossReason::Banned { reason, .. } if reason.contains("too many")));
    line.stop().await;
    // The simulator's ban was for one login.
    let line = session.open(Purpose::Resume);
    status(&line, LineStatus::Ready).await;
    line.stop().await;
}

#[tokio::test]
async fn a_line_of_which_patience_was_asked_dials_when_the_time_is_over_and_not_before() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    line.stop().await;
    let until = SystemClock.now().plus(Duration::from_millis(700));
    let banned = Patience { until, banned: true };
    let line = session.open_with(Purpose::Resume, Some(banned));
    let begin = line.state().borrow().clone();
    assert_eq!(
        (begin.status, begin.retry_at),
        (LineStatus::Banned { until }, Some(until))
    );
    status(&line, LineStatus::Ready).await;
    assert!(SystemClock.now() >= until);
    assert_eq!(line.state().borrow().retry_at, None);
    line.stop().await;
    // A stop does not wait for it.
    let until = SystemClock.now().plus(Duration::from_secs(3600));
    let limited = Patience { until, banned: false };
    let line = session.open_with(Purpose::Resume, Some(limited));
    assert_eq!(line.state().borrow().status, LineStatus::Connecting);
    line.stop().await;
}

#[tokio::test]
async fn another_client_on_the_same_keys_is_reported_and_not_fought() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    // As another process on a copy of the data folder would.
    let other = session.in_another_process(&world).open(Purpose::Resume);
    let is_it = |state: &LineState| (state.last_loss.as_ref()?.reason == LossReason::Replaced).then_some(());
    state(&line, is_it).await;
    status(&other, LineStatus::Ready).await;
    assert_eq!(line.state().borrow().status, LineStatus::Reconnecting);
    assert!(!line.health().socket_open);
    line.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn messages_that_could_not_be_kept_come_again() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    session.heard.refuse(1);
    world.b.send_text(A, "please keep me").await.unwrap();
    let refused = |log: &Log| (log.refusals == 0).then_some(());
    session.heard.wait("the refusal", refused).await;
    let drop = Fault::DropSocket {
        number: number(),
        device: None,
    };
    world.simulator.inject(drop).unwrap();
    session.heard.text("please keep me").await;
    line.stop().await;
}
