//! Values as clients read them: times in RFC 3339 and UTC, and the words of a direction.

use std::borrow::Cow;

use serde::Serializer;
use switchboard_core::clock::UnixMillis;
use switchboard_core::direction::Direction;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

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

/// A direction as the API's description shows it, for `value_type`.
#[derive(Debug)]
pub enum DirectionWord {}

impl PartialSchema for DirectionWord {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Direction::ALL.map(Direction::as_str)))
            .description(Some("Which way a message went, seen from the session."));
        words.into()
    }
}

impl ToSchema for DirectionWord {
    fn name() -> Cow<'static, str> {
        "Direction".into()
    }
}
