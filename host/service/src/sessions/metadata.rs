//! What a client keeps with a session.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The largest, in bytes as JSON.
const MOST_BYTES: usize = 4096;

/// An object of the client's own, up to 4 KiB as JSON.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Metadata(Map<String, Value>);

/// It has more than 4 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {MOST_BYTES} bytes as JSON")]
pub struct TooMuch;

impl Metadata {
    /// This after a merge patch (RFC 7396): what the patch names takes the patch's value, an object in an object is merged in the
    /// same way, and null removes.
    ///
    /// # Errors
    /// When the outcome is too large.
    pub(crate) fn patched(before: Option<Map<String, Value>>, patch: Map<String, Value>) -> Result<Self, TooMuch> {
        merged(before.unwrap_or_default(), patch).try_into()
    }
}

fn merged(mut before: Map<String, Value>, patch: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in patch {
        match value {
            Value::Null => {
                before.remove(&name);
            }
            Value::Object(patch) => {
                let inner = match before.remove(&name) {
                    Some(Value::Object(inner)) => inner,
                    _ => Map::new(),
                };
                before.insert(name, merged(inner, patch).into());
            }
            value => {
                before.insert(name, value);
            }
        }
    }
    before
}

impl TryFrom<Map<String, Value>> for Metadata {
    type Error = TooMuch;

    fn try_from(object: Map<String, Value>) -> Result<Self, TooMuch> {
        let size = serde_json::to_string(&object).map_or(usize::MAX, |text| text.len());
        if size <= MOST_BYTES {
            Ok(Self(object))
        } else {
            Err(TooMuch)
        }
    }
}

impl From<Metadata> for Map<String, Value> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("no object: {other}"),
        }
    }

    #[test]
    fn a_patch_does_what_rfc_7396_says() {
        for (before, patch, after) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1, null]}),
                json!({"a": [1, null]}),
            ),
            (
                json!({"a": {"b": "c", "e": 1}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d", "e": 1}}),
            ),
            (
                json!({"a": 1}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
            (json!({"a": 1}), json!({}), json!({"a": 1})),
        ] {
            let patched = Metadata::patched(Some(object(before)), object(patch)).unwrap();
            assert_eq!(patched.0, object(after));
        }
        assert_eq!(
            Metadata::patched(None, object(json!({"a": null}))),
            Ok(Metadata::default())
        );
    }

    #[test]
    fn many_small_patches_do_not_make_more_than_one_large_one_may() {
        let before = object(json!({"a": "x".repeat(3000)}));
        let patch = || object(json!({"b": "x".repeat(3000)}));
        assert_eq!(Metadata::patched(Some(before), patch()), Err(TooMuch));
        assert!(Metadata::patched(None, patch()).is_ok());
    }
}
