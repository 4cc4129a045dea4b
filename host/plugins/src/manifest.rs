//! plugin.toml: who a plugin is, which world it is made for, and what it asks for. An unknown field is an error, so that a grant
//! which this host does not know is never silently missing.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::limits::Limits;
use crate::load_error::Refusal;

/// The one world there is, as a manifest names it.
pub(crate) const WORLD: &str = "message-handler@0.1";

/// A manifest that holds.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) limits: Limits,
    /// A JSON object, as the guest gets it.
    pub(crate) config: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    version: String,
    world: String,
    #[serde(default)]
    limits: AskedLimits,
    #[serde(default)]
    config: toml::Table,
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
    /// Reads a manifest under the operator's limits.
    pub(crate) fn parse(text: &str, most: &Limits) -> Result<Self, Refusal> {
        let written: Written =
            toml::from_str(text).map_err(|error| Refusal::Manifest(error.to_string().trim().to_owned()))?;
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
        if written.world != WORLD {
            return Err(Refusal::World {
                wanted: written.world,
                offered: WORLD,
            });
        }
        let config = written.config.into_iter().map(|(key, value)| Ok((key, json(value)?)));
        let config = config.collect::<Result<Map<_, _>, _>>()?;
        Ok(Self {
            id: written.id,
            version: written.version,
            limits: written.limits.under(most)?,
            config: Value::Object(config).to_string(),
        })
    }
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

fn is_id(id: &str) -> bool {
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

/// TOML has dates and infinities, JSON has not.
fn json(value: toml::Value) -> Result<Value, Refusal> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Float(number) if number.is_finite() => number.into(),
        toml::Value::Float(_) => {
            return Err(Refusal::Manifest(
                "[config] holds a number that JSON cannot write".to_owned(),
            ));
        }
        toml::Value::Datetime(_) => {
            return Err(Refusal::Manifest(
                "[config] holds a date; write it as a string".to_owned(),
            ));
        }
        toml::Value::Array(values) => values.into_iter().map(json).collect::<Result<Vec<_>, _>>()?.into(),
        toml::Value::Table(table) => {
            let fields = table.into_iter().map(|(key, value)| Ok((key, json(value)?)));
            Value::Object(fields.collect::<Result<_, Refusal>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "id = \"otp\"\nversion = \"1.2.3\"\nworld = \"message-handler@0.1\"\n";

    fn parse(more: &str) -> Result<Manifest, Refusal> {
        Manifest::parse(
            &format!("{LEAST}{more}"),
            &Limits {
                cpu_ms: 500,
                memory_mib: 64,
                answer_kib: 512,
                log_kib: 16,
            },
        )
    }

    #[test]
    fn a_plugin_that_asks_for_nothing_gets_the_usual_under_the_operators_limits() {
        let manifest = parse("").unwrap();
        assert_eq!(
            (
                manifest.id.as_str(),
                manifest.version.as_str(),
                manifest.config.as_str()
            ),
            ("otp", "1.2.3", "{}")
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
        let config: Value = serde_json::from_str(&manifest.config).unwrap();
        assert_eq!(
            config,
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
            ("[http]\nallow = []", "http"),
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
                    Manifest::parse(&LEAST.replace(from, to), &most),
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
                Manifest::parse(&without.join("\n"), &most),
                Err(Refusal::Manifest(_))
            ));
        }
    }

    #[test]
    fn another_world_is_told_what_there_is() {
        for wanted in ["message-handler@0.2", "tts-provider@0.1", "message-handler"] {
            let refusal = Manifest::parse(&LEAST.replace(WORLD, wanted), &Limits::default()).unwrap_err();
            assert_eq!(
                refusal.to_string(),
                format!("it needs the world {wanted}; this host offers message-handler@0.1")
            );
        }
    }
}
