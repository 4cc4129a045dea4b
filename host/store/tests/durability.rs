//! What was answered survives `kill -9`.
//!
//! A child process raises the versions of many keys at once and prints each one after its answer. It is killed in the middle of it, and
//! everything it has printed must be in the database. Power loss is another matter, which a test on one machine cannot show: there it
//! is `synchronous = FULL` that counts.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use switchboard_core::clock::SystemClock;
use switchboard_core::random::OsRandom;
use switchboard_core::realm::Realm;
use switchboard_store::keys::KeyStore;
use switchboard_store::{DataFolder, OpenOptions, Store, look};

const KEYS: usize = 128;
const ANSWERS_BEFORE_THE_KILL: usize = 3_000;
const DATA: &str = "SWITCHBOARD_DURABILITY_DATA";

fn open(data: &Path) -> (Store, KeyStore) {
    let folder = DataFolder::open(data).unwrap();
    let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
    let options = OpenOptions {
        realm: Realm::Simulator,
        seal_key: None,
        clock: clock.clone(),
        random,
    };
    let store = Store::open(&folder, options).unwrap();
    let keys = KeyStore::new(store.clone(), clock, &"qr_1700000000000_0123abcd".parse().unwrap());
    (store, keys)
}

fn address(key: usize) -> String {
    format!("{key}@lid")
}

/// A value of the size of a ratchet, that tells its version all over.
fn value(version: u64) -> Vec<u8> {
    version.to_le_bytes().repeat(64)
}

async fn version(keys: &KeyStore, key: usize) -> u64 {
    let Some(stored) = keys.sessions().get(&*address(key)).await.unwrap() else {
        return 0;
    };
    let version = u64::from_le_bytes(*stored.first_chunk().unwrap());
    assert_eq!(stored, value(version), "key {key} is neither of its versions");
    version
}

#[tokio::test]
async fn nothing_that_was_answered_is_lost_when_the_process_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let mut answered = [0; KEYS];
    for kill in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_killed", "--ignored", "--nocapture"])
            .env(DATA, data.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let Some((key, version)) = line.strip_prefix("answered ").and_then(|answer| answer.split_once(' ')) else {
                continue;
            };
            let (key, version): (usize, u64) = (key.parse().unwrap(), version.parse().unwrap());
            assert!(
                version > answered[key],
                "key {key} went from {} to {version}",
                answered[key]
            );
            answered[key] = version;
            answers += 1;
            if answers == ANSWERS_BEFORE_THE_KILL {
                child.kill().unwrap();
            }
        }
        assert_eq!(
            child.wait().unwrap().signal(),
            Some(9),
            "the child ended by itself after {answers} answers"
        );

        assert_eq!(look(data.path()).unwrap().unwrap().damage, Vec::<String>::new());
        let (store, keys) = open(data.path());
        for (key, &answered) in answered.iter().enumerate() {
            let stored = version(&keys, key).await;
            assert!(
                stored >= answered,
                "kill {kill}: key {key} is at {stored}, and {answered} was answered"
            );
        }
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of the test above, which kills it"]
async fn the_process_that_is_killed() {
    let Some(data) = std::env::var_os(DATA) else { return };
    let (_store, keys) = open(Path::new(&data));
    let tasks = (0..KEYS).map(|key| {
        let keys = keys.clone();
        tokio::spawn(async move {
            for version in version(&keys, key).await + 1.. {
                keys.sessions().put(&[(&*address(key), value(version))]).await.unwrap();
                writeln!(std::io::stdout(), "answered {key} {version}").unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}
