//! The kinds of messages a plugin offers, checked when it is loaded: what stands in the API description must hold.

use serde_json::Value;

use crate::contract::message_handler;
use crate::load_error::Refusal;
use crate::schema::BodySchema;

/// The fields of a send that are the host's. A kind's schema may not name them.
pub const ENVELOPE_FIELDS: [&str; 9] = [
    "sessionId",
    "to",
    "type",
    "replyTo",
    "mentions",
    "viewOnce",
    "clientRef",
    "sendAt",
    "wait",
];

/// Kinds one plugin may offer.
const MOST: usize = 64;

/// The largest schema or example, in bytes.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// One value of `type`, as a plugin offers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    /// The value.
    pub name: String,
    /// One sentence for a reader of the API.
    pub summary: String,
    /// The JSON Schema (2020-12) of the body without the envelope.
    pub schema: Value,
    /// A body that the schema accepts.
    pub example: Value,
    /// Which plugin handles it.
    pub plugin_id: String,
}

/// Checks everything a plugin says about its kinds.
pub(crate) fn check_all(
    kinds: Vec<message_handler::Kind>,
    plugin_id: &str,
) -> Result<Vec<(Kind, BodySchema)>, Refusal> {
    if !(1..=MOST).contains(&kinds.len()) {
        return Err(Refusal::Kinds(format!(
            "it offers {} kinds; 1 to {MOST} are allowed",
            kinds.len()
        )));
    }
    kinds.into_iter().map(|kind| check(kind, plugin_id)).collect()
}

fn check(kind: message_handler::Kind, plugin_id: &str) -> Result<(Kind, BodySchema), Refusal> {
    let message_handler::Kind {
        name,
        summary,
        schema,
        example,
    } = kind;
    let fault = |fault: String| Refusal::Kind {
        kind: name.chars().take(64).collect(),
        fault,
    };
    if !is_name(&name) {
        return Err(fault(
            "must be named with 1 to 64 of a-z, 0-9, - and _, first a letter".to_owned(),
        ));
    }
    if !(1..=300).contains(&summary.trim().chars().count()) {
        return Err(fault("needs a summary of 1 to 300 characters".to_owned()));
    }
    let schema = json("schema", &schema).map_err(fault)?;
    let example = json("example", &example).map_err(fault)?;
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(taken) = ENVELOPE_FIELDS
        .iter()
        .find(|field| properties.is_some_and(|own| own.contains_key(**field)))
    {
        return Err(fault(format!(
            "has a field {taken}, which belongs to every message and is the host's"
        )));
    }
    let body = BodySchema::compile(schema.clone()).map_err(fault)?;
    body.check(&example)
        .map_err(|problem| fault(format!("has an example that its own schema refuses: {problem}")))?;
    let summary = summary.trim().to_owned();
    Ok((
        Kind {
            name,
            summary,
            schema,
            example,
            plugin_id: plugin_id.to_owned(),
        },
        body,
    ))
}

/// Lower-case words, as in `type`.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn json(what: &str, text: &str) -> Result<Value, String> {
    if text.len() > MAX_JSON_BYTES {
        return Err(format!(
            "has a {what} of {} bytes; {MAX_JSON_BYTES} are allowed",
            text.len()
        ));
    }
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(format!("has a {what} that is not a JSON object")),
        Err(error) => Err(format!("has a {what} that is not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;

    fn offered(name: &str, summary: &str, schema: &str, example: &str) -> Result<Vec<(Kind, BodySchema)>, Refusal> {
        let [name, summary, schema, example] = [name, summary, schema, example].map(str::to_owned);
        check_all(
            vec![message_handler::Kind {
                name,
                summary,
                schema,
                example,
            }],
            "otp",
        )
    }

    #[test]
    fn a_kind_that_holds_is_kept_as_it_is() {
        let kinds = offered("otp_code", " A code. ", SCHEMA, r#"{"n": 1}"#).unwrap();
        let kind = &kinds[0].0;
        assert_eq!(
            (kind.name.as_str(), kind.summary.as_str(), kind.plugin_id.as_str()),
            ("otp_code", "A code.", "otp")
        );
    }

    #[test]
    fn a_kind_that_does_not_hold_is_refused_with_the_reason() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for (name, summary, schema, example, reason) in [
            ("Text", "x", SCHEMA, r#"{"n": 1}"#, "must be named"),
            ("", "x", SCHEMA, r#"{"n": 1}"#, "must be named"),
            ("a b", "x", SCHEMA, r#"{"n": 1}"#, "must be named"),
            ("x", " ", SCHEMA, r#"{"n": 1}"#, "needs a summary"),
            ("x", "x", "nope", r#"{"n": 1}"#, "schema that is not JSON"),
            ("x", "x", "true", r#"{"n": 1}"#, "schema that is not a JSON object"),
            ("x", "x", &deep, r#"{"n": 1}"#, "schema that is not JSON"),
            ("x", "x", r#"{"type": "string"}"#, "{}", "type object"),
            (
                "x",
                "x",
                r#"{"type": "object", "minProperties": "a"}"#,
                "{}",
                "not a JSON Schema",
            ),
            (
                "x",
                "x",
                r#"{"type": "object", "properties": {"to": {}}}"#,
                "{}",
                "a field to,",
            ),
            ("x", "x", SCHEMA, "[]", "example that is not a JSON object"),
            ("x", "x", SCHEMA, "{}", "its own schema refuses: `n` is required"),
        ] {
            let refusal = offered(name, summary, schema, example)
                .err()
                .map(|refusal| refusal.to_string())
                .unwrap_or_default();
            assert!(refusal.contains(reason), "{name} {schema}: {refusal}");
        }
    }

    #[test]
    fn a_plugin_offers_something_and_not_everything() {
        assert!(matches!(check_all(vec![], "otp"), Err(Refusal::Kinds(_))));
        let one = message_handler::Kind {
            name: "x".into(),
            summary: "x".into(),
            schema: SCHEMA.into(),
            example: r#"{"n": 1}"#.into(),
        };
        assert!(matches!(check_all(vec![one; MOST + 1], "otp"), Err(Refusal::Kinds(_))));
    }
}
