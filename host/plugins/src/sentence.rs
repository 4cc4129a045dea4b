//! What a schema allows, in sentences: one for each failure, naming the field in dotted form (`contacts.0.name`) and what may
//! stand there. A sentence never repeats the value, because it may be what a message says.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

use crate::describe::{UNKNOWN, describe, list};

/// One failure of a body.
#[derive(Debug)]
pub(crate) struct Failing {
    /// In dotted form; `None` when it is the body as a whole.
    pub(crate) field: Option<String>,
    pub(crate) sentence: String,
}

impl Failing {
    /// Words for `error`, found with `schema`.
    pub(crate) fn tell(schema: &Value, error: &ValidationError<'_>) -> Self {
        let path = dotted(error.instance_path());
        let node = node_of(schema, error.schema_path());
        let allowed = node.map_or_else(|| UNKNOWN.to_owned(), |node| describe(schema, node));
        let subject = path
            .as_ref()
            .map_or_else(|| "The body".to_owned(), |path| format!("`{path}`"));
        match error.kind() {
            Kind::Required { property } => {
                Self::missing(schema, node, path.as_deref(), property.as_str().unwrap_or_default())
            }
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                let name = below(path.as_deref(), unexpected.first().map_or("", String::as_str));
                let sentence = format!("`{name}` is not a field here; {}.", allowed_fields(node));
                Self {
                    field: Some(name),
                    sentence,
                }
            }
            Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => match one_of_these(node) {
                Some(names) => {
                    let field = below(path.as_deref(), &names[0]);
                    let names: Vec<_> = names
                        .iter()
                        .map(|name| format!("`{}`", below(path.as_deref(), name)))
                        .collect();
                    Self {
                        field: Some(field),
                        sentence: format!("One of {} is required.", list(&names, "and")),
                    }
                }
                None => Self {
                    field: path,
                    sentence: format!("{subject} must be {allowed}."),
                },
            },
            kind => {
                let wrong = wrong(kind, error.instance());
                Self {
                    field: path,
                    sentence: format!("{subject} {wrong} {allowed}{}.", not_this(kind, error.instance())),
                }
            }
        }
    }

    fn missing(schema: &Value, parent: Option<&Value>, path: Option<&str>, property: &str) -> Self {
        let name = below(path, property);
        let node = parent.and_then(|parent| parent.get("properties")?.get(property));
        let allowed = node
            .map(|node| format!(": {}", describe(schema, node)))
            .unwrap_or_default();
        Self {
            sentence: format!("`{name}` is required{allowed}."),
            field: Some(name),
        }
    }
}

/// The verb of a failure, up to what is allowed.
fn wrong(kind: &Kind, found: &Value) -> &'static str {
    match kind {
        Kind::MinLength { .. } => "is too short: it must be",
        Kind::MaxLength { .. } => "is too long: it must be",
        Kind::MinItems { .. } => "has too few entries: it must be",
        Kind::MaxItems { .. } => "has too many entries: it must be",
        Kind::Minimum { .. } | Kind::ExclusiveMinimum { .. } => "is too small: it must be",
        Kind::Maximum { .. } | Kind::ExclusiveMaximum { .. } => "is too large: it must be",
        Kind::UniqueItems => "holds the same entry twice: it must be",
        Kind::FalseSchema => "is not allowed here; it must be",
        _ if found.is_null() => "is null: it must be",
        _ => "must be",
    }
}

/// For a wrong type: what was found instead.
fn not_this(kind: &Kind, found: &Value) -> &'static str {
    match (kind, found) {
        (Kind::Type { .. }, Value::Bool(_)) => ", not true or false",
        (Kind::Type { .. }, Value::Number(_)) => ", not a number",
        (Kind::Type { .. }, Value::String(_)) => ", not a string",
        (Kind::Type { .. }, Value::Array(_)) => ", not a list",
        (Kind::Type { .. }, Value::Object(_)) => ", not an object",
        _ => "",
    }
}

fn dotted(path: &Location) -> Option<String> {
    let segments: Vec<_> = path
        .segments()
        .map(|segment| match segment {
            LocationSegment::Property(name) => name.into_owned(),
            LocationSegment::Index(index) => index.to_string(),
        })
        .collect();
    (!segments.is_empty()).then(|| segments.join("."))
}

fn below(path: Option<&str>, name: &str) -> String {
    path.map_or_else(|| name.to_owned(), |path| format!("{path}.{name}"))
}

/// The part of the schema whose keyword failed: the location without its last segment.
fn node_of<'a>(schema: &'a Value, keyword: &Location) -> Option<&'a Value> {
    let pointer = keyword.as_str();
    schema.pointer(pointer.rfind('/').map_or("", |end| &pointer[..end]))
}

fn allowed_fields(node: Option<&Value>) -> String {
    let properties = node.and_then(|node| node.get("properties")?.as_object());
    let names: Vec<_> = properties
        .into_iter()
        .flatten()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    match names.len() {
        0 => "there are none".to_owned(),
        1 => format!("only {} is allowed", names[0]),
        _ => format!("allowed are {}", list(&names, "and")),
    }
}

/// The fields of alternatives that differ in nothing but one required field, as in "either `url` or `mediaId`".
fn one_of_these(node: Option<&Value>) -> Option<Vec<String>> {
    let node = node?;
    let alternatives = node.get("anyOf").or_else(|| node.get("oneOf"))?.as_array()?;
    let only_required = |alternative: &Value| {
        let object = alternative.as_object().filter(|object| object.len() == 1)?;
        match object.get("required")?.as_array()?.as_slice() {
            [Value::String(name)] => Some(name.clone()),
            _ => None,
        }
    };
    alternatives.iter().map(only_required).collect()
}

#[cfg(test)]
mod tests {
    use crate::schema::BodySchema;
    use serde_json::{Value, json};

    fn told(property: &Value, value: &Value) -> (String, String) {
        let schema = json!({
            "type": "object",
            "properties": {"x": property},
            "$defs": {"name": {"type": "string", "maxLength": 3}},
        });
        let problem = BodySchema::compile(schema)
            .unwrap()
            .check(&json!({"x": value}))
            .unwrap_err();
        (
            problem.field_name().unwrap_or_default().to_owned(),
            problem.message().to_owned(),
        )
    }

    #[test]
    fn every_failure_says_what_is_allowed() {
        for (property, value, sentence) in [
            (
                json!({"type": "string"}),
                json!(true),
                "`x` must be a string, not true or false.",
            ),
            (
                json!({"type": "string"}),
                json!(null),
                "`x` is null: it must be a string.",
            ),
            (
                json!({"type": "string", "minLength": 2}),
                json!("a"),
                "`x` is too short: it must be a string of at least 2 characters.",
            ),
            (
                json!({"type": "string", "maxLength": 1}),
                json!("ab"),
                "`x` is too long: it must be a string of at most 1 characters.",
            ),
            (
                json!({"type": "string", "minLength": 6, "maxLength": 6}),
                json!("ab"),
                "`x` is too short: it must be a string of 6 characters.",
            ),
            (
                json!({"type": "string", "pattern": "^[0-9]+$"}),
                json!("ab"),
                "`x` must be a string that matches ^[0-9]+$.",
            ),
            (
                json!({"type": "string", "format": "uri"}),
                json!("a b"),
                "`x` must be a string in the form of a uri.",
            ),
            (
                json!({"enum": ["slow", "fast", 2]}),
                json!("no"),
                "`x` must be one of slow, fast and 2.",
            ),
            (json!({"const": 7}), json!(8), "`x` must be 7."),
            (
                json!({"type": "boolean"}),
                json!([]),
                "`x` must be true or false, not a list.",
            ),
            (
                json!({"type": "integer", "minimum": 1, "maximum": 12}),
                json!(0),
                "`x` is too small: it must be a whole number from 1 to 12.",
            ),
            (
                json!({"type": "integer"}),
                json!(1.5),
                "`x` must be a whole number, not a number.",
            ),
            (
                json!({"type": "number", "maximum": 2}),
                json!(3),
                "`x` is too large: it must be a number of at most 2.",
            ),
            (
                json!({"type": ["string", "null"]}),
                json!({}),
                "`x` must be a string or null, not an object.",
            ),
            (
                json!({"type": "array", "minItems": 1}),
                json!([]),
                "`x` has too few entries: it must be a list of at least 1 entry.",
            ),
            (
                json!({"type": "array", "maxItems": 2}),
                json!([1, 2, 3]),
                "`x` has too many entries: it must be a list of at most 2 entries.",
            ),
            (
                json!({"type": "array", "uniqueItems": true}),
                json!([1, 1]),
                "`x` holds the same entry twice: it must be a list.",
            ),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
                json!(true),
                "`x` must be a string or a whole number.",
            ),
            (
                json!({"$ref": "#/$defs/name"}),
                json!("abcd"),
                "`x` is too long: it must be a string of at most 3 characters.",
            ),
        ] {
            assert_eq!(
                told(&property, &value),
                ("x".to_owned(), sentence.to_owned()),
                "{property}"
            );
        }
    }

    #[test]
    fn a_field_inside_a_list_is_named_by_its_path() {
        let item = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": false});
        let property = json!({"type": "array", "items": item});
        let (field, sentence) = told(&property, &json!([{"name": "a"}, {}]));
        assert_eq!(
            (field.as_str(), sentence.as_str()),
            ("x.1.name", "`x.1.name` is required: a string.")
        );
        let (field, sentence) = told(&property, &json!([{"name": "a", "nick": "b"}]));
        assert_eq!(
            (field.as_str(), sentence.as_str()),
            ("x.0.nick", "`x.0.nick` is not a field here; only `name` is allowed.")
        );
    }

    #[test]
    fn fields_of_which_one_is_needed_are_told_together() {
        let schema = json!({"type": "object", "oneOf": [{"required": ["url"]}, {"required": ["mediaId"]}, {"required": ["base64"]}]});
        let problem = BodySchema::compile(schema).unwrap().check(&json!({})).unwrap_err();
        assert_eq!(
            (problem.field_name(), problem.message()),
            (Some("url"), "One of `url`, `mediaId` and `base64` is required.")
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_told_without_a_field() {
        let problem = BodySchema::compile(json!({"type": "object"}))
            .unwrap()
            .check(&json!([]))
            .unwrap_err();
        assert_eq!(
            (problem.field_name(), problem.message()),
            (None, "The body must be an object, not a list.")
        );
    }

    #[test]
    fn what_was_written_is_never_repeated() {
        for property in [
            json!({"type": "integer"}),
            json!({"enum": ["a"]}),
            json!({"type": "string", "maxLength": 1}),
            json!({"const": 1}),
        ] {
            assert!(
                !told(&property, &json!("meet me at nine")).1.contains("nine"),
                "{property}"
            );
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_is_told_in_finite_words() {
        let (_, sentence) = told(
            &json!({"$ref": "#/properties/x/anyOf/0", "anyOf": [{"$ref": "#/$defs/name"}]}),
            &json!(1),
        );
        assert!(sentence.contains("a string of at most 3 characters"), "{sentence}");
    }
}
