//! The clockwork behind interruption: a thread that moves the engine's epoch on every millisecond while guests run.
//!
//! Compiled guest code compares the epoch with its deadline at every loop and call. An async timeout alone could never stop a guest
//! that spins, because it is only looked at when the guest's task gives way. Without calls the thread goes to sleep, so an idle
//! host is not woken a thousand times a second; it lingers first, so that a busy one does not pay for a wake-up at every call.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::EngineWeak;

/// The length of one tick, and so the precision of a deadline, and the longest that a spinning guest keeps others waiting.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without a call before the thread sleeps: a second.
const LINGER: u32 = 1000;

#[derive(Debug)]
pub(crate) struct Ticker {
    state: Arc<State>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct State {
    running: AtomicUsize,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

/// While this lives, the epoch moves.
#[derive(Debug)]
pub(crate) struct Ticking<'a>(&'a State);

impl Ticker {
    /// Starts the thread. It ends when the ticker is dropped.
    pub(crate) fn start(engine: EngineWeak) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let handle = thread::Builder::new()
            .name("plugin-ticker".to_owned())
            .spawn(move || shared.run(&engine))?;
        Ok(Self {
            state,
            thread: handle.thread().clone(),
        })
    }

    pub(crate) fn ticking(&self) -> Ticking<'_> {
        self.state.running.fetch_add(1, Ordering::SeqCst);
        if self.state.asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(&self.state)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl State {
    fn run(&self, engine: &EngineWeak) {
        let mut idle = 0;
        while !self.stopped.load(Ordering::SeqCst) {
            idle = if self.running.load(Ordering::SeqCst) == 0 {
                idle + 1
            } else {
                0
            };
            if idle > LINGER {
                self.sleep_until_called();
                idle = 0;
            }
            thread::park_timeout(TICK);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
        }
    }

    /// Whoever calls first writes `running` and then reads `asleep`; here it is the other way round, so one of the two always sees
    /// the other and no call is left without ticks.
    fn sleep_until_called(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.asleep.load(Ordering::SeqCst)
            && self.running.load(Ordering::SeqCst) == 0
            && !self.stopped.load(Ordering::SeqCst)
        {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A store whose deadline callback reports each tick that reaches a spinning guest.
    fn ticks_seen(ticker: &Ticker, engine: &wasmtime::Engine, wanted: usize) {
        let module = wasmtime::Module::new(
            engine,
            wat::parse_str("(module (func (export \"f\") (loop br 0)))").unwrap(),
        );
        let mut store = wasmtime::Store::new(engine, ());
        let (sender, receiver) = mpsc::channel();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            let _ = sender.send(());
            Ok(wasmtime::UpdateDeadline::Interrupt)
        });
        let _ticking = ticker.ticking();
        for _ in 0..wanted {
            store.set_epoch_deadline(1);
            let instance = wasmtime::Instance::new(&mut store, module.as_ref().unwrap(), &[]).unwrap();
            let spin = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
            assert!(spin.call(&mut store, ()).is_err());
            receiver.try_recv().unwrap();
        }
    }

    fn engine() -> wasmtime::Engine {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        wasmtime::Engine::new(&config).unwrap()
    }

    #[test]
    fn a_spinning_guest_is_reached_again_after_the_ticker_has_slept() {
        let engine = engine();
        let ticker = Ticker::start(engine.weak()).unwrap();
        ticks_seen(&ticker, &engine, 2);
        while !ticker.state.asleep.load(Ordering::SeqCst) {
            thread::park_timeout(TICK);
        }
        ticks_seen(&ticker, &engine, 2);
    }

    #[test]
    fn the_thread_ends_with_its_ticker() {
        let engine = engine();
        let ticker = Ticker::start(engine.weak()).unwrap();
        let state = Arc::downgrade(&ticker.state);
        drop(ticker);
        while state.strong_count() > 0 {
            thread::park_timeout(TICK);
        }
    }
}
