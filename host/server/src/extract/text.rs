//! A text of a client's own, of a bounded length.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

/// A text of `MIN` to `MAX` characters, none of them a control character: it is shown to people in one line, and the database ends
/// a text at its first NUL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> From<Text<MIN, MAX>> for String {
    fn from(text: Text<MIN, MAX>) -> Self {
        text.0
    }
}

impl<const MIN: usize, const MAX: usize> FromStr for Text<MIN, MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if (MIN..=MAX).contains(&text.chars().count()) && !text.contains(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("must have {MIN} to {MAX} characters and no control characters"))
        }
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What a client wrote stays out of logs.
impl<const MIN: usize, const MAX: usize> fmt::Debug for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_and_control_characters_are_refused() {
        for good in ["x", "👋👋👋"] {
            assert_eq!(String::from(good.parse::<Text<1, 3>>().unwrap()), good);
        }
        for bad in ["", "four", "a\0b", "a\nb"] {
            let sentence = bad.parse::<Text<1, 3>>().unwrap_err();
            assert_eq!(
                sentence, "must have 1 to 3 characters and no control characters",
                "{bad:?}"
            );
        }
    }
}
