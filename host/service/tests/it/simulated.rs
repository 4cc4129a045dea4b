//! The same service over real lines, against the simulator.

use std::sync::Arc;
use std::time::Duration;

use simulator::{Options, Simulator};
use switchboard_core::clock::{Clock, SystemClock};
use switchboard_core::config::WebVersion;
use switchboard_core::ids::{RequestId, SessionId, SessionRef};
use switchboard_core::random::OsRandom;
use switchboard_core::status::{MessageStatus, SessionStatus};
use switchboard_egress::{Egress, EgressOptions, Reach};
use switchboard_service::{Cursor, LogFilter, MessageRef, NewSession, SendRequest, SendStatus, Sent, Service};
use switchboard_whatsapp::{Driver, DriverOptions};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::fake::{start, store, until};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";
const PATIENT: Duration = Duration::from_secs(15);

async fn service(simulator: &Simulator, folder: &TempDir) -> Service {
    let driver = Driver::new(DriverOptions {
        url: simulator.ws_url(),
        version: WebVersion::Fixed(2, 3000, 1),
        device_name: "Switchboard".to_owned(),
        pre_keys: Some(30),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        egress: Egress::new(EgressOptions {
            reach: Reach::LoopbackOnly,
        })
        .unwrap(),
    });
    start(store(folder).await, Arc::new(driver.unwrap()), PATIENT).await
}

async fn ready(service: &Service, id: SessionId) {
    until("READY", async || {
        let session = service.session(&SessionRef::Session(id)).await.unwrap();
        (session.status == SessionStatus::Ready).then_some(())
    })
    .await;
}

async fn send(service: &Service, from: SessionId, to: &str, text: &str) -> Sent {
    let request = SendRequest {
        session: SessionRef::Session(from),
        to: to.parse().unwrap(),
        kind: "text".to_owned(),
        body: serde_json::json!({"text": text}),
        wait: true,
        client_ref: None,
    };
    let request_id = RequestId::mint(&SystemClock, &OsRandom);
    service.send(request, request_id, SystemClock.now()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_out_and_its_answer_comes_back_also_after_a_restart_without_a_new_link() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let (ada, bob) = (simulator.phone(ADA).unwrap(), simulator.phone(BOB).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let before = service(&simulator, &folder).await;
    let id = before.create_session(NewSession::default()).await.unwrap();
    let session = SessionRef::Session(id);
    let code = until("a QR code", async || before.qr(&session).ok()).await;
    ada.scan_qr(&code.text).await.unwrap();
    ready(&before, id).await;

    let sent = send(&before, id, BOB, "hello 👋").await;
    assert_eq!(sent.status, SendStatus::Sent);
    until("the phone has it", async || {
        bob.messages()
            .iter()
            .any(|message| message.text.as_deref() == Some("hello 👋"))
            .then_some(())
    })
    .await;
    until("delivered", async || {
        let message = before.message(MessageRef::Id(sent.message_id)).await.unwrap();
        (message.status == MessageStatus::Delivered).then_some(())
    })
    .await;

    before.shutdown(Instant::now() + PATIENT).await;
    let after = service(&simulator, &folder).await;
    ready(&after, id).await;
    bob.send_text(ADA, "and back").await.unwrap();
    until("the answer is in the log", async || {
        let log = after
            .messages(LogFilter::default(), Cursor::default(), 10)
            .await
            .unwrap();
        log.messages
            .iter()
            .any(|message| message.text.as_deref() == Some("and back"))
            .then_some(())
    })
    .await;
    assert_eq!(send(&after, id, BOB, "once more").await.status, SendStatus::Sent);
    after.shutdown(Instant::now() + PATIENT).await;
    simulator.shutdown().await;
}
