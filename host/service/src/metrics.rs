//! What the use cases count about themselves.
//!
//! Every label has few values, all of them ours: a status, the code of a failure, the class of a loss. Never an id, a number or a name.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use switchboard_core::access::Sight;
use switchboard_core::status::SessionStatus;
use switchboard_store::messages::Settled;
use switchboard_whatsapp::LossReason;

use crate::parts::Parts;
use crate::service::Service;

/// From a recipient who is online to a session that was away for hours, in seconds.
const TIMES: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 600.0, 3600.0,
];

/// The numbers.
#[derive(Debug)]
pub(crate) struct Metrics {
    accepted: Counter,
    received: Counter,
    settled: Family<ByOutcome, Counter>,
    acknowledged: Histogram,
    losses: Family<ByReason, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    /// `sent`, or the code of the failure.
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            accepted: Counter::default(),
            received: Counter::default(),
            settled: Family::default(),
            acknowledged: Histogram::new(TIMES),
            losses: Family::default(),
        }
    }
}

impl Metrics {
    /// So many messages are committed to be sent.
    pub(crate) fn accepted(&self, count: usize) {
        self.accepted.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// So many messages have arrived that were not there.
    pub(crate) fn received(&self, count: u64) {
        self.received.inc_by(count);
    }

    /// These messages have their outcome.
    pub(crate) fn settled(&self, settled: Vec<Settled>) {
        for outcome in settled {
            if let Settled::Acknowledged(after) = &outcome {
                self.acknowledged.observe(after.as_secs_f64());
            }
            let outcome = match outcome {
                Settled::Acknowledged(_) | Settled::Received => "sent".to_owned(),
                Settled::Failed(code) => code,
            };
            self.settled.get_or_create(&ByOutcome { outcome }).inc();
        }
    }

    /// A connection, or an attempt at one, was lost.
    pub(crate) fn lost(&self, reason: &LossReason) {
        let reason = reason.kind();
        self.losses.get_or_create(&ByReason { reason }).inc();
    }
}

impl Service {
    /// Adds what the use cases, the plugins and the store count about themselves to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let metrics = &self.parts.metrics;
        registry.register_collector(Box::new(Sessions(Arc::clone(&self.parts))));
        registry.register(
            "connection_losses",
            "Connections to WhatsApp, and attempts at one, that were lost",
            metrics.losses.clone(),
        );
        registry.register(
            "messages_accepted",
            "Messages that were committed to be sent",
            metrics.accepted.clone(),
        );
        registry.register(
            "messages_settled",
            "Messages with an outcome: sent, or the code of the failure",
            metrics.settled.clone(),
        );
        registry.register_with_unit(
            "message_ack",
            "How long after it was accepted WhatsApp's server acknowledged a message",
            Unit::Seconds,
            metrics.acknowledged.clone(),
        );
        registry.register(
            "messages_received",
            "Messages that arrived, also those of the account's other devices",
            metrics.received.clone(),
        );
        self.parts.plugins.register(registry);
        self.parts.store.register(registry);
    }
}

/// The sessions by their status at the moment of asking.
struct Sessions(Arc<Parts>);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Collector for Sessions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut counts = SessionStatus::ALL.map(|status| (status, 0_i64));
        for handle in self.0.directory.all(&Sight::All) {
            let now = handle.status();
            for (_, count) in counts.iter_mut().filter(|(status, _)| *status == now) {
                *count += 1;
            }
        }
        let mut family = encoder.encode_descriptor("sessions", "Sessions by their status.", None, MetricType::Gauge)?;
        for (status, count) in counts {
            let status = status.as_str();
            family.encode_family(&ByStatus { status })?.encode_gauge(&count)?;
        }
        Ok(())
    }
}
