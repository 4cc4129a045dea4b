//! What a caller may do, word by word. No word includes another one.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// See sessions.
    SessionsRead,
    /// Create, restart, log out and delete sessions.
    SessionsWrite,
    /// Send messages.
    MessagesSend,
    /// Read the message log.
    MessagesRead,
    /// Manage webhook receivers.
    Webhooks,
    /// Manage plugins.
    Plugins,
    /// Manage tokens.
    Admin,
}

/// The text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of sessions:read, sessions:write, messages:send, messages:read, webhooks, plugins, admin")]
pub struct InvalidScope;

impl Scope {
    /// Every permission there is.
    pub const ALL: [Self; 7] = [
        Self::SessionsRead,
        Self::SessionsWrite,
        Self::MessagesSend,
        Self::MessagesRead,
        Self::Webhooks,
        Self::Plugins,
        Self::Admin,
    ];

    /// The word in tokens and in the documentation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionsRead => "sessions:read",
            Self::SessionsWrite => "sessions:write",
            Self::MessagesSend => "messages:send",
            Self::MessagesRead => "messages:read",
            Self::Webhooks => "webhooks",
            Self::Plugins => "plugins",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(InvalidScope)
    }
}

/// A set of permissions; in JSON a list of words. A word that this version does not know makes the list invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Everything.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether `scope` is in the set.
    pub const fn allow(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether every permission of `other` is in the set.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions in the set, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.allow(*scope))
    }
}

/// The words with commas between them; `none` for the empty set.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Scope::as_str).collect();
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::as_str))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let scopes = words.iter().map(|word| word.parse::<Scope>());
        scopes
            .collect::<Result<Self, _>>()
            .map_err(|error| de::Error::custom(format_args!("must be a list of scopes, of which each {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_allows_what_is_in_it_and_nothing_else() {
        let set: Scopes = [Scope::SessionsRead, Scope::MessagesSend].into_iter().collect();
        for scope in Scope::ALL {
            assert_eq!(
                set.allow(scope),
                matches!(scope, Scope::SessionsRead | Scope::MessagesSend),
                "{scope}"
            );
        }
        assert!(Scope::ALL.into_iter().all(|scope| Scopes::all().allow(scope)));
        assert!(Scope::ALL.into_iter().all(|scope| !Scopes::default().allow(scope)));
        assert!(Scopes::all().covers(set) && set.covers(set) && set.covers(Scopes::default()));
        assert!(!set.covers(Scopes::all()) && !Scopes::default().covers(set));
        assert_eq!(
            [set, Scopes::default()].map(|set| set.to_string()),
            ["sessions:read, messages:send", "none"]
        );
    }

    #[test]
    fn a_set_reads_back_and_an_unknown_word_is_refused() {
        let json = serde_json::to_value(Scopes::all()).unwrap();
        assert_eq!(json, serde_json::json!(Scope::ALL.map(Scope::as_str)));
        assert_eq!(serde_json::from_value::<Scopes>(json).unwrap(), Scopes::all());
        for wrong in [
            "null",
            "{}",
            "\"admin\"",
            "[\"root\"]",
            "[\"ADMIN\"]",
            "[\"admin \"]",
            "[1]",
        ] {
            assert!(serde_json::from_str::<Scopes>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_sentence_about_a_wrong_word_names_every_right_one() {
        let sentence = "root".parse::<Scope>().unwrap_err().to_string();
        for scope in Scope::ALL {
            assert!(sentence.contains(scope.as_str()), "{scope} is not in {sentence:?}");
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
    }
}
