//! A case as it lies on the disk: a folder with `input.json`, `expected.json` and, when something has happened already,
//! `outcomes.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// What goes in.
    pub input: Input,
    /// Settings of an operator over the plugin's own.
    pub config: Map<String, Value>,
    /// What has become of the effects so far: a list.
    pub outcomes: Value,
    /// What must come out. None when the case is still to be written.
    pub expected: Option<Value>,
}

/// The cases of a plugin by the names of their folders; each may be one that cannot be read.
pub type Cases = BTreeMap<String, Result<Case, CaseError>>;

/// What goes into a plugin.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A message-handler's: `{"kind": "...", "body": {...}}`.
    Body {
        /// The kind.
        kind: String,
        /// The body of a send without its envelope.
        body: Value,
    },
    /// A dialect's: `{"request": {...}}`.
    Request(Value),
    /// A dialect's: `{"asked": {...}, "problem": {...}}`, to be rendered.
    Problem {
        /// What it is about.
        asked: Value,
        /// What went wrong.
        problem: Value,
    },
    /// A dialect's: `{"event": {...}}`, to be put into a webhook.
    Event(Value),
    /// A tts-provider's: `{"speech": {...}}`.
    Speech(Value),
    /// A tts-provider's: `{"voices": {}}`.
    Voices,
}

/// Why a case cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A file is not there, or cannot be read, or is not JSON.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What goes in does not fit.
    #[error("the input {0}")]
    Input(String),
    /// What has happened so far does not fit.
    #[error("the outcomes: {0}")]
    Outcomes(String),
    /// What came out cannot be written as JSON.
    #[error("the answer cannot be shown: {0}")]
    Answer(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Option<String>,
    body: Option<Value>,
    request: Option<Value>,
    asked: Option<Value>,
    problem: Option<Value>,
    event: Option<Value>,
    speech: Option<Value>,
    voices: Option<Map<String, Value>>,
    #[serde(default)]
    config: Map<String, Value>,
}

impl Case {
    /// Reads the case in a folder.
    ///
    /// # Errors
    /// When one of its files is not what it should be.
    pub fn read(folder: &Path) -> Result<Self, CaseError> {
        let input = "input.json";
        let written = read::<Written>(folder, input)?.ok_or_else(|| CaseError::File {
            path: folder.join(input),
            reason: "is not there".to_owned(),
        })?;
        let config = written.config.clone();
        Ok(Self {
            input: written.input()?,
            config,
            outcomes: read(folder, "outcomes.json")?.unwrap_or_else(|| Value::Array(Vec::new())),
            expected: read(folder, "expected.json")?,
        })
    }

    /// The cases in the folders of a folder; none when there is no such folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn all(folder: &Path) -> Result<Cases, CaseError> {
        let unreadable = |error: io::Error| CaseError::File {
            path: folder.to_owned(),
            reason: error.to_string(),
        };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Cases::new()),
            entries => entries.map_err(unreadable)?,
        };
        let mut cases = Cases::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if path.is_dir() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                cases.insert(name, Self::read(&path));
            }
        }
        Ok(cases)
    }
}

impl Written {
    fn input(self) -> Result<Input, CaseError> {
        Ok(match self {
            Self {
                kind: Some(kind),
                body: Some(body),
                request: None,
                asked: None,
                problem: None,
                event: None,
                speech: None,
                voices: None,
                ..
            } => Input::Body { kind, body },
            Self {
                kind: None,
                body: None,
                request,
                asked,
                problem,
                event,
                speech,
                voices,
                ..
            } => match (request, (asked, problem), event, speech, voices) {
                (Some(request), (None, None), None, None, None) => Input::Request(request),
                (None, (Some(asked), Some(problem)), None, None, None) => Input::Problem { asked, problem },
                (None, (None, None), Some(event), None, None) => Input::Event(event),
                (None, (None, None), None, Some(speech), None) => Input::Speech(speech),
                (None, (None, None), None, None, Some(_)) => Input::Voices,
                _ => return Err(unclear()),
            },
            _ => return Err(unclear()),
        })
    }
}

fn unclear() -> CaseError {
    CaseError::Input(
        "must be kind with body, asked with problem, or one of request, event, speech and voices".to_owned(),
    )
}

fn read<T: for<'a> Deserialize<'a>>(folder: &Path, name: &str) -> Result<Option<T>, CaseError> {
    let path = folder.join(name);
    let wrong = |reason: String| CaseError::File {
        path: path.clone(),
        reason,
    };
    // Opening a pipe would wait for who writes to it.
    if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(wrong("it is not a plain file".to_owned()));
    }
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| wrong(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_come_by_name_and_one_that_cannot_be_read_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        for (name, input) in [("b", r#"{"voices": {}}"#), ("a", "{")] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("input.json"), input).unwrap();
        }
        fs::create_dir_all(folder.path().join("c/input.json")).unwrap();
        fs::write(folder.path().join("README.md"), "no case").unwrap();
        let cases = Case::all(folder.path()).unwrap();
        let found: Vec<_> = cases.iter().map(|(name, case)| (name.as_str(), case.is_ok())).collect();
        assert_eq!(found, [("a", false), ("b", true), ("c", false)]);
        let fault = cases["c"].as_ref().unwrap_err().to_string();
        assert!(fault.contains("not a plain file"), "{fault}");
        assert!(Case::all(&folder.path().join("none")).unwrap().is_empty());
    }
}
