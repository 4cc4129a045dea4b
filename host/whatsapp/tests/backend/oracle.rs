//! Random sequences of operations over several sessions, with the database closed and opened in between, give what the library's
//! own in-memory storage gives.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use switchboard_core::clock::{ManualClock, UnixMillis};
use whatsapp_rust::wacore::store::InMemoryBackend;
use whatsapp_rust::wacore::store::traits::{DeviceStore, LidPnMappingEntry, ProtocolStore};

use crate::fixture::{Fixture, LIBRARY_CLOCK};
use crate::methods::{Inputs, NOON, READS, WRITES, call};

const SESSIONS: usize = 3;

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

fn step() -> impl Strategy<Value = Step> {
    let called = |methods: &'static [&'static str]| {
        (0..SESSIONS, select(methods), Inputs::any()).prop_map(|(session, method, with)| Step::Call {
            session,
            method,
            with,
        })
    };
    prop_oneof![
        60 => called(WRITES),
        30 => called(READS),
        2 => (0..SESSIONS).prop_map(|session| Step::Create { session }),
        1 => (0..SESSIONS).prop_map(|session| Step::Wipe { session }),
        4 => (0..12_u64).prop_map(|seconds| Step::Advance { seconds }),
        3 => Just(Step::Reopen),
    ]
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
        for (with, method) in
            Inputs::every_row().flat_map(|with| READS.iter().map(move |method| (with.clone(), method)))
        {
            let expected = oracle.call(method, &with).await;
            prop_assert_eq!(
                call(method, &fixture.backend(session), &with).await,
                expected,
                "{} at last",
                method
            );
        }
    }
    Ok(())
}

fn check(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (clock, _turn) = library_clock();
    runtime.block_on(run(steps, clock))
}

#[test]
fn any_sequence_of_operations_gives_what_the_library_s_own_storage_gives() {
    let config = Config {
        cases: 24,
        max_shrink_iters: 300,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..160), check)
        .unwrap();
}

#[test]
fn after_each_write_every_read_gives_what_the_library_s_own_storage_gives() {
    // Whatever chance leaves out is here: each write on a session that has a row of every kind, and all reads after it.
    let with = |byte| Inputs {
        blob: vec![byte; 3],
        flag: byte % 2 == 0,
        byte,
        ..Inputs::every_row().nth(4).unwrap()
    };
    let call = |method, byte| Step::Call {
        session: 0,
        method,
        with: with(byte),
    };
    let fills = |write: &&str| !write.contains("delete") && !write.contains("clear") && !write.contains("take");
    let mut steps = Vec::new();
    for write in WRITES {
        steps.push(Step::Wipe { session: 0 });
        steps.extend(WRITES.iter().copied().filter(fills).map(|fill| call(fill, 1)));
        steps.extend([call(write, 2), Step::Reopen]);
        steps.extend(READS.iter().map(|read| call(read, 2)));
    }
    check(steps).unwrap();
}
