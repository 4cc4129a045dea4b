//! Who a stanza is from or for: phone numbers, and the devices of their accounts.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use whatsapp_rust::Jid;

/// The device id of the phone itself; companions count from 1.
pub(crate) const PHONE_DEVICE: u16 = 0;

/// A phone number in digits, 5 to 15 of them (the longest that E.164 allows), without a plus sign.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Number(Arc<str>);

/// A text that is no phone number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a phone number: write 5 to 15 digits with the country code, such as 15550000001")]
pub struct InvalidNumber(String);

impl Number {
    /// Parses a number in any common spelling: a plus sign, spaces, dashes, dots and brackets are skipped.
    ///
    /// # Errors
    /// When other characters are left, or fewer than 5 or more than 15 digits.
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let trimmed = text.trim();
        let digits: String = trimmed
            .strip_prefix('+')
            .unwrap_or(trimmed)
            .chars()
            .filter(|char| !matches!(char, ' ' | '-' | '.' | '(' | ')'))
            .collect();
        let valid = (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if valid {
            Ok(Self(digits.into()))
        } else {
            Err(InvalidNumber(text.chars().take(40).collect()))
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Hashes as its digits do, so a map of numbers can be asked with a plain string.
impl Borrow<str> for Number {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Number {
    type Error = InvalidNumber;

    fn try_from(text: String) -> Result<Self, InvalidNumber> {
        Self::parse(&text)
    }
}

impl From<Number> for String {
    fn from(number: Number) -> Self {
        number.as_str().to_owned()
    }
}

/// One device of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DeviceAddress {
    pub(crate) number: Number,
    pub(crate) device: u16,
}

impl DeviceAddress {
    pub(crate) fn new(number: Number, device: u16) -> Self {
        Self { number, device }
    }

    /// The address by phone number, as in `15550000001:2@s.whatsapp.net`.
    pub(crate) fn jid(&self) -> Jid {
        Jid::pn_device(self.number.as_str(), self.device)
    }
}

impl fmt::Display for DeviceAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.number, self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_any_common_spelling() {
        for text in ["15550000001", "+1 555 000-0001", " +1 (555) 000.0001 "] {
            assert_eq!(Number::parse(text).unwrap().as_str(), "15550000001");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "1234",
            "1234567890123456",
            "1555x000001",
            "++15550000001",
            "１５５５００００００１",
        ] {
            assert!(Number::parse(text).is_err(), "{text}");
        }
    }
}
