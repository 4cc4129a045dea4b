//! A plugin as its author has it: a folder with plugin.toml and cases, and a component in it or where cargo has built it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use switchboard_core::ids::RequestId;
use switchboard_plugins::trial::{Case, CaseError, Trial};
use switchboard_plugins::{Engine, LoadError, PluginSource, Refusal};

use crate::cli::exit::{Exit, Fault};
use crate::plugin_files;

/// Where cargo puts it.
const BUILT: &str = "target/wasm32-wasip2/release";

/// Which plugin.
#[derive(Debug, Args)]
pub(in crate::cli) struct Chosen {
    /// The folder with plugin.toml. Its name must be the plugin's id.
    folder: PathBuf,
    /// The component. Without it: plugin.wasm or the only *.wasm in the folder, or else in target/wasm32-wasip2/release there.
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
}

/// A plugin to be tried. It is loaded once for each set of settings.
#[derive(Debug)]
pub(super) struct Authored {
    id: String,
    folder: PathBuf,
    manifest_toml: String,
    wasm: Vec<u8>,
    engine: Engine,
    trials: BTreeMap<String, Trial>,
}

/// Why a case came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("{0}")]
    Case(#[from] CaseError),
}

impl Authored {
    pub(super) fn read(options: &Chosen, engine: Engine, max_wasm_mib: u32) -> Result<Self, Fault> {
        let missing = |path: &Path, error: &dyn std::fmt::Display| {
            Fault::new(Exit::NoInput, &format!("{}: {error}", path.display()))
        };
        let folder = fs::canonicalize(&options.folder).map_err(|error| missing(&options.folder, &error))?;
        let manifest = folder.join("plugin.toml");
        let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (manifest_toml, wasm) = if options.wasm.is_none() && plugin_files::has_component(&folder) {
            let files = plugin_files::read(&folder, max_wasm_mib).map_err(|refusal| missing(&folder, &refusal))?;
            (files.manifest_toml, files.wasm)
        } else {
            let component = options.wasm.clone().or_else(|| built(&folder)).ok_or_else(|| {
                let sentence = format!("no component: build it first, into {BUILT}, or name it with --wasm");
                missing(&folder, &sentence)
            })?;
            let text = fs::read_to_string(&manifest).map_err(|error| missing(&manifest, &error))?;
            (text, fs::read(&component).map_err(|error| missing(&component, &error))?)
        };
        Ok(Self {
            id,
            folder,
            manifest_toml,
            wasm,
            engine,
            trials: BTreeMap::new(),
        })
    }

    /// The plugin as it is, without any settings.
    pub(super) fn source(&self) -> PluginSource {
        PluginSource::bundled(self.id.clone(), self.manifest_toml.clone(), self.wasm.clone())
    }

    /// The plugin with these settings of an operator.
    pub(super) async fn trial(&mut self, settings: &Map<String, Value>) -> Result<&Trial, LoadError> {
        let key = key(settings);
        if !self.trials.contains_key(&key) {
            let source = PluginSource {
                settings: settings.clone(),
                ..self.source()
            };
            let trial = Trial::load(&self.engine, source, request_id()).await?;
            self.trials.insert(key.clone(), trial);
        }
        self.trials.get(&key).ok_or_else(|| LoadError {
            plugin: self.id.clone(),
            reason: Refusal::Stopping,
        })
    }

    /// Its cases, by name; each may be one that cannot be read.
    pub(super) fn cases(&self) -> io::Result<Vec<(String, Result<Case, CaseError>)>> {
        let mut folders = Vec::new();
        match fs::read_dir(self.folder.join("cases")) {
            Ok(entries) => {
                for entry in entries {
                    folders.extend(Some(entry?.path()).filter(|path| path.is_dir()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        folders.sort();
        let cases = folders.iter().map(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), Case::read(folder))
        });
        Ok(cases.collect())
    }

    /// The most memory that a call with these settings has had since this was asked last, in bytes.
    pub(super) fn peak_memory(&self, settings: &Map<String, Value>) -> u64 {
        self.trials.get(&key(settings)).map_or(0, Trial::peak_memory)
    }

    /// The most instructions that a call with these settings has taken since this was asked last.
    pub(super) fn instructions(&self, settings: &Map<String, Value>) -> u64 {
        self.trials.get(&key(settings)).map_or(0, Trial::instructions)
    }

    /// What a case answers.
    pub(super) async fn answer(&mut self, case: &Case) -> Result<Value, Failed> {
        Ok(self.trial(&case.config).await?.run(case).await?)
    }
}

fn key(settings: &Map<String, Value>) -> String {
    Value::Object(settings.clone()).to_string()
}

/// What a plugin is told in every case.
fn request_id() -> RequestId {
    #[expect(clippy::expect_used, reason = "a constant that parses")]
    "case".parse().expect("a constant request id")
}

/// The one component that cargo has built.
fn built(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder.join(BUILT)).ok()?;
    let components = entries.flatten().map(|entry| entry.path());
    let mut components = components.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    let found = components.next()?;
    components.next().is_none().then_some(found)
}

#[cfg(test)]
impl Chosen {
    /// A folder, and the component in it.
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            wasm: None,
        }
    }
}
