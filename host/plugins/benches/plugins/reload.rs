//! How long clients wait for a plugin's answers while another plugin, and while the same, is reloaded again and again: versions
//! whose code is in the cache, and versions that must be compiled. In turns with the same clients alone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use switchboard_plugins::{Engine, EngineOptions, PluginSource, Plugins};
use tokio::runtime::Runtime;

use crate::client::{Asked, ask};
use crate::figures::{Times, budget};
use crate::ours::{self, KIND};

const TURNS: u32 = 4;
const TURN: Duration = Duration::from_millis(1500);
/// From one reload to the next.
const PAUSE: Duration = Duration::from_millis(10);
/// p99 against that of clients alone.
const MOST: f64 = 2.0;

/// What is reloaded meanwhile, and of how many versions in turn.
const RELOADED: [(&str, &str, u32); 4] = [
    ("another, from the cache", "otp", 2),
    ("the same, from the cache", "messages", 2),
    ("another, compiled", "otp", u32::MAX),
    ("the same, compiled", "messages", u32::MAX),
];

pub(crate) fn bench() {
    let runtime = crate::runtime(2);
    let cache = tempfile::tempdir().unwrap();
    let asked = Asked {
        plugins: runtime.block_on(plugins(cache.path())),
        kind: KIND,
        body: ours::body(),
    };
    let mut alone = Times::new();
    let mut beside = RELOADED.map(|_| (Times::new(), 0));
    for _ in 0..TURNS {
        alone.add(&ask(&runtime, &asked, TURN));
        for ((_, id, versions), (times, reloads)) in RELOADED.iter().zip(&mut beside) {
            let reloading = Reloading::start(&runtime, &asked.plugins, id, *versions);
            times.add(&ask(&runtime, &asked, TURN));
            *reloads += reloading.stop(&runtime);
        }
    }
    println!(
        "\n{:32} {:>9} {:>9} {:>9} {:>9}",
        "calls while plugins are reloaded", "p50 us", "p99 us", "x alone", "reloads/s"
    );
    println!("{:32} {:>9.1} {:>9.1}", "alone", alone.p50(), alone.p99());
    for ((name, ..), (times, reloads)) in RELOADED.iter().zip(&beside) {
        let (p50, p99, ratio) = (times.p50(), times.p99(), times.p99() / alone.p99());
        let rate = f64::from(*reloads) / (TURN * TURNS).as_secs_f64();
        println!(
            "{name:32} {p50:>9.1} {p99:>9.1} {ratio:>9.2} {rate:>9.1}{}",
            budget(ratio, MOST, " x")
        );
    }
}

async fn plugins(cache: &Path) -> Plugins {
    let engine = Engine::new(EngineOptions {
        cache_dir: Some(cache.to_owned()),
        ..EngineOptions::default()
    });
    let plugins = Plugins::new(engine.unwrap());
    for (_, id, _) in RELOADED {
        for version in 0..2 {
            plugins.put(version_of(&ours::bundled(id), version)).await.unwrap();
        }
    }
    plugins
}

fn version_of(source: &PluginSource, version: u32) -> PluginSource {
    PluginSource {
        wasm: ours::another(&source.wasm, version).into(),
        ..source.clone()
    }
}

/// A plugin that is reloaded until this is stopped.
struct Reloading {
    stopped: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u32>,
}

impl Reloading {
    fn start(runtime: &Runtime, plugins: &Plugins, id: &str, versions: u32) -> Self {
        /// No version comes twice that shall be compiled.
        static VERSION: AtomicU32 = AtomicU32::new(2);
        let stopped = Arc::new(AtomicBool::new(false));
        let (plugins, until, source) = (plugins.clone(), Arc::clone(&stopped), ours::bundled(id));
        let task = runtime.spawn(async move {
            let mut reloads = 0;
            while !until.load(Ordering::Relaxed) {
                let version = VERSION.fetch_add(1, Ordering::Relaxed) % versions;
                plugins.put(version_of(&source, version)).await.unwrap();
                reloads += 1;
                tokio::time::sleep(PAUSE).await;
            }
            reloads
        });
        Self { stopped, task }
    }

    fn stop(self, runtime: &Runtime) -> u32 {
        self.stopped.store(true, Ordering::Relaxed);
        runtime.block_on(self.task).unwrap()
    }
}
