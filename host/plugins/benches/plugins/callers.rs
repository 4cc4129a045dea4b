//! Calls a second by 1, 16 and 64 callers on two threads, in turns with bare wasmtime that is tuned as ours.

use std::sync::Arc;
use std::time::Duration;

use switchboard_plugins::Plugins;
use tokio::time::Instant;

use crate::bare::Bare;
use crate::ours::{self, KIND};

const CALLERS: [usize; 3] = [1, 16, 64];
const THREADS: usize = 2;
const TURNS: usize = 5;
const TURN: Duration = Duration::from_millis(600);

pub(crate) fn bench() {
    crate::runtime(THREADS).block_on(async {
        let plugins = Plugins::load(ours::engine(), vec![ours::bundled("messages")])
            .await
            .unwrap();
        let bare = Arc::new(Bare::tuned());
        let (body, written) = (Arc::new(ours::body()), Arc::new(ours::body().to_string()));
        println!(
            "\n{:32} {:>9} {:>9} {:>9}",
            format!("calls/s, {THREADS} threads"),
            "bare",
            "ours",
            "of bare"
        );
        for callers in CALLERS {
            let [mut bare_calls, mut our_calls] = [0.0; 2];
            for _ in 0..TURNS {
                let (bare, written) = (Arc::clone(&bare), Arc::clone(&written));
                bare_calls += rate(callers, move || {
                    let (bare, written) = (Arc::clone(&bare), Arc::clone(&written));
                    async move { bare.call(&written).await }
                })
                .await;
                let (plugins, body) = (plugins.clone(), Arc::clone(&body));
                our_calls += rate(callers, move || {
                    let (plugins, body) = (plugins.clone(), Arc::clone(&body));
                    async move { ours::call(&plugins, KIND, &body).await }
                })
                .await;
            }
            let [bare_calls, our_calls] = [bare_calls, our_calls].map(|calls| calls / TURNS as f64);
            let name = format!("{callers} callers");
            println!(
                "{name:32} {bare_calls:>9.0} {our_calls:>9.0} {:>9.2}",
                our_calls / bare_calls
            );
        }
    });
}

/// Calls a second of so many callers, each a task that gives way after every call, as one that waits for its next request does.
async fn rate<F>(callers: usize, call: impl Fn() -> F + Clone + Send + 'static) -> f64
where
    F: Future<Output = ()> + Send,
{
    let begun = Instant::now();
    let tasks = (0..callers).map(|_| {
        let call = call.clone();
        tokio::spawn(async move {
            let mut count = 0_u32;
            while begun.elapsed() < TURN {
                call().await;
                count += 1;
                tokio::task::yield_now().await;
            }
            count
        })
    });
    let mut count = 0.0;
    for task in tasks.collect::<Vec<_>>() {
        count += f64::from(task.await.unwrap());
    }
    count / begun.elapsed().as_secs_f64()
}
