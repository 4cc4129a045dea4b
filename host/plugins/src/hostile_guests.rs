//! Guests that do what no honest plugin does, against the bounds of the whole crate. Each must end in a problem that names it,
//! in bounded time and memory, and the next call must not notice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use switchboard_core::problem::{Code, Problem};

use crate::contract::content::Content;
use crate::contract::effects::{Effect, Outcome};
use crate::effects::{Effects, NoEffects};
use crate::engine::{Engine, EngineOptions};
use crate::limits::Limits;
use crate::load::PluginSource;
use crate::plugin::{Origin, Plugin};
use crate::plugins::Plugins;
use crate::testing::{CaughtLog, GuestText, context, engine, guest, load, source};

/// Longer than any bound here, far shorter than for ever.
const SOON: Duration = Duration::from_secs(20);

async fn send(plugins: &Plugins, kind: &str) -> Result<Vec<Content>, Problem> {
    tokio::time::timeout(SOON, plugins.handle(&context(), kind, &json!({}), &NoEffects))
        .await
        .unwrap()
}

/// The problem of a guest whose `next` is `body`.
async fn problem_of(text: GuestText, next: &str) -> Problem {
    let plugins = load(engine(), text.component(next), "").await.unwrap();
    send(&plugins, "x").await.unwrap_err()
}

/// What the log is told, without whose fault it is.
fn cause(problem: &Problem) -> String {
    let chain = problem.cause_chain().unwrap_or_default();
    let (plugin, fault) = chain.split_once(": ").unwrap();
    assert!(plugin.starts_with("plugin ") && plugin.ends_with(" 1.0.0"), "{chain}");
    fault.to_owned()
}

fn honest(kind: &'static str) -> Vec<u8> {
    let mut text = GuestText {
        kind,
        ..GuestText::default()
    };
    let words = text.string("hi");
    let answer = text.send(1, words);
    text.component(&format!("(i32.const {answer})"))
}

const SPIN: &str = "(loop br 0) unreachable";

#[tokio::test]
async fn a_guest_that_spins_is_stopped_and_others_are_served_meanwhile() {
    let sources = vec![
        source("spin", guest(SPIN), "[limits]\ncpu_ms = 100\n"),
        source("honest", honest("y"), ""),
    ];
    let plugins = Plugins::load(engine(), sources).await.unwrap();
    let spinning = send(&plugins, "x");
    let honest = async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
            send(&plugins, "y").await.unwrap();
        }
    };
    tokio::pin!(spinning);
    // On one thread: were the guest not interrupted, nothing else could run before it ends.
    tokio::select! {
        biased;
        ended = &mut spinning => panic!("the spinning guest ended first: {ended:?}"),
        () = honest => {}
    }
    let problem = spinning.await.unwrap_err();
    assert_eq!(problem.code(), &Code::PLUGIN_TIMEOUT);
    assert_eq!(
        problem.message(),
        "The plugin spin 1.0.0 took too long and was stopped."
    );
    assert_eq!(cause(&problem), "the guest ran for more than 100ms");
}

#[tokio::test]
async fn the_wall_clock_ends_what_the_processor_clock_allows() {
    let limits = Limits {
        cpu_ms: 60_000,
        ..Limits::default()
    };
    let options = EngineOptions {
        call_deadline: Duration::from_millis(50),
        limits,
        ..EngineOptions::default()
    };
    let plugins = load(Engine::new(options).unwrap(), guest(SPIN), "[limits]\ncpu_ms = 60000\n")
        .await
        .unwrap();
    let problem = send(&plugins, "x").await.unwrap_err();
    assert_eq!(
        (problem.code(), cause(&problem).as_str()),
        (&Code::PLUGIN_TIMEOUT, "there was no answer within 50ms")
    );
}

#[tokio::test]
async fn when_every_instance_is_taken_the_next_call_is_told_to_come_again() {
    let options = EngineOptions {
        concurrency: 1,
        queue_deadline: Duration::from_millis(20),
        ..EngineOptions::default()
    };
    let sources = vec![
        source("spin", guest(SPIN), "[limits]\ncpu_ms = 500\n"),
        source("honest", honest("y"), ""),
    ];
    let plugins = Plugins::load(Engine::new(options).unwrap(), sources).await.unwrap();
    let (spun, waited) = tokio::join!(biased; send(&plugins, "x"), send(&plugins, "y"));
    assert_eq!(spun.unwrap_err().code(), &Code::PLUGIN_TIMEOUT);
    let busy = waited.unwrap_err();
    assert_eq!(
        (busy.code(), busy.retry_delay()),
        (&Code::PLUGIN_BUSY, Some(Duration::from_secs(1)))
    );
    send(&plugins, "y").await.unwrap();
}

#[tokio::test]
async fn a_guest_that_traps_is_named_and_the_next_call_gets_a_fresh_one() {
    let plugins = load(engine(), guest("unreachable"), "").await.unwrap();
    for _ in 0..5 {
        let problem = send(&plugins, "x").await.unwrap_err();
        assert_eq!(
            (problem.code(), problem.message()),
            (&Code::PLUGIN_TRAP, "The plugin guest 1.0.0 crashed.")
        );
        assert!(cause(&problem).contains("unreachable"), "{}", cause(&problem));
    }
}

#[tokio::test]
async fn a_guest_that_recurses_without_end_traps() {
    let problem = problem_of(GuestText::default(), "(call $f (i32.const 0))").await;
    assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
    assert!(cause(&problem).contains("call stack exhausted"), "{}", cause(&problem));
}

#[tokio::test]
async fn a_guest_that_eats_memory_is_refused_at_its_limit() {
    let grow = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let problem = problem_of(GuestText::default(), grow).await;
    assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
    assert_eq!(
        problem.message(),
        "The plugin guest 1.0.0 needs more than its 32 MiB of memory."
    );
}

#[tokio::test]
async fn a_guest_whose_table_grows_is_refused_at_its_limit() {
    let grow =
        "(loop (br_if 0 (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable";
    let problem = problem_of(GuestText::default(), grow).await;
    assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
    assert!(
        cause(&problem).contains("a larger table than is allowed"),
        "{}",
        cause(&problem)
    );
}

#[tokio::test]
async fn a_guest_that_bears_a_refusal_goes_on() {
    let mut text = GuestText::default();
    let words = text.string("hi");
    let answer = text.send(1, words);
    let grown = text.component(&format!("(drop (memory.grow (i32.const 60000))) (i32.const {answer})"));
    let plugins = load(engine(), grown, "").await.unwrap();
    assert_eq!(send(&plugins, "x").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_guest_that_begins_with_too_much_memory_is_not_loaded() {
    let greedy = GuestText {
        pages: 16 * 33,
        ..GuestText::default()
    }
    .component("unreachable");
    let error = load(engine(), greedy.clone(), "").await.unwrap_err();
    assert!(error.to_string().contains("32 MiB"), "{error}");
    load(engine(), greedy, "[limits]\nmemory_mib = 64\n").await.unwrap();
}

#[tokio::test]
async fn an_answer_over_the_cap_is_not_taken_in() {
    let two_mib = 2 << 20;
    for count in [1, 8] {
        let mut text = GuestText {
            pages: 64,
            ..GuestText::default()
        };
        let answer = text.send(count, [0, two_mib / count]);
        let problem = problem_of(text, &format!("(i32.const {answer})")).await;
        assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "{count}");
    }
}

#[tokio::test]
async fn a_list_that_repeats_one_text_a_million_times_is_not_taken_in() {
    let mut text = GuestText {
        pages: 400,
        ..GuestText::default()
    };
    let answer = text.answer(1, 65_536, 1_000_000);
    let problem = problem_of(text, &format!("(i32.const {answer})")).await;
    assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
}

#[tokio::test]
async fn a_pointer_out_of_memory_or_an_unknown_case_is_a_crash_of_the_guest_alone() {
    let mut wild = GuestText::default();
    let answer = wild.send(1, [u32::MAX - 8, 4]);
    assert_eq!(
        problem_of(wild, &format!("(i32.const {answer})")).await.code(),
        &Code::PLUGIN_TRAP
    );
    let mut unknown = GuestText::default();
    let answer = unknown.answer(7, 0, 0);
    assert_eq!(
        problem_of(unknown, &format!("(i32.const {answer})")).await.code(),
        &Code::PLUGIN_TRAP
    );
    assert_eq!(
        problem_of(GuestText::default(), "(i32.const -4)").await.code(),
        &Code::PLUGIN_TRAP
    );
}

#[tokio::test]
async fn a_length_that_is_a_lie_is_a_crash_of_the_guest_alone() {
    for length in [200_000, 0x8000_0000, u32::MAX] {
        let (mut long, mut many) = (GuestText::default(), GuestText::default());
        let [at, _] = long.string("hi");
        let answer = long.send(1, [at, length]);
        let problem = problem_of(long, &format!("(i32.const {answer})")).await;
        assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "a text of {length}");
        let answer = many.answer(1, 1024, length);
        let problem = problem_of(many, &format!("(i32.const {answer})")).await;
        assert_eq!(problem.code(), &Code::PLUGIN_TRAP, "a list of {length}");
    }
}

#[tokio::test]
async fn a_guest_that_has_no_room_for_its_input_is_at_fault_for_it() {
    for (room, code) in [
        ("(i32.const -8)", Code::PLUGIN_TRAP),
        ("(i32.const 0x7ffffff8)", Code::PLUGIN_TRAP),
        ("unreachable", Code::PLUGIN_TRAP),
        ("(call $f (i32.const 0))", Code::PLUGIN_TRAP),
        ("(loop br 0) unreachable", Code::PLUGIN_TIMEOUT),
    ] {
        let mut text = GuestText {
            room,
            ..GuestText::default()
        };
        let words = text.string("hi");
        let answer = text.send(1, words);
        let problem = problem_of(text, &format!("(i32.const {answer})")).await;
        assert_eq!(problem.code(), &code, "{room}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_utf8_or_not_json_is_not_taken() {
    let mut text = GuestText::default();
    let words = text.string(b"\xff\xfe");
    let answer = text.send(1, words);
    assert_eq!(
        problem_of(text, &format!("(i32.const {answer})")).await.code(),
        &Code::PLUGIN_TRAP
    );
    for json in ["", "[]", "{\"a\":", "nul"] {
        let mut text = GuestText::default();
        let (name, json) = (text.string("hologram"), text.string(json));
        let answer = text.send_open(name, json);
        let problem = problem_of(text, &format!("(i32.const {answer})")).await;
        assert_eq!(
            problem.message(),
            "The plugin guest 1.0.0 gave an answer that is not allowed."
        );
    }
}

#[tokio::test]
async fn no_contents_or_nine_are_not_an_answer() {
    for count in [0, 9] {
        let mut text = GuestText::default();
        let words = text.string("hi");
        let answer = text.send(count, words);
        let problem = problem_of(text, &format!("(i32.const {answer})")).await;
        assert_eq!(
            cause(&problem),
            format!("the guest broke its contract: {count} contents; 1 to 8 are allowed")
        );
    }
}

#[tokio::test]
async fn more_effects_than_thirty_two_are_not_a_step() {
    let mut text = GuestText::default();
    let step = text.act(33);
    let problem = problem_of(text, &format!("(i32.const {step})")).await;
    assert_eq!(
        cause(&problem),
        "the guest broke its contract: 33 effects; 1 to 32 are allowed"
    );
}

#[tokio::test]
async fn thousands_of_effects_are_not_even_counted() {
    let mut text = GuestText {
        pages: 64,
        ..GuestText::default()
    };
    let step = text.act(5000);
    let problem = problem_of(text, &format!("(i32.const {step})")).await;
    assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
}

/// Answers every wish with a megabyte.
struct Generous;

#[async_trait]
impl Effects for Generous {
    async fn carry_out(&self, _plugin: &Plugin, _effect: Effect) -> Outcome {
        Outcome::Json(format!("\"{}\"", "x".repeat(1 << 20)))
    }
}

#[tokio::test]
async fn what_a_guest_is_told_in_all_is_bounded_whatever_it_asks_for() {
    let mut text = GuestText {
        pages: 200,
        ..GuestText::default()
    };
    let (step, words) = (text.act(32), text.string("enough"));
    let answer = text.send(1, words);
    // Were all of it handed over, it would not fit into the guest.
    let next = format!("(if (result i32) (local.get $outcomes) (then (i32.const {answer})) (else (i32.const {step})))");
    let plugins = load(engine(), text.component(&next), "").await.unwrap();
    let contents = plugins.handle(&context(), "x", &json!({}), &Generous).await;
    assert_eq!(contents.unwrap().len(), 1);
}

/// Counts what it is asked to carry out.
#[derive(Default)]
struct Counting(AtomicUsize);

#[async_trait]
impl Effects for Counting {
    async fn carry_out(&self, _plugin: &Plugin, _effect: Effect) -> Outcome {
        self.0.fetch_add(1, Ordering::Relaxed);
        Outcome::Done
    }
}

#[tokio::test]
async fn a_guest_that_never_comes_to_an_end_is_asked_eight_times_and_its_last_wish_is_not_carried_out() {
    let mut text = GuestText::default();
    let step = text.act(2);
    // Were it asked a ninth time, it would see sixteen outcomes and trap.
    let next = format!("(if (i32.eq (local.get $outcomes) (i32.const 16)) (then unreachable)) (i32.const {step})");
    let plugins = load(engine(), text.component(&next), "").await.unwrap();
    let counting = Counting::default();
    let problem = plugins.handle(&context(), "x", &json!({}), &counting).await;
    assert_eq!(
        cause(&problem.unwrap_err()),
        "the guest broke its contract: no final answer in 8 rounds"
    );
    assert_eq!(counting.0.into_inner(), 7 * 2, "nobody would hear what became of it");
}

#[tokio::test]
async fn an_effect_nobody_knows_comes_back_as_a_failed_outcome() {
    let mut text = GuestText::default();
    let (step, words) = (text.act(3), text.string("so be it"));
    let answer = text.send(1, words);
    let next = format!(
        "(if (result i32) (i32.eq (local.get $outcomes) (i32.const 3)) (then (i32.const {answer})) (else (i32.const {step})))"
    );
    let plugins = load(engine(), text.component(&next), "").await.unwrap();
    assert!(matches!(send(&plugins, "x").await.unwrap()[..], [Content::Text(_)]));
}

#[tokio::test]
async fn a_guest_that_hoards_handles_is_stopped() {
    let hoard = "(loop (drop (call $stderr)) (br 0)) unreachable";
    let problem = problem_of(
        GuestText {
            wasi: true,
            ..GuestText::default()
        },
        hoard,
    )
    .await;
    assert_eq!(problem.code(), &Code::PLUGIN_TRAP);
}

#[test]
fn a_noisy_guest_fills_neither_the_log_nor_a_pipe() {
    let mut text = GuestText {
        wasi: true,
        ..GuestText::default()
    };
    let ([line, length], words) = (text.string("noise noise noise\n"), text.string("hi"));
    let answer = text.send(1, words);
    let result = text.words(&[0, 0, 0]);
    let next = format!(
        "(local.set $left (i32.const 10000))
         (local.set $handle (call $stderr))
         (loop
            (call $write (local.get $handle) (i32.const {line}) (i32.const {length}) (i32.const {result}))
            (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         (i32.const {answer})"
    );
    let wasm = text.component(&next);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let log = CaughtLog::default();
    let contents = log.during(|| {
        runtime.block_on(async {
            let plugins = load(engine(), wasm, "[limits]\nlog_kib = 1\ncpu_ms = 500\n")
                .await
                .unwrap();
            send(&plugins, "x").await.unwrap()
        })
    });
    assert_eq!(contents.len(), 1);
    assert_eq!(
        log.text().matches("noise noise noise").count(),
        56,
        "1 KiB of lines of 18 bytes"
    );
    assert!(log.text().contains("dropped_bytes=178976"), "{}", log.text());
}

#[tokio::test]
async fn a_kind_nobody_handles_is_answered_with_those_there_are() {
    let plugins = Plugins::load(
        engine(),
        vec![source("a", honest("x"), ""), source("b", honest("y"), "")],
    )
    .await
    .unwrap();
    let problem = send(&plugins, "image").await.unwrap_err();
    assert_eq!(
        (problem.code(), problem.field_name()),
        (&Code::UNKNOWN_TYPE, Some("type"))
    );
    assert_eq!(
        problem.message(),
        "There is no message type of this name; there are: x, y."
    );
    let kinds = plugins.kinds();
    let offered: Vec<_> = kinds
        .iter()
        .map(|kind| (kind.name.as_str(), kind.plugin_id.as_str()))
        .collect();
    assert_eq!(offered, [("x", "a"), ("y", "b")]);
}

#[tokio::test]
async fn a_plugin_that_crashes_again_and_again_is_set_aside_and_says_for_how_long() {
    let sources = vec![source("bad", guest("unreachable"), ""), source("good", honest("y"), "")];
    let plugins = Plugins::load(engine(), sources).await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..12 {
        codes.push(send(&plugins, "x").await.unwrap_err().code().name().to_owned());
    }
    assert_eq!(
        codes.iter().filter(|code| *code == "plugin_trap").count(),
        10,
        "{codes:?}"
    );
    let problem = send(&plugins, "x").await.unwrap_err();
    assert_eq!(problem.code(), &Code::PLUGIN_SET_ASIDE);
    assert!(
        problem
            .retry_delay()
            .is_some_and(|delay| delay <= Duration::from_secs(10))
    );
    let states = plugins.states();
    let rest = |id| {
        states
            .iter()
            .find(|state| state.id == id)
            .unwrap()
            .serving
            .clone()
            .unwrap()
            .rest
    };
    assert!(rest("bad").is_some() && rest("good").is_none());
    send(&plugins, "y").await.unwrap();
}

#[tokio::test]
async fn a_bundled_handler_serves_its_kind_while_an_added_one_is_set_aside() {
    let bundled = PluginSource {
        origin: Origin::Bundled,
        ..source("shipped", honest("x"), "")
    };
    let sources = vec![bundled, source("added", guest("unreachable"), "")];
    let plugins = Plugins::load(engine(), sources).await.unwrap();
    assert_eq!(plugins.kinds()[0].plugin_id, "added");
    for _ in 0..10 {
        assert_eq!(send(&plugins, "x").await.unwrap_err().code(), &Code::PLUGIN_TRAP);
    }
    send(&plugins, "x").await.unwrap();
}
