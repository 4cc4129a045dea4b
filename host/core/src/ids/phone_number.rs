//! A phone number as WhatsApp knows it.

use std::fmt;
use std::str::FromStr;

use super::{InvalidId, is_digits, serde_as_text};

/// A phone number in E.164 without the plus: 7 to 15 digits that begin with a country code, so never with 0.
///
/// Reads any common spelling (`+49 151 1234-5678`, `(+1) 555.000.0001`, `0049...`); prints digits only. `Debug` hides all but the
/// last two digits, as log lines must.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(Box<str>);

impl PhoneNumber {
    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber(…{})", &self.0[self.0.len() - 2..])
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: InvalidId = InvalidId::new(
            "must be a phone number with its country code: 7 to 15 digits, with or without +, spaces, dashes, dots and brackets",
        );
        // Programs that keep numbers as floating ones write them so, and without the dot it would be somebody else's.
        let floating = text.trim().trim_start_matches('+').split_once('.');
        if floating.is_some_and(|(number, rest)| number.len() >= 7 && is_digits(number) && is_zeros(rest)) {
            return Err(EXPECTED);
        }
        let mut digits = String::with_capacity(15);
        let mut plus = false;
        for c in text.trim().chars() {
            match c {
                '0'..='9' if digits.len() < 17 => digits.push(c),
                '+' if digits.is_empty() && !plus => plus = true,
                ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/' => {}
                _ => return Err(EXPECTED),
            }
        }
        // 00 is how most of the world dials +.
        let digits = if plus {
            digits.as_str()
        } else {
            digits.strip_prefix("00").unwrap_or(&digits)
        };
        if !(7..=15).contains(&digits.len()) || digits.starts_with('0') {
            return Err(EXPECTED);
        }
        Ok(Self(digits.into()))
    }
}

fn is_zeros(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b == b'0')
}

serde_as_text!(PhoneNumber);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn common_spellings_mean_the_same_number() {
        for text in [
            "4915112345678",
            "+4915112345678",
            "+49 151 1234-5678",
            "0049 151/12345678",
            "(+49) 151.12345678",
            " +49\u{a0}15112345678 ",
        ] {
            assert_eq!(
                text.parse::<PhoneNumber>().unwrap().digits(),
                "4915112345678",
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "+",
            "123456",
            "1234567890123456",
            "0151123456",
            "+0151123456",
            "12a34567",
            "++4915112345678",
            "4915+112345678",
            "٤٩١٥١١٢٣٤٥٦٧٨",
            "49151123456\0",
            &"1".repeat(10_000),
        ] {
            assert!(text.parse::<PhoneNumber>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn debug_hides_the_number() {
        assert_eq!(
            format!("{:?}", "4915112345678".parse::<PhoneNumber>().unwrap()),
            "PhoneNumber(…78)"
        );
    }

    proptest! {
        #[test]
        fn what_parses_is_seven_to_fifteen_digits_and_reads_back(text in "[+0-9 ().-]{0,24}") {
            if let Ok(number) = text.parse::<PhoneNumber>() {
                prop_assert!((7..=15).contains(&number.digits().len()));
                prop_assert_eq!(number.digits().parse::<PhoneNumber>(), Ok(number));
            }
        }
    }
}
