//! Why a session last lost its connection or its link, in words: what is stored, or what its line has said since.

use switchboard_core::clock::UnixMillis;
use switchboard_core::event::LogoutReason;
use switchboard_store::sessions::{Loss, Phase, Session};
use switchboard_whatsapp::LineState;

/// The loss of a link.
pub(super) fn of_link(reason: &LogoutReason, at: UnixMillis) -> Loss {
    let reason = match reason {
        LogoutReason::RemovedByPhone => "The device was removed on the phone.".to_owned(),
        LogoutReason::Requested => "The session was logged out on request.".to_owned(),
        LogoutReason::Refused(code) => format!("WhatsApp refused the device at login (reason {code})."),
        LogoutReason::KeysLost => "The session's keys are not on this machine any more.".to_owned(),
    };
    Loss { reason, at }
}

/// The last loss. A line that has lost the link of a linked session is believed before that is stored, as it is for the status.
pub(super) fn last(row: &Session, said: Option<&LineState>, unlinked: Option<Loss>) -> Option<Loss> {
    if row.phase == Phase::Linked && unlinked.is_some() {
        return unlinked;
    }
    let stored = row.loss.as_ref().map(|loss| loss.at);
    let since = stored.max(row.link.as_ref().map(|link| link.at));
    said.and_then(|said| said.last_loss.as_ref())
        .filter(|said| since.is_none_or(|since| since < said.at))
        .map(|said| Loss {
            reason: said.reason.to_string(),
            at: said.at,
        })
        .or_else(|| row.loss.clone())
}

#[cfg(test)]
mod tests {
    use switchboard_store::sessions::Link;
    use switchboard_whatsapp::{LineStatus, LossReason};

    use super::*;

    fn stored(phase: Phase, linked_at: i64, lost_at: Option<i64>) -> Session {
        let link = Link {
            number: "15550000001".parse().unwrap(),
            mobid: "123456789012345".parse().unwrap(),
            lid: None,
            push_name: None,
            at: UnixMillis(linked_at),
        };
        Session {
            phase,
            link: Some(link),
            loss: lost_at.map(|at| Loss {
                reason: "stored".to_owned(),
                at: UnixMillis(at),
            }),
            ..Session::new("qr_1_00000001".parse().unwrap(), None, None, UnixMillis(0))
        }
    }

    fn said(lost_at: Option<i64>) -> LineState {
        LineState {
            status: LineStatus::Ready,
            step: None,
            account: None,
            last_loss: lost_at.map(|at| switchboard_whatsapp::Loss {
                reason: LossReason::Replaced,
                at: UnixMillis(at),
            }),
        }
    }

    #[test]
    fn the_later_of_what_is_stored_and_what_the_line_says_counts_and_a_link_ends_what_was_before_it() {
        for (linked_at, lost_at, line_lost_at, expected) in [
            (1, Some(5), Some(7), Some(7)),
            (1, Some(5), Some(3), Some(5)),
            (1, Some(5), None, Some(5)),
            (9, None, Some(7), None),
        ] {
            let row = stored(Phase::Linked, linked_at, lost_at);
            let loss = last(&row, Some(&said(line_lost_at)), None);
            assert_eq!(loss.map(|loss| loss.at.0), expected, "{row:?} {line_lost_at:?}");
        }
    }

    #[test]
    fn a_lost_link_is_told_from_the_moment_the_line_knows_it_until_it_is_stored() {
        let unlinked = of_link(&LogoutReason::RemovedByPhone, UnixMillis(8));
        let told = |phase| last(&stored(phase, 1, Some(5)), Some(&said(Some(7))), Some(unlinked.clone()));
        assert_eq!(told(Phase::Linked), Some(unlinked.clone()));
        assert_ne!(told(Phase::LoggedOut), Some(unlinked));
    }
}
