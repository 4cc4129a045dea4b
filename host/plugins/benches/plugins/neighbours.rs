//! How long clients wait for an honest plugin's answers while another plugin does its worst, in turns with the same clients alone.
//!
//! Each neighbour is called without a pause by one caller, and by twice as many as there are threads. It answers a body that is not
//! empty, and every second is such a one, because a plugin that never answers is soon set aside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use switchboard_plugins::Plugins;
use switchboard_plugins::effects::NoEffects;
use tokio::runtime::Runtime;

use crate::client::{Asked, ask};
use crate::figures::{Times, budget};
use crate::guest::GuestText;
use crate::ours::{self, KIND};

const THREADS: usize = 2;
const CALLERS: [usize; 2] = [1, 2 * THREADS];
const TURNS: usize = 3;
/// The p99 of the clients, of what it is without the neighbour.
const MOST_RATIO: f64 = 2.0;
const TURN: Duration = Duration::from_millis(700);

pub(crate) fn bench() {
    let runtime = crate::runtime(THREADS);
    println!(
        "\n{:32} {:>9} {:>9} {:>9} {:>9}",
        "calls beside a neighbour that", "p50 us", "p99 us", "x alone", "its calls/s"
    );
    for (what, wasm) in neighbours() {
        let sources = vec![ours::bundled("messages"), ours::handler("neighbour", wasm)];
        let plugins = runtime.block_on(Plugins::load(ours::engine(), sources)).unwrap();
        let asked = Asked {
            plugins,
            kind: KIND,
            body: ours::body(),
        };
        for callers in CALLERS {
            let ([mut alone, mut beside], mut calls) = ([(); 2].map(|()| Times::new()), 0);
            for _ in 0..TURNS {
                alone.add(&ask(&runtime, &asked, TURN));
                let noise = Noise::start(&runtime, &asked.plugins, callers);
                beside.add(&ask(&runtime, &asked, TURN));
                calls += noise.stop(&runtime);
            }
            let name = format!("{what}, {callers} at once");
            let (p50, p99, ratio) = (beside.p50(), beside.p99(), beside.p99() / alone.p99());
            let rate = f64::from(calls) / (TURN.as_secs_f64() * TURNS as f64);
            let verdict = budget(ratio, MOST_RATIO, " x");
            println!("{name:32} {p50:>9.1} {p99:>9.1} {ratio:>9.2} {rate:>9.0}{verdict}");
        }
    }
}

/// What each does, and its component.
fn neighbours() -> [(&'static str, Vec<u8>); 9] {
    let nothing = |_: &mut GuestText| String::new();
    [
        ("answers", neighbour(1, nothing)),
        ("traps", neighbour(1, |_| "unreachable".to_owned())),
        ("spins", neighbour(1, |_| "(loop br 0)".to_owned())),
        (
            "recurses",
            neighbour(1, |_| "(return (call $f (i32.const 0)))".to_owned()),
        ),
        ("grows", neighbour(1, |_| GROW.to_owned())),
        ("fills its memory", neighbour(FILLED, |_| FILL.to_owned())),
        ("sleeps", neighbour(1, |_| SLEEP.to_owned())),
        ("answers much", neighbour(64, huge)),
        ("logs much", neighbour(2, noisy)),
    ]
}

/// To the limit of its memory, every byte of it written.
const GROW: &str = "
    (loop
        (local.set $left (memory.grow (i32.const 1)))
        (if (i32.ne (local.get $left) (i32.const -1)) (then
            (memory.fill (i32.shl (local.get $left) (i32.const 16)) (i32.const 1) (i32.const 65536))
            (br 1))))
    unreachable";

/// Pages that are filled at a time, for milliseconds in which nothing can interrupt it.
const FILLED: u32 = 480;

const FILL: &str = "
    (loop
        (memory.fill (i32.const 1048576) (i32.const 1) (i32.const 30408704))
        (br 0))";

/// For a second each time, were it not awake at once.
const SLEEP: &str = "
    (loop
        (call $block (call $after (i64.const 1000000000)))
        (br 0))";

/// Almost as much as an answer may be.
fn huge(text: &mut GuestText) -> String {
    let answer = text.send(1, [1 << 20, 1000 << 10]);
    format!("(return (i32.const {answer}))")
}

fn noisy(text: &mut GuestText) -> String {
    let ([line, length], result) = (text.string([b'!'; 4096]), text.words(&[0, 0, 0]));
    format!(
        "(local.set $left (i32.const 10000))
         (local.set $handle (call $stderr))
         (loop
            (call $write (local.get $handle) (i32.const {line}) (i32.const {length}) (i32.const {result}))
            (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"
    )
}

/// A guest that does `worst` when the body is empty.
fn neighbour(pages: u32, worst: impl Fn(&mut GuestText) -> String) -> Vec<u8> {
    let mut text = GuestText {
        pages,
        wasi: true,
        ..GuestText::default()
    };
    let (words, worst) = (text.string("hi"), worst(&mut text));
    let answer = text.send(1, words);
    // The ninth parameter is the length of the body, which is `{}` when it is empty.
    text.component(&format!(
        "(if (i32.le_u (local.get 8) (i32.const 2)) (then {worst})) (i32.const {answer})"
    ))
}

/// Callers of the neighbour, until they are stopped.
struct Noise {
    stopped: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<u32>>,
}

impl Noise {
    fn start(runtime: &Runtime, plugins: &Plugins, callers: usize) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let caller = |_| {
            let (plugins, until) = (plugins.clone(), Arc::clone(&stopped));
            runtime.spawn(async move {
                let mut calls = 0;
                while !until.load(Ordering::Relaxed) {
                    let body = if calls % 2 == 0 {
                        json!({"calm": true})
                    } else {
                        json!({})
                    };
                    // It may well fail.
                    let _ = plugins.handle(&ours::context(), "x", &body, &NoEffects).await;
                    calls += 1;
                    tokio::task::yield_now().await;
                }
                calls
            })
        };
        Self {
            callers: (0..callers).map(caller).collect(),
            stopped,
        }
    }

    fn stop(self, runtime: &Runtime) -> u32 {
        self.stopped.store(true, Ordering::Relaxed);
        let calls = self.callers.into_iter().map(|caller| runtime.block_on(caller).unwrap());
        calls.sum()
    }
}
