//! The text of a body as a JSON value in which every name stands once.
//!
//! JSON leaves open what a name means that stands twice in one object, and readers differ: the one that checks a request may see
//! another value than the one that sends it. So nobody here ever sees such an object, whoever its fields belong to.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use switchboard_core::problem::{Code, Problem};

use super::fault;

/// The value that the body is.
///
/// Not JSON: `invalid_json`, with line and column. A name that stands twice in one object: `invalid_field`, which names it.
pub(super) fn read(body: &[u8]) -> Result<Value, Problem> {
    let twice = Cell::new(None);
    let seed = Once {
        place: Place::Body,
        twice: &twice,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    match twice.take() {
        Some(field) => Err(fault::twice(&field)),
        None => value.map_err(|error| not_json(&error)),
    }
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(
        Code::INVALID_JSON,
        format!(
            "The body is not JSON: {} (line {}, column {}).",
            fault::without_position(&error.to_string()),
            error.line(),
            error.column()
        ),
    )
}

/// Where a value stands, which is shown in dotted form.
#[derive(Clone, Copy)]
enum Place<'p> {
    Body,
    Field(&'p Self, &'p str),
    Item(&'p Self, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Field(Self::Body, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}.{index}"),
        }
    }
}

/// Reads one value, and notes which name stood twice in it.
#[derive(Clone, Copy)]
struct Once<'p> {
    place: Place<'p>,
    twice: &'p Cell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Once {
            place: Place::Item(&self.place, values.len()),
            ..self
        })? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let place = Place::Field(&self.place, &name);
            if object.contains_key(&name) {
                self.twice.set(Some(place.to_string()));
                return Err(A::Error::custom("a name stands twice"));
            }
            let value = fields.next_value_seed(Once { place, ..self })?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_in_an_object_is_named_with_its_place() {
        for (body, field) in [
            (r#"{"text": "a", "text": "b"}"#, "text"),
            (r#"{"text": "a", "to": "b", "text": "a"}"#, "text"),
            (r#"{"text": {"text": 1, "text": 1}}"#, "text.text"),
            (r#"{"a": [{}, {"b": {"c": 1, "d": 2, "c": 3}}]}"#, "a.1.b.c"),
            // The same name, spelled in another way.
            (r#"{"text": 1, "\u0074ext": 1}"#, "text"),
        ] {
            let problem = read(body.as_bytes()).unwrap_err();
            assert_eq!(
                (problem.code(), problem.field_name()),
                (&Code::INVALID_FIELD, Some(field)),
                "{body}"
            );
            assert_eq!(problem.message(), format!("{field} must stand once."));
        }
    }

    #[test]
    fn everything_else_is_the_value_that_it_says() {
        for body in [
            r#"{"a": {"x": 1}, "b": {"x": 1}, "A": [{"x": 1}, {"x": 1}]}"#,
            r#"[null, true, -1, 18446744073709551615, 1.5, 1e300, "a\"\u00e9 👋", [], {}]"#,
            "\"text\"",
        ] {
            let value: Value = serde_json::from_str(body).unwrap();
            assert_eq!(read(body.as_bytes()).unwrap(), value, "{body}");
        }
    }
}
