//! From the start of the program to its first answer, with and without the compiled plugins of a run before.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::{Api, Host};

const TIMES: usize = 10;

/// Prints both.
pub(crate) async fn report() {
    println!("start to the first answer, {TIMES} times each");
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let folder = tempfile::tempdir().expect("a folder");
        for times in [&mut cold, &mut warm] {
            // Nobody is there to be connected to, and no session to connect.
            let command = Host::command(&folder.path().join("data"), "ws://127.0.0.1:9/ws/chat");
            let started = Instant::now();
            let host = Host::start(command).await;
            let client = Api::anonymous(&host.base);
            client.get("/healthz").await.expect(200);
            times.push(started.elapsed());
            host.stop("TERM").await;
        }
    }
    for (what, times) in [("empty data folder", &mut cold), ("plugins compiled before", &mut warm)] {
        times.sort_unstable();
        let millis = |at: usize| times.get(at).copied().unwrap_or(Duration::ZERO).as_secs_f64() * 1e3;
        println!(
            "{what:>24}  median {:.0} ms, least {:.0}, most {:.0}",
            millis(TIMES / 2),
            millis(0),
            millis(TIMES - 1)
        );
    }
}
