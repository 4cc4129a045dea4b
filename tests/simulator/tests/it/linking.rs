//! Linking, logging in and logging out.

use simulator::PhoneError;

use crate::client::Client;
use crate::{A, start};

#[tokio::test]
async fn a_client_is_linked_by_qr_code() {
    let simulator = start().await;
    let phone = simulator.phone(A).unwrap();
    let client = Client::new(&simulator).await;
    let device = client.link(&phone).await;
    client.connected().await;
    assert_eq!((device.phone.as_str(), device.device), (A, 1));
    assert_eq!(phone.companions(), [1]);
}

#[tokio::test]
async fn a_client_is_linked_by_phone_code() {
    let simulator = start().await;
    let phone = simulator.phone(A).unwrap();
    let client = Client::new(&simulator).await;
    let code = client.phone_code(A).await;
    assert_eq!(phone.enter_code(&code).await.unwrap().device, 1);
    client.connected().await;
}

#[tokio::test]
async fn a_mistyped_phone_code_can_be_typed_again() {
    let simulator = start().await;
    let phone = simulator.phone(A).unwrap();
    let client = Client::new(&simulator).await;
    let code = client.phone_code(A).await;
    let mistyped = if code.starts_with('A') { "BBBBBBBB" } else { "AAAAAAAA" };
    let error = phone.enter_code(mistyped).await.unwrap_err();
    assert!(matches!(error, PhoneError::WrongCode), "{error}");
    phone.enter_code(&code).await.unwrap();
    client.connected().await;
}

#[tokio::test]
async fn a_code_that_nobody_asked_for_is_refused() {
    let simulator = start().await;
    let error = simulator.phone(A).unwrap().enter_code("ABCD1234").await.unwrap_err();
    assert!(matches!(error, PhoneError::NoCodeOutstanding), "{error}");
}

#[tokio::test]
async fn a_qr_code_works_once() {
    let simulator = start().await;
    let phone = simulator.phone(A).unwrap();
    let client = Client::new(&simulator).await;
    let qr = client.qr().await;
    phone.scan_qr(&qr).await.unwrap();
    let error = phone.scan_qr(&qr).await.unwrap_err();
    assert!(matches!(error, PhoneError::ExpiredRef), "{error}");
    let unknown = qr.replacen("2@", "2@x", 1);
    let error = phone.scan_qr(&unknown).await.unwrap_err();
    assert!(matches!(error, PhoneError::UnknownRef), "{error}");
}

#[tokio::test]
async fn a_linked_client_comes_back_without_a_scan_and_with_a_short_handshake() {
    let simulator = start().await;
    let client = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    let client = client.restart(&simulator).await;
    client.connected().await;
    assert_eq!(
        simulator.tally().handshakes.get("ik"),
        Some(&1),
        "{:?}",
        simulator.tally().handshakes
    );
}

#[tokio::test]
async fn an_account_has_several_companions() {
    let simulator = start().await;
    let phone = simulator.phone(A).unwrap();
    let _first = Client::linked(&simulator, &phone).await;
    let _second = Client::linked(&simulator, &phone).await;
    assert_eq!(phone.companions(), [1, 2]);
}

#[tokio::test]
async fn an_unlinked_client_is_logged_out() {
    let simulator = start().await;
    let phone = simulator.phone(A).unwrap();
    let client = Client::linked(&simulator, &phone).await;
    phone.unlink(1).unwrap();
    client.logged_out().await;
    assert!(phone.companions().is_empty());
}

#[tokio::test]
async fn a_client_that_was_unlinked_while_away_is_refused() {
    let simulator = start().await;
    let phone = simulator.phone(A).unwrap();
    let keys = Client::linked(&simulator, &phone).await.stop().await;
    phone.unlink_all().unwrap();
    keys.start(&simulator).await.logged_out().await;
}

#[tokio::test]
async fn a_client_logs_itself_out() {
    let simulator = start().await;
    let phone = simulator.phone(A).unwrap();
    let client = Client::linked(&simulator, &phone).await;
    client.log_out().await;
    client.logged_out().await;
    assert!(phone.companions().is_empty());
}

#[tokio::test]
async fn a_second_login_of_a_device_replaces_the_first() {
    use whatsapp_rust::wacore::types::events::Event;
    let simulator = start().await;
    let first = Client::linked(&simulator, &simulator.phone(A).unwrap()).await;
    let second = first.twin(&simulator).await;
    second.connected().await;
    first
        .wait("the replacement", |event| {
            matches!(event, Event::StreamReplaced(_)).then_some(())
        })
        .await;
}
