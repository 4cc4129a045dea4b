//! Work that is done aside: on threads that give way to all others. A plugin that is loaded while requests are served takes the
//! processors that they leave, and must not be felt by them. A thread lives for one piece of work. Only Linux has threads that stand
//! back by themselves; elsewhere it would be the whole process.

use std::thread::Builder;

use rayon::ThreadPoolBuilder;
use tokio::sync::oneshot;

use crate::load_error::Refusal;

/// How far a thread stands back: it gets a tenth of a processor that somebody else wants too, so that it comes to an end on a busy
/// machine as well.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Does `work` on a thread of its own. `what` it is goes into the sentence when it panics.
///
/// # Errors
/// When it panics, or there can be no thread now.
pub(crate) async fn aside<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    on(Builder::new().name("plugin-loader".to_owned()), what, work).await
}

async fn on<T: Send + 'static>(
    builder: Builder,
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let (done, result) = oneshot::channel();
    let thread = builder.spawn(move || {
        stand_back();
        // Whoever asked may be gone.
        let _ = done.send(work());
    });
    thread.map_err(|error| Refusal::NoThread(error.to_string()))?;
    result.await.map_err(|_| Refusal::Panicked { what })
}

/// Does `work`, and what it does in parallel, on as many threads as there are processors. They stand back as the thread at hand does,
/// which does it alone if there can be no others.
pub(crate) fn in_parallel<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let name = |number| format!("plugin-compiler-{number}");
    match ThreadPoolBuilder::new().thread_name(name).build() {
        Ok(threads) => threads.install(work),
        Err(_) => work(),
    }
}

fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "a thread that loads plugins cannot stand back");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn who_works_aside_stands_back_and_who_waits_for_it_does_not() {
        let priority = || getpriority_process(None).unwrap();
        let own = priority();
        let seen = aside("looking", move || (priority(), in_parallel(priority))).await;
        let back = (own + NICE).min(19);
        assert_eq!(seen.unwrap(), (back, back));
        assert_eq!(priority(), own);
    }

    #[tokio::test]
    async fn work_that_panics_is_a_fault_of_the_host_which_does_not_pass() {
        let compile = || {
            in_parallel(|| {
                if NICE > 0 {
                    panic!("on purpose")
                }
            });
        };
        let refusal = aside("compiling its component", compile).await.unwrap_err();
        assert!(!refusal.may_pass());
        assert_eq!(
            refusal.to_string(),
            "compiling its component made the host fail; please report this with the plugin and what stands on standard error"
        );
    }

    #[tokio::test]
    async fn work_that_gets_no_thread_may_get_one_later() {
        let builder = Builder::new().stack_size(1 << 62);
        let refusal = on(builder, "nothing", || ()).await.unwrap_err();
        assert!(refusal.may_pass());
        assert!(
            refusal.to_string().starts_with("there is no thread to load it on: "),
            "{refusal}"
        );
    }
}
