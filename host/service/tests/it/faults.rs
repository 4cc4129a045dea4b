//! When something fails under a session's task: what is answered, what is still true, and what the log says.

use std::io;
use std::sync::{Arc, Mutex};

use switchboard_core::ids::SessionRef;
use switchboard_core::problem::Code;
use switchboard_core::status::{MessageStatus, SessionStatus};
use switchboard_service::MessageRef;
use switchboard_store::sessions::Sessions;
use switchboard_whatsapp::{Purpose, SendError};
use tracing_subscriber::fmt::MakeWriter;

use crate::fake::{World, until};

const ADA: &str = "15550000001";
const BOB: &str = "15550000002";

/// What was logged on this thread.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines that hold these words.
    fn lines(&self, words: &str) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .filter(|line| line.contains(words))
            .map(str::to_owned)
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn why_a_queued_message_was_not_written_is_logged_once_with_its_ids_and_without_numbers() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
    let _logging = tracing::subscriber::set_default(subscriber.finish());
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let faults = [
        (
            SendError::Refused("15550000002.0 is no device".into()),
            "<number>.0 is no device",
            "a message will never be sent",
        ),
        (
            SendError::Internal("no session with 15550000002.0".into()),
            "no session with <number>.0",
            "it stays in the outbox",
        ),
    ];
    for (fault, cause, outcome) in faults {
        line.fail_once(fault);
        let sent = world.send(id, BOB, "hi", false).await.unwrap();
        let logged = until("the cause is logged", async || {
            Some(log.lines(cause)).filter(|lines| !lines.is_empty())
        })
        .await;
        assert_eq!(logged.len(), 1, "{logged:?}");
        let of_session = format!("session={id}");
        for part in [of_session.as_str(), "stanza_id=", outcome] {
            assert!(logged[0].contains(part), "{part}: {logged:?}");
        }
        assert!(!logged[0].contains(BOB), "{logged:?}");
        let message = world.service.message(MessageRef::Id(sent.message_id)).await.unwrap();
        assert_eq!(message.status == MessageStatus::Failed, outcome.contains("never"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phase_that_cannot_be_stored_is_not_reported_as_done() {
    let world = World::new().await;
    let (id, _) = world.linked(ADA).await;
    world.service.logout(&SessionRef::Session(id)).await.unwrap();
    world.store.close().await;
    let problem = world.service.relink(&SessionRef::Session(id)).await.unwrap_err();
    assert_eq!(problem.code(), &Code::UNAVAILABLE);
    assert_eq!(
        world.lines.open_count(),
        0,
        "a line to link over, for a session that is stored as logged out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_cannot_be_stored_is_still_seen_as_one_with_its_reason() {
    let world = World::new().await;
    let (id, _) = world.linked(ADA).await;
    world.store.close().await;
    let problem = world.service.logout(&SessionRef::Session(id)).await.unwrap_err();
    assert_eq!(problem.code(), &Code::UNAVAILABLE);
    let session = world.service.sessions(None, None, 1).sessions.remove(0);
    assert_eq!(session.status, SessionStatus::LoggedOut);
    assert_eq!(
        session.last_loss.unwrap().reason,
        "The session was logged out on request."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_are_told_at_once_kept_over_a_restart_and_forgotten_with_a_new_link() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    let session = SessionRef::Session(id);
    for count in 1..=3 {
        line.lose();
        let seen = world.service.session(&session).await.unwrap();
        let losses = seen.losses.unwrap();
        assert_eq!(losses.len(), count);
        assert!(losses.iter().all(|loss| loss.code == "socket"));
        assert_eq!(seen.last_loss.unwrap().at, losses[0].at);
        line.connect();
        let stored = Sessions::new(world.store.clone());
        until("the loss is stored", async || {
            let rows = stored.all().await.unwrap();
            (rows[0].losses.len() == count).then_some(())
        })
        .await;
    }
    let world = world.restarted().await;
    let seen = world.service.session(&session).await.unwrap();
    assert_eq!(seen.losses.unwrap().len(), 3);

    world.service.logout(&session).await.unwrap();
    let seen = world.service.session(&session).await.unwrap();
    assert_eq!(seen.losses.unwrap()[0].code, "requested");
    world.service.relink(&session).await.unwrap();
    world.lines.of(id).await.link(ADA);
    world.status(id, SessionStatus::Ready).await;
    let seen = world.service.session(&session).await.unwrap();
    assert_eq!((seen.losses.unwrap().len(), seen.last_loss.is_none()), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_task_panicked_is_not_called_ready_and_comes_back_by_itself() {
    let world = World::new().await;
    let (id, line) = world.linked(ADA).await;
    line.panic_at_logout();
    let problem = world.service.logout(&SessionRef::Session(id)).await.unwrap_err();
    assert_eq!(problem.code(), &Code::INTERNAL);
    world.status(id, SessionStatus::Connecting).await;
    let next = world.lines.of(id).await;
    assert_eq!(next.purpose, Purpose::Resume);
    next.connect();
    world.status(id, SessionStatus::Ready).await;
    assert!(!world.send(id, BOB, "still here", true).await.unwrap().is_queued());
}
