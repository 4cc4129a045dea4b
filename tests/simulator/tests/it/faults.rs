//! Faults as clients feel them.

use simulator::{Fault, Number, Simulator};
use whatsapp_rust::wacore::types::events::Event;

use crate::client::{Client, PATIENCE};
use crate::{A, B, start};

fn number() -> Number {
    Number::parse(A).unwrap()
}

async fn client(simulator: &Simulator) -> Client {
    simulator.phone(B).unwrap();
    Client::linked(simulator, &simulator.phone(A).unwrap()).await
}

fn stream_error(code: u16) -> Fault {
    Fault::StreamError {
        number: number(),
        device: Some(1),
        code,
    }
}

#[tokio::test]
async fn after_503_and_515_and_a_dropped_socket_a_client_comes_back() {
    let simulator = start().await;
    let client = client(&simulator).await;
    let dropped = Fault::DropSocket {
        number: number(),
        device: None,
    };
    for fault in [stream_error(503), stream_error(515), dropped] {
        simulator.inject(fault).unwrap();
        client.connected().await;
    }
}

#[tokio::test]
async fn after_401_a_client_is_logged_out() {
    let simulator = start().await;
    let client = client(&simulator).await;
    simulator.inject(stream_error(401)).unwrap();
    client.logged_out().await;
}

#[tokio::test]
async fn a_login_can_be_refused_with_any_reason() {
    let simulator = start().await;
    let client = client(&simulator).await;
    let refusal = Fault::LoginFailure {
        number: number(),
        device: None,
        code: 405,
        times: 1,
    };
    simulator.inject(refusal).unwrap();
    simulator.inject(stream_error(515)).unwrap();
    client
        .wait("the outdated version", |event| {
            matches!(event, Event::ClientOutdated(_)).then_some(())
        })
        .await;
}

#[tokio::test]
async fn refused_connections_are_tried_again() {
    let simulator = start().await;
    let client = client(&simulator).await;
    simulator.inject(Fault::RefuseConnections { times: 2 }).unwrap();
    simulator.inject(stream_error(515)).unwrap();
    client.connected().await;
}

#[tokio::test]
async fn a_refused_message_is_not_delivered() {
    let simulator = start().await;
    let client = client(&simulator).await;
    let refusal = Fault::NackMessages {
        number: number(),
        device: None,
        code: 463,
        times: 1,
    };
    simulator.inject(refusal).unwrap();
    let id = client.send(B, "refused").await;
    assert_eq!(client.ack(&id).await.as_deref(), Some("463"));
    client.send(B, "taken").await;
    let b = simulator.phone(B).unwrap();
    b.wait_for_message(PATIENCE, |message| message.text.as_deref() == Some("taken"))
        .await
        .unwrap();
    assert_eq!(b.messages().len(), 1);
}

#[tokio::test]
async fn a_withheld_acknowledgement_comes_with_the_second_send_of_the_same_id() {
    let simulator = start().await;
    let client = client(&simulator).await;
    let withheld = Fault::WithholdAcks {
        number: number(),
        device: None,
        times: 1,
    };
    simulator.inject(withheld).unwrap();
    let id = "3EB0BBBBBBBBBBBBBBBBBB";
    client.send_as(id, B, "hello").await;
    let b = simulator.phone(B).unwrap();
    b.wait_for_message(PATIENCE, |message| message.id == id).await.unwrap();
    client.send_as(id, B, "hello").await;
    assert_eq!(client.ack(id).await, None);
    assert_eq!(b.messages().len(), 1);
}

#[tokio::test]
async fn an_acknowledgement_can_come_late() {
    let simulator = start().await;
    let client = client(&simulator).await;
    let late = Fault::DelayAcks {
        number: number(),
        device: None,
        millis: 300,
        times: 1,
    };
    simulator.inject(late).unwrap();
    let sent = tokio::time::Instant::now();
    let id = client.send(B, "hello").await;
    client.ack(&id).await;
    assert!(sent.elapsed().as_millis() >= 300);
}

#[tokio::test]
async fn a_fault_of_a_socket_needs_one() {
    let simulator = start().await;
    assert!(simulator.inject(stream_error(503)).is_err());
    simulator.phone(A).unwrap();
    assert!(simulator.inject(stream_error(503)).is_err());
}
