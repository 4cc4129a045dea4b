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
        let handle = self.resolve(session)?;
        self.parts.recorder.settled().await;
        let queue_depth = self.parts.messages.pending_count(handle.id).await?;
        let open = handle.line();
        let health = open.as_ref().map(|open| open.line.health()).unwrap_or_default();
        let qr = open.and_then(|open| open.state().qr);
        Ok(SessionView {
            health: Some(HealthView::of(health, queue_depth)),
            qr: qr.map(QrView::of),
            ..SessionView::of(&handle)
        })
    }

    /// The QR code to scan at this moment.
    ///
    /// # Errors
    /// `session_not_found`; `qr_not_available` when there is nothing to scan.
    pub fn qr(&self, session: &SessionRef) -> Result<QrCode, Problem> {
        let handle = self.resolve(session)?;
        handle.line().and_then(|open| open.state().qr).ok_or_else(|| {
            let sentence = format!(
                "There is no QR code to scan now: the session's status is {}.",
                handle.status()
            );
            Problem::new(Code::QR_NOT_AVAILABLE, sentence)
        })
    }
}
