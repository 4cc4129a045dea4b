//! Acknowledgements and receipts on their way to the timeline.
//!
//! They come one by one and are committed in groups: while one group is on its way to the disk, the next one gathers. A group that
//! cannot be committed is tried again until it can. Whoever reads messages calls [`Recorder::settled`] first and so sees everything
//! that was reported before; a request may therefore be answered `sent` before the report is on disk. Should the process die in
//! between, the message is sent again under its id after the start, and acknowledged again.

use std::sync::Arc;

use switchboard_store::messages::{Messages, Report};
use tokio::sync::{mpsc, oneshot};

use crate::messages::audience::Audience;
use crate::metrics::Metrics;
use crate::supervisor::insist::insist;

/// How many reports may wait; beyond that the sessions' tasks do.
const WAITING: usize = 4096;
/// How many are committed together.
const GROUP: usize = 512;

/// Where reports are handed in. A clone leads to the same place.
#[derive(Debug, Clone)]
pub(crate) struct Recorder(mpsc::Sender<Item>);

#[derive(Debug)]
enum Item {
    Report(Report),
    Settled(oneshot::Sender<()>),
}

impl Recorder {
    /// Starts the task that commits reports; it ends with the last clone of the recorder.
    pub(crate) fn start(messages: Messages, metrics: Arc<Metrics>, audience: Audience) -> Self {
        let (reports, waiting) = mpsc::channel(WAITING);
        tokio::spawn(record(messages, metrics, audience, waiting));
        Self(reports)
    }

    /// Hands in a report.
    pub(crate) async fn report(&self, report: Report) {
        // The receiver is gone only once the store is closed; then nothing can be recorded any more.
        let _ = self.0.send(Item::Report(report)).await;
    }

    /// Returns when every report handed in before is committed.
    pub(crate) async fn settled(&self) {
        let (tell, settled) = oneshot::channel();
        if self.0.send(Item::Settled(tell)).await.is_ok() {
            let _ = settled.await;
        }
    }
}

async fn record(messages: Messages, metrics: Arc<Metrics>, audience: Audience, mut waiting: mpsc::Receiver<Item>) {
    let mut items = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut items, GROUP).await > 0 {
        let (mut reports, mut askers) = (Vec::new(), Vec::new());
        for item in items.drain(..) {
            match item {
                Item::Report(report) => reports.push(report),
                Item::Settled(asker) => askers.push(asker),
            }
        }
        if !reports.is_empty() {
            let first = reports.first().map(|report| report.session);
            let session = first.filter(|first| reports.iter().all(|report| report.session == *first));
            // What can never be written is in the log; the reports after it can.
            if let Ok(noted) = insist("timeline", session, || messages.report(reports.clone())).await {
                audience.raised(noted.raised);
                metrics.settled(noted.settled);
            }
        }
        for asker in askers {
            let _ = asker.send(());
        }
    }
}
