//! Compiling, on threads that give way to all others: a plugin that comes while requests are served takes the processors that they
//! leave, and must not be felt by them. The threads live for one component. Only Linux has threads that stand back by themselves;
//! elsewhere it would be the whole process.

use rayon::ThreadPoolBuilder;
use wasmtime::Engine;
use wasmtime::component::Component;

/// How far a thread that compiles stands back: it gets a tenth of a processor that somebody else wants too, so that it comes to an end
/// on a busy machine as well.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Compiles a component. Takes long: not for an async task.
///
/// # Errors
/// When `wasm` is not a valid component.
pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
    giving_way(|| Component::new(engine, wasm))
}

/// Does `work` and what it does in parallel; on the thread at hand where there cannot be others.
fn giving_way<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let stand_back = |_| {
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::nice(NICE) {
            tracing::debug!(%error, "a thread that compiles cannot stand back");
        }
    };
    let threads = ThreadPoolBuilder::new()
        .thread_name(|number| format!("plugin-compiler-{number}"))
        .start_handler(stand_back)
        .build();
    match threads {
        Ok(threads) => threads.install(work),
        Err(_) => work(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;

    #[test]
    fn who_compiles_stands_back_and_who_waits_for_it_does_not() {
        let own = getpriority_process(None).unwrap();
        let compiling = giving_way(|| getpriority_process(None).unwrap());
        assert_eq!(compiling, (own + NICE).min(19));
        assert_eq!(getpriority_process(None).unwrap(), own);
    }
}
