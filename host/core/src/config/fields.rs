//! The keys of a configuration from all its sources, taken out one by one; what is left over nobody knows.

use std::collections::BTreeMap;
use std::fmt;

use toml::Value;

use super::ConfigFaults;

/// Where a value comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The embedded defaults.
    Defaults,
    /// The operator's file, by name.
    File(String),
    /// An environment variable, by name.
    Variable(String),
}

/// Every key that some source has set, the strongest source last, and the faults found so far.
#[derive(Debug, Default)]
pub(super) struct Fields {
    values: BTreeMap<(String, String), (Value, Origin)>,
    origins: BTreeMap<(String, String), Origin>,
    faults: Vec<String>,
}

impl Fields {
    /// Adds the keys of a TOML text over those already there.
    pub(super) fn add_toml(&mut self, origin: &Origin, text: &str) {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                let line = error
                    .span()
                    .map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
                return self
                    .faults
                    .push(format!("{}line {line}: {}", origin.prefix(), error.message()));
            }
        };
        for (section, value) in table {
            match value {
                Value::Table(keys) => {
                    for (key, value) in keys {
                        self.values.insert((section.clone(), key), (value, origin.clone()));
                    }
                }
                _ => self.faults.push(format!(
                    "{}{section}: must be a section, written [{section}]",
                    origin.prefix()
                )),
            }
        }
    }

    /// Adds one environment variable, if its name is `SWITCHBOARD_<SECTION>__<KEY>`.
    pub(super) fn add_variable(&mut self, name: &str, value: &str) {
        let Some((section, key)) = name.strip_prefix("SWITCHBOARD_").and_then(|rest| rest.split_once("__")) else {
            return;
        };
        let place = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
        self.values.insert(
            place,
            (Value::String(value.to_owned()), Origin::Variable(name.to_owned())),
        );
    }

    /// Takes a key out and reads it. A fault is noted and answered with `T::default()`, so that the search for faults goes on.
    pub(super) fn take<T: Default>(
        &mut self,
        section: &str,
        key: &str,
        read: impl FnOnce(Given) -> Result<T, String>,
    ) -> T {
        let place = (section.to_owned(), key.to_owned());
        let Some((value, origin)) = self.values.remove(&place) else {
            // Only reached while the defaults file lacks the key, which its test would show.
            self.faults.push(format!("{section}.{key}: has no default"));
            return T::default();
        };
        let given = match &origin {
            Origin::Variable(_) => Given::Text(value),
            Origin::Defaults | Origin::File(_) => Given::Toml(value),
        };
        self.origins.insert(place, origin);
        read(given).unwrap_or_else(|fault| {
            self.fault(section, key, &fault);
            T::default()
        })
    }

    /// Takes everything out of a section whose keys the operator chooses, the file's before the environment's.
    pub(super) fn take_section(&mut self, section: &str) -> Vec<(String, Given)> {
        let (taken, left) = std::mem::take(&mut self.values)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|((of, _), _)| of == section);
        self.values = left;
        let (mut written, mut variables) = (Vec::new(), Vec::new());
        for ((_, key), (value, origin)) in taken {
            match &origin {
                Origin::Variable(_) => variables.push((key.clone(), Given::Text(value))),
                Origin::Defaults | Origin::File(_) => written.push((key.clone(), Given::Toml(value))),
            }
            self.origins.insert((section.to_owned(), key), origin);
        }
        written.append(&mut variables);
        written
    }

    /// Notes a fault about a key that has been taken.
    pub(super) fn fault(&mut self, section: &str, key: &str, sentence: &str) {
        // What stands below a key has its origin.
        let above = key.split('.').next().unwrap_or(key);
        let origin = [key, above]
            .into_iter()
            .find_map(|key| self.origins.get(&(section.to_owned(), key.to_owned())))
            .unwrap_or(&Origin::Defaults);
        self.faults.push(origin.line(section, key, sentence));
    }

    /// All faults; what was never taken is one each, and a section that nobody knows is one in all.
    pub(super) fn finish(mut self) -> ConfigFaults {
        let mut unknown_sections = Vec::new();
        for ((section, key), (_, origin)) in &self.values {
            let known = self.origins.keys().any(|(known, _)| known == section);
            match origin {
                Origin::Variable(_) => self.faults.push(origin.line(section, key, "there is no such setting")),
                _ if known => self.faults.push(origin.line(section, key, "there is no such key")),
                _ if unknown_sections.contains(section) => {}
                _ => {
                    unknown_sections.push(section.clone());
                    self.faults
                        .push(format!("{}{section}: there is no such section", origin.prefix()));
                }
            }
        }
        ConfigFaults(self.faults)
    }
}

impl Origin {
    fn prefix(&self) -> String {
        match self {
            Self::Defaults => String::new(),
            Self::File(name) | Self::Variable(name) => format!("{name}: "),
        }
    }

    fn line(&self, section: &str, key: &str, sentence: &str) -> String {
        match self {
            Self::Variable(name) => format!("{name}: {sentence}"),
            _ => format!("{}{section}.{key}: {sentence}", self.prefix()),
        }
    }
}

/// A value as it was given: typed in a file, always text in the environment.
pub(super) enum Given {
    /// From a TOML file.
    Toml(Value),
    /// From an environment variable; always a string.
    Text(Value),
}

impl Given {
    /// A text.
    pub(super) fn text(self) -> Result<String, String> {
        match self {
            Self::Toml(Value::String(text)) | Self::Text(Value::String(text)) => Ok(text),
            _ => Err("must be a text in quotes".to_owned()),
        }
    }

    /// A whole number.
    pub(super) fn integer(self) -> Result<i64, String> {
        match self {
            Self::Toml(Value::Integer(number)) => Ok(number),
            Self::Text(Value::String(text)) => text.trim().parse().map_err(|_| "must be a whole number".to_owned()),
            _ => Err("must be a whole number".to_owned()),
        }
    }

    /// True or false.
    pub(super) fn boolean(self) -> Result<bool, String> {
        match self {
            Self::Toml(Value::Boolean(truth)) => Ok(truth),
            Self::Text(Value::String(text)) => text.trim().parse().map_err(|_| "must be true or false".to_owned()),
            _ => Err("must be true or false".to_owned()),
        }
    }

    /// A table; only a file has one.
    pub(super) fn table(self) -> Result<toml::Table, String> {
        match self {
            Self::Toml(Value::Table(table)) => Ok(table),
            _ => Err("must be a table, as in { name = \"value\" }".to_owned()),
        }
    }

    /// A list of texts; a single text is split at commas.
    pub(super) fn texts(self) -> Result<Vec<String>, String> {
        match self {
            Self::Toml(Value::Array(items)) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    _ => Err("must be a list of texts".to_owned()),
                })
                .collect(),
            Self::Toml(Value::String(text)) | Self::Text(Value::String(text)) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()),
            _ => Err("must be a list of texts".to_owned()),
        }
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(***)")
    }
}
