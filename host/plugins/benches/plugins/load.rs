//! How long one plugin takes to be loaded: compiled, from the cache, and how much of the latter is wasmtime's own mapping of the code.

use switchboard_plugins::{Engine, EngineOptions, Plugins};
use tokio::time::Instant;

use crate::figures::{Times, budget};
use crate::ours;

const ROUNDS: usize = 20;
/// From the cache, half of the loads, in milliseconds.
const MOST_MS: f64 = 1.0;

pub(crate) fn bench() {
    crate::runtime(2).block_on(loads());
}

async fn loads() {
    let dir = tempfile::tempdir().unwrap();
    let cache_dir = dir.path().join("code");
    let options = EngineOptions {
        cache_dir: Some(cache_dir.clone()),
        ..EngineOptions::default()
    };
    let (mut compiled, mut cached, mut again) = (Times::new(), Times::new(), Times::new());
    for _ in 0..ROUNDS {
        let _ = std::fs::remove_dir_all(&cache_dir);
        for spent in [&mut compiled, &mut cached, &mut again] {
            let plugins = Plugins::new(Engine::new(options.clone()).unwrap());
            let at = Instant::now();
            plugins.put(ours::bundled("messages")).await.unwrap();
            spent.note_since(at);
        }
    }
    println!(
        "\n{:32} {:>9} {:>9}",
        format!("load of one plugin, {ROUNDS} of each"),
        "p50 ms",
        "p99 ms"
    );
    for (name, spent, verdict) in [
        ("compiled", &compiled, String::new()),
        ("from the cache, right after that", &cached, String::new()),
        ("from the cache", &again, budget(again.p50() / 1e3, MOST_MS, " ms")),
    ] {
        println!(
            "{name:32} {:>9.3} {:>9.3}{verdict}",
            spent.p50() / 1e3,
            spent.p99() / 1e3
        );
    }
}
