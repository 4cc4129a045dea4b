//! The check of a body against its kind's schema, before any plugin sees it: so the names of fields in errors are the API's own,
//! and every kind is refused in the same words.
//!
//! A schema comes from a plugin, so it cannot make the host fetch anything (no reference leaves the document) or spin (patterns
//! are matched in linear time).

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;
use switchboard_core::problem::{Code, Problem};

use crate::sentence::Failing;

/// Failures told at once. The first is the one that `field` names.
const TOLD: usize = 3;

/// A compiled schema.
#[derive(Debug)]
pub(crate) struct BodySchema {
    written: Value,
    validator: Validator,
}

impl BodySchema {
    /// Compiles `schema`. The error goes on a sentence that begins with the kind.
    pub(crate) fn compile(schema: Value) -> Result<Self, String> {
        if schema.get("type") != Some(&Value::from("object")) {
            return Err("has a schema that is not of type object".to_owned());
        }
        let compiled = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .offline()
            .build(&schema);
        match compiled {
            Ok(validator) => Ok(Self {
                written: schema,
                validator,
            }),
            Err(error) => Err(format!("has a schema that is not a JSON Schema: {error}")),
        }
    }

    /// Refuses a body that the schema does not accept, with what is allowed instead.
    pub(crate) fn check(&self, body: &Value) -> Result<(), Problem> {
        if self.validator.is_valid(body) {
            return Ok(());
        }
        let mut failures: Vec<Failing> = Vec::with_capacity(TOLD);
        for error in self.validator.iter_errors(body).take(TOLD) {
            failures.push(Failing::tell(&self.written, &error));
        }
        let sentences: Vec<_> = failures.iter().map(|failing| failing.sentence.as_str()).collect();
        let problem = Problem::new(Code::INVALID_FIELD, sentences.join(" "));
        Err(match failures.into_iter().find_map(|failing| failing.field) {
            Some(field) => problem.field(field),
            None => problem,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_that_points_elsewhere_is_not_followed() {
        for elsewhere in ["https://example.org/schema.json", "file:///etc/passwd", "other.json"] {
            let schema = json!({"type": "object", "properties": {"x": {"$ref": elsewhere}}});
            assert!(BodySchema::compile(schema).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn a_pattern_that_could_spin_is_refused() {
        let schema = json!({"type": "object", "properties": {"x": {"type": "string", "pattern": "^(?=a)\\1$"}}});
        assert!(BodySchema::compile(schema).is_err());
    }

    #[test]
    fn several_failures_are_told_at_once_and_the_first_names_the_field() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}}});
        let problem = BodySchema::compile(schema)
            .unwrap()
            .check(&json!({"a": 1, "b": 2}))
            .unwrap_err();
        assert_eq!(problem.field_name(), Some("a"));
        assert_eq!(
            problem.message(),
            "`a` must be a string, not a number. `b` must be true or false, not a number."
        );
    }
}
