//! The parameters of a request, read as loosely as Meta reads them, because its clients rely on that: null is the same as nothing,
//! a number may be a text and the reverse, and an object or a list may be a text that holds its JSON. An empty text there is
//! nothing, and an empty list an object without fields, because PHP writes one so.

use serde_json::{Map, Value};

use crate::bindings::exports::switchboard::plugin::dialect::Request;
use crate::body;
use crate::graph_error::GraphError;

/// The parameters of a request, or of one of its objects.
#[derive(Debug)]
pub(crate) struct Params {
    fields: Map<String, Value>,
    /// How Meta names this object, such as `contacts[0]['name']`; empty for the request itself.
    path: String,
}

impl Params {
    /// The parameters of a request: those of its body, and of its query whatever is not there.
    pub(crate) fn of(request: &Request) -> Result<Self, GraphError> {
        let query = request.query.iter().cloned();
        let mut fields: Map<String, Value> = query.map(|(name, text)| (name, text.into())).collect();
        let body = body::fields(request)?;
        fields.extend(body.into_iter().filter(|(_, value)| !value.is_null()));
        let path = String::new();
        Ok(Self { fields, path })
    }

    /// How Meta names one of these.
    pub(crate) fn name_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}['{name}']"),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, must: &str) -> GraphError {
        GraphError::wrong(&self.name_of(name), must)
    }

    /// What is there, or else that it is missing.
    pub(crate) fn needed<T>(&self, name: &str, value: Option<T>) -> Result<T, GraphError> {
        value.ok_or_else(|| GraphError::missing(&self.name_of(name)))
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, GraphError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            // A whole number has one spelling. Of any other the text would be somebody else's choice, and as a phone number another's.
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    /// A text with something in it. An empty one is the same as none.
    pub(crate) fn words(&self, name: &str) -> Result<Option<String>, GraphError> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    pub(crate) fn needed_words(&self, name: &str) -> Result<String, GraphError> {
        self.needed(name, self.words(name)?)
    }

    pub(crate) fn needed_number(&self, name: &str) -> Result<f64, GraphError> {
        if let Some(number) = self.get(name).and_then(Value::as_f64) {
            return Ok(number);
        }
        let text = self.needed_words(name)?;
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.wrong(name, "must be a number"))
    }

    /// A yes or no; nothing is no.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, GraphError> {
        let text = match self.get(name) {
            None => return Ok(false),
            Some(Value::String(text)) => text.to_ascii_lowercase(),
            Some(value) => value.to_string(),
        };
        match text.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" | "" => Ok(false),
            _ => Err(self.wrong(name, "must be a boolean")),
        }
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, GraphError> {
        let fields = match self.unfolded(name) {
            None => return Ok(None),
            Some(Value::Object(fields)) => fields,
            Some(Value::Array(entries)) if entries.is_empty() => Map::new(),
            Some(_) => return Err(self.wrong(name, "must be a JSON object")),
        };
        let path = self.name_of(name);
        Ok(Some(Self { fields, path }))
    }

    pub(crate) fn needed_object(&self, name: &str) -> Result<Self, GraphError> {
        self.needed(name, self.object(name)?)
    }

    /// A list of objects; nothing is an empty one.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<Self>, GraphError> {
        let entries = match self.unfolded(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(self.wrong(name, "must be an array")),
        };
        let list = self.name_of(name);
        let object = |(at, entry): (usize, Value)| {
            let path = format!("{list}[{at}]");
            match entry {
                Value::Object(fields) => Ok(Self { fields, path }),
                _ => Err(GraphError::wrong(&path, "must be a JSON object")),
            }
        };
        entries.into_iter().enumerate().map(object).collect()
    }

    /// The value, or what a text holds as JSON. An empty text holds nothing.
    fn unfolded(&self, name: &str) -> Option<Value> {
        match self.get(name)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(serde_json::from_str(text).unwrap_or_default()),
            value => Some(value.clone()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bindings::switchboard::plugin::http::{Body, Data};
    use serde_json::json;

    pub(crate) fn params(body: &Value) -> Params {
        Params {
            fields: body.as_object().unwrap().clone(),
            path: String::new(),
        }
    }

    #[test]
    fn null_and_an_empty_text_are_nothing() {
        let params = params(&json!({"a": null, "b": ""}));
        for name in ["a", "b", "c"] {
            assert_eq!(params.words(name), Ok(None), "{name}");
            assert_eq!(params.flag(name), Ok(false), "{name}");
        }
        for name in ["a", "b"] {
            assert!(params.object(name).unwrap().is_none() && params.list(name).unwrap().is_empty());
        }
    }

    #[test]
    fn an_empty_list_is_an_object_without_fields_as_php_writes_one() {
        let params = params(&json!({"context": [], "text": "[]", "org": [1]}));
        for name in ["context", "text"] {
            let object = params.object(name).unwrap().unwrap();
            assert_eq!(object.words("message_id"), Ok(None), "{name}");
        }
        assert!(params.object("org").is_err());
    }

    #[test]
    fn a_yes_or_no_has_many_spellings() {
        for (value, flag) in [
            (json!(true), true),
            (json!(1), true),
            (json!("1"), true),
            (json!("TRUE"), true),
            (json!(false), false),
            (json!(0), false),
            (json!("0"), false),
            (json!("False"), false),
        ] {
            assert_eq!(
                params(&json!({"preview_url": value})).flag("preview_url"),
                Ok(flag),
                "{value}"
            );
        }
        for value in [json!(2), json!("yes"), json!([])] {
            assert!(
                params(&json!({"preview_url": value})).flag("preview_url").is_err(),
                "{value}"
            );
        }
    }

    #[test]
    fn numbers_and_texts_stand_for_each_other() {
        let params =
            params(&json!({"to": 919_846_303_025_u64, "latitude": "9.93", "longitude": 76.5, "preview": "true"}));
        assert_eq!(params.text("to"), Ok(Some("919846303025".to_owned())));
        assert!(
            params.text("longitude").is_err(),
            "its text would be somebody else's choice"
        );
        assert_eq!(params.needed_number("latitude"), Ok(9.93));
        assert_eq!(params.needed_number("longitude"), Ok(76.5));
        assert_eq!(params.flag("preview"), Ok(true));
    }

    #[test]
    fn an_object_or_a_list_may_be_a_text_that_holds_it() {
        let params = params(&json!({"text": r#"{"body": "hi"}"#, "contacts": r#"[{"name": {}}]"#}));
        assert_eq!(
            params.needed_object("text").unwrap().words("body"),
            Ok(Some("hi".to_owned()))
        );
        let contacts = params.list("contacts").unwrap();
        assert_eq!(
            contacts[0].needed_object("name").unwrap().name_of("first_name"),
            "contacts[0]['name']['first_name']"
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_and_not_repeated() {
        let params = params(&json!({"text": {"body": ["secret"]}, "contacts": "secret", "latitude": "secret"}));
        let text = params.needed_object("text").unwrap();
        for (error, message) in [
            (
                params.needed_words("to").unwrap_err(),
                "(#100) The parameter to is required.",
            ),
            (
                text.words("body").unwrap_err(),
                "(#100) Param text['body'] must be a string.",
            ),
            (
                params.list("contacts").unwrap_err(),
                "(#100) Param contacts must be an array.",
            ),
            (
                params.needed_number("latitude").unwrap_err(),
                "(#100) Param latitude must be a number.",
            ),
        ] {
            assert_eq!(error.message, message);
        }
    }

    #[test]
    fn the_query_has_what_the_body_lacks() {
        let mut request = body::tests::request("", Body::Whole(Data::Text(r#"{"to": "1", "type": null}"#.to_owned())));
        request.query = [("to", "2"), ("type", "text"), ("ttl", "7")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .to_vec();
        let params = Params::of(&request).unwrap();
        for (name, text) in [("to", "1"), ("type", "text"), ("ttl", "7")] {
            assert_eq!(params.words(name), Ok(Some(text.to_owned())));
        }
    }
}
