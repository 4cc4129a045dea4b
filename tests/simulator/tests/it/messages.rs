//! Messages, receipts, retries and the offline queue.

use whatsapp_rust::types::presence::ReceiptType;

use simulator::{Fault, Number};

use crate::client::{Client, PATIENCE};
use crate::{A, B, start};

#[tokio::test]
async fn a_text_reaches_the_recipients_phone_and_the_senders_own() {
    let simulator = start().await;
    let (a, b) = (simulator.phone(A).unwrap(), simulator.phone(B).unwrap());
    let client = Client::linked(&simulator, &a).await;
    let id = client.send(B, "hello 👋").await;
    assert_eq!(client.ack(&id).await, None);
    let received = b.wait_for_message(PATIENCE, |message| message.id == id).await.unwrap();
    assert_eq!((received.from.as_str(), received.chat.as_str()), (A, A));
    assert_eq!(received.text.as_deref(), Some("hello 👋"));
    let copy = a.wait_for_message(PATIENCE, |message| message.id == id).await.unwrap();
    assert!(copy.from_me);
    assert_eq!((copy.from.as_str(), copy.chat.as_str()), (A, B));
}

#[tokio::test]
async fn a_text_from_a_phone_reaches_a_client_which_answers() {
    let simulator = start().await;
    let (a, b) = (simulator.phone(A).unwrap(), simulator.phone(B).unwrap());
    let client = Client::linked(&simulator, &a).await;
    let id = b.send_text(A, "are you there?").await.unwrap();
    let text = client.text().await;
    assert_eq!((text.id.as_str(), text.text.as_str()), (id.as_str(), "are you there?"));
    client.send(B, "yes").await;
    b.wait_for_message(PATIENCE, |message| message.text.as_deref() == Some("yes"))
        .await
        .unwrap();
    client.read(&text).await;
    b.wait_for_receipt(PATIENCE, &id, |receipt| receipt.kind == "read" && receipt.device == 1)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_text_from_the_own_phone_is_copied_to_its_companion() {
    let simulator = start().await;
    let (a, b) = (simulator.phone(A).unwrap(), simulator.phone(B).unwrap());
    let client = Client::linked(&simulator, &a).await;
    a.send_text(B, "from my phone").await.unwrap();
    let copy = client.text().await;
    assert!(copy.from_me);
    assert_eq!(copy.text, "from my phone");
    b.wait_for_message(PATIENCE, |message| message.from == A).await.unwrap();
}

#[tokio::test]
async fn the_sender_learns_that_a_text_was_delivered_read_and_played() {
    let simulator = start().await;
    let b = simulator.phone(B).unwrap();
    let client = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    let id = client.send(B, "hello").await;
    client.receipt(ReceiptType::Delivered, &id).await;
    b.mark_read(&id).await.unwrap();
    client.receipt(ReceiptType::Read, &id).await;
    b.mark_played(&id).await.unwrap();
    client.receipt(ReceiptType::Played, &id).await;
    assert!(b.mark_read("unknown").await.is_err());
}

#[tokio::test]
async fn two_clients_write_to_each_other() {
    let simulator = start().await;
    let a = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    let b = Client::linked(&simulator, &simulator.phone(B).unwrap()).await;
    a.send(B, "ping").await;
    assert_eq!(b.text().await.text, "ping");
    b.send(A, "pong").await;
    assert_eq!(a.text().await.text, "pong");
}

#[tokio::test]
async fn a_message_waits_for_a_client_that_is_away() {
    let simulator = start().await;
    let b = simulator.phone(B).unwrap();
    let keys = Client::linked(&simulator, &simulator.phone(A).unwrap())
        .await
        .stop()
        .await;
    b.send_text(A, "one").await.unwrap();
    b.send_text(A, "two").await.unwrap();
    let client = keys.start(&simulator).await;
    assert_eq!(client.text().await.text, "one");
    assert_eq!(client.text().await.text, "two");
}

#[tokio::test]
async fn a_known_message_id_is_dropped() {
    let simulator = start().await;
    let b = simulator.phone(B).unwrap();
    let client = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    let id = "3EB0AAAAAAAAAAAAAAAAAA";
    client.send_as(id, B, "once").await;
    assert_eq!(client.ack(id).await, None);
    client.send_as(id, B, "once").await;
    assert_eq!(client.ack(id).await, None);
    client.send(B, "after").await;
    b.wait_for_message(PATIENCE, |message| message.text.as_deref() == Some("after"))
        .await
        .unwrap();
    assert_eq!(b.messages().iter().filter(|message| message.id == id).count(), 1);
    assert_eq!(
        simulator.tally().duplicates_dropped,
        2,
        "the recipient's phone and the sender's own"
    );
}

#[tokio::test]
async fn a_number_is_on_whatsapp_when_it_has_an_account() {
    let simulator = start().await;
    let client = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    assert!(!client.is_on_whatsapp(B).await);
    simulator.phone(B).unwrap();
    assert!(client.is_on_whatsapp(B).await);
}

#[tokio::test]
async fn a_companion_that_comes_later_gets_the_next_message() {
    let simulator = start().await;
    let phone_b = simulator.phone(B).unwrap();
    let a = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    a.send(B, "to the phone alone").await;
    let b = Client::linked(&simulator, &phone_b).await;
    a.send(B, "to both").await;
    assert_eq!(b.text().await.text, "to both");
}

#[tokio::test]
async fn a_client_asks_a_phone_again_for_what_it_cannot_decrypt() {
    let simulator = start().await;
    let b = simulator.phone(B).unwrap();
    let client = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    b.send_text(A, "whole").await.unwrap();
    assert_eq!(client.text().await.text, "whole");
    simulator.inject(corrupt(A)).unwrap();
    b.send_text(A, "damaged on the way").await.unwrap();
    assert_eq!(client.text().await.text, "damaged on the way");
    assert!(simulator.tally().retries > 0);
}

#[tokio::test]
async fn a_client_asks_another_client_again_for_what_it_cannot_decrypt() {
    let simulator = start().await;
    let a = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    let b = Client::linked(&simulator, &simulator.phone(B).unwrap()).await;
    a.send(B, "whole").await;
    assert_eq!(b.text().await.text, "whole");
    simulator.inject(corrupt(B)).unwrap();
    a.send(B, "damaged on the way").await;
    assert_eq!(b.text().await.text, "damaged on the way");
}

#[tokio::test]
async fn a_phone_asks_a_client_again_for_what_it_cannot_decrypt() {
    let simulator = start().await;
    let b = simulator.phone(B).unwrap();
    let client = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    b.send_text(A, "so that the session stands").await.unwrap();
    client.text().await;
    client.send(B, "readable").await;
    b.wait_for_message(PATIENCE, |message| message.text.as_deref() == Some("readable"))
        .await
        .unwrap();
    let number = Number::parse(B).unwrap();
    simulator.inject(Fault::ForgetSessions { number }).unwrap();
    client.send(B, "readable at the second try").await;
    b.wait_for_message(PATIENCE, |message| {
        message.text.as_deref() == Some("readable at the second try")
    })
    .await
    .unwrap();
    assert!(simulator.tally().retries > 0);
}

#[tokio::test]
async fn a_phone_tells_its_companion_what_a_message_of_its_own_says() {
    let simulator = start().await;
    let (a, _b) = (simulator.phone(A).unwrap(), simulator.phone(B).unwrap());
    let client = Client::linked(&simulator, &a).await;
    simulator.inject(corrupt(A)).unwrap();
    let id = a.send_text(B, "damaged on the way").await.unwrap();
    client.ask_the_own_phone().await;
    let told = client.text().await;
    assert_eq!(
        (told.id, told.text.as_str(), told.from_me),
        (id, "damaged on the way", true)
    );
    assert_eq!(simulator.tally().placeholders, 1);
}

fn corrupt(number: &str) -> Fault {
    Fault::CorruptMessages {
        number: Number::parse(number).unwrap(),
        device: None,
        times: 1,
    }
}
