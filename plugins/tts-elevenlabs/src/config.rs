//! What an operator may set: the table `[config]` of plugin.toml, where every default stands.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::bindings::switchboard::plugin::effects::{Effect, Fetch};
use crate::bindings::switchboard::plugin::http::{Body, Data, Method, Request};
use crate::bindings::switchboard::plugin::types::Problem;
use crate::format::Format;

/// The credential's name in plugin.toml.
pub(crate) const CREDENTIAL: &str = "elevenlabs";

/// The configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    base_url: String,
    pub(crate) model: String,
    pub(crate) output_format: Format,
    pub(crate) max_characters: u32,
    pub(crate) speeds: (f32, f32),
    /// Voices of one page of the list, 1 to 100.
    pub(crate) page_size: u32,
    /// Over the settings of the voice.
    #[serde(default)]
    pub(crate) voice_settings: Map<String, Value>,
}

impl Config {
    /// Reads the configuration of a call.
    pub(crate) fn read(json: &str) -> Result<Self, Problem> {
        serde_json::from_str(json).map_err(|error| Problem::Internal(format!("the configuration is wrong: {error}")))
    }

    /// The effect that gets what is at `path`. The answer is for the plugin to read.
    pub(crate) fn get(&self, path: &str) -> Effect {
        self.fetch(Method::Get, path, Vec::new(), Body::Empty, false)
    }

    /// The effect that posts `json` to `path`. The body of the answer stays in the host.
    pub(crate) fn post(&self, path: &str, json: String) -> Effect {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        self.fetch(Method::Post, path, headers, Body::Whole(Data::Text(json)), true)
    }

    fn fetch(&self, method: Method, path: &str, headers: Vec<(String, String)>, body: Body, keep: bool) -> Effect {
        Effect::Fetch(Fetch {
            request: Request {
                method,
                url: format!("{}{path}", self.base_url.trim_end_matches('/')),
                headers,
                body,
            },
            credential: Some(CREDENTIAL.to_owned()),
            keep,
            timeout_ms: None,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The defaults of plugin.toml with `changes` over them.
    pub(crate) fn config(changes: Value) -> Config {
        let mut written = serde_json::json!({
            "base_url": "https://api.elevenlabs.io",
            "model": "eleven_flash_v2_5",
            "output_format": "pcm_16000",
            "max_characters": 5000,
            "speeds": [0.7, 1.2],
            "page_size": 50,
            "voice_settings": {},
        });
        if let (Value::Object(written), Value::Object(changes)) = (&mut written, changes) {
            written.extend(changes);
        }
        Config::read(&written.to_string()).unwrap()
    }

    #[test]
    fn a_setting_that_does_not_exist_is_named_to_the_operator() {
        let Err(Problem::Internal(sentence)) = Config::read(r#"{"modle": "eleven_v3"}"#) else {
            panic!("it was taken")
        };
        assert!(sentence.contains("modle"));
    }
}
