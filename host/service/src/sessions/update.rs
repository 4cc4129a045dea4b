//! Changing what a client decides about a session: its name, its metadata, its proxy.

use serde_json::{Map, Value};
use switchboard_core::ids::SessionRef;
use switchboard_core::problem::{Code, Problem};
use switchboard_core::proxy::Proxy;
use switchboard_store::sessions::Session;

use super::metadata::{Metadata, TooMuch};
use super::view::SessionView;
use crate::parts::Parts;
use crate::service::Service;
use crate::supervisor::commands::Command;

/// What is to be another. `None` leaves it as it is, `Some(None)` takes it away.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionChanges {
    /// The operator's name for it.
    pub name: Option<Option<String>>,
    /// A merge patch (RFC 7396) of the metadata.
    pub metadata: Option<Option<Map<String, Value>>>,
    /// Through whom its connections leave.
    pub proxy: Option<Option<Proxy>>,
}

impl Service {
    /// Changes a session. When its proxy is another one afterwards, its connection is closed and made anew through it.
    ///
    /// # Errors
    /// `session_not_found`; `forbidden` for a proxy at an address that a client must not choose; `invalid_field` for metadata that becomes
    /// too large; when the database cannot be written. Then nothing is changed.
    pub async fn update_session(&self, session: &SessionRef, changes: SessionChanges) -> Result<SessionView, Problem> {
        let _under_way = self.parts.enter()?;
        let handle = self.resolve(session)?;
        check_proxy(&self.parts, changes.proxy.as_ref().and_then(Option::as_ref))?;
        handle.ask(|reply| Command::Update(Box::new(changes), reply)).await?;
        Ok(SessionView::of(handle.moment()))
    }
}

impl SessionChanges {
    /// The session with these changes.
    ///
    /// # Errors
    /// `invalid_field` for metadata that becomes too large.
    pub(crate) fn of(self, mut session: Session) -> Result<Session, Problem> {
        if let Some(name) = self.name {
            session.name = name;
        }
        if let Some(patch) = self.metadata {
            let before = session.metadata.take();
            let patched = patch.map(|patch| Metadata::patched(before, patch)).transpose();
            let too_much = |error: TooMuch| Problem::invalid_field("metadata", format!("metadata {error}."));
            session.metadata = patched.map_err(too_much)?.map(Map::from);
        }
        if let Some(proxy) = self.proxy {
            session.proxy = proxy;
        }
        Ok(session)
    }
}

/// Whether a client may choose this proxy.
///
/// # Errors
/// `forbidden`.
pub(super) fn check_proxy(parts: &Parts, proxy: Option<&Proxy>) -> Result<(), Problem> {
    proxy.map_or(Ok(()), |proxy| parts.lines.check_proxy(proxy)).map_err(|refused| {
        let sentence = format!(
            "proxy must be at a public address, or at one that the operator of this server lists in egress.proxies: {refused}."
        );
        Problem::new(Code::FORBIDDEN, sentence).field("proxy")
    })
}
