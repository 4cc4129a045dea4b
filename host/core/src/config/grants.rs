//! What the operator says of single plugins: whether one serves, what it may reach, which secrets are used for it, how it is set.
//!
//! In a file: `[grants.<id>]` with its keys. In the environment: `SWITCHBOARD_GRANTS__<ID>__<KEY>`, and for a key of a table
//! `SWITCHBOARD_GRANTS__<ID>__CREDENTIALS__<NAME>`, with `_` for every `-` of the id.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use toml::Value;

use super::fields::{Fields, Given};
use crate::origin::Origin;
use crate::secret::Secret;

/// What the operator says of one plugin. Nothing is granted by default.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantConfig {
    /// Whether it serves.
    pub enabled: bool,
    /// The origins that it may reach, such as `https://api.example.com`.
    pub allow: Vec<Origin>,
    /// Whether some of them may be on this machine or in its networks.
    pub private: bool,
    /// Secrets by the names that the plugin gives them.
    pub credentials: BTreeMap<String, Secret>,
    /// Over the plugin's own configuration.
    pub config: Map<String, Json>,
    /// The SHA-256 that its component must have.
    pub sha256: Option<String>,
}

impl Default for GrantConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            allow: Vec::new(),
            private: false,
            credentials: BTreeMap::new(),
            config: Map::new(),
            sha256: None,
        }
    }
}

/// By the id of the plugin.
pub type Grants = BTreeMap<String, GrantConfig>;

pub(super) fn read(fields: &mut Fields) -> Grants {
    let mut grants = Grants::new();
    for (place, given) in fields.take_section("grants") {
        match given {
            Given::Toml(Value::Table(keys)) => {
                let grant = grants.entry(place.clone()).or_default();
                for (key, value) in keys {
                    let path = format!("{place}.{key}");
                    if let Err(fault) = grant.set(&key, Given::Toml(value)) {
                        fields.fault("grants", &path, &fault);
                    }
                }
            }
            Given::Toml(_) => fields.fault(
                "grants",
                &place,
                "must be a section, written [grants.<id of the plugin>]",
            ),
            text @ Given::Text(_) => {
                let (id, key) = place.split_once("__").unwrap_or((&place, ""));
                let grant = grants.entry(id.replace('_', "-")).or_default();
                if let Err(fault) = grant.set(&key.replace("__", "."), text) {
                    fields.fault("grants", &place, &fault);
                }
            }
        }
    }
    for (id, grant) in &grants {
        if let Some(near) = grant.allow.iter().find(|origin| origin.is_near() && !grant.private) {
            let fault =
                format!("{near} is on this machine or in its networks: set private = true beside it, or leave it out");
            fields.fault("grants", &format!("{id}.allow"), &fault);
        }
    }
    grants
}

/// The origins that are granted. What was written is not repeated: a password may be in it.
fn origins(texts: &[String]) -> Result<Vec<Origin>, String> {
    let origins = texts.iter().enumerate().map(|(place, text)| {
        let origin = text.parse::<Origin>();
        origin.map_err(|invalid| format!("the origin number {} {invalid}", place + 1))
    });
    origins.collect()
}

impl GrantConfig {
    fn set(&mut self, key: &str, given: Given) -> Result<(), String> {
        match (key, key.split_once('.')) {
            ("enabled", _) => self.enabled = given.boolean()?,
            ("allow", _) => self.allow = origins(&given.texts()?)?,
            ("private", _) => self.private = given.boolean()?,
            ("sha256", _) => {
                self.sha256 = Some(given.text()?.to_ascii_lowercase())
                    .filter(|hash| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
                if self.sha256.is_none() {
                    return Err("must be 64 hexadecimal digits".to_owned());
                }
            }
            ("credentials", _) => {
                for (name, secret) in given.table()? {
                    self.credential(&name, Given::Toml(secret))?;
                }
            }
            ("config", _) => {
                for (name, value) in given.table()? {
                    self.config.insert(name, json(value)?);
                }
            }
            (_, Some(("credentials", name))) => self.credential(&name.replace('_', "-"), given)?,
            (_, Some(("config", name))) => {
                self.config.insert(name.to_owned(), given.text()?.into());
            }
            _ => {
                return Err(
                    "there is no such key; there are enabled, allow, private, credentials, config and sha256"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }

    /// An empty text is not set, as everywhere.
    fn credential(&mut self, name: &str, given: Given) -> Result<(), String> {
        let secret = given.text()?;
        if !secret.is_empty() {
            self.credentials.insert(name.to_owned(), secret.into());
        }
        Ok(())
    }
}

/// TOML has dates and infinities, JSON has not.
fn json(value: Value) -> Result<Json, String> {
    match value {
        Value::Datetime(_) => Err("must hold no date; write it as a text".to_owned()),
        Value::Array(items) => items.into_iter().map(json).collect(),
        Value::Table(table) => {
            let fields = table.into_iter().map(|(name, value)| Ok((name, json(value)?)));
            fields.collect::<Result<Map<_, _>, String>>().map(Json::Object)
        }
        plain => match serde_json::to_value(plain) {
            Ok(value) if !value.is_null() => Ok(value),
            Ok(_) | Err(_) => Err("must hold no number that JSON cannot write".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigFile};
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Grants, String> {
        let file = ConfigFile { name: "a.toml", text };
        Config::load(Some(file), environment.iter().copied())
            .map(|config| config.grants)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn nothing_is_granted_unless_it_is_written_down() {
        assert_eq!(load("", &[]), Ok(Grants::new()));
        let grants = load("[grants.otp]\n", &[]).unwrap();
        assert_eq!(grants["otp"], GrantConfig::default());
        assert_eq!((grants["otp"].allow.len(), grants["otp"].private), (0, false));
    }

    #[test]
    fn a_grant_is_written_in_a_file_or_in_the_environment() {
        let file = "[grants.tts-openai]\nallow = [\"https://api.openai.com\"]\n\
                    credentials = { openai = \"sk-from-file\" }\nconfig = { model = \"tts-1\", n = 2 }\nprivate = true\n";
        let environment = [
            (
                "SWITCHBOARD_GRANTS__TTS_OPENAI__CREDENTIALS__OPENAI",
                "sk-from-environment",
            ),
            ("SWITCHBOARD_GRANTS__TTS_ELEVENLABS__ALLOW", "https://api.elevenlabs.io"),
            ("SWITCHBOARD_GRANTS__TTS_ELEVENLABS__CREDENTIALS__EMPTY", ""),
            ("SWITCHBOARD_GRANTS__TTS_ELEVENLABS__CONFIG__MODEL", "eleven_v3"),
        ];
        let grants = load(file, &environment).unwrap();
        let openai = &grants["tts-openai"];
        assert_eq!(openai.credentials["openai"].expose(), "sk-from-environment");
        assert_eq!((openai.config.len(), openai.private), (2, true));
        let elevenlabs = &grants["tts-elevenlabs"];
        assert_eq!(elevenlabs.allow, ["https://api.elevenlabs.io".parse().unwrap()]);
        assert_eq!(elevenlabs.config["model"].as_str(), Some("eleven_v3"));
        assert!(elevenlabs.credentials.is_empty());
    }

    #[test]
    fn what_can_never_be_reached_is_a_fault_that_says_what_to_write() {
        for (grant, sentence) in [
            (
                "allow = [\"https://a.example\", \"http://*.x.com\"]",
                "a.toml: grants.otp.allow: the origin number 2 must begin with https:// when it has a wildcard",
            ),
            (
                "allow = [\"https://u:hunter2@b.example\"]",
                "a.toml: grants.otp.allow: the origin number 1 must not contain a user name or a password",
            ),
            (
                "allow = [\"https://a.example\", \"http://127.0.0.1:8880\"]",
                "a.toml: grants.otp.allow: http://127.0.0.1:8880 is on this machine or in its networks: set private = true beside it, \
                 or leave it out",
            ),
        ] {
            assert_eq!(load(&format!("[grants.otp]\n{grant}\n"), &[]).unwrap_err(), sentence);
        }
        let near = [("SWITCHBOARD_GRANTS__OTP__ALLOW", "http://localhost:8880")];
        assert!(
            load("", &near)
                .unwrap_err()
                .contains("grants.otp.allow: http://localhost:8880 is on")
        );
        assert!(load("[grants.otp]\nprivate = true\n", &near).is_ok());
    }

    #[test]
    fn a_fault_names_its_place_and_never_a_secret() {
        for (file, environment, place) in [
            ("[grants]\notp = 1\n", None, "a.toml: grants.otp"),
            ("[grants.otp]\nallows = []\n", None, "a.toml: grants.otp"),
            ("[grants.otp]\nsha256 = \"abc\"\n", None, "a.toml: grants.otp"),
            (
                "[grants.otp]\ncredentials = { k = 12345 }\n",
                None,
                "a.toml: grants.otp",
            ),
            (
                "",
                Some(("SWITCHBOARD_GRANTS__OTP__PRIVATE", "perhaps")),
                "SWITCHBOARD_GRANTS__OTP__PRIVATE",
            ),
            ("", Some(("SWITCHBOARD_GRANTS__OTP", "x")), "SWITCHBOARD_GRANTS__OTP"),
        ] {
            let environment: Vec<_> = environment.into_iter().collect();
            let faults = load(file, &environment).unwrap_err();
            assert!(faults.contains(place) && !faults.contains("12345"), "{faults}");
        }
    }
}
