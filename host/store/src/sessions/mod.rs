//! Sessions: what must survive a restart. What the socket does right now is not stored.
//!
//! Here are the rows; [`Sessions`] is their table.

mod table;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use switchboard_core::clock::UnixMillis;
use switchboard_core::ids::{Jid, LinkMethod, Mobid, PhoneNumber, SessionId};
use switchboard_core::proxy::Proxy;

pub use self::table::Sessions;

/// Where a session stands, as far as it must be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Waits to be linked.
    Registering,
    /// Linked to a number; its keys are in the key store.
    Linked,
    /// Was linked; its keys are gone.
    LoggedOut,
    /// Deleted.
    Inactive,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Registering, Self::Linked, Self::LoggedOut, Self::Inactive];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Registering => "registering",
            Self::Linked => "linked",
            Self::LoggedOut => "logged_out",
            Self::Inactive => "inactive",
        }
    }
}

/// How many losses of a session are kept.
const LOSSES: usize = 10;

/// A time that a session lost its connection or its link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// When.
    pub at: UnixMillis,
    /// What kind of loss, in one word for programs.
    pub kind: Cow<'static, str>,
    /// What happened, in words.
    pub reason: String,
}

/// The number that a session is linked to, or was linked to last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The number.
    pub number: PhoneNumber,
    /// Our phone-number-id for it.
    pub mobid: Mobid,
    /// The account's number-free address, if WhatsApp told it.
    pub lid: Option<Jid>,
    /// The account's own name, if WhatsApp told it.
    pub push_name: Option<String>,
    /// When the link was made.
    pub at: UnixMillis,
}

/// One session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Where it stands.
    pub phase: Phase,
    /// The phone on which the pairing code is typed, if it is linked that way.
    pub phone_number: Option<PhoneNumber>,
    /// The operator's name for it.
    pub name: Option<String>,
    /// Whatever the operator wants to keep with it.
    pub metadata: Option<Map<String, Json>>,
    /// Through whom its connections leave.
    pub proxy: Option<Proxy>,
    /// The number; stays when the link is gone.
    pub link: Option<Link>,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When its line was last known to be alive.
    pub last_seen_at: Option<UnixMillis>,
    /// The last ten losses since the link was made, the newest first.
    pub losses: Vec<Loss>,
    /// Until when WhatsApp has asked to be left alone, with the last loss.
    pub wait_until: Option<UnixMillis>,
}

impl Session {
    /// A session that waits to be linked.
    pub const fn new(
        id: SessionId,
        name: Option<String>,
        metadata: Option<Map<String, Json>>,
        created_at: UnixMillis,
    ) -> Self {
        Self {
            id,
            phase: Phase::Registering,
            phone_number: None,
            name,
            metadata,
            proxy: None,
            link: None,
            created_at,
            last_seen_at: None,
            losses: Vec::new(),
            wait_until: None,
        }
    }

    /// The last loss.
    pub fn loss(&self) -> Option<&Loss> {
        self.losses.first()
    }

    /// The losses when this one is added, unless it is the last one already.
    pub fn losses_with(&self, loss: Option<Loss>) -> Vec<Loss> {
        loss.filter(|loss| self.loss() != Some(loss))
            .into_iter()
            .chain(self.losses.iter().cloned())
            .take(LOSSES)
            .collect()
    }

    /// The method that it was created with.
    pub const fn method(&self) -> LinkMethod {
        self.id.method()
    }
}

/// A link as WhatsApp reports it, before the number has its mobid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// The number.
    pub number: PhoneNumber,
    /// The account's number-free address, if WhatsApp told it.
    pub lid: Option<Jid>,
    /// The account's own name, if WhatsApp told it.
    pub push_name: Option<String>,
    /// When the link was made.
    pub at: UnixMillis,
}

#[cfg(test)]
mod fixtures {
    //! What the tests of this folder share.

    use switchboard_core::clock::{Clock, ManualClock};
    use switchboard_core::random::SeededRandom;

    use super::*;

    pub(super) fn session(seed: u64) -> Session {
        let clock = ManualClock::at(UnixMillis(1_700_000_000_000));
        let id = SessionId::mint(LinkMethod::Qr, &clock, &SeededRandom::new(seed));
        let metadata = serde_json::json!({"crm": {"id": 7}}).as_object().cloned();
        Session::new(id, Some("front desk ☎".to_owned()), metadata, clock.now())
    }

    pub(super) fn loss(at: i64) -> Loss {
        Loss {
            at: UnixMillis(at),
            kind: "removed_by_phone".into(),
            reason: "The device was removed on the phone.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::{loss, session};

    #[test]
    fn the_last_ten_losses_are_kept_the_newest_first() {
        let mut session = session(1);
        for at in 1..=12 {
            session.losses = session.losses_with(Some(loss(at)));
        }
        let at: Vec<_> = session.losses.iter().map(|loss| loss.at.0).collect();
        assert_eq!(at, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
        assert_eq!(session.loss(), Some(&loss(12)));
        assert_eq!(session.losses_with(None), session.losses);
        assert_eq!(session.losses_with(Some(loss(12))), session.losses);
    }
}
