//! Guests that take what there is: time, instances, memory, tables, handles, the log.

use super::*;

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
        call_deadline: Duration::from_millis(500),
        limits,
        ..EngineOptions::default()
    };
    let plugins = load(Engine::new(options).unwrap(), guest(SPIN), "[limits]\ncpu_ms = 60000\n")
        .await
        .unwrap();
    let problem = send(&plugins, "x").await.unwrap_err();
    assert_eq!(
        (problem.code(), cause(&problem).as_str()),
        (&Code::PLUGIN_TIMEOUT, "there was no answer within 500ms")
    );
}

/// `x` spins for a tenth of a second, `y` answers, and nobody waits long for one of so many instances.
async fn spinning_and_honest(concurrency: u32) -> Plugins {
    let options = EngineOptions {
        concurrency,
        queue_deadline: Duration::from_millis(20),
        ..EngineOptions::default()
    };
    let sources = vec![
        source("spin", guest(SPIN), "[limits]\ncpu_ms = 100\n"),
        source("honest", honest("y"), ""),
    ];
    Plugins::load(Engine::new(options).unwrap(), sources).await.unwrap()
}

#[tokio::test]
async fn when_every_instance_is_taken_the_next_call_is_told_to_come_again() {
    let plugins = spinning_and_honest(1).await;
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
async fn a_plugin_that_is_called_without_end_leaves_half_of_the_instances_to_the_others() {
    let plugins = spinning_and_honest(4).await;
    let spun = futures::future::join_all((0..4).map(|_| send(&plugins, "x")));
    let (spun, served) = tokio::join!(biased; spun, send(&plugins, "y"));
    served.unwrap();
    let codes: Vec<_> = spun
        .into_iter()
        .map(|spun| spun.unwrap_err().code().name().to_owned())
        .collect();
    assert_eq!(
        codes,
        ["plugin_timeout", "plugin_timeout", "plugin_busy", "plugin_busy"]
    );
}

#[tokio::test]
async fn who_waits_for_the_turns_of_others_is_told_to_come_again_and_never_set_aside() {
    let options = EngineOptions {
        call_deadline: Duration::from_millis(500),
        ..EngineOptions::default()
    };
    let sources = ["w", "x", "y", "z"].map(|kind| {
        let text = GuestText {
            kind,
            ..GuestText::default()
        };
        source(kind, text.component(SPIN), "[limits]\ncpu_ms = 500\n")
    });
    let plugins = Plugins::load(Engine::new(options).unwrap(), sources.into())
        .await
        .unwrap();
    // As many of each as the lane has turns for in eight times as long.
    let lane = std::thread::available_parallelism()
        .map_or(1, |processors| processors.get() / 2)
        .max(1);
    let burst = ["w", "x", "y", "z"]
        .iter()
        .flat_map(|kind| std::iter::repeat_n(*kind, 2 * lane));
    let ended = futures::future::join_all(burst.map(|kind| send(&plugins, kind))).await;
    for problem in ended.into_iter().map(Result::unwrap_err) {
        assert_eq!(problem.code(), &Code::PLUGIN_BUSY, "{problem}");
    }
}

#[tokio::test]
async fn of_a_plugin_with_much_memory_fewer_run_at_once() {
    let engine = engine_of(1000);
    for (memory_mib, instances) in [(1, 256), (8, 32), (32, 8), (64, 4)] {
        let limits = Limits {
            memory_mib,
            ..Limits::default()
        };
        assert_eq!(engine.inner().gate.share(&limits), instances, "{memory_mib} MiB");
    }
    for (concurrency, instances) in [(1, 1), (2, 1), (4, 2), (64, 8)] {
        assert_eq!(engine_of(concurrency).inner().gate.share(&Limits::default()), instances);
    }
}

fn engine_of(concurrency: u32) -> Engine {
    Engine::new(EngineOptions {
        concurrency,
        ..EngineOptions::default()
    })
    .unwrap()
}

#[tokio::test]
async fn what_cannot_be_interrupted_is_counted_by_what_it_took() {
    // Each takes longer than a tick, and there are fewer of them than ticks in the limit.
    let next = "(local.set $left (i32.const 40))
        (loop $on
            (memory.fill (i32.const 65536) (local.get $left) (i32.const 60000000))
            (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        unreachable";
    let text = GuestText {
        pages: 920,
        ..GuestText::default()
    };
    let plugins = load(engine(), text.component(next), "[limits]\nmemory_mib = 64\n")
        .await
        .unwrap();
    assert_eq!(
        cause(&send(&plugins, "x").await.unwrap_err()),
        "the guest ran for more than 50ms"
    );
}

#[tokio::test]
async fn a_crash_is_told_briefly_however_long_its_names_are() {
    let name = format!(r"\1b[2J{}", "n".repeat(90_000));
    let functions = format!(r#"(func $crash (@name "{name}") (result i32) unreachable)"#);
    let text = GuestText {
        functions,
        ..GuestText::default()
    };
    let problem = problem_of(text, "(call $crash)").await;
    let told = cause(&problem);
    assert!(told.contains("nnn") && told.len() < 4096, "{}", told.len());
    assert!(!told.contains('\u{1b}'), "{told}");
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
async fn one_that_crashes_only_after_its_first_step_is_set_aside_too() {
    let mut text = GuestText::default();
    let step = text.act(1);
    let next = format!("(if (local.get $outcomes) (then unreachable)) (i32.const {step})");
    let plugins = load(engine(), text.component(&next), "").await.unwrap();
    for _ in 0..10 {
        assert_eq!(send(&plugins, "x").await.unwrap_err().code(), &Code::PLUGIN_TRAP);
    }
    assert_eq!(send(&plugins, "x").await.unwrap_err().code(), &Code::PLUGIN_SET_ASIDE);
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
