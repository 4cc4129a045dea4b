//! Times, and how they are shown beside their budget.

use std::fmt::Display;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

/// How long something took, each time.
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Self {
        Self(Histogram::new(3).unwrap())
    }

    pub(crate) fn note_since(&mut self, since: Instant) {
        self.note(since.elapsed());
    }

    pub(crate) fn note(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.record(nanos).unwrap();
    }

    pub(crate) fn add(&mut self, others: &Self) {
        self.0.add(&others.0).unwrap();
    }

    pub(crate) fn us(&self, quantile: f64) -> f64 {
        Duration::from_nanos(self.0.value_at_quantile(quantile)).as_secs_f64() * 1e6
    }

    pub(crate) fn p50(&self) -> f64 {
        self.us(0.5)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.us(0.99)
    }
}

/// A budget, and whether a figure keeps to it.
pub(crate) fn budget(figure: f64, most: f64, unit: impl Display) -> String {
    let verdict = if figure <= most { "held" } else { "MISSED" };
    format!("  <= {most}{unit}: {verdict}")
}
