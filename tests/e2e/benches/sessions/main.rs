//! What many sessions cost, and whether they hold each other up: `cargo bench -p e2e --bench sessions`.
//!
//! The host is a process of its own; this program is WhatsApp, the phones and the load, on the same machine. Memory and processor
//! time are the host's alone, beside those of the same host without a session. Sends stand beside those of one session, and of the same
//! sessions without the disturbance.
//!
//! `SWITCHBOARD_SOAK=3600 cargo bench -p e2e --bench sessions` does something else: it keeps 200 sessions busy for so many seconds,
//! and shows what memory does meanwhile.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program for a person at a terminal: it prints its figures and ends at the first thing that is not so"
)]
#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "what only another bench uses")]
mod common;
mod fleet;
mod soak;
mod start;

#[path = "../../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "what only the tests use")]
mod support;

use std::time::Duration;

use common::load::{Figures, Target, load, load_each};
use common::process::cpu;
use fleet::{Fleet, Idle};
use serde_json::json;
use tokio::time::Instant;

const SIZES: [usize; 2] = [100, 500];
const SENDERS: [usize; 3] = [1, 16, 64];
const QUIET: usize = 15;
const EACH: Duration = Duration::from_secs(4);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let soak = std::env::var("SWITCHBOARD_SOAK")
        .ok()
        .map(|seconds| seconds.parse().expect("seconds"));
    if let Some(seconds) = soak {
        return soak::soak(Duration::from_secs(seconds)).await;
    }
    start::report().await;

    let mut fleet = Fleet::start().await;
    let empty = fleet.idle(MINUTE / 4).await;
    println!(
        "\nsessions that do nothing; without one the host takes {:.1} MiB and {:.0} ms of a processor's minute",
        empty.resident_kib as f64 / 1024.0,
        empty.cpu_a_minute.as_secs_f64() * 1e3
    );
    for size in SIZES {
        let linked = fleet.grow(size).await;
        println!(
            "{size:>5} sessions  scanned to READY p50 {} ms, p99 {} ms",
            linked.value_at_quantile(0.5),
            linked.value_at_quantile(0.99)
        );
        each("just linked", size, &fleet.idle(MINUTE).await, &empty);
        let (again, took) = fleet.restart().await;
        fleet = again;
        println!(
            "{size:>5} sessions  killed, started, all READY after {:.2} s",
            took.as_secs_f64()
        );
        each("started again", size, &fleet.idle(MINUTE).await, &empty);
    }

    println!("\nsends in turn by each of several sessions, each acknowledged by the server");
    let mut one = None;
    for senders in SENDERS {
        // The first message of a session looks its recipient up and makes keys.
        load_each(fleet.sends(senders), EACH / 4).await;
        let figures = load_each(fleet.sends(senders), EACH).await;
        figures.report("acknowledged", one.as_ref());
        one.get_or_insert(figures);
    }

    println!("\n{QUIET} sessions that send in turn, while another one does something else");
    let alone = load_each(fleet.sends(QUIET), EACH).await;
    alone.report("alone", None);
    noisy(&fleet).await.report("one takes all it can", Some(&alone));
    restarting(&fleet).await.report("one restarts for ever", Some(&alone));
}

fn each(when: &str, sessions: usize, idle: &Idle, empty: &Idle) {
    println!(
        "{sessions:>5} sessions  {when}: {:.0} KiB and {:.2} ms of a processor's minute each",
        idle.resident_kib.saturating_sub(empty.resident_kib) as f64 / sessions as f64,
        idle.cpu_a_minute.saturating_sub(empty.cpu_a_minute).as_secs_f64() * 1e3 / sessions as f64
    );
}

/// The quiet sessions, while 64 clients hand in messages of another one as fast as they are taken.
async fn noisy(fleet: &Fleet) -> Figures {
    let (base, token) = (&fleet.world.host.base, fleet.world.api.token());
    let body = json!({
        "sessionId": fleet.sessions[QUIET], "to": fleet::friend(QUIET), "type": "text", "text": "Me, me, me!"
    });
    let noise = Target::post(base, token, "/api/messages/send?wait=false", &body, 202);
    let (quiet, noise) = tokio::join!(load_each(fleet.sends(QUIET), EACH), load(&noise, 64, EACH));
    noise.report("(the noise)", None);
    quiet
}

/// The quiet sessions, while another one is restarted as often as it is READY.
async fn restarting(fleet: &Fleet) -> Figures {
    let (api, session) = (fleet.world.api.clone(), fleet.sessions[QUIET].clone());
    let restarts = async {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < EACH {
            let path = format!("/api/sessions/{session}/restart");
            api.post(&path, &json!({})).await.expect(200);
            while api.session(&session).await["status"] != "READY" {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            count += 1;
        }
        count
    };
    let (quiet, restarts) = tokio::join!(load_each(fleet.sends(QUIET), EACH), restarts);
    println!(
        "{:>24}  {restarts} restarts of the one, {} ms of the host's CPU each by itself",
        "",
        lone(fleet).await
    );
    quiet
}

/// The host's processor time for one restart of a session, in milliseconds.
async fn lone(fleet: &Fleet) -> u128 {
    const TIMES: u32 = 10;
    let (api, session) = (&fleet.world.api, &fleet.sessions[QUIET]);
    let before = cpu(fleet.world.host.id());
    for _ in 0..TIMES {
        api.post(&format!("/api/sessions/{session}/restart"), &json!({}))
            .await
            .expect(200);
        api.session_becomes(session, "READY").await;
    }
    ((cpu(fleet.world.host.id()) - before) / TIMES).as_millis()
}
