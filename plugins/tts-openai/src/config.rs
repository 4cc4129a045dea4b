//! What an operator may set: the table `[config]` of plugin.toml, where every default stands.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::bindings::switchboard::plugin::effects::{Effect, Fetch};
use crate::bindings::switchboard::plugin::http::{Body, Data, Method, Request};
use crate::bindings::switchboard::plugin::types::Problem;

/// The configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    base_url: String,
    pub(crate) model: String,
    pub(crate) response_format: String,
    /// Samples a second of the format `pcm`, which has no header to say so.
    pub(crate) pcm_rate: u32,
    /// The name of the credential; empty for none.
    pub(crate) credential: String,
    pub(crate) max_characters: u32,
    pub(crate) speeds: (f32, f32),
    pub(crate) instructions: Option<String>,
    pub(crate) voices: Option<Vec<NamedVoice>>,
    pub(crate) voices_path: Option<String>,
    /// Fields of every request for speech, over those of this plugin.
    #[serde(default)]
    pub(crate) extra: Map<String, Value>,
}

/// A voice as an operator or a service names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum NamedVoice {
    Id(String),
    Described {
        #[serde(alias = "voice_id")]
        id: String,
        name: Option<String>,
        language: Option<String>,
        gender: Option<String>,
        description: Option<String>,
    },
}

impl Config {
    /// Reads the configuration of a call.
    pub(crate) fn read(json: &str) -> Result<Self, Problem> {
        let mut config: Self = serde_json::from_str(json)
            .map_err(|error| Problem::Internal(format!("the configuration is wrong: {error}")))?;
        // Every setting stands in plugin.toml; an empty one is not set.
        config.instructions = config.instructions.filter(|words| !words.is_empty());
        config.voices = config.voices.filter(|voices| !voices.is_empty());
        config.voices_path = config.voices_path.filter(|path| !path.is_empty());
        Ok(config)
    }

    /// The address of `path`, which begins with `/v1/`.
    pub(crate) fn url(&self, path: &str) -> String {
        let base = self.base_url.trim_end_matches('/');
        format!("{}{path}", base.strip_suffix("/v1").unwrap_or(base))
    }

    /// The effect that posts `json`, or gets what is there without one. The body of an answer stays in the host if `keep` says so.
    pub(crate) fn fetch(&self, path: &str, json: Option<String>, keep: bool) -> Effect {
        let (method, headers, body) = match json {
            Some(json) => (
                Method::Post,
                vec![("content-type".to_owned(), "application/json".to_owned())],
                Body::Whole(Data::Text(json)),
            ),
            None => (Method::Get, Vec::new(), Body::Empty),
        };
        Effect::Fetch(Fetch {
            request: Request {
                method,
                url: self.url(path),
                headers,
                body,
            },
            credential: Some(self.credential.clone()).filter(|name| !name.is_empty()),
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
            "base_url": "https://api.openai.com",
            "model": "gpt-4o-mini-tts",
            "response_format": "wav",
            "pcm_rate": 24000,
            "credential": "openai",
            "max_characters": 4096,
            "speeds": [0.25, 4.0],
        });
        if let (Value::Object(written), Value::Object(changes)) = (&mut written, changes) {
            written.extend(changes);
        }
        Config::read(&written.to_string()).unwrap()
    }

    #[test]
    fn a_base_url_is_taken_with_and_without_its_version() {
        for base in [
            "http://localhost:8880",
            "http://localhost:8880/",
            "http://localhost:8880/v1",
            "http://localhost:8880/v1/",
        ] {
            let config = config(serde_json::json!({"base_url": base}));
            assert_eq!(config.url("/v1/audio/speech"), "http://localhost:8880/v1/audio/speech");
        }
        let groq = config(serde_json::json!({"base_url": "https://api.groq.com/openai"}));
        assert_eq!(
            groq.url("/v1/audio/speech"),
            "https://api.groq.com/openai/v1/audio/speech"
        );
    }

    #[test]
    fn a_service_without_a_key_is_asked_without_a_credential() {
        let credential = |config: &Config| match config.fetch("/v1/audio/voices", None, false) {
            Effect::Fetch(fetch) => fetch.credential,
            other => panic!("{other:?}"),
        };
        assert_eq!(credential(&config(serde_json::json!({}))).as_deref(), Some("openai"));
        assert_eq!(credential(&config(serde_json::json!({"credential": ""}))), None);
    }

    #[test]
    fn a_setting_that_does_not_exist_is_named_to_the_operator() {
        let Err(Problem::Internal(sentence)) = Config::read(r#"{"modle": "tts-1"}"#) else {
            panic!("it was taken")
        };
        assert!(sentence.contains("modle"));
    }
}
