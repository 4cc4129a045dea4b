//! What a plugin's configuration may be: the table `[config_schema]` has a JSON Schema for values of `[config]`. It holds for the plugin's
//! own values as for the operator's, so a mistake is told at the start, and not to whoever sends the first message.

use serde_json::{Map, Value, json};

use super::json;
use crate::load_error::Refusal;
use crate::schema::BodySchema;

/// The schemas of a manifest; none when it has no table of them.
pub(super) struct ValueSchemas(Option<BodySchema>);

impl ValueSchemas {
    /// Reads the table, and holds the plugin's own values to it.
    pub(super) fn check(written: toml::Table, own: &Map<String, Value>) -> Result<Self, Refusal> {
        if written.is_empty() {
            return Ok(Self(None));
        }
        if let Some(unknown) = written.keys().find(|key| !own.contains_key(*key)) {
            return Err(Refusal::Manifest(format!(
                "[config_schema] speaks of {unknown}, which [config] does not have"
            )));
        }
        let schema = json!({"type": "object", "properties": json::object(written)?});
        let schema =
            BodySchema::compile(schema).map_err(|fault| Refusal::Manifest(format!("[config_schema] {fault}")))?;
        let schemas = Self(Some(schema));
        match schemas.fault(own) {
            None => Ok(schemas),
            Some(sentence) => Err(Refusal::Manifest(format!(
                "[config] does not hold to [config_schema]: {sentence}"
            ))),
        }
    }

    /// What is wrong with values, in a sentence that names the first.
    pub(super) fn fault(&self, values: &Map<String, Value>) -> Option<String> {
        let schema = self.0.as_ref()?;
        let problem = schema.check(&Value::Object(values.clone())).err()?;
        Some(problem.message().to_owned())
    }
}
