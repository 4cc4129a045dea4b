//! Which WhatsApp a database belongs to: the real one or the simulator. A database of one realm is refused by a build of the other,
//! so that no simulated key ever reaches the real network and no real session is ever loaded by a build that skips certificates.

use std::fmt;
use std::str::FromStr;

/// The realm of a build, of a database, of a session's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Realm {
    /// WhatsApp itself.
    Live,
    /// The simulator on loopback.
    Simulator,
}

impl Realm {
    /// The word as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Simulator => "simulator",
        }
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word was neither `live` nor `simulator`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown realm; it must be live or simulator")]
pub struct UnknownRealm;

impl FromStr for Realm {
    type Err = UnknownRealm;

    fn from_str(word: &str) -> Result<Self, UnknownRealm> {
        match word {
            "live" => Ok(Self::Live),
            "simulator" => Ok(Self::Simulator),
            _ => Err(UnknownRealm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_realm_reads_back_and_nothing_else_does() {
        for realm in [Realm::Live, Realm::Simulator] {
            assert_eq!(realm.as_str().parse(), Ok(realm));
        }
        assert_eq!("Live".parse::<Realm>(), Err(UnknownRealm));
    }
}
