//! plugin.toml: who a plugin is, which world it is made for, and what it asks for. An unknown field is an error, so that something
//! asked for that this host does not know is never silently missing.

mod asked;
mod claims;
mod json;
mod token;
mod values;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use self::asked::{Asked, AskedCredential};
pub(crate) use self::claims::Claims;
pub use self::token::TokenPlaces;
use self::values::ValueSchemas;

use crate::limits::Limits;
use crate::load_error::Refusal;
use crate::world::World;

/// A manifest that holds.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) world: World,
    pub(crate) summary: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) asked: Asked,
    pub(crate) claims: Claims,
    /// For a dialect: where its API has a token.
    pub(crate) token_places: TokenPlaces,
    /// What the guest gets.
    pub(crate) config: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    version: String,
    world: String,
    summary: Option<String>,
    kinds: Option<Vec<String>>,
    routes: Option<Vec<String>>,
    #[serde(default)]
    http: asked::WrittenHttp,
    #[serde(default)]
    credentials: asked::WrittenCredentials,
    dialect: Option<token::WrittenDialect>,
    #[serde(default)]
    limits: AskedLimits,
    #[serde(default)]
    config: toml::Table,
    #[serde(default)]
    config_schema: toml::Table,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct AskedLimits {
    cpu_ms: Option<u32>,
    memory_mib: Option<u32>,
    answer_kib: Option<u32>,
    log_kib: Option<u32>,
}

impl Manifest {
    /// Reads a manifest under the operator's limits, with the operator's `settings` over its own configuration.
    pub(crate) fn parse(text: &str, most: &Limits, settings: &Map<String, Value>) -> Result<Self, Refusal> {
        let written: Written =
            toml::from_str(text).map_err(|error| Refusal::Manifest(clipped(error.to_string().trim())))?;
        if !is_id(&written.id) {
            return Err(Refusal::Manifest(
                "id must be 1 to 64 of a-z, 0-9 and -, first a letter".to_owned(),
            ));
        }
        if !is_version(&written.version) {
            return Err(Refusal::Manifest(
                "version must be three numbers, as in 1.0.0".to_owned(),
            ));
        }
        let Some(world) = World::parse(&written.world) else {
            return Err(Refusal::World {
                wanted: clipped(&written.world),
                offered: World::offered(),
            });
        };
        if written
            .summary
            .as_ref()
            .is_some_and(|summary| summary.chars().count() > 300)
        {
            return Err(Refusal::Manifest("summary must be at most 300 characters".to_owned()));
        }
        if written.dialect.is_some() && world != World::Dialect {
            return Err(Refusal::Manifest("[dialect] is for dialects".to_owned()));
        }
        let mut config = json::object(written.config)?;
        let schemas = ValueSchemas::check(written.config_schema, &config)?;
        for (key, value) in settings {
            // What the plugin does not know would be silently without effect.
            let Some(usual) = config.get_mut(key) else {
                let known = config.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(Refusal::Setting {
                    id: written.id,
                    key: key.clone(),
                    known: if known.is_empty() {
                        "nothing to set".to_owned()
                    } else {
                        known
                    },
                });
            };
            *usual = json::like(usual, value).ok_or_else(|| Refusal::SettingType {
                id: written.id.clone(),
                key: key.clone(),
                expected: json::noun(usual),
            })?;
        }
        if let Some(sentence) = schemas.fault(&config) {
            return Err(Refusal::SettingValue {
                id: written.id,
                sentence,
            });
        }
        Ok(Self {
            id: written.id,
            version: written.version,
            world,
            summary: written.summary,
            limits: written.limits.under(most)?,
            claims: Claims::check(world, written.kinds, written.routes)?,
            asked: Asked::check(&written.http, written.credentials, &config)?,
            token_places: TokenPlaces::check(written.dialect.unwrap_or_default())?,
            config,
        })
    }
}

/// As much of a stranger's text as can be shown.
fn clipped(text: &str) -> String {
    const MOST: usize = 500;
    let mut shown: String = text.chars().take(MOST).collect();
    if text.chars().count() > MOST {
        shown.push('…');
    }
    shown
}

impl AskedLimits {
    fn under(&self, most: &Limits) -> Result<Limits, Refusal> {
        let asked = [self.cpu_ms, self.memory_mib, self.answer_kib, self.log_kib];
        let mut granted = [0; 4];
        for (((granted, asked), (limit, most)), (_, usual)) in granted
            .iter_mut()
            .zip(asked)
            .zip(most.named())
            .zip(Limits::default().named())
        {
            *granted = match asked {
                Some(asked) if (1..=most).contains(&asked) => asked,
                Some(asked) => return Err(Refusal::Limit { limit, asked, most }),
                None => usual.min(most),
            };
        }
        let [cpu_ms, memory_mib, answer_kib, log_kib] = granted;
        Ok(Limits {
            cpu_ms,
            memory_mib,
            answer_kib,
            log_kib,
        })
    }
}

/// 1 to 64 of `a-z`, `0-9` and `-`, first a letter. It is a folder's name too, so nothing that means something in a path.
pub fn is_id(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_version(version: &str) -> bool {
    let numbers: Vec<_> = version.split('.').collect();
    numbers.len() == 3
        && numbers
            .iter()
            .all(|number| number.parse::<u32>().is_ok() && !number.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use switchboard_core::origin::Origin;

    use super::*;

    const LEAST: &str = "id = \"otp\"\nversion = \"1.2.3\"\nworld = \"message-handler@1.0\"\n";

    fn parse(more: &str) -> Result<Manifest, Refusal> {
        Manifest::parse(
            &format!("{LEAST}{more}"),
            &Limits {
                cpu_ms: 500,
                memory_mib: 64,
                answer_kib: 512,
                log_kib: 16,
            },
            &Map::new(),
        )
    }

    #[test]
    fn a_plugin_that_asks_for_nothing_gets_the_usual_under_the_operators_limits() {
        let manifest = parse("").unwrap();
        assert_eq!(
            (manifest.id.as_str(), manifest.version.as_str(), manifest.config.len()),
            ("otp", "1.2.3", 0)
        );
        assert_eq!(
            manifest.limits,
            Limits {
                cpu_ms: 50,
                memory_mib: 32,
                answer_kib: 512,
                log_kib: 16
            }
        );
    }

    #[test]
    fn a_plugin_gets_what_it_asks_for_and_never_more_than_is_allowed() {
        assert_eq!(parse("[limits]\ncpu_ms = 400\n").unwrap().limits.cpu_ms, 400);
        for (asked, sentence) in [
            ("cpu_ms = 501", "it asks for cpu_ms = 501; this host allows 1 to 500"),
            ("memory_mib = 0", "it asks for memory_mib = 0; this host allows 1 to 64"),
        ] {
            let refusal = parse(&format!("[limits]\n{asked}\n")).unwrap_err();
            assert_eq!(refusal.to_string(), sentence);
        }
    }

    #[test]
    fn config_arrives_as_json() {
        let manifest = parse("[config]\ngreeting = \"hi\"\n[config.deep]\nlist = [1, 2.5, true]\n").unwrap();
        assert_eq!(
            Value::Object(manifest.config),
            serde_json::json!({"greeting": "hi", "deep": {"list": [1, 2.5, true]}})
        );
        for foreign in ["at = 2026-01-01", "x = inf", "deep = [[nan]]"] {
            assert!(
                matches!(parse(&format!("[config]\n{foreign}\n")), Err(Refusal::Manifest(_))),
                "{foreign}"
            );
        }
    }

    #[test]
    fn what_a_manifest_does_not_know_is_named() {
        for (more, named) in [
            ("color = \"red\"", "color"),
            ("[limits]\nfuel = 1", "fuel"),
            ("[http]\nmethods = []", "methods"),
            ("[credentials.x]\nvalue = \"sk\"", "value"),
        ] {
            let refusal = parse(more).unwrap_err().to_string();
            assert!(refusal.contains(named), "{refusal}");
        }
    }

    #[test]
    fn a_manifest_without_a_proper_id_version_or_world_is_refused() {
        let most = Limits::default();
        for (from, to) in [
            ("otp", ""),
            ("otp", "Otp"),
            ("otp", "../otp"),
            ("otp", "7up"),
            ("1.2.3", "1.2"),
            ("1.2.3", "1.2.x"),
            ("1.2.3", "+1.2.3"),
        ] {
            assert!(
                matches!(
                    Manifest::parse(&LEAST.replace(from, to), &most, &Map::new()),
                    Err(Refusal::Manifest(_))
                ),
                "{to}"
            );
        }
        for line in 0..3 {
            let without: Vec<_> = LEAST
                .lines()
                .enumerate()
                .filter(|(at, _)| *at != line)
                .map(|(_, text)| text)
                .collect();
            assert!(matches!(
                Manifest::parse(&without.join("\n"), &most, &Map::new()),
                Err(Refusal::Manifest(_))
            ));
        }
    }

    #[test]
    fn another_world_is_told_what_there_is() {
        for wanted in ["message-handler@0.1", "tts-provider@2.0", "message-handler"] {
            let written = LEAST.replace("message-handler@1.0", wanted);
            let refusal = Manifest::parse(&written, &Limits::default(), &Map::new()).unwrap_err();
            assert_eq!(
                refusal.to_string(),
                format!(
                    "it needs the world {wanted}; this host offers message-handler@1.0, dialect@1.0, tts-provider@1.0"
                )
            );
        }
    }

    fn with(more: &str, settings: &Value) -> Result<Manifest, Refusal> {
        let settings = settings.as_object().unwrap();
        Manifest::parse(&format!("{LEAST}{more}"), &Limits::default(), settings)
    }

    const ASKING: &str = r#"
        [http]
        allow = ["https://api.example.com", "config:base_url"]
        [credentials.key]
        header = "Authorization"
        prefix = "Bearer "
        hosts = ["config:base_url"]
        [config]
        base_url = "https://api.example.com/v1"
    "#;

    #[test]
    fn a_value_that_its_schema_does_not_allow_is_told_to_who_set_it() {
        let manifest = |language: &str, schema: &str| {
            format!("[config]\nlanguage = {language:?}\nspeed = 1.0\n[config_schema]\n{schema}\n")
        };
        let allowed = "language = { enum = [\"de\", \"en\"] }\nspeed = { type = \"number\", minimum = 0.5 }";
        let with = |more: &str, settings: Value| with(more, &settings).map(|manifest| manifest.config);
        let config = with(&manifest("en", allowed), json!({"language": "de", "speed": "0.75"})).unwrap();
        assert_eq!(Value::Object(config), json!({"language": "de", "speed": 0.75}));
        for (more, settings, sentence) in [
            (
                manifest("en", allowed),
                json!({"language": "tlh"}),
                "[grants.otp] config is not what its plugin.toml allows: `language` must be one of",
            ),
            (
                manifest("en", allowed),
                json!({"speed": 0}),
                "[grants.otp] config is not what its plugin.toml allows: `speed` is too small",
            ),
            (
                manifest("tlh", allowed),
                json!({}),
                "[config] does not hold to [config_schema]: `language`",
            ),
            (
                manifest("en", "color = {}"),
                json!({}),
                "[config_schema] speaks of color",
            ),
            (
                manifest("en", "language = { type = 7 }"),
                json!({}),
                "not a JSON Schema",
            ),
            (
                manifest("en", "language = { \"$ref\" = \"#\" }"),
                json!({}),
                "refers to itself",
            ),
        ] {
            let refusal = with(&more, settings).unwrap_err().to_string();
            assert!(refusal.contains(sentence), "{refusal}");
        }
    }

    #[test]
    fn the_operators_settings_go_over_the_plugins_own_and_decide_what_it_asks_for() {
        let origins = |settings: &Value| {
            let manifest = with(ASKING, settings).unwrap();
            let Asked { origins, credentials } = manifest.asked;
            let shown = |set: &BTreeSet<Origin>| set.iter().map(ToString::to_string).collect::<Vec<_>>();
            (shown(&origins), shown(&credentials["key"].origins))
        };
        let usual = "https://api.example.com".to_owned();
        let local = "http://127.0.0.1:8880".to_owned();
        assert_eq!(origins(&json!({})), (vec![usual.clone()], vec![usual.clone()]));
        assert_eq!(
            origins(&json!({"base_url": "http://127.0.0.1:8880/v1?x"})),
            (vec![local.clone(), usual], vec![local])
        );
    }

    #[test]
    fn a_setting_that_the_plugin_does_not_have_is_refused() {
        let refusal = with(ASKING, &json!({"baseurl": "https://x.example"})).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "[grants.otp] config sets baseurl, which its plugin.toml does not have; it has base_url"
        );
        let refusal = with("", &json!({"n": 1})).unwrap_err();
        assert!(refusal.to_string().ends_with("it has nothing to set"), "{refusal}");
    }

    #[test]
    fn a_setting_is_of_the_type_of_the_plugins_own_and_may_come_as_a_text() {
        let own = "[config]\nn = 1\nbig = false\nname = \"x\"\nlist = []\n";
        let set = |settings: Value| with(own, &settings).map(|manifest| Value::Object(manifest.config));
        assert_eq!(
            set(json!({"n": "2.5", "big": "true", "name": "7", "list": [1]})).unwrap(),
            json!({"n": 2.5, "big": true, "name": "7", "list": [1]})
        );
        for (wrong, sentence) in [
            (
                json!({"n": "many"}),
                "[grants.otp] config sets n to something else than a number, which it is in its plugin.toml",
            ),
            (
                json!({"big": 1}),
                "[grants.otp] config sets big to something else than true or false, which it is in its plugin.toml",
            ),
            (
                json!({"name": 7}),
                "[grants.otp] config sets name to something else than a text, which it is in its plugin.toml",
            ),
            (
                json!({"list": "a"}),
                "[grants.otp] config sets list to something else than a list, which it is in its plugin.toml",
            ),
        ] {
            assert_eq!(set(wrong).unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn what_is_asked_for_is_an_origin_and_nothing_else() {
        for origin in [
            "api.example.com",
            "https://api.example.com/v1",
            "ftp://api.example.com",
            "config:nothing",
            "config:number",
            "",
        ] {
            let asking = format!("[http]\nallow = [{origin:?}]\n[config]\nnumber = 1\n");
            assert!(
                matches!(with(&asking, &json!({})), Err(Refusal::Manifest(_))),
                "{origin}"
            );
        }
    }

    #[test]
    fn a_credential_has_a_header_and_hosts() {
        for (header, prefix, hosts) in [
            ("", "", r#"["https://a.example"]"#),
            ("X Key", "", r#"["https://a.example"]"#),
            ("X-Key:", "", r#"["https://a.example"]"#),
            ("X-Key", "a\\nb", r#"["https://a.example"]"#),
            ("X-Key", "", "[]"),
        ] {
            let asking = format!("[credentials.key]\nheader = \"{header}\"\nprefix = \"{prefix}\"\nhosts = {hosts}\n");
            assert!(
                matches!(with(&asking, &json!({})), Err(Refusal::Manifest(_))),
                "{asking}"
            );
        }
    }

    #[test]
    fn a_fault_does_not_repeat_a_whole_manifest() {
        for text in [
            format!("id = \"{}\" oops", "z".repeat(200_000)),
            LEAST.replace("message-handler@", &"w".repeat(200_000)),
        ] {
            let refusal = Manifest::parse(&text, &Limits::default(), &Map::new()).unwrap_err();
            assert!(refusal.to_string().len() < 2000);
        }
    }

    #[test]
    fn only_a_dialect_has_places_of_its_own_for_tokens() {
        let asking = "[dialect]\ntoken_parameter = \"access_token\"\n";
        assert!(with(asking, &json!({})).is_err());
        let dialect = format!("{LEAST}{asking}").replace("message-handler", "dialect");
        let manifest = Manifest::parse(&dialect, &Limits::default(), &Map::new()).unwrap();
        assert_eq!(manifest.token_places.parameter.as_deref(), Some("access_token"));
    }
}
