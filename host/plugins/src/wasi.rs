//! The few WASI interfaces a guest gets. What is not in [`LINKED`] does not exist for it.
//!
//! All are deterministic, so that the same case always has the same answer: random numbers come from fixed seeds and are worth
//! nothing as secrets, and the clocks stand at the moment the request was accepted, so nobody can wait. No environment, no arguments, no input.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use switchboard_core::clock::UnixMillis;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::{cli, clocks, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiView, async_trait};
use wasmtime_wasi_io::bindings::wasi::io;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use crate::call::Guest;
use crate::output::Output;

/// Version of WASI, as in `wasi:io/streams@0.2.6`; every patch of it will do.
pub(crate) const VERSION: &str = "0.2";

type Link = fn(&mut Linker<Guest>) -> wasmtime::Result<()>;

/// Every interface there is, and how it is linked.
pub(crate) const LINKED: &[(&str, Link)] = &[
    ("wasi:io/error", |l| {
        io::error::add_to_linker::<Guest, Table>(l, Guest::table)
    }),
    ("wasi:io/poll", |l| {
        io::poll::add_to_linker::<Guest, Table>(l, Guest::table)
    }),
    ("wasi:io/streams", |l| {
        io::streams::add_to_linker::<Guest, Table>(l, Guest::table)
    }),
    ("wasi:cli/environment", |l| {
        cli::environment::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/exit", |l| {
        cli::exit::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/stdin", |l| {
        cli::stdin::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/stdout", |l| {
        cli::stdout::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/stderr", |l| {
        cli::stderr::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/terminal-input", |l| {
        cli::terminal_input::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/terminal-output", |l| {
        cli::terminal_output::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/terminal-stdin", |l| {
        cli::terminal_stdin::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/terminal-stdout", |l| {
        cli::terminal_stdout::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:cli/terminal-stderr", |l| {
        cli::terminal_stderr::add_to_linker::<Guest, WasiCli>(l, Guest::cli)
    }),
    ("wasi:clocks/wall-clock", |l| {
        clocks::wall_clock::add_to_linker::<Guest, WasiClocks>(l, Guest::clocks)
    }),
    ("wasi:clocks/monotonic-clock", |l| {
        clocks::monotonic_clock::add_to_linker::<Guest, Clock>(l, |g| Standing(g.table()))
    }),
    ("wasi:random/random", |l| {
        random::random::add_to_linker::<Guest, WasiRandom>(l, |g| g.ctx().ctx.random())
    }),
    ("wasi:random/insecure", |l| {
        random::insecure::add_to_linker::<Guest, WasiRandom>(l, |g| g.ctx().ctx.random())
    }),
    ("wasi:random/insecure-seed", |l| {
        random::insecure_seed::add_to_linker::<Guest, WasiRandom>(l, |g| g.ctx().ctx.random())
    }),
];

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

struct Clock;

impl HasData for Clock {
    type Data<'a> = Standing<'a>;
}

/// The seed of every random number a guest can get.
const SEED: u64 = 0x5357_4954_4348; // "SWITCH"

/// The most random bytes at once, because the host makes room for them before the guest does.
const MAX_RANDOM_BYTES: u64 = 64 * 1024;

/// What one guest sees of the world.
pub(crate) fn context(accepted_at: UnixMillis, output: &Output) -> WasiCtx {
    WasiCtx::builder()
        .stdout(output.clone())
        .stderr(output.of_errors())
        .secure_random(SmallRng::seed_from_u64(SEED))
        .insecure_random(SmallRng::seed_from_u64(SEED))
        .insecure_random_seed(u128::from(SEED))
        .max_random_size(MAX_RANDOM_BYTES)
        .wall_clock(Accepted(accepted_at))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

/// The moment the request was accepted.
struct Accepted(UnixMillis);

impl HostWallClock for Accepted {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0.since(UnixMillis(0))
    }
}

/// A clock that stands. Whoever waits for a later moment is told that it has come: a guest that slept would hold its instance, and a turn
/// that others wait for.
struct Standing<'a>(&'a mut ResourceTable);

impl monotonic_clock::Host for Standing<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(0)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1_000_000)
    }

    fn subscribe_instant(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let come = self.0.push(Come)?;
        subscribe(self.0, come)
    }

    fn subscribe_duration(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_instant(0)
    }
}

/// What has come already.
struct Come;

#[async_trait]
impl Pollable for Come {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::NoEffects;
    use crate::testing::{GuestText, context, engine, load};
    use rand::Rng;

    #[tokio::test]
    async fn the_clock_stands_at_acceptance_and_chance_repeats() {
        let accepted = context().accepted_at;
        let drawn = SmallRng::seed_from_u64(SEED).next_u64();
        let mut text = GuestText {
            wasi: true,
            ..GuestText::default()
        };
        let (time, words) = (text.words(&[0, 0, 0, 0]), text.string("hi"));
        let answer = text.send(1, words);
        let (seconds, nanos) = (accepted.as_secs(), accepted.0.rem_euclid(1000) * 1_000_000);
        let next = format!(
            "(call $now (i32.const {time}))
             (if (i64.ne (i64.load (i32.const {time})) (i64.const {seconds})) (then unreachable))
             (if (i32.ne (i32.load (i32.const {})) (i32.const {nanos})) (then unreachable))
             (if (i64.ne (call $random) (i64.const {drawn})) (then unreachable))
             (i32.const {answer})",
            time + 8
        );
        let plugins = load(engine(), text.component(&next), "").await.unwrap();
        for _ in 0..2 {
            plugins
                .handle(&context(), "x", &serde_json::json!({}), &NoEffects)
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn who_waits_for_a_later_moment_is_told_that_it_has_come() {
        let mut text = GuestText {
            wasi: true,
            ..GuestText::default()
        };
        let words = text.string("hi");
        let answer = text.send(1, words);
        let next = format!(
            "(call $block (call $after (i64.const 1000000000000)))
             (call $block (call $after (i64.const -1)))
             (i32.const {answer})"
        );
        let plugins = load(engine(), text.component(&next), "").await.unwrap();
        plugins
            .handle(&context(), "x", &serde_json::json!({}), &NoEffects)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn of_the_hosts_environment_and_arguments_nothing_is_seen() {
        assert!(std::env::vars_os().next().is_some() && std::env::args_os().next().is_some());
        let mut text = GuestText {
            wasi: true,
            ..GuestText::default()
        };
        let (told, words) = (text.words(&[7, 7, 7, 7]), text.string("hi"));
        let answer = text.send(1, words);
        // The length of each list, and whether there is a folder at all.
        let next = format!(
            "(call $environment (i32.const {told}))
             (if (i32.load (i32.const {})) (then unreachable))
             (call $arguments (i32.const {told}))
             (if (i32.load (i32.const {})) (then unreachable))
             (call $folder (i32.const {told}))
             (if (i32.load8_u (i32.const {told})) (then unreachable))
             (i32.const {answer})",
            told + 4,
            told + 4
        );
        let plugins = load(engine(), text.component(&next), "").await.unwrap();
        plugins
            .handle(&context(), "x", &serde_json::json!({}), &NoEffects)
            .await
            .unwrap();
    }
}
