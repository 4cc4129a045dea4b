//! One session, and its QR code.

use switchboard_core::ids::SessionRef;
use switchboard_core::problem::{Code, Problem};
use switchboard_whatsapp::QrCode;

use super::view::{HealthView, QrView, SessionView};
use crate::service::Service;

impl Service {
    /// One session, with the health of its connection and, while it is registering, what to scan.
    ///
    /// # Errors
    /// `session_not_found`; when the database cannot be read.
    pub async fn session(&self, session: &SessionRef) -> Result<SessionView, Problem> {
        let handle = self.parts.directory.resolve(session)?;
        self.parts.recorder.settled().await;
        let queue_depth = self.parts.messages.pending_count(handle.id).await?;
        let now = handle.moment();
        let health = now.line.as_ref().map(|open| open.line.health()).unwrap_or_default();
        Ok(SessionView {
            health: Some(HealthView::of(health, queue_depth)),
            qr: now.qr.clone().map(QrView::of),
            ..SessionView::of(now)
        })
    }

    /// The QR code to scan at this moment.
    ///
    /// # Errors
    /// `session_not_found`; `qr_not_available` when there is nothing to scan.
    pub fn qr(&self, session: &SessionRef) -> Result<QrCode, Problem> {
        let handle = self.parts.directory.resolve(session)?;
        let now = handle.moment();
        now.qr.ok_or_else(|| {
            let sentence = format!(
                "There is no QR code to scan now: the session's status is {}.",
                now.status
            );
            Problem::new(Code::QR_NOT_AVAILABLE, sentence)
        })
    }
}
