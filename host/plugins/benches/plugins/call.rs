//! One call of the bundled text handler, in turns with: the same logic as a native function, an instance that is used again, the same
//! compiled for any processor of this architecture (as ours are) and not for the one at hand, bare wasmtime doing what every host must
//! do, and [`Plugins::handle`], which adds the schema check, the queue, the two deadlines and every bound.

use serde::Deserialize;
use switchboard_core::content::{Content, Text};
use switchboard_plugins::Plugins;
use tokio::time::Instant;

use crate::bare::{self, Bare};
use crate::figures::{Times, budget};
use crate::ours::{self, KIND};

/// Rounds in which every candidate has its turn.
const ROUNDS: usize = 40;
/// Calls of one candidate in one round.
const CALLS: usize = 500;
/// Of [`Plugins::handle`], half of the calls, in microseconds.
const MOST_US: f64 = 15.0;
/// The same, against bare wasmtime that is tuned as ours.
const MOST_TIMES_BARE: f64 = 1.5;

pub(crate) fn bench() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(calls());
}

async fn calls() {
    let body = ours::body();
    let written = body.to_string();
    let plugins = Plugins::load(ours::engine(), vec![ours::bundled("messages")])
        .await
        .unwrap();
    let fresh = [Bare::on_demand(), Bare::pooled(), Bare::tuned()];
    let (mut store, reused) = fresh[1].instance().await;
    let portable = Bare::portable();
    let (mut portable_store, portable) = portable.instance().await;

    let [mut native_us, mut reused_us, mut portable_us, mut ours_us] = [(); 4].map(|()| Times::new());
    let mut fresh_us = [(); 3].map(|()| Times::new());
    for _ in 0..ROUNDS {
        for _ in 0..CALLS {
            let at = Instant::now();
            std::hint::black_box(native(&written));
            native_us.note_since(at);
        }
        for _ in 0..CALLS {
            let at = Instant::now();
            bare::call(&reused, &mut store, &written).await;
            reused_us.note_since(at);
        }
        for _ in 0..CALLS {
            let at = Instant::now();
            bare::call(&portable, &mut portable_store, &written).await;
            portable_us.note_since(at);
        }
        for (bare, spent) in fresh.iter().zip(&mut fresh_us) {
            for _ in 0..CALLS {
                let at = Instant::now();
                bare.call(&written).await;
                spent.note_since(at);
            }
        }
        for _ in 0..CALLS {
            let at = Instant::now();
            ours::call(&plugins, KIND, &body).await;
            ours_us.note_since(at);
        }
    }
    let [on_demand_us, pooled_us, tuned_us] = &fresh_us;
    println!(
        "\n{:32} {:>9} {:>9} {:>9}",
        format!("one call, {} of each", ROUNDS * CALLS),
        "p50 us",
        "p99 us",
        "x tuned"
    );
    for (name, spent) in [
        ("native function", &native_us),
        ("wasmtime, instance used again", &reused_us),
        ("the same, for any processor", &portable_us),
        ("wasmtime, fresh, no pool", on_demand_us),
        ("wasmtime, fresh, plain pool", pooled_us),
        ("wasmtime, fresh, tuned as ours", tuned_us),
        ("Plugins::handle, fresh", &ours_us),
    ] {
        let ratio = spent.p50() / tuned_us.p50();
        println!("{name:32} {:>9.2} {:>9.2} {ratio:>9.2}", spent.p50(), spent.p99());
    }
    println!(
        "{:32}{}{}",
        "",
        budget(ours_us.p50(), MOST_US, " us"),
        budget(ours_us.p50() / tuned_us.p50(), MOST_TIMES_BARE, " x")
    );
}

/// The logic of the plugin, here.
fn native(written: &str) -> Content {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        text: String,
        preview_url: bool,
    }
    let Body { text, preview_url } = serde_json::from_str(written).unwrap();
    Content::Text(Text {
        body: text,
        preview_url,
    })
}
