//! Why a message is not sent, in the words that its sender and its timeline get.

use switchboard_core::problem::{Code, Problem};
use switchboard_store::messages::Failure;

/// WhatsApp's server took the message and answered with an error.
pub(crate) fn by_whatsapp(error: u16) -> Problem {
    let reason = match error {
        463 => {
            "WhatsApp does not let this account write first to people who do not know it at the moment (463). \
                Replies are not affected; wait before trying again."
        }
        479 => "WhatsApp did not accept the message in this form (479).",
        _ => {
            return Problem::new(
                Code::WHATSAPP_REFUSED,
                format!("WhatsApp refused the message (error {error})."),
            );
        }
    };
    Problem::new(Code::WHATSAPP_REFUSED, reason)
}

/// WhatsApp knows no account with the number.
pub(crate) fn not_on_whatsapp() -> Problem {
    Problem::new(Code::RECIPIENT_NOT_ON_WHATSAPP, "This number has no WhatsApp account.").field("to")
}

/// Written again and again, never acknowledged.
pub(crate) fn never_acknowledged() -> Problem {
    Problem::new(
        Code::UPSTREAM_FAILED,
        "WhatsApp never acknowledged the message, although it was sent several times.",
    )
}

/// The session went away before the message was sent.
pub(crate) fn session_gone() -> Problem {
    Problem::new(
        Code::SESSION_NOT_LINKED,
        "The session was deleted or linked to another number before the message was sent.",
    )
}

/// As the timeline keeps it.
pub(crate) fn failure(problem: &Problem) -> Failure {
    Failure {
        code: problem.code().name().to_owned(),
        message: problem.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_names_whatsapps_own_number() {
        for error in [463, 479, 499] {
            let problem = by_whatsapp(error);
            assert_eq!(problem.code(), &Code::WHATSAPP_REFUSED);
            assert!(problem.message().contains(&error.to_string()), "{problem}");
            assert_eq!(failure(&problem).message, problem.message());
        }
    }
}
