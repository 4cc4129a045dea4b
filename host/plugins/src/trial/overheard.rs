//! What a plugin writes while it is on trial.
//!
//! A guest's output is told to the log alone, and only where somebody wants it there. Its author does: so a trial is a log that has
//! nothing else in it, for as long as the plugin is called.

use std::fmt::{self, Write as _};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::output::TARGET;

/// The lines so far. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Overheard(Arc<Mutex<Vec<String>>>);

impl Overheard {
    /// Does work, and takes what plugins write meanwhile.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        work.with_subscriber(self.clone()).await
    }

    /// The lines, and none of them again.
    pub(super) fn take(&self) -> Vec<String> {
        mem::take(&mut self.lines())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Overheard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.lines().push(line.0);
    }

    // There is no span of this target.

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A line of the log without whose it is.
#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "plugin" | "request_id" => Ok(()),
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_guests_write_is_overheard_and_nothing_else_and_only_meanwhile() {
        let overheard = Overheard::default();
        let write = |line: &str| tracing::debug!(target: TARGET, plugin = "x", request_id = "case", "{line}");
        write("before");
        let done = overheard.during(async {
            write("first");
            tracing::error!("a line of the host's");
            tokio::task::yield_now().await;
            tracing::debug!(target: TARGET, plugin = "x", dropped_bytes = 7, "more");
        });
        done.await;
        write("after");
        assert_eq!(overheard.take(), ["first", "more dropped_bytes=7"]);
        assert!(overheard.take().is_empty());
    }
}
