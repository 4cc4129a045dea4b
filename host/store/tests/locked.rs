//! A database that another process keeps locked for seconds, as a backup or somebody's shell does.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use libsql::{Builder, Connection};
use switchboard_core::clock::{SystemClock, UnixMillis};
use switchboard_core::ids::SessionId;
use switchboard_core::random::OsRandom;
use switchboard_core::realm::Realm;
use switchboard_store::sessions::{Session, Sessions};
use switchboard_store::{DataFolder, OpenOptions, Store, StoreError};
use tokio::time::Instant;

fn open(folder: &Path) -> Store {
    let options = OpenOptions {
        realm: Realm::Simulator,
        seal_key: None,
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
    };
    Store::open(&DataFolder::open(folder).unwrap(), options).unwrap()
}

/// A connection of somebody else that holds the one lock for writing.
async fn lock(folder: &Path) -> Connection {
    let database = Builder::new_local(folder.join("switchboard.db")).build().await.unwrap();
    let other = database.connect().unwrap();
    other.execute("BEGIN IMMEDIATE", ()).await.unwrap();
    other
}

fn session(n: u32) -> Session {
    let id: SessionId = format!("qr_1700000000000_{n:08x}").parse().unwrap();
    Session::new(id, None, None, UnixMillis(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_waits_for_a_lock_of_a_second_and_reads_do_not_wait_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = Sessions::new(open(folder.path()));
    sessions.insert(&session(1)).await.unwrap();
    let other = lock(folder.path()).await;
    let writing = {
        let sessions = sessions.clone();
        tokio::spawn(async move { sessions.insert(&session(2)).await })
    };
    assert_eq!(sessions.all().await.unwrap().len(), 1);
    // The lock's own length is what this test is about.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!writing.is_finished());
    other.execute("ROLLBACK", ()).await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(sessions.all().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_many_seconds_is_said_and_the_next_write_after_it_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = Sessions::new(open(folder.path()));
    let other = lock(folder.path()).await;
    let began = Instant::now();
    assert_eq!(sessions.insert(&session(1)).await, Err(StoreError::Busy));
    assert!(began.elapsed() >= Duration::from_secs(4), "it was not waited for");
    other.execute("ROLLBACK", ()).await.unwrap();
    sessions.insert(&session(1)).await.unwrap();
}
