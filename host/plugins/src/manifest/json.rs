//! TOML as JSON. TOML has dates and infinities, JSON has not.

use serde_json::{Map, Value};

use crate::load_error::Refusal;

/// The table `[config]` as the guest gets it.
pub(super) fn object(table: toml::Table) -> Result<Map<String, Value>, Refusal> {
    let fields = table.into_iter().map(|(key, value)| Ok((key, json(value)?)));
    fields.collect()
}

fn json(value: toml::Value) -> Result<Value, Refusal> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Float(number) if number.is_finite() => number.into(),
        toml::Value::Float(_) => {
            return Err(Refusal::Manifest(
                "[config] holds a number that JSON cannot write".to_owned(),
            ));
        }
        toml::Value::Datetime(_) => {
            return Err(Refusal::Manifest(
                "[config] holds a date; write it as a string".to_owned(),
            ));
        }
        toml::Value::Array(values) => values.into_iter().map(json).collect::<Result<Vec<_>, _>>()?.into(),
        toml::Value::Table(table) => Value::Object(object(table)?),
    })
}

/// A setting in the place of a plugin's own value: of its type, or a text that can be read as one, as the environment gives it.
pub(super) fn like(usual: &Value, given: &Value) -> Option<Value> {
    match (usual, given) {
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Array(_), Value::Array(_))
        | (Value::Object(_), Value::Object(_)) => Some(given.clone()),
        (Value::Number(_) | Value::Bool(_), Value::String(text)) => {
            let read: Value = serde_json::from_str(text.trim()).ok()?;
            let same = (usual.is_number() && read.is_number()) || (usual.is_boolean() && read.is_boolean());
            same.then_some(read)
        }
        _ => None,
    }
}

/// What a value is, for a sentence.
pub(super) const fn noun(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Array(_) => "a list",
        Value::Object(_) | Value::Null => "a table",
    }
}
