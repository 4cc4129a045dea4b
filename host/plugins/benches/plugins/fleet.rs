//! What fifty plugins cost in memory: ten times the bundled ones, each a component of its own with its own code. Two of one table may
//! not claim the same kind, so they are in ten tables, on one engine.
//!
//! One process fills the cache with code and another loads from it and looks at its own memory: what a compiler leaves behind in the
//! first is not to be found again in the second.

use std::path::Path;
use std::process::Command;

use switchboard_plugins::{Engine, EngineOptions, PluginSource, Plugins};
use tokio::time::Instant;

use crate::figures::budget;
use crate::ours;

/// Tells this program that it is such a process.
pub(crate) const CHILD: &str = "fleet-child";

const PLUGINS: usize = 50;
/// All together, in MiB.
const MOST_MIB: f64 = 20.0;

pub(crate) fn bench() {
    let folder = tempfile::tempdir().unwrap();
    for task in ["fill", "measure"] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let status = child.args([CHILD, task]).arg(folder.path()).status().unwrap();
        assert!(status.success(), "{task}: {status}");
    }
}

/// One of the two processes.
pub(crate) fn child(task: &str, cache: &Path) {
    crate::runtime(2).block_on(async {
        let engine = Engine::new(EngineOptions {
            cache_dir: Some(cache.to_owned()),
            ..EngineOptions::default()
        })
        .unwrap();
        let (before, at) = (Memory::now(), Instant::now());
        let fleet = load(&engine).await;
        let (took, after) = (at.elapsed(), Memory::now());
        let loaded: usize = fleet.iter().map(|plugins| plugins.states().len()).sum();
        assert_eq!(loaded, PLUGINS);
        if task == "measure" {
            after.report(&before);
            println!("{:32} {:>9.1} ms", "to load them", took.as_secs_f64() * 1e3);
        }
    });
}

async fn load(engine: &Engine) -> Vec<Plugins> {
    let mut fleet = Vec::new();
    let copies = PLUGINS / bundled::plugins().len();
    for number in 0..u32::try_from(copies).unwrap() {
        let copy = |plugin: &bundled::Bundled| PluginSource {
            wasm: ours::another(plugin.wasm, number).into(),
            ..ours::bundled(plugin.id)
        };
        let plugins = Plugins::new(engine.clone());
        for plugin in bundled::plugins() {
            plugins.put(copy(plugin)).await.unwrap();
        }
        fleet.push(plugins);
    }
    fleet
}

/// The memory of this process that is in RAM, in KiB; what it shares with others counts by its share.
struct Memory {
    all: u64,
    /// What must stay there. The rest is code in files, which the system drops when it wants the room.
    anonymous: u64,
}

impl Memory {
    fn now() -> Self {
        let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
        let of = |name: &str| -> u64 {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next());
            kib.and_then(|kib| kib.parse().ok()).expect("a number of KiB")
        };
        Self {
            all: of("Pss:"),
            anonymous: of("Pss_Anon:"),
        }
    }

    fn report(&self, before: &Self) {
        let mib = |after: u64, before: u64| after.saturating_sub(before) as f64 / 1024.0;
        let (all, anonymous) = (mib(self.all, before.all), mib(self.anonymous, before.anonymous));
        println!("\n{PLUGINS} plugins, from the cache");
        println!("{:32} {all:>9.1} MiB{}", "memory (Pss)", budget(all, MOST_MIB, " MiB"));
        println!("{:32} {anonymous:>9.1} MiB", "of it not in files");
    }
}
