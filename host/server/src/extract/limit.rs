//! How many rows a page of a list has.

use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

/// Rows of a page when nobody says how many.
const DEFAULT: u16 = 100;

/// A number of rows from 1 to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit<const MOST: u16>(u16);

impl<const MOST: u16> Limit<MOST> {
    /// The number.
    pub(crate) const fn get(self) -> u16 {
        self.0
    }
}

impl<const MOST: u16> Default for Limit<MOST> {
    fn default() -> Self {
        Self(DEFAULT.min(MOST))
    }
}

impl<const MOST: u16> FromStr for Limit<MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(rows @ 1..) if rows <= MOST => Ok(Self(rows)),
            _ => Err(format!("must be a whole number from 1 to {MOST}")),
        }
    }
}

impl<'de, const MOST: u16> Deserialize<'de> for Limit<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_one_row_to_the_most_that_is_allowed() {
        assert_eq!("1".parse::<Limit<500>>().unwrap().get(), 1);
        assert_eq!("500".parse::<Limit<500>>().unwrap().get(), 500);
        assert_eq!(Limit::<500>::default().get(), 100);
        for bad in ["0", "501", "-1", "", "ten", "1.5", "70000"] {
            assert!(bad.parse::<Limit<500>>().unwrap_err().contains("1 to 500"), "{bad:?}");
        }
    }
}
