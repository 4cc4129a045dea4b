//! Why a session lost its connection or its link, in one word and in a sentence.

use switchboard_core::clock::UnixMillis;
use switchboard_core::event::LogoutReason;
use switchboard_store::sessions::Loss;

/// WhatsApp's reason to refuse the login of an account that it has locked.
const LOCKED: u16 = 403;

/// The loss of a link.
pub(super) fn of_link(reason: &LogoutReason, at: UnixMillis) -> Loss {
    let (kind, reason) = match reason {
        LogoutReason::RemovedByPhone => ("removed_by_phone", "The device was removed on the phone.".to_owned()),
        LogoutReason::Requested => ("requested", "The session was logged out on request.".to_owned()),
        LogoutReason::Refused(LOCKED) => (
            "locked",
            "WhatsApp has locked the account (reason 403). Open WhatsApp on the phone and do what it asks for, then link the session again."
                .to_owned(),
        ),
        LogoutReason::Refused(code) => (
            "refused",
            format!("WhatsApp refused the device at login (reason {code})."),
        ),
        LogoutReason::KeysLost => (
            "keys_lost",
            "The session's keys are not on this machine any more.".to_owned(),
        ),
    };
    Loss {
        at,
        kind: kind.into(),
        reason,
    }
}

/// The loss of a connection, as its line tells it.
pub(super) fn of_connection(told: &switchboard_whatsapp::Loss) -> Loss {
    Loss {
        at: told.at,
        kind: told.reason.kind().into(),
        reason: told.reason.to_string(),
    }
}
