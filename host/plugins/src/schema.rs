//! The check of a body against its kind's schema, before any plugin sees it: so the names of fields in errors are the API's own,
//! and every kind is refused in the same words.
//!
//! A schema comes from a plugin, so it cannot make the host fetch anything (no reference leaves the document) or spin: the steps for one
//! value are bounded (`effort.rs`), and patterns are matched in linear time. What may still take long, because the body is large, is
//! not done on a thread that others wait for.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;
use switchboard_core::problem::{Code, Problem};

use crate::effort::{Effort, effort};
use crate::sentence::Failing;

/// Failures told at once. The first is the one that `field` names.
const TOLD: usize = 3;
/// Steps times bytes of the body that are done at once: some tens of milliseconds at the very most.
const AT_ONCE: u64 = 4_000_000;
/// The largest body that patterns are held against at once, in bytes: each of its characters may take as long as the pattern is large.
const AT_ONCE_WITH_PATTERNS: usize = 2048;
/// The largest pattern, compiled, in bytes.
const MOST_PATTERN_BYTES: usize = 4 * 1024 * 1024;

/// A compiled schema.
#[derive(Debug)]
pub(crate) struct BodySchema {
    written: Value,
    validator: Validator,
    effort: Effort,
}

impl BodySchema {
    /// Compiles `schema`. The error goes on a sentence that begins with the kind.
    pub(crate) fn compile(schema: Value) -> Result<Self, String> {
        if schema.get("type") != Some(&Value::from("object")) {
            return Err("has a schema that is not of type object".to_owned());
        }
        let effort = effort(&schema)?;
        let compiled = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex().size_limit(MOST_PATTERN_BYTES))
            .should_validate_formats(true)
            .offline()
            .build(&schema);
        match compiled {
            Ok(validator) => Ok(Self {
                written: schema,
                validator,
                effort,
            }),
            Err(error) => Err(format!("has a schema that is not a JSON Schema: {error}")),
        }
    }

    /// The same as [`check`](Self::check) for a body of so many bytes, without holding up anybody who shares the thread.
    pub(crate) async fn check_request(self: &Arc<Self>, body: &Value, bytes: usize) -> Result<(), Problem> {
        let Effort { steps, has_patterns } = self.effort;
        let is_short = !has_patterns || bytes <= AT_ONCE_WITH_PATTERNS;
        if is_short && steps.saturating_mul(bytes as u64) <= AT_ONCE {
            return self.check(body);
        }
        let (schema, body) = (Arc::clone(self), body.clone());
        let checked = tokio::task::spawn_blocking(move || schema.check(&body)).await;
        checked.map_err(Problem::internal)?
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

    #[tokio::test]
    async fn a_large_body_is_checked_as_a_small_one_is() {
        let schema = json!({"type": "object", "properties": {"x": {"items": {"type": "string"}}}});
        let schema = Arc::new(BodySchema::compile(schema).unwrap());
        for length in [1, 500_000] {
            let bytes = length * 4;
            let good = json!({"x": vec!["a"; length]});
            schema.check_request(&good, bytes).await.unwrap();
            let bad = json!({"x": vec![json!(7); length]});
            let problem = schema.check_request(&bad, bytes).await.unwrap_err();
            assert_eq!(problem.field_name(), Some("x.0"), "{problem}");
        }
    }

    #[test]
    fn a_pattern_that_repeats_itself_into_megabytes_is_refused() {
        let schema = |pattern: &str| json!({"type": "object", "properties": {"x": {"pattern": pattern}}});
        assert!(BodySchema::compile(schema("(?:[ab]c|N){100000}")).is_err());
        BodySchema::compile(schema(r"^\p{L}[\p{L}\p{N} .'-]{0,60}$")).unwrap();
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
