//! The one status of a session: what is stored, and what its line says at this moment.

use switchboard_core::status::SessionStatus;
use switchboard_store::sessions::Phase;
use switchboard_whatsapp::LineStatus;

/// The status that clients see. It never promises more than either side holds: READY needs a ready line *and* a committed link.
pub(crate) const fn status(phase: Phase, line: Option<&LineStatus>) -> SessionStatus {
    match (phase, line) {
        (Phase::Inactive, _) => SessionStatus::Inactive,
        (Phase::LoggedOut, _) | (Phase::Linked, Some(LineStatus::LoggedOut(_))) => SessionStatus::LoggedOut,
        (Phase::Registering, Some(LineStatus::QrReady)) => SessionStatus::QrReady,
        (Phase::Registering, Some(LineStatus::PairingCodeReady)) => SessionStatus::PairingCodeReady,
        (Phase::Registering, Some(LineStatus::PasskeyRequired)) => SessionStatus::PasskeyRequired,
        (Phase::Registering, None | Some(LineStatus::Registering | LineStatus::LoggedOut(_) | LineStatus::Stopped)) => {
            SessionStatus::Registering
        }
        // Scanned, and about to be linked.
        (Phase::Registering, Some(LineStatus::Connecting | LineStatus::Ready | LineStatus::Reconnecting)) => {
            SessionStatus::Connecting
        }
        (_, Some(LineStatus::Banned { .. })) => SessionStatus::Banned,
        (Phase::Linked, Some(LineStatus::Ready)) => SessionStatus::Ready,
        (Phase::Linked, Some(LineStatus::Reconnecting)) => SessionStatus::Reconnecting,
        (
            Phase::Linked,
            None
            | Some(
                LineStatus::Registering
                | LineStatus::QrReady
                | LineStatus::PairingCodeReady
                | LineStatus::PasskeyRequired
                | LineStatus::Connecting
                | LineStatus::Stopped,
            ),
        ) => SessionStatus::Connecting,
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::event::LogoutReason;

    use super::*;

    const LINES: [Option<LineStatus>; 6] = [
        None,
        Some(LineStatus::Registering),
        Some(LineStatus::Connecting),
        Some(LineStatus::Ready),
        Some(LineStatus::Reconnecting),
        Some(LineStatus::LoggedOut(LogoutReason::RemovedByPhone)),
    ];

    #[test]
    fn ready_is_said_of_a_linked_session_with_a_ready_line_and_of_nothing_else() {
        for phase in [Phase::Registering, Phase::Linked, Phase::LoggedOut, Phase::Inactive] {
            for line in &LINES {
                let ready = status(phase, line.as_ref()) == SessionStatus::Ready;
                assert_eq!(
                    ready,
                    phase == Phase::Linked && *line == Some(LineStatus::Ready),
                    "{phase:?} {line:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_deleted_or_logged_out_stays_so_whatever_a_dying_line_says() {
        for line in &LINES {
            assert_eq!(status(Phase::Inactive, line.as_ref()), SessionStatus::Inactive);
            assert_eq!(status(Phase::LoggedOut, line.as_ref()), SessionStatus::LoggedOut);
        }
    }

    #[test]
    fn a_line_that_lost_its_link_is_believed_before_the_row_is_written() {
        let gone = LineStatus::LoggedOut(LogoutReason::Requested);
        assert_eq!(status(Phase::Linked, Some(&gone)), SessionStatus::LoggedOut);
    }
}
