//! What a plugin wants next, and what it is told has happened: the contract's words in the host's types.
//!
//! They read and write JSON in the form that plugin cases are written in, such as `{"send": [{"text": {"body": "hi"}}]}`.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use switchboard_core::content::Content;

/// One answer of a plugin.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Carry these out in order and ask again. 1 to 32.
    Do(Vec<Effect>),
    /// The final answer. 1 to 8 contents.
    Send(Vec<Content>),
}

/// Something a plugin asks the host to do, by name.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Which effect.
    pub name: String,
    /// Its arguments.
    pub json: Map<String, Value>,
}

/// What became of one effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was not done, or it failed.
    Failed(Failure),
    /// It was done.
    Other(Effect),
}

/// Why an effect failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// 400 to 599.
    pub status: u16,
    /// `a-z`, `0-9` and `_`.
    pub code: String,
    /// A sentence.
    pub message: String,
}

impl Step {
    /// What happens to `effect` as long as the host can carry out none: it fails, and the plugin is told so.
    pub(crate) fn unsupported(effect: &Effect) -> Outcome {
        Outcome::Failed(Failure {
            status: 501,
            code: "not_supported".to_owned(),
            message: format!("This host knows no effect named {}.", effect.name),
        })
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Do(effects) => map.serialize_entry("do", effects)?,
            Self::Send(contents) => {
                let by_kind = |content: &Content| Map::from_iter([(content.kind().to_owned(), content.to_json())]);
                map.serialize_entry("send", &contents.iter().map(by_kind).collect::<Vec<_>>())?;
            }
        }
        map.end()
    }
}

/// Arguments may hold what a message says.
impl std::fmt::Debug for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Effect({}, {} fields)", self.name, self.json.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use switchboard_core::content::Text;

    #[test]
    fn a_step_is_written_as_the_cases_of_a_plugin_are() {
        let text = Content::Text(Text {
            body: "hi".into(),
            preview_url: false,
        });
        let send = serde_json::to_value(Step::Send(vec![text])).unwrap();
        assert_eq!(send, json!({"send": [{"text": {"body": "hi", "previewUrl": false}}]}));
        let effect = Effect {
            name: "fetch".into(),
            json: Map::new(),
        };
        assert_eq!(
            serde_json::to_value(Step::Do(vec![effect])).unwrap(),
            json!({"do": [{"name": "fetch", "json": {}}]})
        );
    }

    #[test]
    fn an_effect_shows_its_name_and_not_its_arguments() {
        let effect: Effect = serde_json::from_value(json!({"name": "fetch", "json": {"body": "secret"}})).unwrap();
        assert_eq!(format!("{effect:?}"), "Effect(fetch, 1 fields)");
    }

    #[test]
    fn an_effect_nobody_carries_out_fails_by_name() {
        let effect = Effect {
            name: "teleport".into(),
            json: Map::new(),
        };
        let Outcome::Failed(failure) = Step::unsupported(&effect) else {
            panic!("it was done")
        };
        assert_eq!((failure.status, failure.code.as_str()), (501, "not_supported"));
        assert!(failure.message.contains("teleport"));
    }
}
