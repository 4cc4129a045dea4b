//! Connections that are lost and come back.

use simulator::{Fault, Number};
use switchboard_whatsapp::{LineStatus, LossReason};

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
async fn a_version_that_is_turned_away_is_a_loss_and_not_the_end() {
    let world = World::new().await;
    let (_, line) = world.linked().await;
    let outdated = Fault::LoginFailure {
        number: number(),
        device: None,
        code: 405,
        times: 1,
    };
    let drop = Fault::DropSocket {
        number: number(),
        device: None,
    };
    world.simulator.inject(outdated).unwrap();
    world.simulator.inject(drop).unwrap();
    let is_outdated = |state: &switchboard_whatsapp::LineState| {
        let loss = state.last_loss.as_ref()?;
        (loss.reason == LossReason::Outdated).then_some(())
    };
    state(&line, is_outdated).await;
    status(&line, LineStatus::Ready).await;
    line.stop().await;
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
