//! The name of one request, from the answer's header to the last log line about it.

use std::fmt;
use std::str::FromStr;

use super::message::mint_ulid;
use super::{InvalidId, serde_as_text};
use crate::clock::Clock;
use crate::random::Random;

/// The id of a request: a ULID of ours, or what the caller sent in `X-Request-Id`.
///
/// 1 to 64 of letters, digits, `-`, `_` and `.`, so that it can stand in a header and a log line as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// A new id.
    pub fn mint(clock: &dyn Clock, random: &dyn Random) -> Self {
        Self(mint_ulid(clock, random).to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RequestId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId::new(
                "must be 1 to 64 letters, digits, dashes, underscores and dots",
            ))
        }
    }
}

serde_as_text!(RequestId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, UnixMillis};
    use crate::random::SeededRandom;

    #[test]
    fn a_callers_id_is_kept_only_if_it_can_stand_in_a_log_line() {
        assert_eq!("trace-1.a_B".parse::<RequestId>().unwrap().as_str(), "trace-1.a_B");
        for bad in ["", "a b", "a\r\nb", "ü", "{}", &"a".repeat(65)] {
            assert!(bad.parse::<RequestId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_minted_id_reads_back() {
        let id = RequestId::mint(&ManualClock::at(UnixMillis(1)), &SeededRandom::new(1));
        assert_eq!(id.as_str().parse(), Ok(id));
    }
}
