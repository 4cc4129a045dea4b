//! Who is on WhatsApp.

use switchboard_core::ids::{PhoneNumber, SessionRef};
use switchboard_core::problem::Problem;

use crate::line_fault::{line_problem, no_connection};
use crate::service::Service;

impl Service {
    /// The number under which WhatsApp knows whoever has this one, if there is anybody. It may differ from the one asked for.
    ///
    /// # Errors
    /// `session_not_found`, `session_not_linked`; `unavailable` without a connection; `upstream_failed` when WhatsApp does not say.
    pub async fn number_on_whatsapp(
        &self,
        session: &SessionRef,
        number: &PhoneNumber,
    ) -> Result<Option<PhoneNumber>, Problem> {
        let parts = &self.parts;
        let (_, line) = self.resolve(session)?.sendable()?;
        let line = line.ok_or_else(no_connection)?;
        let found = parts.recipients.find(&*line.line, number, &*parts.clock).await;
        let found = found.map_err(line_problem)?;
        Ok(found.map(|jid| jid.number().unwrap_or_else(|| number.clone())))
    }
}
