//! Why a session lost its connection or its link, in one word and in a sentence, and what patience is left of that.

use switchboard_core::clock::UnixMillis;
use switchboard_core::event::LogoutReason;
use switchboard_store::sessions::{Loss, Session};
use switchboard_whatsapp::{LossReason, Patience};

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

/// What WhatsApp has asked for with the last loss, if it still holds.
pub(super) fn patience(session: &Session, now: UnixMillis) -> Option<Patience> {
    let (loss, until) = session.loss().zip(session.wait_until)?;
    // By a clock that was set back since, it would be longer than it ever was.
    let until = until.min(now.plus(until.since(loss.at)));
    let banned = loss.kind == LossReason::BANNED;
    (until > now).then_some(Patience { until, banned })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LOST: UnixMillis = UnixMillis(100_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn patience_of(kind: &'static str, now: UnixMillis) -> Option<Patience> {
        let loss = Loss {
            at: LOST,
            kind: kind.into(),
            reason: String::new(),
        };
        let session = Session {
            losses: vec![loss],
            wait_until: Some(LOST.plus(HOUR)),
            ..Session::new("qr_1700000000000_1a2b3c4d".parse().unwrap(), None, None, LOST)
        };
        patience(&session, now)
    }

    #[test]
    fn what_whatsapp_has_asked_for_holds_to_its_end_and_a_clock_that_is_set_back_makes_it_no_longer() {
        let until = LOST.plus(HOUR);
        let held = |banned| Some(Patience { until, banned });
        assert_eq!(patience_of("banned", LOST.plus(HOUR / 2)), held(true));
        assert_eq!(patience_of("refused", LOST), held(false));
        assert_eq!(patience_of("refused", until), None);
        let set_back = patience_of("stream", UnixMillis(0)).unwrap();
        assert_eq!(set_back.until, UnixMillis(0).plus(HOUR));
    }
}
