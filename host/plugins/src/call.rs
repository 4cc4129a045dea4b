//! One call into a plugin: a fresh instance, a deadline, and everything thrown away afterwards.
//!
//! Two clocks watch a call. The guest's own time is that of its thread's processor, only while it runs, and it gives way at every tick of
//! the epoch, to other tasks and to sockets that have something to be read; so a busy machine does not punish it, and a spinning guest
//! does not hold a thread. An instruction that fills a whole memory is not interrupted; it is counted by what it took. A guest that has
//! run for longer than a call usually takes goes on in a lane with others of its like, which never has more than half of the processors:
//! however many spin, the short calls have the rest. Around it all stands a timeout in wall time, for a guest that does not come to its
//! turns in time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use switchboard_core::clock::UnixMillis;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};
use wasmtime::component::{Instance, InstancePre, ResourceTable};
use wasmtime::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::fault::Fault;
use crate::limits::{HANDLES, Limiter, Limits, Most, Refused};
use crate::metrics::PluginMetrics;
use crate::output::Output;
use crate::plugin::CallContext;
use crate::ticker::{TICK, Ticker};
use crate::wasi;

/// Memory of all instances of one plugin together, in MiB.
const MOST_MEMORY_MIB: u32 = 256;

/// The state of one instance.
pub(crate) struct Guest {
    wasi: WasiCtx,
    table: ResourceTable,
    limiter: Limiter,
}

impl Guest {
    pub(crate) const fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// What all calls share: how many may run, and for how long.
#[derive(Debug)]
pub(crate) struct Gate {
    /// How many may run.
    pub(crate) concurrency: u32,
    pub(crate) slots: Semaphore,
    pub(crate) queue_deadline: Duration,
    pub(crate) call_deadline: Duration,
    pub(crate) ticker: Ticker,
    pub(crate) lane: Lane,
    pub(crate) counts_instructions: bool,
}

/// Where guests go on that take long: so many at once, by turns of a tick.
#[derive(Debug, Clone)]
pub(crate) struct Lane(Arc<Semaphore>);

impl Lane {
    /// For a machine with so many processors.
    pub(crate) fn new(processors: usize) -> Self {
        Self(Arc::new(Semaphore::new((processors / 2).max(1))))
    }

    /// A guest's place in it.
    fn place(&self) -> Place {
        Place {
            lane: Arc::clone(&self.0),
            progress: Arc::default(),
        }
    }
}

/// Held by one call. Its turn ends with it, if not before.
#[derive(Clone)]
struct Place {
    lane: Arc<Semaphore>,
    progress: Arc<Mutex<Progress>>,
}

/// How a call is getting on in the lane.
#[derive(Default)]
struct Progress {
    turn: Option<Turn>,
    /// Since when it has waited for the next turn, if it does.
    waits_since: Option<Instant>,
    /// What it has waited for all turns before.
    waited: Duration,
}

/// A time for which a guest runs without giving way, on one thread.
struct Turn {
    _permit: OwnedSemaphorePermit,
    /// The thread's processor time at its beginning.
    began: Duration,
}

impl Place {
    /// Ends this turn, and says for how long it has run. Before the first one that is not known, and is a tick or two.
    fn end_turn(&self) -> Duration {
        let mut progress = self.progress();
        progress.waits_since = Some(Instant::now());
        let ran = progress
            .turn
            .take()
            .map(|turn| processor_time().saturating_sub(turn.began));
        ran.unwrap_or_default().max(TICK)
    }

    /// Waits for the next turn, behind whoever waits already. The guest goes on where this ends, on the same thread.
    fn next_turn(&self) -> impl Future<Output = ()> + Send + 'static {
        let place = self.clone();
        async move {
            yield_now().await;
            // It is never closed.
            if let Ok(permit) = Arc::clone(&place.lane).acquire_owned().await {
                let mut progress = place.progress();
                progress.waited = progress.all_waits();
                progress.waits_since = None;
                progress.turn = Some(Turn {
                    _permit: permit,
                    began: processor_time(),
                });
            }
        }
    }

    /// How long it has waited for its turns.
    fn waited(&self) -> Duration {
        self.progress().all_waits()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn all_waits(&self) -> Duration {
        self.waited + self.waits_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// What this thread has used of a processor since it began.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// The store of one call. What its guest has used is noted when it is dropped, however the call ends.
pub(crate) struct Held {
    store: Store<Guest>,
    /// Where, if it is counted.
    instructions: Option<Most>,
}

impl Held {
    fn count(mut store: Store<Guest>, instructions: Most) -> wasmtime::Result<Self> {
        // It never runs out; what is gone in the end was used.
        store.set_fuel(u64::MAX)?;
        Ok(Self {
            store,
            instructions: Some(instructions),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Asking an engine that does not count makes an error, and an error may take half as long as the call.
        let Some(instructions) = &self.instructions else { return };
        if let Ok(left) = self.store.get_fuel() {
            instructions.note(u64::MAX - left);
        }
    }
}

impl AsContext for Held {
    type Data = Guest;

    fn as_context(&self) -> StoreContext<'_, Guest> {
        self.store.as_context()
    }
}

impl AsContextMut for Held {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Guest> {
        self.store.as_context_mut()
    }
}

/// One plugin, ready to be called.
pub(crate) struct Callee<'a> {
    /// Id and version, for the log.
    pub(crate) name: &'a str,
    pub(crate) component: &'a InstancePre<Guest>,
    pub(crate) limits: &'a Limits,
    /// How many instances it may have at the same time.
    pub(crate) share: &'a Semaphore,
    pub(crate) metrics: &'a PluginMetrics,
}

/// What a call is for.
pub(crate) struct Occasion<'a> {
    /// The request id, or what else the log lines shall carry.
    pub(crate) name: &'a str,
    /// Where the guest's clocks stand.
    pub(crate) at: UnixMillis,
    /// Whether its times are those of requests.
    is_request: bool,
}

impl<'a> Occasion<'a> {
    /// A request.
    pub(crate) fn of(context: &'a CallContext) -> Self {
        Self {
            name: context.request_id.as_str(),
            at: context.accepted_at,
            is_request: true,
        }
    }

    /// What a plugin offers is asked for when it is loaded.
    pub(crate) const fn load() -> Self {
        Self {
            name: "load",
            at: UnixMillis(0),
            is_request: false,
        }
    }
}

impl Gate {
    /// The instances that one plugin may have at the same time: no more than half of all, so that one that is called without end leaves
    /// the other half to the others, and no more than fit into [`MOST_MEMORY_MIB`].
    pub(crate) fn share(&self, limits: &Limits) -> usize {
        let fitting = MOST_MEMORY_MIB / limits.memory_mib.max(1);
        (self.concurrency / 2).min(fitting).max(1) as usize
    }

    /// Makes an instance, lets `work` call it, and drops it.
    pub(crate) async fn call<T, W, F>(&self, callee: Callee<'_>, occasion: Occasion<'_>, work: W) -> Result<T, Fault>
    where
        W: FnOnce(Held, Instance) -> F,
        F: Future<Output = wasmtime::Result<T>>,
    {
        let queued = occasion.is_request.then(|| callee.metrics.queued());
        let places = async { Ok::<_, AcquireError>((callee.share.acquire().await?, self.slots.acquire().await?)) };
        let _places = match timeout(self.queue_deadline, places).await {
            Ok(Ok(places)) => places,
            Ok(Err(_)) | Err(_) => return Err(Fault::Busy(self.queue_deadline)),
        };
        drop(queued);
        let _ticking = self.ticker.ticking();
        let limits = callee.limits;
        let output = Output::new(limits.log_bytes());
        let refused = Refused::default();
        let guest = Guest {
            wasi: wasi::context(occasion.at, &output),
            table: resources(),
            limiter: Limiter::new(limits, refused.clone(), callee.metrics.memory.clone()),
        };
        let place = self.lane.place();
        let run = async {
            let engine = callee.component.component().engine();
            let store = bounded(engine, guest, limits, place.clone());
            let mut held = if self.counts_instructions {
                Held::count(store, callee.metrics.instructions.clone())?
            } else {
                Held {
                    store,
                    instructions: None,
                }
            };
            let _running = occasion.is_request.then(|| callee.metrics.running());
            let instance = callee.component.instantiate_async(&mut held).await?;
            work(held, instance).await
        };
        let answer = timeout(self.call_deadline, run).await;
        output.log(callee.name, occasion.name);
        match answer {
            Ok(answer) => answer.map_err(|error| Fault::of(&error, limits, &refused, &output.last_words())),
            // It would have ended in time, had others not had its turns: that is no fault of the guest.
            Err(_) if place.waited() > self.call_deadline / 2 => Err(Fault::Busy(self.call_deadline)),
            Err(_) => Err(Fault::Wall(self.call_deadline)),
        }
    }
}

fn resources() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES);
    table
}

/// A store with all its bounds set.
fn bounded(engine: &wasmtime::Engine, guest: Guest, limits: &Limits, place: Place) -> Store<Guest> {
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_hostcall_fuel(limits.answer_bytes());
    store.set_max_component_handles(HANDLES);
    // A call of some microseconds that happens to meet a tick does not give way.
    store.set_epoch_deadline(2);
    let mut left = limits.cpu();
    store.epoch_deadline_callback(move |_| {
        left = left.saturating_sub(place.end_turn());
        Ok(if left.is_zero() {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::YieldCustom(1, Box::pin(place.next_turn()))
        })
    });
    store
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::Lane;
    use crate::effects::NoEffects;
    use crate::engine::{Engine, EngineOptions};
    use crate::plugins::Plugins;
    use crate::testing::{CaughtLog, GuestText, context, engine, load, source};

    /// Looks through the memory it asks for, gives up if it finds anything there, and leaves something behind.
    fn nosy(kind: &'static str) -> Vec<u8> {
        let mut text = GuestText {
            kind,
            ..GuestText::default()
        };
        let words = text.string("hi");
        let answer = text.send(1, words);
        text.component(&format!(
            "(local.set $left (i32.mul (memory.grow (i32.const 48)) (i32.const 65536)))
             (loop $on
                (if (i64.ne (i64.load (local.get $left)) (i64.const 0)) (then unreachable))
                (i64.store (local.get $left) (i64.const 0x5ec2e7))
                (local.set $left (i32.add (local.get $left) (i32.const 8)))
                (br_if $on (i32.lt_u (local.get $left) (i32.mul (memory.size) (i32.const 65536)))))
             (i32.const {answer})"
        ))
    }

    #[tokio::test]
    async fn nothing_of_a_call_is_left_in_memory_for_the_next_of_the_same_plugin_or_of_another() {
        let one_by_one = Engine::new(EngineOptions {
            concurrency: 1,
            ..EngineOptions::default()
        });
        let sources = ["x", "y"].map(|kind| source(kind, nosy(kind), "[limits]\ncpu_ms = 500\n"));
        let plugins = Plugins::load(one_by_one.unwrap(), sources.into()).await.unwrap();
        for kind in ["x", "x", "y", "y", "x", "y"] {
            plugins.handle(&context(), kind, &json!({}), &NoEffects).await.unwrap();
        }
    }

    #[tokio::test]
    async fn guests_that_take_long_go_on_by_turns_so_many_at_once() {
        let lane = Lane::new(5);
        let places: Vec<_> = std::iter::repeat_with(|| lane.place()).take(3).collect();
        let mut waiting: Vec<_> = places.iter().map(|place| Box::pin(place.next_turn())).collect();
        for next in &mut waiting {
            // Each gives way first.
            assert!(next.now_or_never().is_none());
        }
        let has_come = waiting.iter_mut().map(|next| next.now_or_never().is_some());
        assert_eq!(has_come.collect::<Vec<_>>(), [true, true, false]);
        places[0].end_turn();
        let mut again = Box::pin(places[0].next_turn());
        assert!((&mut again).now_or_never().is_none());
        assert!((&mut again).now_or_never().is_none(), "the third was here before");
        assert!(waiting.remove(2).now_or_never().is_some());
        drop((waiting, places));
        assert!(again.now_or_never().is_some(), "a turn ends with its call");
    }

    #[test]
    fn the_last_words_of_a_guest_that_crashes_stand_with_its_name_where_the_log_finds_them() {
        let mut text = GuestText {
            wasi: true,
            ..GuestText::default()
        };
        let [words, length] = text.string("panicked at src/lib.rs:7:\nno digits\n");
        let result = text.words(&[0, 0, 0]);
        let next = format!(
            "(call $write (call $stderr) (i32.const {words}) (i32.const {length}) (i32.const {result}))
             unreachable"
        );
        let wasm = text.component(&next);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let problem = CaughtLog::default().during(|| {
            runtime.block_on(async {
                let plugins = load(engine(), wasm, "").await.unwrap();
                let problem = plugins.handle(&context(), "x", &json!({}), &NoEffects).await;
                problem.unwrap_err()
            })
        });
        let chain = problem.cause_chain().unwrap();
        assert!(chain.starts_with("plugin guest 1.0.0: the guest trapped"), "{chain}");
        assert!(
            chain.ends_with(r"after it wrote: panicked at src/lib.rs:7:\nno digits"),
            "{chain}"
        );
        assert_eq!(problem.message(), "The plugin guest 1.0.0 crashed.");
    }
}
