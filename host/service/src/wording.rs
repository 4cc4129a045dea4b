//! Times as clients read them: RFC 3339 in UTC.

use serde::Serializer;
use switchboard_core::clock::UnixMillis;

/// For `#[serde(serialize_with)]`.
pub(crate) fn rfc3339<S: Serializer>(at: &UnixMillis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
}

/// The same for a time that may be missing.
pub(crate) fn rfc3339_or_null<S: Serializer>(at: &Option<UnixMillis>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.serialize_str(&at.rfc3339()),
        None => serializer.serialize_none(),
    }
}
