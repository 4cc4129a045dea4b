//! Slowing down whoever guesses: wrong credentials are counted by address, and beyond a budget they are answered with 429.
//!
//! A credential is always looked at first, and a good one always passes. An address may be a proxy that stands for everybody, so
//! refusing it unseen would let anybody lock the operator out; and a token cannot be guessed anyhow. What can is a weak
//! `server.admin_key`, for which a pause must be worth more than the attempt.
//!
//! The count is one time per address: when its budget will be whole again. At most [`MOST`] addresses have one of their own, all
//! others share one. An IPv6 network of 64 bits counts as one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use switchboard_core::clock::UnixMillis;

/// How many guesses an address has at once.
const AT_ONCE: u32 = 20;
/// How long until it has another one.
const EACH: Duration = Duration::from_secs(3);
/// How many addresses are counted apart, at about 100 bytes each.
const MOST: usize = 10_000;
/// How often the log tells of it.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The wrong credentials of late.
#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// When the budget of each is whole again.
    whole_at: HashMap<Source, UnixMillis>,
    /// When those whose budget is whole were last let go. Looking for them takes time, so it is not done at each guess.
    swept_at: Option<UnixMillis>,
    told_at: Option<UnixMillis>,
}

/// Who is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
    Others,
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

impl Guesses {
    /// Counts a wrong credential from `address`.
    ///
    /// # Errors
    /// When it is one too many: how long until the next one is taken.
    pub(super) fn wrong(&self, address: IpAddr, now: UnixMillis) -> Result<(), Duration> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = counts.source(address, now);
        let budget = EACH * AT_ONCE;
        let whole_at = counts.whole_at.get(&source).copied().unwrap_or(now);
        // Never further away than a spent budget is, also when the clock was put back.
        let whole_at = whole_at.clamp(now, now.plus(budget));
        let next = whole_at.plus(EACH);
        let wait = next.since(now.plus(budget));
        if !wait.is_zero() {
            counts.tell(address, now);
            return Err(wait);
        }
        counts.whole_at.insert(source, next);
        Ok(())
    }
}

impl Counts {
    fn source(&mut self, address: IpAddr, now: UnixMillis) -> Source {
        let source = Source::of(address);
        if self.whole_at.contains_key(&source) || self.whole_at.len() < MOST {
            return source;
        }
        if is_due(self.swept_at, EACH, now) {
            self.swept_at = Some(now);
            self.whole_at.retain(|_, whole_at| *whole_at > now);
        }
        if self.whole_at.len() < MOST {
            source
        } else {
            Source::Others
        }
    }

    fn tell(&mut self, address: IpAddr, now: UnixMillis) {
        if is_due(self.told_at, TOLD_EVERY, now) {
            self.told_at = Some(now);
            tracing::warn!(%address, "somebody shows wrong credentials again and again");
        }
    }
}

/// Whether something that was done last at that time is to be done again. A clock that was put back makes it due.
fn is_due(last: Option<UnixMillis>, every: Duration, now: UnixMillis) -> bool {
    last.is_none_or(|last| now < last || now.since(last) >= every)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = UnixMillis(1_800_000_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many wrong ones are taken from this address until one is not, and how long it then takes.
    fn spend(guesses: &Guesses, from: &str, now: UnixMillis) -> (u32, Duration) {
        let mut taken = 0;
        loop {
            match guesses.wrong(address(from), now) {
                Ok(()) => taken += 1,
                Err(wait) => return (taken, wait),
            }
        }
    }

    #[test]
    fn beyond_the_budget_one_has_to_wait_and_it_comes_back_with_time() {
        let guesses = Guesses::default();
        assert_eq!(spend(&guesses, "192.0.2.1", START), (AT_ONCE, EACH));
        let later = START.plus(Duration::from_secs(1));
        assert_eq!(spend(&guesses, "192.0.2.1", later), (0, Duration::from_secs(2)));
        assert_eq!(spend(&guesses, "192.0.2.1", START.plus(EACH)), (1, EACH));
        assert_eq!(spend(&guesses, "192.0.2.1", START.plus(EACH * 1000)), (AT_ONCE, EACH));
    }

    #[test]
    fn each_address_has_a_budget_of_its_own_and_a_network_of_ipv6_has_one() {
        let guesses = Guesses::default();
        for from in ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"] {
            assert_eq!(spend(&guesses, from, START).0, AT_ONCE, "{from}");
        }
        for same in ["::ffff:192.0.2.1", "2001:db8:0:1:ffff:ffff:ffff:ffff"] {
            assert_eq!(spend(&guesses, same, START).0, 0, "{same}");
        }
    }

    #[test]
    fn addresses_beyond_the_most_share_one_budget_until_others_have_theirs_back() {
        let guesses = Guesses::default();
        let many = |n: usize| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
        for n in 0..MOST {
            guesses.wrong(address(&many(n)), START).unwrap();
        }
        assert_eq!(spend(&guesses, "192.0.2.1", START).0, AT_ONCE);
        assert_eq!(spend(&guesses, "192.0.2.2", START).0, 0);
        assert_eq!(guesses.0.lock().unwrap().whole_at.len(), MOST + 1);
        assert_eq!(spend(&guesses, "192.0.2.2", START.plus(EACH * 2)).0, AT_ONCE);
        assert!(guesses.0.lock().unwrap().whole_at.len() < 3);
    }

    #[test]
    fn a_clock_that_was_put_back_makes_nobody_wait_longer_than_a_spent_budget_does() {
        let guesses = Guesses::default();
        spend(&guesses, "192.0.2.1", START);
        assert_eq!(spend(&guesses, "192.0.2.1", UnixMillis(0)), (0, EACH));
    }
}
