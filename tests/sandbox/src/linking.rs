//! Having sessions linked when the sandbox is ready: those of the run before come back, and missing ones are linked by phones.

use std::fmt::Display;
use std::time::Duration;

use simulator::Simulator;
use switchboard::cli::exit::{Exit, Fault};
use switchboard_core::ids::{SessionId, SessionRef};
use switchboard_core::status::SessionStatus;
use switchboard_service::{NewSession, Service};
use tokio::time::{Instant, sleep};

/// The two phones that everybody is told about.
pub(crate) const PHONES: [&str; 2] = ["15550000001", "15550000002"];
/// Session number N that is linked here belongs to the Nth number from this one on.
const FIRST_NUMBER: u64 = 15_550_000_001;
/// How long one session may take to be linked, or all of them to come back.
const PATIENCE: Duration = Duration::from_secs(60);
/// Sessions asked for at once.
const PAGE: usize = 100;
/// How often a session is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(20);

/// Waits until the sessions of the run before are connected, links new ones until there are `wanted`, and returns all of them, the
/// oldest first.
///
/// # Errors
/// When a session does not get there in time; the sentence says how far it came.
pub(crate) async fn have_linked(
    service: &Service,
    simulator: &Simulator,
    wanted: usize,
    say: &dyn Fn(&str),
) -> Result<Vec<SessionId>, Fault> {
    let mut linked = linked_before(service);
    if !linked.is_empty() {
        say(&format!(
            "Waiting for {} linked before to connect.",
            sessions(linked.len())
        ));
    }
    let deadline = Instant::now() + PATIENCE;
    for id in &linked {
        until_ready(service, *id, deadline).await?;
    }
    if wanted > linked.len() {
        say(&format!(
            "Linking {}; each takes a moment.",
            sessions(wanted - linked.len())
        ));
    }
    while linked.len() < wanted {
        let number = FIRST_NUMBER.saturating_add(linked.len() as u64).to_string();
        linked.push(link(service, simulator, &number).await?);
    }
    Ok(linked)
}

/// The sessions that are linked to a phone, whether they are connected yet or not.
fn linked_before(service: &Service) -> Vec<SessionId> {
    use SessionStatus::{Banned, Connecting, Ready, Reconnecting};
    let mut linked = Vec::new();
    let mut after = None;
    loop {
        let page = service.sessions(None, after, PAGE);
        let is_linked = |status| matches!(status, Connecting | Ready | Reconnecting | Banned);
        linked.extend(
            page.sessions
                .iter()
                .filter(|view| is_linked(view.status))
                .map(|view| view.session_id),
        );
        match page.next {
            Some(next) => after = Some(next),
            None => return linked,
        }
    }
}

async fn link(service: &Service, simulator: &Simulator, number: &str) -> Result<SessionId, Fault> {
    let phone = simulator.phone(number).map_err(|error| failed(&error))?;
    let id = service
        .create_session(NewSession::default())
        .await
        .map_err(|error| failed(&error))?;
    let deadline = Instant::now() + PATIENCE;
    let code = loop {
        match service.qr(&SessionRef::Session(id)) {
            Ok(code) => break code,
            Err(problem) if Instant::now() >= deadline => return Err(failed(&problem)),
            Err(_) => sleep(GLANCE).await,
        }
    };
    phone.scan_qr(&code.text).await.map_err(|error| failed(&error))?;
    until_ready(service, id, deadline).await?;
    Ok(id)
}

async fn until_ready(service: &Service, id: SessionId, deadline: Instant) -> Result<(), Fault> {
    loop {
        let status = service
            .session(&SessionRef::Session(id))
            .await
            .map_err(|error| failed(&error))?
            .status;
        if status == SessionStatus::Ready {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(failed(&format!(
                "the session {id} is still {status} after {} s",
                PATIENCE.as_secs()
            )));
        }
        sleep(GLANCE).await;
    }
}

fn failed(error: &impl Display) -> Fault {
    Fault::new(Exit::Software, error)
}

fn sessions(count: usize) -> String {
    if count == 1 {
        "1 session".to_owned()
    } else {
        format!("{count} sessions")
    }
}
