//! What becomes of a message.

use simulator::{Fault, Number};
use switchboard_core::event::ReceiptKind;
use switchboard_whatsapp::{LineError, LineStatus, Outgoing, Purpose, SendError};

use crate::fixture::{A, B, World, arrives, outgoing, qr, send, status};

#[tokio::test]
async fn a_refusal_by_the_server_is_the_outcome() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    for code in [463, 479] {
        let refusal = Fault::NackMessages {
            number: Number::parse(A).unwrap(),
            device: None,
            code,
            times: 1,
        };
        world.simulator.inject(refusal).unwrap();
        let id = send(&line, B, "refused").await.unwrap();
        assert_eq!(session.heard.ack(&id).await, Some(code));
    }
    line.stop().await;
}

#[tokio::test]
async fn a_message_sent_twice_under_one_id_is_one_message() {
    let world = World::new().await;
    let (session, line) = world.linked().await;
    let message = outgoing(B, "once");
    line.send(message.clone()).await.unwrap();
    session.heard.receipt(ReceiptKind::Delivered, &message.stanza_id).await;
    line.send(message).await.unwrap();
    send(&line, B, "and then").await.unwrap();
    arrives(&world.b, "and then").await;
    let copies = world
        .b
        .messages()
        .iter()
        .filter(|message| message.text.as_deref() == Some("once"))
        .count();
    assert_eq!(copies, 1);
    line.stop().await;
}

#[tokio::test]
async fn nothing_is_sent_or_asked_over_a_line_that_is_not_ready() {
    let world = World::new().await;
    let line = world.session().open(Purpose::Link);
    qr(&line).await;
    let error = send(&line, B, "too soon").await.unwrap_err();
    assert!(matches!(error, SendError::NotConnected), "{error}");
    let error = line.is_on_whatsapp(&B.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, LineError::NotConnected), "{error}");
    line.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused_for_good() {
    let world = World::new().await;
    let (_, line) = world.linked().await;
    let garbage = Outgoing {
        wire: bytes::Bytes::from_static(&[0xff; 8]),
        ..outgoing(B, "")
    };
    let error = line.send(garbage).await.unwrap_err();
    assert!(matches!(error, SendError::Refused(_)), "{error}");
    assert_eq!(line.state().borrow().status, LineStatus::Ready);
    line.stop().await;
}

#[tokio::test]
async fn whatsapp_is_asked_who_is_there() {
    let world = World::new().await;
    let (_, line) = world.linked().await;
    let found = line.is_on_whatsapp(&B.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.jid.user(), B);
    assert!(found.lid.is_none_or(|lid| lid.user() == world.b.lid()));
    assert_eq!(
        line.is_on_whatsapp(&"15559999999".parse().unwrap()).await.unwrap(),
        None
    );
    status(&line, LineStatus::Ready).await;
    line.stop().await;
}
