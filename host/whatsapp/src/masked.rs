//! What others say of a failure, without the numbers in it.
//!
//! The protocol library puts people's addresses into the texts of its errors, and an address of WhatsApp holds a phone number.
//! These texts end in logs and in what a session says of its last loss, so they leave this crate as [`Masked`] only.

use std::error::Error;

/// What stands in the place of a number.
const MASK: &str = "<number>";
/// Fewer digits than this are an error's code, a port or a size. No phone number is as short, and no other address.
const SHORTEST: usize = 7;

/// A text of a foreign error in which every run of seven digits or more is masked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Masked(String);

impl Masked {
    /// What an error says, and what the errors behind it say that it does not.
    pub fn chain(error: &(dyn Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            let said = source.to_string();
            if !text.ends_with(&said) {
                text = format!("{text}: {said}");
            }
            next = source.source();
        }
        Self::from(text)
    }
}

impl From<&str> for Masked {
    fn from(text: &str) -> Self {
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, from) = rest.split_at(start);
            let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
            let (digits, after) = from.split_at(end);
            masked.push_str(before);
            masked.push_str(if digits.len() < SHORTEST { digits } else { MASK });
            rest = after;
        }
        masked.push_str(rest);
        Self(masked)
    }
}

impl From<String> for Masked {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("encrypting failed")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no session with 15550000002.0 (code 463)")]
    struct Inner;

    #[test]
    fn numbers_are_masked_all_along_the_chain_and_codes_are_not() {
        let masked = Masked::chain(&Outer(Inner)).to_string();
        assert_eq!(masked, "encrypting failed: no session with <number>.0 (code 463)");
    }

    #[test]
    fn a_source_that_was_quoted_already_is_not_said_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("sending: {0}")]
        struct Quoting(#[source] Inner);
        let masked = Masked::chain(&Quoting(Inner)).to_string();
        assert_eq!(masked, "sending: no session with <number>.0 (code 463)");
    }

    proptest! {
        #[test]
        fn no_number_survives_whatever_is_around_it(before in ".{0,20}", number in "[0-9]{7,15}", after in ".{0,20}") {
            let masked = Masked::from(format!("{before}{number}{after}")).to_string();
            prop_assert!(!masked.contains(&number), "{masked}");
        }
    }
}
