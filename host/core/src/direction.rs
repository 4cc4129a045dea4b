//! Which way a message went: one type and one word for it, in the database, in the API and in its description.

use std::fmt;
use std::str::FromStr;

use crate::ids::serde_as_text;

/// Which way a message went, seen from the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Sent by the session's account, from here or from another of its devices.
    Outbound,
    /// Received by the session.
    Inbound,
}

impl Direction {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Outbound, Self::Inbound];

    /// The word in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is no direction; the text lists those that exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", Direction::ALL.map(Direction::as_str).join(", "))]
pub struct UnknownDirection;

impl FromStr for Direction {
    type Err = UnknownDirection;

    fn from_str(word: &str) -> Result<Self, UnknownDirection> {
        Self::ALL
            .into_iter()
            .find(|direction| direction.as_str() == word)
            .ok_or(UnknownDirection)
    }
}

serde_as_text!(Direction);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_is_the_same_word_everywhere_and_no_other_word_is_one() {
        for direction in Direction::ALL {
            let word = direction.as_str();
            assert_eq!((direction.to_string().as_str(), word.parse()), (word, Ok(direction)));
            assert_eq!(serde_json::to_value(direction).unwrap(), word);
            assert_eq!(serde_json::from_value::<Direction>(word.into()).unwrap(), direction);
        }
        let error = "Outbound".parse::<Direction>().unwrap_err();
        assert_eq!(error.to_string(), "must be one of outbound, inbound");
    }
}
