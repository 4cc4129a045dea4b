//! Creating a session.

use std::time::Duration;

use switchboard_core::ids::{LinkMethod, PhoneNumber, SessionId};
use switchboard_core::problem::{Code, Problem};
use switchboard_core::proxy::Proxy;
use switchboard_store::sessions::Session;

use super::metadata::Metadata;
use super::update::check_proxy;
use crate::service::Service;
use crate::supervisor;

/// What a new session is to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewSession {
    /// How it will be linked.
    pub method: LinkMethod,
    /// The operator's name for it.
    pub name: Option<String>,
    /// The number of the phone that will type a pairing code; only with the method `phone`.
    pub phone_number: Option<PhoneNumber>,
    /// Whatever the operator wants to keep with it.
    pub metadata: Option<Metadata>,
    /// Through whom its connections leave, from the first on.
    pub proxy: Option<Proxy>,
}

impl Service {
    /// Creates a session and begins to link it: a code to scan or to type appears in a moment.
    ///
    /// # Errors
    /// `forbidden` when not every session is in sight, and for a proxy at an address that a client must not choose; `invalid_field` for
    /// a number that does not go with the method; when the database cannot be written.
    pub async fn create_session(&self, new: NewSession) -> Result<SessionId, Problem> {
        let parts = &self.parts;
        let _under_way = parts.enter()?;
        if !self.sight.is_all() {
            let sentence = "A token for certain sessions cannot create another one: it would not see it.";
            return Err(Problem::new(Code::FORBIDDEN, sentence));
        }
        match (new.method, &new.phone_number) {
            (LinkMethod::Qr, None) | (LinkMethod::Phone, Some(_)) => {}
            (LinkMethod::Qr, Some(_)) => {
                return Err(Problem::invalid_field(
                    "phoneNumber",
                    "phoneNumber goes with the method \"phone\" only.",
                ));
            }
            (LinkMethod::Phone, None) => {
                let sentence =
                    "phoneNumber is required with the method \"phone\": the number of the phone that is linked.";
                return Err(Problem::invalid_field("phoneNumber", sentence));
            }
        }
        check_proxy(parts, new.proxy.as_ref())?;
        let id = SessionId::mint(new.method, &*parts.clock, &*parts.random);
        let row = Session {
            phone_number: new.phone_number,
            proxy: new.proxy,
            ..Session::new(id, new.name, new.metadata.map(Into::into), parts.clock.now())
        };
        parts.sessions.insert(&row).await?;
        supervisor::adopt(parts, row, Duration::ZERO);
        tracing::info!(session = %id, "session created");
        Ok(id)
    }
}
