//! Where a configuration comes from: a file, and the environment over it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use switchboard_core::config::{Config, ConfigFile};

use super::exit::{Exit, Fault};

/// Read when no file is named.
const DEFAULT_FILE: &str = "switchboard.toml";

/// The configuration of this process.
///
/// # Errors
/// All faults of it together; or the named file cannot be read.
pub(super) fn load(file: Option<&Path>) -> Result<Config, Fault> {
    from(file, Path::new(DEFAULT_FILE), env::vars_os())
}

fn from(
    named: Option<&Path>,
    default: &Path,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Config, Fault> {
    let path = named.unwrap_or(default);
    let text = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let sentence = format!("cannot read the configuration {}: {error}", path.display());
            return Err(Fault::new(Exit::NoInput, &sentence));
        }
    };
    let name = path.display().to_string();
    let file = text.as_deref().map(|text| ConfigFile { name: &name, text });
    // A value that is no text becomes one with signs that no setting allows, and so is reported as a fault of its variable.
    let environment = environment.map(|(name, value)| (lossy(name), lossy(value)));
    Config::load(file, environment)
        .map_err(|faults| Fault::new(Exit::Config, &format!("the configuration has faults:\n{faults}")))
}

fn lossy(text: OsString) -> String {
    text.into_string()
        .unwrap_or_else(|text| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
        pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn the_default_file_may_be_missing_but_a_named_one_may_not() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.toml");
        assert!(from(None, &missing, environment(&[])).is_ok());
        let fault = from(Some(&missing), &missing, environment(&[])).unwrap_err();
        assert_eq!(fault.exit, Exit::NoInput);
        assert!(fault.sentence.contains("none.toml"), "{fault}");
    }

    #[test]
    fn faults_of_file_and_environment_are_told_together() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        fs::write(&file, "[server]\nmax_body_kib = 0\n").unwrap();
        let fault = from(Some(&file), &file, environment(&[("SWITCHBOARD_LOG__FORMAT", "xml")])).unwrap_err();
        assert_eq!(fault.exit, Exit::Config);
        assert!(
            fault.sentence.contains("max_body_kib") && fault.sentence.contains("LOG__FORMAT"),
            "{fault}"
        );
    }
}
