//! What a token allows, word by word.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scope {
    /// See sessions.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Create, restart, log out and delete sessions.
    #[serde(rename = "sessions:write")]
    SessionsWrite,
    /// Send messages.
    #[serde(rename = "messages:send")]
    MessagesSend,
    /// Read the message log.
    #[serde(rename = "messages:read")]
    MessagesRead,
    /// Manage webhook receivers.
    #[serde(rename = "webhooks")]
    Webhooks,
    /// Manage plugins.
    #[serde(rename = "plugins")]
    Plugins,
    /// Manage tokens and everything else.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every permission there is.
    pub(crate) const ALL: [Self; 7] = [
        Self::SessionsRead,
        Self::SessionsWrite,
        Self::MessagesSend,
        Self::MessagesRead,
        Self::Webhooks,
        Self::Plugins,
        Self::Admin,
    ];

    /// The word in tokens and in the documentation.
    pub(crate) const fn as_str(self) -> &'static str {
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

/// A set of permissions; in a token a list of words. A word that this version does not know makes the list invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Scopes(u8);

impl Scopes {
    /// Everything.
    pub(crate) fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether `scope` is in the set.
    pub(crate) const fn allow(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The permissions in the set, in the order of the documentation.
    pub(crate) fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.allow(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Scope>::deserialize(deserializer).map(Self::from_iter)
    }
}

/// A permission as a type, for the arguments of a handler.
pub(crate) trait Needs: Send + Sync {
    /// The permission.
    const SCOPE: Scope;
}

macro_rules! scope_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name;

        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}
scope_types! {
    /// Needs [`Scope::SessionsRead`].
    SessionsRead;
    /// Needs [`Scope::SessionsWrite`].
    SessionsWrite;
    /// Needs [`Scope::MessagesSend`].
    MessagesSend;
    /// Needs [`Scope::MessagesRead`].
    MessagesRead;
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
    }

    #[test]
    fn a_set_reads_back_and_an_unknown_word_is_refused() {
        let json = serde_json::to_value(Scopes::all()).unwrap();
        assert_eq!(json, serde_json::json!(Scope::ALL.map(Scope::as_str)));
        assert_eq!(serde_json::from_value::<Scopes>(json).unwrap(), Scopes::all());
        assert!(serde_json::from_value::<Scopes>(serde_json::json!(["root"])).is_err());
    }
}
