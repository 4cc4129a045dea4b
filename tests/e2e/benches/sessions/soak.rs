//! Two hundred sessions kept busy for a long time: what comes of the memory, and whether anything was lost.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use simulator::{Fault, Number};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::common::process::{cpu, resident_kib};
use crate::fleet::{Fleet, account, friend};
use crate::support::PATIENCE;

const SESSIONS: usize = 200;
/// How often something is said, in one direction or the other.
const PACE: Duration = Duration::from_millis(50);
/// One of so many events is a socket that breaks.
const BREAKS: u32 = 200;
/// Lines that are printed in all.
const LINES: u32 = 12;

/// Runs for so long and prints what it sees. Ends in a panic if a message was lost or a session did not come back.
pub(crate) async fn soak(time: Duration) {
    let mut fleet = Fleet::start().await;
    println!("{SESSIONS} sessions are linked");
    fleet.grow(SESSIONS).await;
    let fleet = fleet;
    let (api, host) = (&fleet.world.api, fleet.world.host.id());
    let mut random = StdRng::seed_from_u64(1);
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (begun, every) = (Instant::now(), time / LINES);
    let (mut next, mut before) = (every, cpu(host));
    let (mut sent, mut written, mut broken) = (Vec::new(), vec![0_usize; SESSIONS], 0);
    println!("  after     resident   of one processor     sent   received   sockets broken");
    while begun.elapsed() < time {
        pace.tick().await;
        let n = random.random_range(0..SESSIONS);
        if random.random_range(0..BREAKS) == 0 {
            let number = Number::parse(&account(n)).expect("a number");
            // One that is broken already cannot break.
            if fleet
                .world
                .simulator
                .inject(Fault::DropSocket { number, device: None })
                .is_ok()
            {
                broken += 1;
            }
        } else if random.random() {
            let text = format!("Message {} of the day", sent.len());
            let body = json!({"sessionId": fleet.sessions[n], "to": friend(n), "type": "text", "text": text});
            let answer = api.post("/api/messages/send?wait=false", &body).await.expect(202);
            sent.push(answer["messageId"].as_str().expect("an id").to_owned());
        } else {
            let phone = fleet.world.phone(&friend(n));
            phone
                .send_text(&account(n), "And how are you?")
                .await
                .expect("it is sent");
            written[n] += 1;
        }
        if begun.elapsed() >= next {
            let now = cpu(host);
            println!(
                "{:>6} s  {:>7.1} MiB  {:>17.1} %  {:>7}  {:>9}  {broken:>15}",
                begun.elapsed().as_secs(),
                resident_kib(host) as f64 / 1024.0,
                (now - before).as_secs_f64() * 100.0 / every.as_secs_f64(),
                sent.len(),
                written.iter().sum::<usize>(),
            );
            (next, before) = (next + every, now);
        }
    }
    let deadline = Instant::now() + PATIENCE * 2;
    while fleet.ready().await < SESSIONS {
        assert!(
            Instant::now() < deadline,
            "{} of {SESSIONS} sessions are READY",
            fleet.ready().await
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for id in &sent {
        let arrived = |found: &serde_json::Value| (found["message"]["status"] == "delivered").then_some(());
        api.until(&format!("/api/messages/{id}"), arrived).await;
    }
    for (n, expected) in written.iter().enumerate() {
        let mut inward = 0;
        let mut since = "0".to_owned();
        loop {
            let path = format!("/api/messages?sessionId={}&since={since}&limit=500", fleet.sessions[n]);
            let page = api.get(&path).await.expect(200);
            let rows = page["messages"].as_array().expect("a list");
            inward += rows.iter().filter(|row| row["direction"] == "inbound").count();
            since = page["next"].as_str().expect("a cursor").to_owned();
            if page["more"] == false {
                break;
            }
        }
        assert_eq!(inward, *expected, "received by session {n}");
    }
    println!(
        "{} sent and {} received: none lost, none doubled",
        sent.len(),
        written.iter().sum::<usize>()
    );
}
