//! What the writer counts about itself.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Powers of two up to the largest batch.
const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// From a fast disk to one that hangs, in seconds.
const TIMES: [f64; 12] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// The writer's numbers. A clone shares them.
#[derive(Debug, Clone)]
pub(crate) struct WriterMetrics {
    sizes: Histogram,
    commits: Histogram,
    waits: Histogram,
    failed: Counter,
}

impl Default for WriterMetrics {
    fn default() -> Self {
        Self {
            sizes: Histogram::new(SIZES),
            commits: Histogram::new(TIMES),
            waits: Histogram::new(TIMES),
            failed: Counter::default(),
        }
    }
}

impl WriterMetrics {
    /// Adds them to what is asked for.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "store_batch_writes",
            "Writes that were committed together",
            self.sizes.clone(),
        );
        registry.register_with_unit(
            "store_commit",
            "How long a batch took, from its first statement to the disk",
            Unit::Seconds,
            self.commits.clone(),
        );
        registry.register_with_unit(
            "store_queue",
            "How long a write waited for its batch to begin",
            Unit::Seconds,
            self.waits.clone(),
        );
        registry.register(
            "store_failed_batches",
            "Batches that could not be committed, as when the disk is full",
            self.failed.clone(),
        );
    }

    /// A write's turn has come after so long.
    pub(crate) fn waited(&self, wait: Duration) {
        self.waits.observe(wait.as_secs_f64());
    }

    /// A batch is on disk.
    #[expect(clippy::cast_precision_loss, reason = "a batch has at most a few hundred writes")]
    pub(crate) fn committed(&self, writes: usize, took: Duration) {
        self.sizes.observe(writes as f64);
        self.commits.observe(took.as_secs_f64());
    }

    /// A batch could not be committed.
    pub(crate) fn failed(&self) {
        self.failed.inc();
    }
}
