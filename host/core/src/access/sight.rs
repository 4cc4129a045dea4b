//! Which sessions a caller may see and use. A session outside of it is, for that caller, not there.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::ids::SessionId;

/// A set of sessions. In JSON a list of ids; every session is written as null, and read from nothing but a list, so that a value
/// that got lost on its way never means all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Every session, those to come included.
    All,
    /// These and no other.
    Only(Arc<BTreeSet<SessionId>>),
}

impl Sight {
    /// Every session, as a function for serde.
    pub const fn all() -> Self {
        Self::All
    }

    /// Whether it is every session.
    pub const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Whether `session` is among them.
    pub fn allows(&self, session: &SessionId) -> bool {
        match self {
            Self::All => true,
            Self::Only(sessions) => sessions.contains(session),
        }
    }

    /// Whether every session of `other` is among them.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(ours), Self::Only(theirs)) => theirs.is_subset(ours),
        }
    }
}

impl FromIterator<SessionId> for Sight {
    fn from_iter<I: IntoIterator<Item = SessionId>>(sessions: I) -> Self {
        Self::Only(Arc::new(sessions.into_iter().collect()))
    }
}

impl Serialize for Sight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_none(),
            Self::Only(sessions) => sessions.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Sight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let ids = texts.iter().map(|text| text.parse());
        ids.collect::<Result<Self, _>>()
            .map_err(|error| de::Error::custom(format_args!("must be a list of session ids, of which each {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(sessions: &[&str]) -> Sight {
        sessions.iter().map(|id| id.parse::<SessionId>().unwrap()).collect()
    }

    const A: &str = "qr_1_0000000a";
    const B: &str = "phone_2_0000000b";

    #[test]
    fn a_list_allows_what_is_on_it_and_an_empty_one_nothing() {
        let (a, b) = (A.parse().unwrap(), B.parse().unwrap());
        for (sight, expected) in [
            (Sight::All, [true, true]),
            (only(&[A]), [true, false]),
            (only(&[]), [false, false]),
        ] {
            assert_eq!([sight.allows(&a), sight.allows(&b)], expected, "{sight:?}");
        }
    }

    #[test]
    fn more_is_never_covered_by_less() {
        let rising = [only(&[]), only(&[A]), only(&[A, B]), Sight::All];
        for (i, wider) in rising.iter().enumerate() {
            for (j, narrower) in rising.iter().enumerate() {
                assert_eq!(wider.covers(narrower), j <= i, "{wider:?} {narrower:?}");
            }
        }
        assert!(!only(&[A]).covers(&only(&[B])));
    }

    #[test]
    fn a_list_reads_back_and_nothing_else_is_one() {
        let list = only(&[A, B]);
        let json = serde_json::to_value(&list).unwrap();
        assert_eq!(json, serde_json::json!([A, B]));
        assert_eq!(serde_json::from_value::<Sight>(json).unwrap(), list);
        assert_eq!(serde_json::to_value(Sight::All).unwrap(), serde_json::Value::Null);
        for wrong in ["null", "\"qr_1_0000000a\"", "{}", "[null]", "[\"all\"]", "[\"*\"]"] {
            assert!(serde_json::from_str::<Sight>(wrong).is_err(), "{wrong}");
        }
    }
}
