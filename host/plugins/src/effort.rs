//! How much work a schema can make, computed before it is compiled. References let a small schema stand for an immense one, a long
//! chain of them ends on the host's stack, and some keywords look twice at what is beside them. What is left within these bounds is
//! done in a time that goes with the body's length.

use serde_json::{Map, Value};

/// Steps for one value.
const MOST: u64 = 4_000;
/// Parts within each other, references followed.
const DEEPEST: usize = 64;
/// What a pattern counts as, whatever it says: repetitions make much out of few characters.
const PATTERN: u64 = 40;
/// Bytes of it that count as one step more.
const PATTERN_BYTES: usize = 8;
/// How often a part is looked at beside which it is said what may be left unevaluated.
const LOOKS: u64 = 3;
/// What would let a reference lead to where this cannot follow it.
const REFUSED: [&str; 5] = ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"];

/// The work of one schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Steps for one value at most: one for each part of the schema, as often as it is referred to.
    pub(crate) steps: u64,
    /// Whether texts are held against patterns.
    pub(crate) has_patterns: bool,
}

/// Computes it. The error goes on a sentence that begins with the kind.
pub(crate) fn effort(schema: &Value) -> Result<Effort, String> {
    let mut walk = Walk {
        schema,
        left: MOST,
        has_patterns: false,
    };
    walk.part(schema, 0, 1)?;
    Ok(Effort {
        steps: MOST - walk.left,
        has_patterns: walk.has_patterns,
    })
}

struct Walk<'a> {
    schema: &'a Value,
    left: u64,
    has_patterns: bool,
}

impl Walk<'_> {
    fn part(&mut self, part: &Value, depth: usize, times: u64) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!(
                "has a schema with more than {DEEPEST} parts within each other, or one that refers to itself"
            ));
        }
        self.spend(times)?;
        match part {
            Value::Object(fields) => self.fields(fields, depth, times),
            Value::Array(parts) => parts.iter().try_for_each(|part| self.part(part, depth + 1, times)),
            _ => Ok(()),
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, depth: usize, times: u64) -> Result<(), String> {
        let looks_again = fields.keys().any(|name| name.starts_with("unevaluated"));
        let times = if looks_again {
            times.saturating_mul(LOOKS)
        } else {
            times
        };
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("$ref", Value::String(to)) => self.part(referred(self.schema, to)?, depth + 1, times)?,
                ("$id", Value::String(_)) if depth == 0 => {}
                (name, Value::String(_)) if REFUSED.contains(&name) => {
                    return Err(format!("has a schema with {name}; only $ref within it is known here"));
                }
                ("pattern", Value::String(pattern)) => self.pattern(pattern, times)?,
                ("patternProperties", Value::Object(patterns)) => {
                    for (pattern, value) in patterns {
                        self.pattern(pattern, times)?;
                        self.part(value, depth + 1, times)?;
                    }
                }
                _ => self.part(value, depth + 1, times)?,
            }
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &str, times: u64) -> Result<(), String> {
        self.has_patterns = true;
        let weight = PATTERN + (pattern.len() / PATTERN_BYTES) as u64;
        self.spend(times.saturating_mul(weight))
    }

    fn spend(&mut self, steps: u64) -> Result<(), String> {
        let left = self.left.checked_sub(steps);
        self.left = left.ok_or_else(|| {
            format!("has a schema that takes more than {MOST} steps for one value, references followed each time")
        })?;
        Ok(())
    }
}

/// What a reference leads to. Escapes of a URL are not undone here, so none may be there.
fn referred<'a>(schema: &'a Value, to: &str) -> Result<&'a Value, String> {
    let pointer = to.strip_prefix('#').filter(|pointer| !pointer.contains('%'));
    let found = pointer.and_then(|pointer| schema.pointer(pointer));
    found.ok_or_else(|| {
        let to: String = to.chars().take(100).collect();
        format!("has a schema with the reference {to:?}, which does not lead to a part of it, as \"#/$defs/name\" does")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(schema: &Value) -> String {
        effort(schema).unwrap_err()
    }

    /// `d0` to `d<length>`, each made of the one before.
    fn chain(length: usize, link: impl Fn(&Value) -> Value) -> Value {
        let mut defs = Map::new();
        defs.insert("d0".to_owned(), json!({"type": "string"}));
        for n in 1..=length {
            let before = json!({"$ref": format!("#/$defs/d{}", n - 1)});
            defs.insert(format!("d{n}"), link(&before));
        }
        json!({"type": "object", "properties": {"x": {"$ref": format!("#/$defs/d{length}")}}, "$defs": defs})
    }

    #[test]
    fn an_honest_schema_takes_a_step_for_each_part() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"to": {"$ref": "#/$defs/phone"}, "$id": {"type": "string"}},
            "$defs": {"phone": {"type": "string", "pattern": "^[0-9]{7,15}$"}},
        });
        let effort = effort(&schema).unwrap();
        assert!((80..120).contains(&effort.steps) && effort.has_patterns, "{effort:?}");
        let plain = super::effort(&json!({"type": "object", "properties": {"pattern": {"type": "string"}}}));
        assert!(!plain.unwrap().has_patterns);
    }

    #[test]
    fn what_doubles_with_each_reference_is_refused_long_before_it_is_followed() {
        for length in [12, 24, 60] {
            let doubling = chain(length, |before| json!({"allOf": [before, before]}));
            assert!(refused(&doubling).contains("more than 4000 steps"), "{length}");
        }
    }

    #[test]
    fn a_chain_that_would_end_on_the_stack_and_a_circle_are_refused() {
        for schema in [
            chain(1500, |before| json!({"anyOf": [before]})),
            chain(40, |before| json!({"oneOf": [before]})),
            json!({"type": "object", "properties": {"x": {"$ref": "#"}}}),
            json!({"type": "object", "$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
        ] {
            assert!(refused(&schema).contains("within each other"), "{}", refused(&schema));
        }
    }

    #[test]
    fn what_looks_twice_counts_so() {
        let mut nested = json!({"type": "object"});
        for _ in 0..20 {
            nested = json!({"allOf": [nested], "unevaluatedProperties": false});
        }
        assert!(refused(&nested).contains("steps"));
        let pattern = json!({"type": "object", "properties": {"x": {"pattern": "a?".repeat(20_000)}}});
        assert!(refused(&pattern).contains("steps"));
        let patterns = json!({"type": "object", "patternProperties": {"a?".repeat(20_000): {}}});
        assert!(refused(&patterns).contains("steps"));
    }

    #[test]
    fn no_reference_leads_where_it_is_not_followed() {
        let with = |more: Value| json!({"type": "object", "properties": {"x": more}, "%41": {}, "A": {}});
        for more in [
            json!({"$ref": "#/%41"}),
            json!({"$ref": "#/nowhere"}),
            json!({"$ref": "#name"}),
            json!({"$ref": "https://example.org/schema.json"}),
            json!({"$ref": "other.json#/A"}),
            json!({"$id": "https://example.org/", "$ref": "#/A"}),
            json!({"$dynamicRef": "#x"}),
            json!({"$anchor": "x"}),
        ] {
            effort(&with(more.clone())).expect_err(&more.to_string());
        }
    }
}
