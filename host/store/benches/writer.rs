//! The writer against its baseline, one commit per write: durable upserts a second and their latency at 1, 64 and 512 producers.
//!
//! Both write the same sealed kilobyte into the same table of the same schema, with the log synced at every commit. Run it with
//! `cargo bench -p switchboard-store`; read the ratio, since the rest is the disk's.

use std::error::Error;
use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use switchboard_core::clock::SystemClock;
use switchboard_core::ids::SessionId;
use switchboard_core::random::OsRandom;
use switchboard_core::realm::Realm;
use switchboard_store::keys::KeyStore;
use switchboard_store::{DataFolder, OpenOptions, Store};
use tokio::sync::Mutex;
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PRODUCERS: [usize; 3] = [1, 64, 512];
const KEYS: u64 = 50_000;
const VALUE_BYTES: usize = 1024;
/// What sealing adds to a value.
const SEAL_BYTES: usize = 41;
const ROUND: Duration = Duration::from_secs(3);
const SESSION: &str = "qr_1700000000000_0123abcd";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "durable upserts of {VALUE_BYTES} bytes into {KEYS} keys, {} s each",
        ROUND.as_secs()
    )?;
    writeln!(
        out,
        "{:>9}  {:^32}  {:^32}  {:>6}",
        "producers", "group commit", "a commit each (baseline)", "ratio"
    )?;
    writeln!(
        out,
        "{:>9}  {1:>12} {2:>9} {3:>9}  {1:>12} {2:>9} {3:>9}",
        "", "per second", "p50 ms", "p99 ms"
    )?;
    for producers in PRODUCERS {
        let grouped = group_commit(producers).await?;
        let single = commit_each(producers).await?;
        writeln!(
            out,
            "{producers:>9}  {grouped}  {single}  {:>5.1}x",
            grouped.per_second / single.per_second
        )?;
    }
    Ok(())
}

/// The store as it is.
async fn group_commit(producers: usize) -> Outcome<Report> {
    let data = tempfile::tempdir()?;
    let store = open(data.path())?;
    let keys = KeyStore::new(store.clone(), Arc::new(SystemClock), &SESSION.parse::<SessionId>()?);
    let report = measure(producers, move |address| {
        let keys = keys.clone();
        async move { Ok(keys.sessions().put(&[(&*address, vec![7; VALUE_BYTES])]).await?) }
    })
    .await;
    store.close().await;
    report
}

/// One connection, behind a lock, that commits every upsert by itself.
async fn commit_each(producers: usize) -> Outcome<Report> {
    let data = tempfile::tempdir()?;
    open(data.path())?.close().await;
    let database = libsql::Builder::new_local(data.path().join("switchboard.db"))
        .build()
        .await?;
    let connection = database.connect()?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000")
        .await?;
    let connection = Arc::new(Mutex::new(connection));
    measure(producers, move |address| {
        let connection = Arc::clone(&connection);
        async move {
            let sql = "INSERT INTO wa_session (session, address, value) VALUES (?, ?, ?) \
                       ON CONFLICT (session, address) DO UPDATE SET value = excluded.value";
            let row = (SESSION, address, vec![7_u8; VALUE_BYTES + SEAL_BYTES]);
            connection.lock().await.execute(sql, row).await?;
            Ok(())
        }
    })
    .await
}

fn open(data: &Path) -> Outcome<Store> {
    let folder = DataFolder::open(data)?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
    Ok(Store::open(
        &folder,
        OpenOptions {
            realm: Realm::Simulator,
            seal_key: None,
            clock,
            random,
        },
    )?)
}

/// Lets `producers` tasks upsert, each its next one when the last is answered, until the round is over.
async fn measure<F, W>(producers: usize, upsert: F) -> Outcome<Report>
where
    F: Fn(String) -> W + Clone + Send + 'static,
    W: Future<Output = Outcome<()>> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let tasks = (0..producers).map(|_| {
        let (next, upsert) = (Arc::clone(&next), upsert.clone());
        tokio::spawn(async move {
            let mut latencies = Histogram::<u64>::new(3)?;
            while begun.elapsed() < ROUND {
                // Strides over the keys, so that neighbours in time are not neighbours on a page.
                let key = next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15) % KEYS;
                let sent = Instant::now();
                upsert(format!("{key}@lid")).await?;
                latencies.record(u64::try_from(sent.elapsed().as_micros())?)?;
            }
            Outcome::Ok(latencies)
        })
    });
    let mut latencies = Histogram::<u64>::new(3)?;
    for task in tasks.collect::<Vec<_>>() {
        latencies.add(task.await??)?;
    }
    Ok(Report {
        per_second: latencies.len() as f64 / begun.elapsed().as_secs_f64(),
        latencies,
    })
}

struct Report {
    per_second: f64,
    latencies: Histogram<u64>,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1000.0;
        write!(f, "{:>12.0} {:>9.2} {:>9.2}", self.per_second, ms(0.5), ms(0.99))
    }
}
