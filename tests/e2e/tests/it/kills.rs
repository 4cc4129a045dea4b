//! A host under load that is killed again and again: nothing is lost and nothing doubled, in either direction.
//!
//! `cargo test` kills it a few times. `SWITCHBOARD_KILLS=100 cargo test -p e2e kills -- --nocapture` kills it a hundred times and
//! prints a line a round: the round, sends accepted, whether one was under way, texts from the friend, texts from the own phone, and how
//! often that phone has been asked so far what a text said. `SWITCHBOARD_SEED=7` draws other moments; without it the seed is 1.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use simulator::Phone;
use tokio::sync::watch;

use crate::support::{Api, DESK, FRIEND, OFFICE, PATIENCE, World, texts};

/// How many kills an ordinary test run sees.
const KILLS: u32 = 4;
/// The most rounds of messages before a kill.
const LATEST: u32 = 20;
/// The most time from there to the kill, so that it falls into every step of a send. This wait is the fault itself.
const AFTER_MICROS: u64 = 30_000;

/// What was said until a kill, in order.
#[derive(Default)]
struct Said {
    /// Accepted by the host for FRIEND.
    to_friend: Vec<String>,
    /// Accepted by the host for OFFICE, whose session lives on the same host.
    to_office: Vec<String>,
    /// Sent when the host died: accepted or not, nobody knows.
    unanswered: Option<String>,
    /// From FRIEND's phone to DESK.
    from_friend: Vec<String>,
    /// From DESK's own phone to FRIEND: the session gets a copy.
    from_own_phone: Vec<String>,
}

/// Sends as fast as the host answers until it is gone, and has the phones write at the same pace.
async fn talk(api: &Api, session: &str, round: u32, phones: (&Phone, &Phone), pace: watch::Sender<u32>) -> Said {
    let (desk, friend) = phones;
    let mut said = Said::default();
    for n in 0.. {
        let (to, accepted, who) = if n % 2 == 0 {
            (FRIEND, &mut said.to_friend, "friend")
        } else {
            (OFFICE, &mut said.to_office, "office")
        };
        let text = format!("{round}.{n} to {who}");
        let body = json!({"sessionId": session, "to": to, "type": "text", "text": text});
        let Some(answer) = api.attempt("/api/messages/send?wait=false", &body).await else {
            said.unanswered = Some(text);
            break;
        };
        answer.expect(202);
        accepted.push(text);
        for (phone, to, texts, who) in [
            (friend, DESK, &mut said.from_friend, "friend"),
            (desk, FRIEND, &mut said.from_own_phone, "own phone"),
        ] {
            let text = format!("{round}.{n} from {who}");
            phone.send_text(to, &text).await.unwrap();
            texts.push(text);
        }
        pace.send_replace(n + 1);
    }
    said
}

/// The texts of this round that a phone received, in order.
fn received(phone: &Phone, round: u32, end: &str) -> Vec<String> {
    of_round(texts(phone).into_iter(), round, end)
}

/// The texts in a session's log behind a cursor, in order, and the cursor behind them.
async fn log(api: &Api, session: &str, since: &str) -> (Vec<String>, String) {
    let (mut texts, mut since) = (Vec::new(), since.to_owned());
    loop {
        let path = format!("/api/messages?sessionId={session}&since={since}&limit=500");
        let page = api.get(&path).await.expect(200);
        let messages = page["messages"].as_array().unwrap();
        texts.extend(
            messages
                .iter()
                .filter_map(|message| Some(message["text"].as_str()?.to_owned())),
        );
        since = page["next"].as_str().unwrap().to_owned();
        if page["more"] == false {
            return (texts, since);
        }
    }
}

/// The texts of this round behind a cursor of a session's log that end like this, in order.
async fn logged(api: &Api, session: &str, since: &str, round: u32, end: &str) -> Vec<String> {
    let (texts, _) = log(api, session, since).await;
    of_round(texts.into_iter(), round, end)
}

/// What was sent before the last kill may still arrive after it.
fn of_round(texts: impl Iterator<Item = String>, round: u32, end: &str) -> Vec<String> {
    let beginning = format!("{round}.");
    texts
        .filter(|text| text.starts_with(&beginning) && text.ends_with(end))
        .collect()
}

/// What stands more than once.
fn doubled(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    let pairs = texts.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[0].clone()).collect()
}

/// Looks until as much is found as is expected. One more at the end may be the send that nobody answered; the rest must be equal.
async fn same<F: Future<Output = Vec<String>>>(
    what: &str,
    expected: &[String],
    perhaps: Option<&String>,
    look: impl Fn() -> F,
) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let found = loop {
        let found = look().await;
        if found.len() >= expected.len() || tokio::time::Instant::now() > deadline {
            break found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let mut certain = found.clone();
    if certain.last() == perhaps && certain.len() == expected.len() + 1 {
        certain.pop();
    }
    let missing: Vec<_> = expected.iter().filter(|text| !found.contains(text)).collect();
    assert_eq!(certain, expected, "{what}: lost {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_under_load_loses_nothing_and_doubles_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (kills, seed) = (
        number("SWITCHBOARD_KILLS").unwrap_or(KILLS),
        number("SWITCHBOARD_SEED").unwrap_or(1),
    );
    let mut random = StdRng::seed_from_u64(seed.into());
    let mut world = World::start().await;
    let (desk, friend, office) = (world.phone(DESK), world.phone(FRIEND), world.phone(OFFICE));
    let (session, office_session) = (world.linked(DESK).await, world.linked(OFFICE).await);
    let (mut since, mut office_since) = ("0".to_owned(), "0".to_owned());
    for round in 1..=kills {
        let (kill_at, after) = (random.random_range(1..=LATEST), random.random_range(0..AFTER_MICROS));
        let (pace, mut paced) = watch::channel(0);
        let api = world.api.clone();
        let talking = talk(&api, &session, round, (&desk, &friend), pace);
        let killing = async {
            paced.wait_for(|n| *n >= kill_at).await.unwrap();
            tokio::time::sleep(Duration::from_micros(after)).await;
            world.kill_and_restart().await
        };
        let (mut said, restarted) = tokio::join!(talking, killing);
        world = restarted;
        let perhaps = said.unanswered.take();
        let perhaps = perhaps.as_ref();
        let api = &world.api;
        for session in [&session, &office_session] {
            api.session_becomes(session, "READY").await;
        }
        same("at the friend's phone", &said.to_friend, perhaps, async || {
            received(&friend, round, " to friend")
        })
        .await;
        same("at the office's phone", &said.to_office, perhaps, async || {
            received(&office, round, " to office")
        })
        .await;
        // What the phone had to be asked for comes after what was sent next.
        let from = async |who: &str| {
            let mut texts = logged(api, &session, &since, round, who).await;
            texts.sort();
            texts
        };
        said.from_friend.sort();
        same("in the log, from the friend", &said.from_friend, None, || {
            from(" from friend")
        })
        .await;
        said.from_own_phone.sort();
        same("in the log, from the own phone", &said.from_own_phone, None, || {
            from(" from own phone")
        })
        .await;
        same("in the office's log", &said.to_office, perhaps, || {
            logged(api, &office_session, &office_since, round, " to office")
        })
        .await;
        (_, since) = log(api, &session, &since).await;
        (_, office_since) = log(api, &office_session, &office_since).await;
        #[expect(clippy::print_stdout, reason = "the long run's table; captured otherwise")]
        {
            println!(
                "| {round} | {} | {} | {} | {} | {} |",
                said.to_friend.len() + said.to_office.len(),
                perhaps.is_some(),
                said.from_friend.len(),
                said.from_own_phone.len(),
                world.simulator.tally().placeholders,
            );
        }
    }
    for session in [&session, &office_session] {
        let (texts, _) = log(&world.api, session, "0").await;
        assert_eq!(doubled(texts), [""; 0], "in the log of {session}");
    }
    for phone in [&friend, &office] {
        assert_eq!(doubled(texts(phone)), [""; 0], "at the phone {}", phone.number());
    }
}
