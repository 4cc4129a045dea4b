//! The same service over real lines, against the simulator.

use std::sync::Arc;
use std::time::Duration;

use simulator::{Fault, Number, Options, Simulator};
use switchboard_core::clock::{Clock, ManualClock, SystemClock, UnixMillis};
use switchboard_core::config::WebVersion;
use switchboard_core::ids::{RequestId, SessionId, SessionRef};
use switchboard_core::random::OsRandom;
use switchboard_core::status::{MessageStatus, SessionStatus};
use switchboard_egress::{Egress, EgressOptions, Reach};
use switchboard_service::{
    Cursor, Envelope, LogFilter, MessageRef, NewSession, SendRequest, SendStatus, Sent, Service, ServiceOptions,
};
use switchboard_whatsapp::{Driver, DriverOptions};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::fake::{options, store, until};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";
const PATIENT: Duration = Duration::from_secs(15);

async fn service(simulator: &Simulator, folder: &TempDir) -> Service {
    service_at(simulator, folder, Arc::new(SystemClock)).await
}

/// A service and lines for which it is as late as this clock says.
async fn service_at(simulator: &Simulator, folder: &TempDir, clock: Arc<dyn Clock>) -> Service {
    let driver = Driver::new(DriverOptions {
        url: simulator.ws_url(),
        version: WebVersion::Fixed(2, 3000, 1),
        device_name: "Switchboard".to_owned(),
        pre_keys: Some(30),
        max_silence: Duration::from_secs(35),
        clock: Arc::clone(&clock),
        random: Arc::new(OsRandom),
        proxies: Vec::new(),
        egress: Egress::new(EgressOptions {
            reach: Reach::LoopbackOnly,
        })
        .unwrap(),
    });
    let options = ServiceOptions {
        clock,
        ..options(store(folder).await, Arc::new(driver.unwrap()), PATIENT).await
    };
    Service::start(options).await.unwrap()
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
        envelope: Envelope {
            wait: true,
            ..Envelope::default()
        },
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

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_or_forward_by_days_hides_no_loss_and_stops_no_message() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let (ada, bob) = (simulator.phone(ADA).unwrap(), simulator.phone(BOB).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let today = SystemClock.now();
    let clock = Arc::new(ManualClock::at(today));
    let service = service_at(&simulator, &folder, clock.clone()).await;
    let id = service.create_session(NewSession::default()).await.unwrap();
    let session = SessionRef::Session(id);
    let code = until("a QR code", async || service.qr(&session).ok()).await;
    ada.scan_qr(&code.text).await.unwrap();
    ready(&service, id).await;
    let days = |days: i64| UnixMillis(today.0 + days * 24 * 3600 * 1000);
    for now in [days(-3), days(4), days(-1)] {
        clock.set(now);
        let drop = Fault::DropSocket {
            number: Number::parse(ADA).unwrap(),
            device: None,
        };
        simulator.inject(drop).unwrap();
        until("the loss is told", async || {
            let session = service.session(&session).await.unwrap();
            session.last_loss.is_some_and(|loss| loss.at == now).then_some(())
        })
        .await;
        ready(&service, id).await;
        assert_eq!(send(&service, id, BOB, "out").await.status, SendStatus::Sent);
        let text = format!("in at {}", now.0);
        bob.send_text(ADA, &text).await.unwrap();
        until("it is in the log", async || {
            let log = service
                .messages(LogFilter::default(), Cursor::default(), 100)
                .await
                .unwrap();
            let mut rows = log.messages.iter();
            rows.any(|row| row.text.as_deref() == Some(&text)).then_some(())
        })
        .await;
    }
    service.shutdown(Instant::now() + PATIENT).await;
}
