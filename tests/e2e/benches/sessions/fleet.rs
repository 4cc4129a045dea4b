//! Many sessions on one host, each linked to a phone of its own, and a friend of each to write to.

use std::cell::Cell;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep};

use crate::common::load::Target;
use crate::common::process::{cpu, resident_kib};
use crate::support::World;

/// The first number of a session's account, and the first of a friend's.
const ACCOUNTS: u64 = 15_550_000_001;
const FRIENDS: u64 = 15_560_000_001;
/// How often a status is asked for when its moment is measured.
const GLANCE: Duration = Duration::from_millis(2);
/// How long everything may take to settle before anything is measured.
const SETTLE: Duration = Duration::from_secs(10);

/// One host and its sessions.
pub(crate) struct Fleet {
    pub(crate) world: World,
    pub(crate) sessions: Vec<String>,
}

/// What sessions cost while nothing happens.
pub(crate) struct Idle {
    /// The host's memory, in KiB.
    pub(crate) resident_kib: u64,
    /// The host's processor time in a minute.
    pub(crate) cpu_a_minute: Duration,
}

/// The number of a session's account.
pub(crate) fn account(n: usize) -> String {
    (ACCOUNTS + n as u64).to_string()
}

/// The number that this session writes to.
pub(crate) fn friend(n: usize) -> String {
    (FRIENDS + n as u64).to_string()
}

impl Fleet {
    /// A host without a session.
    pub(crate) async fn start() -> Self {
        let world = World::start_with(|command| {
            command.env(
                "SWITCHBOARD_LOG__FILTER",
                "info,switchboard_whatsapp=error,switchboard_service=warn",
            );
        })
        .await;
        Self {
            world,
            sessions: Vec::new(),
        }
    }

    /// Links sessions, one after the other, until there are so many. The histogram has the milliseconds from each scan to READY.
    pub(crate) async fn grow(&mut self, count: usize) -> Histogram<u64> {
        let mut millis = Histogram::new_with_bounds(1, 60_000, 3).expect("a histogram");
        while self.sessions.len() < count {
            let n = self.sessions.len();
            self.world.phone(&friend(n));
            let session = self.world.api.create_session().await;
            let qr = self.world.api.qr(&session).await;
            let scanned = Instant::now();
            self.world
                .phone(&account(n))
                .scan_qr(&qr)
                .await
                .expect("the phone links");
            while self.world.api.session(&session).await["status"] != "READY" {
                sleep(GLANCE).await;
            }
            millis.saturating_record(u64::try_from(scanned.elapsed().as_millis()).unwrap_or(u64::MAX));
            self.sessions.push(session);
        }
        millis
    }

    /// Kills the host, starts it again, and says how long it took from there until every session was READY.
    pub(crate) async fn restart(self) -> (Self, Duration) {
        let started = Cell::new(None);
        let world = self
            .world
            .kill_meanwhile(async || started.set(Some(Instant::now())))
            .await;
        let fleet = Self { world, ..self };
        while fleet.ready().await < fleet.sessions.len() {
            sleep(GLANCE * 10).await;
        }
        let took = started.get().expect("it was killed").elapsed();
        (fleet, took)
    }

    /// How many sessions are READY.
    pub(crate) async fn ready(&self) -> usize {
        let page = self.world.api.get("/api/sessions?status=READY&limit=1000").await;
        page.expect(200)["sessions"].as_array().expect("a list").len()
    }

    /// Looks at a host with which nothing is done for so long.
    pub(crate) async fn idle(&self, time: Duration) -> Idle {
        let host = self.world.host.id();
        sleep(SETTLE).await;
        let before = cpu(host);
        sleep(time).await;
        Idle {
            cpu_a_minute: (cpu(host) - before).mul_f64(60.0 / time.as_secs_f64()),
            resident_kib: resident_kib(host),
        }
    }

    /// A text from this session to its friend, answered when WhatsApp has acknowledged it.
    pub(crate) fn send(&self, n: usize) -> Target {
        let body = serde_json::json!({
            "sessionId": self.sessions[n], "to": friend(n), "type": "text", "text": "Hello there, how are you?"
        });
        let (base, token) = (&self.world.host.base, self.world.api.token());
        Target::post(base, token, "/api/messages/send", &body, 200)
    }

    /// The same from each of the first so many sessions.
    pub(crate) fn sends(&self, sessions: usize) -> Vec<Target> {
        (0..sessions).map(|n| self.send(n)).collect()
    }
}
