//! What a schema allows, as a noun that fits into a sentence: "a string of 1 to 20 characters", "one of slow and fast".

use serde_json::Value;

/// For what cannot be said in a few words.
pub(crate) const UNKNOWN: &str = "as the schema says";

/// How many references and alternatives deep the words go, and how many alternatives are named. A schema may refer to itself, more
/// than once, so both are small.
const DEPTH: u8 = 3;
const ALTERNATIVES: usize = 8;

/// What a schema allows, as a noun: "a string of 1 to 20 characters".
pub(crate) fn describe(root: &Value, schema: &Value) -> String {
    within(root, schema, 0)
}

fn within(root: &Value, schema: &Value, depth: u8) -> String {
    if depth > DEPTH {
        return UNKNOWN.to_owned();
    }
    if let Some(target) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|to| root.pointer(to.strip_prefix('#')?))
    {
        return within(root, target, depth + 1);
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        let options: Vec<_> = options
            .iter()
            .map(|option| option.as_str().map_or_else(|| option.to_string(), str::to_owned))
            .collect();
        return format!("one of {}", list(&options, "and"));
    }
    if let Some(alternatives) = schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))
        .and_then(Value::as_array)
    {
        let alternatives: Vec<_> = alternatives
            .iter()
            .take(ALTERNATIVES)
            .map(|one| within(root, one, depth + 1))
            .collect();
        return list(&alternatives, "or");
    }
    match schema.get("type") {
        Some(Value::String(ty)) => typed(ty, schema),
        Some(Value::Array(types)) => {
            let types: Vec<_> = types
                .iter()
                .filter_map(Value::as_str)
                .map(|ty| typed(ty, schema))
                .collect();
            list(&types, "or")
        }
        _ => UNKNOWN.to_owned(),
    }
}

fn typed(ty: &str, schema: &Value) -> String {
    let number = |keyword: &str| {
        schema
            .get(keyword)
            .filter(|bound| bound.is_number())
            .map(ToString::to_string)
    };
    match ty {
        "string" => {
            let size = size(number("minLength"), number("maxLength"), "character");
            let form = schema
                .get("format")
                .and_then(Value::as_str)
                .map(|form| format!(" in the form of a {form}"));
            let pattern = schema
                .get("pattern")
                .and_then(Value::as_str)
                .map(|pattern| format!(" that matches {pattern}"));
            format!(
                "a string{size}{}{}",
                form.unwrap_or_default(),
                pattern.unwrap_or_default()
            )
        }
        "array" => format!("a list{}", size(number("minItems"), number("maxItems"), "entry")),
        "integer" => format!("a whole number{}", range(number("minimum"), number("maximum"))),
        "number" => format!("a number{}", range(number("minimum"), number("maximum"))),
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        _ => "an object".to_owned(),
    }
}

fn size(min: Option<String>, max: Option<String>, unit: &str) -> String {
    let plural = if unit == "entry" { "entries" } else { "characters" };
    match (min, max) {
        (None, None) => String::new(),
        (Some(min), None) if min == "1" => format!(" of at least 1 {unit}"),
        (Some(min), None) => format!(" of at least {min} {plural}"),
        (None, Some(max)) => format!(" of at most {max} {plural}"),
        (Some(min), Some(max)) if min == max => format!(" of {min} {}", if min == "1" { unit } else { plural }),
        (Some(min), Some(max)) => format!(" of {min} to {max} {plural}"),
    }
}

fn range(min: Option<String>, max: Option<String>) -> String {
    match (min, max) {
        (None, None) => String::new(),
        (Some(min), None) => format!(" of at least {min}"),
        (None, Some(max)) => format!(" of at most {max}"),
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
    }
}

/// `a, b and c`.
pub(crate) fn list(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_reads_as_a_noun() {
        for (schema, noun) in [
            (json!({"type": "string"}), "a string"),
            (
                json!({"type": "string", "minLength": 1}),
                "a string of at least 1 character",
            ),
            (
                json!({"type": "string", "minLength": 1, "maxLength": 20}),
                "a string of 1 to 20 characters",
            ),
            (
                json!({"type": "string", "minLength": 1, "maxLength": 1}),
                "a string of 1 character",
            ),
            (json!({"type": "array", "maxItems": 3}), "a list of at most 3 entries"),
            (json!({"type": "integer", "minimum": 0}), "a whole number of at least 0"),
            (
                json!({"type": ["number", "boolean", "null"]}),
                "a number, true or false or null",
            ),
            (
                json!({"enum": ["slow", "fast"], "type": "string"}),
                "one of slow and fast",
            ),
            (json!({"const": true}), "true"),
            (
                json!({"oneOf": [{"type": "string"}, {"type": "object"}]}),
                "a string or an object",
            ),
            (json!({}), "as the schema says"),
        ] {
            assert_eq!(describe(&schema, &schema), noun, "{schema}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        for schema in [json!({"$ref": "#"}), json!({"anyOf": vec![json!({"$ref": "#"}); 100]})] {
            let words = describe(&schema, &schema);
            assert!(
                words.contains(UNKNOWN) && words.len() < 100_000,
                "{} bytes",
                words.len()
            );
        }
    }
}
