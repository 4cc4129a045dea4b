//! Which numbers are known to be on WhatsApp, so that not every message asks.
//!
//! Only the answer yes is kept: a number that is not on WhatsApp today may be tomorrow. An answer is good for a day. The cache has an
//! end: when it is full it starts anew.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use switchboard_core::clock::{Clock, UnixMillis};
use switchboard_core::ids::{Jid, PhoneNumber};
use switchboard_whatsapp::{Line, LineError};

/// How many numbers are kept, at about 100 bytes each.
const MOST: usize = 50_000;
/// How long an answer is good.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);

/// Numbers and the addresses under which WhatsApp knows them; these may differ, as in countries that have changed their numbering.
#[derive(Debug, Default)]
pub(crate) struct Recipients(RwLock<HashMap<PhoneNumber, (Jid, UnixMillis)>>);

impl Recipients {
    /// The address of a number on WhatsApp, from what is known or from WhatsApp itself; `None` if it is not there.
    ///
    /// # Errors
    /// When the line cannot say.
    pub(crate) async fn find(
        &self,
        line: &dyn Line,
        number: &PhoneNumber,
        clock: &dyn Clock,
    ) -> Result<Option<Jid>, LineError> {
        if let Some(known) = self.address(number, clock.now()) {
            return Ok(Some(known));
        }
        let Some(registered) = line.is_on_whatsapp(number).await? else {
            return Ok(None);
        };
        self.learn(number.clone(), registered.jid.clone(), clock.now());
        Ok(Some(registered.jid))
    }

    fn address(&self, number: &PhoneNumber, now: UnixMillis) -> Option<Jid> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known
            .get(number)
            .filter(|(_, asked)| now.since(*asked) < GOOD_FOR)
            .map(|(jid, _)| jid.clone())
    }

    fn learn(&self, number: PhoneNumber, address: Jid, now: UnixMillis) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(number, (address, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_a_day() {
        let (recipients, start) = (Recipients::default(), UnixMillis(1_000));
        let number: PhoneNumber = "15550000001".parse().unwrap();
        assert_eq!(recipients.address(&number, start), None);
        recipients.learn(number.clone(), Jid::of_number(&number), start);
        let almost = start.plus(GOOD_FOR - Duration::from_millis(1));
        assert_eq!(recipients.address(&number, almost), Some(Jid::of_number(&number)));
        assert_eq!(recipients.address(&number, start.plus(GOOD_FOR)), None);
    }

    #[test]
    fn the_cache_has_an_end() {
        let recipients = Recipients::default();
        for n in 0..=MOST {
            let number: PhoneNumber = format!("1555{n:07}").parse().unwrap();
            recipients.learn(number.clone(), Jid::of_number(&number), UnixMillis(0));
        }
        assert_eq!(recipients.0.read().unwrap().len(), 1);
    }
}
