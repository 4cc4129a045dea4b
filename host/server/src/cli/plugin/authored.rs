//! A plugin as its author has it: a folder with plugin.toml and cases, and a component in it or where cargo has built it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use switchboard_core::ids::RequestId;
use switchboard_plugins::trial::{Answer, Case, CaseError, Cases, Trial};
use switchboard_plugins::{Engine, LoadError, PluginSource, Refusal};

use super::Around;
use crate::cli::exit::{Exit, Fault};
use crate::plugin_files;

/// Where cargo puts it, in the folder that it builds into.
const BUILT: &str = "wasm32-wasip2/release";

/// Which plugin.
#[derive(Debug, Args)]
pub(in crate::cli) struct Chosen {
    /// The folder with plugin.toml. Its name must be the plugin's id.
    folder: PathBuf,
    /// The component. Without it: plugin.wasm or the only *.wasm in the folder, or else what cargo has built, there or in CARGO_TARGET_DIR.
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
}

/// A plugin to be tried. It is compiled once, and loaded once for each set of settings.
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
    #[error("with its config in the place of an operator's, {0}")]
    Load(#[from] LoadError),
    #[error("{0}")]
    Case(#[from] CaseError),
}

impl Authored {
    pub(super) fn read(
        options: &Chosen,
        around: &Around<'_>,
        engine: Engine,
        max_wasm_mib: u32,
    ) -> Result<Self, Fault> {
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
            let component = match &options.wasm {
                Some(component) => component.clone(),
                None => {
                    built(&folder, &id, around.target_dir.as_deref()).map_err(|sentence| missing(&folder, &sentence))?
                }
            };
            let text =
                plain(&manifest, plugin_files::MOST_MANIFEST_KIB * 1024).map_err(|error| missing(&manifest, &error))?;
            let text = String::from_utf8(text).map_err(|error| missing(&manifest, &error))?;
            let most = u64::from(max_wasm_mib) << 20;
            (
                text,
                plain(&component, most).map_err(|error| missing(&component, &error))?,
            )
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
            let trial = match self.trials.values().next() {
                Some(compiled) => compiled.with_settings(settings).await?,
                None => {
                    let source = PluginSource {
                        settings: settings.clone(),
                        ..self.source()
                    };
                    Trial::load(&self.engine, source, request_id()).await?
                }
            };
            self.trials.insert(key.clone(), trial);
        }
        self.trials.get(&key).ok_or_else(|| LoadError {
            plugin: self.id.clone(),
            reason: Refusal::Stopping,
        })
    }

    /// Its cases.
    pub(super) fn cases(&self) -> Result<Cases, Fault> {
        Case::all(&self.folder.join("cases")).map_err(|error| Fault::new(Exit::NoInput, &error))
    }

    /// Says that it is being loaded, which takes a while.
    pub(super) fn announce(&self, around: &mut Around<'_>) {
        // Who has closed standard error is told nothing.
        let _ = writeln!(around.words, "loading {} ...", self.id);
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
    pub(super) async fn answer(&mut self, case: &Case) -> Result<Answer, Failed> {
        Ok(self.trial(&case.config).await?.run(case).await?)
    }
}

/// The bytes of a plain file that is not larger than it may be.
fn plain(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    if metadata.len() > most {
        let sentence = format!("it has {} bytes; the most is {most}", metadata.len());
        return Err(io::Error::other(sentence));
    }
    fs::read(path)
}

fn key(settings: &Map<String, Value>) -> String {
    Value::Object(settings.clone()).to_string()
}

/// What a plugin is told in every case.
fn request_id() -> RequestId {
    #[expect(clippy::expect_used, reason = "a constant that parses")]
    "case".parse().expect("a constant request id")
}

/// What stands beside an answer for the author, a line each: what is behind a problem, and what the plugin wrote.
pub(super) fn beside(answer: &Answer) -> String {
    let cause = answer.cause.iter().map(|cause| format!("  because  {cause}\n"));
    let written = answer.written.iter().map(|line| format!("  it wrote {line}\n"));
    cause.chain(written).collect()
}

/// The component that cargo has built, or where it is not. `target_dir` may have those of many crates, so there it must be called as
/// `plugin new` calls it; in the folder's own target it may also be the only one.
fn built(folder: &Path, id: &str, target_dir: Option<&Path>) -> Result<PathBuf, String> {
    let name = format!("plugin_{}.wasm", id.replace('-', "_"));
    let own = folder.join("target").join(BUILT);
    let places: Vec<_> = target_dir
        .map(|dir| dir.join(BUILT))
        .into_iter()
        .chain([own.clone()])
        .collect();
    let named = places.iter().map(|place| place.join(&name)).find(|path| path.is_file());
    named.or_else(|| only(&own)).ok_or_else(|| {
        let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        format!(
            "no component here, and no {name} in {}: build it first, with cargo build --release --target wasm32-wasip2, or name it \
             with --wasm",
            places.join(" or ")
        )
    })
}

/// The only component in a folder.
fn only(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn build(target: &Path, name: &str) -> PathBuf {
        let place = target.join(BUILT);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(name), "").unwrap();
        place.join(name)
    }

    #[test]
    fn what_cargo_built_is_found_in_its_target_folder_wherever_that_is() {
        let root = tempfile::tempdir().unwrap();
        let (folder, shared) = (root.path().join("my-first"), root.path().join("shared"));
        let found = |target_dir: Option<&Path>| built(&folder, "my-first", target_dir);
        let sentence = found(Some(&shared)).unwrap_err();
        for place in [&folder.join("target"), &shared] {
            assert!(sentence.contains(&*place.join(BUILT).to_string_lossy()), "{sentence}");
        }
        build(&shared, "plugin_of_another.wasm");
        assert!(found(Some(&shared)).is_err());

        let only = build(&folder.join("target"), "my_crate.wasm");
        assert_eq!(found(None).unwrap(), only);
        build(&folder.join("target"), "second.wasm");
        assert!(found(None).is_err());
        let named = build(&folder.join("target"), "plugin_my_first.wasm");
        assert_eq!(found(Some(&shared)).unwrap(), named);
        let named = build(&shared, "plugin_my_first.wasm");
        assert_eq!(found(Some(&shared)).unwrap(), named);
    }
}
