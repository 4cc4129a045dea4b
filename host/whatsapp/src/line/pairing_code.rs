//! Linking by a code that is typed on the phone.
//!
//! WhatsApp gives out a code for one number, for three minutes, and limits how often. So the line asks for the first one when its
//! connection stands, for another when that is over or WhatsApp says that it is worth nothing, and after a refusal only when some
//! time has passed.

use std::sync::Arc;
use std::time::Duration;

use switchboard_core::ids::PhoneNumber;
use tokio::time::Instant;
use whatsapp_rust::Client;
use whatsapp_rust::pair_code::{PairCodeOptions, PairCodeRejection};
use whatsapp_rust::types::events::PairingCodeError;

use super::current::Current;
use crate::masked::Masked;

/// The least that is waited after a refusal that may mean that too many codes were asked for.
const THROTTLED_PAUSE: Duration = Duration::from_secs(60);
/// How long after WhatsApp said that codes are not for this account.
const NOT_OFFERED_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The codes of one line.
#[derive(Debug)]
pub(super) struct Codes {
    number: PhoneNumber,
    /// When to ask for the next one.
    due: Option<Instant>,
}

/// Why there is no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoCode {
    /// For a person.
    pub(super) reason: Masked,
    /// The least time until the next attempt.
    pub(super) pause: Duration,
}

impl Codes {
    pub(super) const fn new(number: PhoneNumber) -> Self {
        Self { number, due: None }
    }

    /// When to ask for the next one.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A new client begins without a code.
    pub(super) fn forget(&mut self) {
        self.due = None;
    }

    /// The connection can ask for a code, and asks now unless it has before.
    pub(super) fn connected(&mut self) {
        self.due.get_or_insert_with(Instant::now);
    }

    /// The next one is to be asked for after so long.
    pub(super) fn ask_after(&mut self, pause: Duration) {
        self.due = Some(Instant::now() + pause);
    }

    /// Asks for a code in place of any that is out, beside the line's task: making a key from the code takes a while. The answer is an event.
    pub(super) fn ask(&mut self, current: &Arc<Current<Arc<Client>>>) {
        // The answer says when the next one is due; without one there is no connection any more.
        self.due = None;
        let (number, current) = (self.number.digits().to_owned(), Arc::clone(current));
        tokio::spawn(async move {
            let Some(in_use) = current.get().await else { return };
            let client = in_use.client();
            client.cancel_pair_code().await;
            let options = PairCodeOptions {
                phone_number: number,
                ..Default::default()
            };
            // Both outcomes come as events.
            let _ = in_use.wait(client.pair_with_code(options)).await;
        });
    }
}

impl NoCode {
    pub(super) fn of(error: &PairingCodeError) -> Self {
        let (reason, pause) = match error.rejection {
            Some(PairCodeRejection::BadRequest) => (
                "WhatsApp gave out no code: too many were asked for, or the number is not on WhatsApp".into(),
                THROTTLED_PAUSE,
            ),
            Some(PairCodeRejection::RateOverlimit) => (
                "WhatsApp gave out no code: too many were asked for".into(),
                THROTTLED_PAUSE,
            ),
            Some(PairCodeRejection::FeatureNotAvailable) => (
                "WhatsApp does not offer linking by code for this account: link it by QR code".into(),
                NOT_OFFERED_PAUSE,
            ),
            Some(PairCodeRejection::Forbidden) => (
                "WhatsApp forbids linking by code for this account: link it by QR code".into(),
                NOT_OFFERED_PAUSE,
            ),
            _ => (Masked::from(error.error.as_str()), Duration::ZERO),
        };
        Self {
            reason,
            pause: error.backoff.unwrap_or_default().max(pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(rejection: Option<PairCodeRejection>, backoff: Option<Duration>) -> NoCode {
        NoCode::of(
            &PairingCodeError::builder()
                .maybe_rejection(rejection)
                .maybe_backoff(backoff)
                .error("no answer from 15550000001".to_owned())
                .build(),
        )
    }

    #[test]
    fn a_refusal_is_told_in_words_and_waited_out() {
        let hour = Duration::from_secs(3600);
        for (rejection, word, pause) in [
            (Some(PairCodeRejection::BadRequest), "too many", THROTTLED_PAUSE),
            (Some(PairCodeRejection::RateOverlimit), "too many", THROTTLED_PAUSE),
            (Some(PairCodeRejection::FeatureNotAvailable), "QR code", hour),
            (Some(PairCodeRejection::Forbidden), "QR code", hour),
            (Some(PairCodeRejection::InternalServerError), "<number>", Duration::ZERO),
            (None, "<number>", Duration::ZERO),
        ] {
            let refused = refusal(rejection, None);
            assert!(refused.reason.to_string().contains(word), "{refused:?}");
            assert_eq!(refused.pause, pause, "{rejection:?}");
        }
    }

    #[test]
    fn whatsapp_s_own_word_on_the_pause_counts_if_it_is_longer() {
        let limit = Some(PairCodeRejection::RateOverlimit);
        for (said, pause) in [(5, 60), (600, 600)] {
            let refused = refusal(limit, Some(Duration::from_secs(said)));
            assert_eq!(refused.pause, Duration::from_secs(pause));
        }
    }
}
