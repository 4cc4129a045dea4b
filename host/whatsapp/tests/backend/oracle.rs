//! Random sequences of operations over several sessions, with the database closed and opened in between, give what the library's
//! own in-memory storage gives.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use switchboard_core::clock::{ManualClock, UnixMillis};
use whatsapp_rust::wacore::store::InMemoryBackend;
use whatsapp_rust::wacore::store::traits::{DeviceStore, LidPnMappingEntry, ProtocolStore};

use crate::call::call;
use crate::fixture::{Fixture, LIBRARY_CLOCK};
use crate::inputs::{Inputs, NOON};
use crate::kinds::{KINDS, Kind};

const SESSIONS: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    Call {
        session: usize,
        method: &'static str,
        with: Inputs,
    },
    Create {
        session: usize,
    },
    Wipe {
        session: usize,
    },
    Advance {
        seconds: u64,
    },
    Reopen,
}

/// A sequence about these kinds of rows. Operations on everything at once would hardly ever meet.
fn sequence(kinds: &'static [Kind]) -> impl Strategy<Value = Vec<Step>> {
    let all = |of: fn(&Kind) -> &'static [&'static str]| kinds.iter().flat_map(of).copied().collect::<Vec<_>>();
    let writes = all(|kind| kind.writes);
    // What has no read is read by taking it, which is a write.
    let reads = all(|kind| if kind.reads.is_empty() { kind.writes } else { kind.reads });
    Inputs::any().prop_flat_map(move |inputs| {
        let called = |methods: &[&'static str]| {
            (0..SESSIONS, select(methods.to_vec()), inputs.clone()).prop_map(|(session, method, with)| Step::Call {
                session,
                method,
                with,
            })
        };
        let step = prop_oneof![
            60 => called(&writes),
            30 => called(&reads),
            1 => (0..SESSIONS).prop_map(|session| Step::Create { session }),
            1 => (0..SESSIONS).prop_map(|session| Step::Wipe { session }),
            4 => (0..12_u64).prop_map(|seconds| Step::Advance { seconds }),
            3 => Just(Step::Reopen),
        ];
        prop::collection::vec(step, 1..120)
    })
}

/// The library's storage, and its contract where the two differ.
#[derive(Default)]
struct Oracle {
    memory: InMemoryBackend,
    pairs: Vec<LidPnMappingEntry>,
}

impl Oracle {
    async fn call(&mut self, method: &str, with: &Inputs) -> String {
        match method {
            "put_lid_mapping" => self.learn(with.pair()),
            "put_lid_mappings" => with.pairs().into_iter().for_each(|pair| self.learn(pair)),
            // The contract is "the most recent LID for that phone", and the library's cache, which sits above, takes the greatest
            // `created_at`. The in-memory storage instead forgets a number when one of its LIDs moves to another number, though
            // an older pair or even the current one still has it.
            "get_pn_mapping" => {
                let newest = self
                    .pairs
                    .iter()
                    .filter(|pair| pair.phone_number == with.name)
                    .max_by_key(|pair| pair.created_at);
                return format!("{newest:?}");
            }
            _ => {}
        }
        call(method, &self.memory, with).await
    }

    fn learn(&mut self, pair: LidPnMappingEntry) {
        self.pairs.retain(|known| known.lid != pair.lid);
        self.pairs.push(pair);
    }
}

/// The clock of the library's storage at noon, and the turn to move it: the process has one.
fn library_clock() -> (Arc<ManualClock>, MutexGuard<'static, ()>) {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    LIBRARY_CLOCK.set(UnixMillis::from_secs(NOON));
    (Arc::clone(&LIBRARY_CLOCK), turn)
}

async fn run(steps: Vec<Step>, clock: Arc<ManualClock>) -> Result<(), TestCaseError> {
    let mut fixture = Fixture::new(clock);
    let mut oracles: Vec<Oracle> = (0..SESSIONS).map(|_| Oracle::default()).collect();
    for step in &steps {
        match step {
            Step::Call { session, method, with } => {
                let (backend, oracle) = (fixture.backend(*session), &mut oracles[*session]);
                prop_assert_eq!(
                    call(method, &backend, with).await,
                    oracle.call(method, with).await,
                    "{}",
                    method
                );
                if method.starts_with("delete_pending_inbound") {
                    // Answered when it is queued; a write behind it is answered when both are committed.
                    backend.delete_group_metadata("none").await.unwrap();
                }
            }
            Step::Create { session } => {
                // Its keys are random: the oracle gets ours, unless it has a device, which then must be ours still.
                let (backend, oracle) = (fixture.backend(*session), &oracles[*session].memory);
                backend.create().await.unwrap();
                if !oracle.exists().await.unwrap() {
                    oracle.save(&backend.load().await.unwrap().unwrap()).await.unwrap();
                }
            }
            Step::Wipe { session } => {
                fixture.keys(*session).wipe().await.unwrap();
                oracles[*session] = Oracle::default();
            }
            Step::Advance { seconds } => fixture.clock.advance(Duration::from_secs(*seconds)),
            Step::Reopen => fixture.reopen().await,
        }
    }
    fixture.reopen().await;
    for (session, oracle) in oracles.iter_mut().enumerate() {
        for step in &steps {
            let Step::Call { method, with, .. } = step else {
                continue;
            };
            for read in reads_of_kind(method) {
                let seen = call(read, &fixture.backend(session), with).await;
                prop_assert_eq!(seen, oracle.call(read, with).await, "{} at last", read);
            }
        }
    }
    Ok(())
}

/// The reads of the kind of row that `method` is about.
fn reads_of_kind(method: &str) -> &'static [&'static str] {
    let kind = KINDS
        .iter()
        .find(|kind| kind.writes.contains(&method) || kind.reads.contains(&method));
    kind.unwrap().reads
}

/// Runs random sequences about `kinds`, and tells which methods were called.
fn check(kinds: &'static [Kind], cases: u32) -> BTreeSet<&'static str> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let called = RefCell::new(BTreeSet::new());
    let config = Config {
        cases,
        max_shrink_iters: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&sequence(kinds), |steps| {
        called.borrow_mut().extend(steps.iter().filter_map(|step| match step {
            Step::Call { method, .. } => Some(*method),
            _ => None,
        }));
        let (clock, _turn) = library_clock();
        runtime.block_on(run(steps, clock))
    });
    outcome.unwrap();
    called.into_inner()
}

#[test]
fn any_operations_on_one_kind_of_row_give_what_the_library_s_own_storage_gives() {
    for kind in KINDS {
        let called = check(std::slice::from_ref(kind), 10);
        for method in kind.writes.iter().chain(kind.reads) {
            assert!(called.contains(method), "{method} was not called once");
        }
    }
}

#[test]
fn any_operations_on_all_kinds_together_give_what_the_library_s_own_storage_gives() {
    check(KINDS, 8);
}
