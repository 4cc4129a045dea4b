//! One session, and its QR code.

use std::time::Duration;

use switchboard_core::ids::SessionRef;
use switchboard_core::problem::{Code, Problem};
use switchboard_whatsapp::{LinkStep, QrCode};
use tokio::time::timeout;

use super::view::{HealthView, LossView, SessionView};
use crate::parts::Parts;
use crate::service::Service;
use crate::supervisor::handle::Handle;

/// How long reports of messages may take to be written before a session is described without them.
const SETTLED: Duration = Duration::from_secs(1);

impl Service {
    /// One session, with the health of its connection and, while it is registering, what to scan or to type.
    ///
    /// # Errors
    /// `session_not_found`; when the database cannot be read.
    pub async fn session(&self, session: &SessionRef) -> Result<SessionView, Problem> {
        describe(&self.parts, &*self.resolve(session)?).await
    }

    /// The QR code to scan at this moment.
    ///
    /// # Errors
    /// `session_not_found`; `qr_not_available` when there is nothing to scan.
    pub fn qr(&self, session: &SessionRef) -> Result<QrCode, Problem> {
        let handle = self.resolve(session)?;
        let now = handle.moment();
        match now.step {
            Some(LinkStep::ScanQr(code)) => Ok(code),
            _ => {
                let sentence = format!(
                    "There is no QR code to scan now: the session's status is {}.",
                    now.status
                );
                Err(Problem::new(Code::QR_NOT_AVAILABLE, sentence))
            }
        }
    }
}

/// All that is said about one session.
pub(super) async fn describe(parts: &Parts, handle: &Handle) -> Result<SessionView, Problem> {
    // A database that cannot be written must not hide what is true about the session.
    let _ = timeout(SETTLED, parts.recorder.settled()).await;
    let queue_depth = parts.messages.pending_count(handle.id).await?;
    let now = handle.moment();
    let health = now.line.as_ref().map(|open| open.line.health()).unwrap_or_default();
    let step = now.step.clone();
    // What the line says is told before it is stored.
    let losses = now.row.losses_with(now.last_loss.clone());
    let view = SessionView {
        health: Some(HealthView::of(health, queue_depth, now.retry_at)),
        losses: Some(losses.into_iter().map(LossView::of).collect()),
        ..SessionView::of(now)
    };
    Ok(view.with_step(step))
}
