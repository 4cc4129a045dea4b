//! Linking, and the first text.

use std::time::Duration;

use simulator::{Fault, Number, PhoneError};
use switchboard_core::event::{LineEvent, ReceiptKind};
use switchboard_whatsapp::{LineState, LineStatus, LinkStep, LossReason, Purpose};

use crate::fixture::{A, B, Log, PATIENCE, World, arrives, code, qr, qr_text, send, state, status, to};

#[tokio::test]
async fn a_scanned_code_links_the_session_and_texts_go_both_ways() {
    let world = World::new().await;
    let session = world.session();
    let line = session.open(Purpose::Link);
    let device = world.a.scan_qr(&qr(&line).await).await.unwrap();
    status(&line, LineStatus::Ready).await;

    let account = line.state().borrow().account.clone().unwrap();
    assert_eq!((account.number.digits(), account.device), (A, device.device));
    assert_eq!(account.lid.unwrap().user(), world.a.lid());
    assert!(line.state().borrow().step.is_none());
    assert!(line.health().socket_open && line.health().last_frame.is_some());
    let order = |log: &Log| match log.events.as_slice() {
        [LineEvent::Linked(account), LineEvent::Ready, ..] => Some(account.number.digits().to_owned()),
        _ => None,
    };
    assert_eq!(session.heard.wait("the link", order).await, A);

    let id = send(&line, B, "hello 👋").await.unwrap();
    assert_eq!(session.heard.ack(&id).await, None);
    assert!(line.health().last_ack.is_some());
    let received = arrives(&world.b, "hello 👋").await;
    assert_eq!(received.id, id.to_string());
    session.heard.receipt(ReceiptKind::Delivered, &id).await;
    world.b.mark_read(&received.id).await.unwrap();
    session.heard.receipt(ReceiptKind::Read, &id).await;
    world.b.mark_played(&received.id).await.unwrap();
    session.heard.receipt(ReceiptKind::Played, &id).await;

    let answer = world.b.send_text(A, "hello yourself").await.unwrap();
    let message = session.heard.text("hello yourself").await;
    assert_eq!(message.stanza_id.to_string(), answer);
    assert!(!message.from_me && !message.wire.is_empty());
    let known = [Some(&message.sender), message.sender_alt.as_ref()];
    assert!(known.contains(&Some(&to(B))), "{known:?}");
    line.stop().await;
}

#[tokio::test]
async fn what_the_phone_itself_sends_is_heard_as_ours() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    world.a.send_text(B, "from the phone").await.unwrap();
    let message = session.heard.text("from the phone").await;
    assert!(message.from_me);
    let other = world.b.lid().to_owned();
    assert!([B, other.as_str()].contains(&message.chat.user()), "{:?}", message.chat);
    line.stop().await;
}

#[tokio::test]
async fn receipts_of_a_line_are_those_of_somebody_who_is_there() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    let id = world.b.send_text(A, "are you there").await.unwrap();
    session.heard.text("are you there").await;
    let delivered = world
        .b
        .wait_for_receipt(PATIENCE, &id, |receipt| receipt.kind == "delivered")
        .await;
    delivered.unwrap();
    line.stop().await;
}

#[tokio::test]
async fn codes_that_ran_out_are_followed_by_fresh_ones() {
    let world = World::new().await;
    let session = world.session();
    let line = session.open(Purpose::Link);
    let first = qr(&line).await;
    // A client has codes for 160 seconds. Then a new client must take its place, with codes of its own.
    tokio::time::pause();
    while world.simulator.tally().handshakes.values().sum::<u64>() < 2 {
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    tokio::time::resume();
    let mut code = first;
    while world.a.scan_qr(&code).await.is_err() {
        let next = |state: &LineState| qr_text(state).filter(|text| *text != code);
        code = state(&line, next).await;
    }
    status(&line, LineStatus::Ready).await;
    line.stop().await;
}

fn by_code() -> Purpose {
    Purpose::LinkByCode(A.parse().unwrap())
}

fn number() -> Number {
    Number::parse(A).unwrap()
}

#[tokio::test]
async fn a_typed_code_links_the_session() {
    let world = World::new().await;
    let session = world.session();
    let line = session.open(by_code());
    let code = code(&line).await;
    assert_eq!(line.state().borrow().status, LineStatus::PairingCodeReady);
    assert_eq!(
        (code.text.len(), code.expires_at > line.health().last_frame.unwrap()),
        (8, true)
    );
    let mistyped = if code.text == "ABCD1234" {
        "ABCD1235"
    } else {
        "ABCD1234"
    };
    assert!(world.a.enter_code(mistyped).await.is_err());
    world.a.enter_code(&code.text).await.unwrap();
    status(&line, LineStatus::Ready).await;
    assert!(line.state().borrow().step.is_none());
    send(&line, B, "linked by code").await.unwrap();
    arrives(&world.b, "linked by code").await;
    line.stop().await;
    let line = session.open(Purpose::Resume);
    status(&line, LineStatus::Ready).await;
    line.stop().await;
}

#[tokio::test]
async fn a_code_that_whatsapp_takes_back_is_followed_by_another() {
    let world = World::new().await;
    let line = world.session().open(by_code());
    let first = code(&line).await;
    world.simulator.inject(Fault::RefreshCode { number: number() }).unwrap();
    let next = |state: &LineState| match state.step.as_ref()? {
        LinkStep::TypeCode(code) if code.text != first.text => Some(code.clone()),
        _ => None,
    };
    let second = state(&line, next).await;
    world.a.enter_code(&second.text).await.unwrap();
    status(&line, LineStatus::Ready).await;
    line.stop().await;
}

#[tokio::test]
async fn a_refusal_to_give_out_a_code_is_told_in_words_and_overcome() {
    let world = World::new().await;
    let refusal = Fault::RefuseCodes {
        number: number(),
        code: 500,
        times: 1,
    };
    world.simulator.inject(refusal).unwrap();
    let line = world.session().open(by_code());
    let failed = |state: &LineState| match &state.last_loss.as_ref()?.reason {
        LossReason::Pairing(reason) => Some(reason.to_string()),
        _ => None,
    };
    let reason = state(&line, failed).await;
    assert!(reason.contains("internal-server-error"), "{reason}");
    world.a.enter_code(&code(&line).await.text).await.unwrap();
    status(&line, LineStatus::Ready).await;
    line.stop().await;
}

#[tokio::test]
async fn a_passkey_that_whatsapp_demands_is_shown_with_its_challenge() {
    for purpose in [Purpose::Link, by_code()] {
        let world = World::new().await;
        let demand = Fault::RequirePasskey {
            number: number(),
            times: 1,
        };
        world.simulator.inject(demand).unwrap();
        let line = world.session().open(purpose.clone());
        let linked = if purpose == Purpose::Link {
            world.a.scan_qr(&qr(&line).await).await
        } else {
            world.a.enter_code(&code(&line).await.text).await
        };
        assert!(matches!(linked, Err(PhoneError::PasskeyRequired)), "{linked:?}");
        let passkey = |state: &LineState| match state.step.clone()? {
            LinkStep::GivePasskey(passkey) => Some((state.status.clone(), passkey, state.last_loss.clone()?)),
            _ => None,
        };
        let (status, passkey, loss) = state(&line, passkey).await;
        assert_eq!(status, LineStatus::PasskeyRequired);
        assert!(passkey.challenge.contains("web.whatsapp.com"), "{passkey:?}");
        assert!(matches!(loss.reason, LossReason::Pairing(_)), "{loss:?}");
        line.stop().await;
    }
}
