//! What plugins cost: `cargo bench -p switchboard-plugins --bench plugins`, or some of it: `-- call load`.
//!
//! Every figure stands beside its baseline from the same run, measured in turns, so that a busy machine is busy for both: trust the
//! ratios. Where there is a budget, it stands behind the figure.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench stops at the first surprise and prints what it found"
)]

mod bare;
mod call;
mod callers;
mod client;
mod figures;
mod fleet;
#[path = "../../src/testing/guest.rs"]
#[expect(dead_code, reason = "what only the tests use")]
mod guest;
mod load;
mod neighbours;
mod ours;
mod reload;

/// Every part by its name. The memory of a fleet is measured in a process of its own.
const PARTS: [(&str, fn()); 6] = [
    ("call", call::bench),
    ("load", load::bench),
    ("fleet", fleet::bench),
    ("callers", callers::bench),
    ("reload", reload::bench),
    ("neighbours", neighbours::bench),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [fleet::CHILD, task, folder] = &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return fleet::child(task, folder.as_ref());
    }
    // Cargo adds options of its own.
    let mut wanted = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .peekable();
    let is_all = wanted.peek().is_none();
    let wanted: Vec<_> = wanted.collect();
    for (name, bench) in PARTS {
        if is_all || wanted.iter().any(|part| *part == name) {
            bench();
        }
    }
}

/// The runtime of the server, with as many threads.
fn runtime(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}
