//! Compiled code, kept between runs: `<sha256 of the component>-<hash of the engine>.cwasm`, each with its checksum beside it.
//!
//! It is looked for in a folder that came with the program (an image has one, because its data folder is new at the first start),
//! then in the cache of the data folder. The first is only read; into the second goes what was compiled here. Whatever is missing,
//! damaged or from another engine is compiled again and replaced. A cache that cannot be written costs time at the next start and
//! nothing else. It grows with every version of a plugin and of the program until whoever has it to himself asks for what is not
//! used to be deleted.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::aside::in_parallel;
use crate::leftovers::delete_others;
use crate::plugin::Origin;
use crate::precompiled::{Unusable, checksum, fingerprint, map};

/// Where compiled code of one engine is.
#[derive(Debug)]
pub(crate) struct CodeCache {
    precompiled_dir: Option<PathBuf>,
    cache_dir: Option<PathBuf>,
    engine_hash: String,
    /// Held by whoever writes or deletes files.
    files: Mutex<()>,
    taken: Family<From, Counter>,
}

/// Whose code is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code<'a> {
    /// The id of the plugin.
    pub(crate) plugin: &'a str,
    pub(crate) origin: Origin,
    pub(crate) wasm: &'a [u8],
    /// Of `wasm`.
    pub(crate) fingerprint: &'a str,
}

/// Where code was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct From {
    from: &'static str,
}

/// Why there is no compiled code to take along.
#[derive(Debug, thiserror::Error)]
pub enum PrecompileError {
    /// It is no component, or one that uses what this host does not support.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// The folder or a file in it cannot be written.
    #[error("compiled code cannot be written to {path}: {cause}")]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// It was written, but no server would take it from there.
    #[error("the compiled code in {path} would not be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What a server would say.
        reason: String,
    },
}

/// Who may read what is written; nobody but its owner may ever write it.
#[derive(Debug, Clone, Copy)]
struct Modes {
    folder: u32,
    file: u32,
}

/// In the data folder.
const PRIVATE: Modes = Modes {
    folder: 0o700,
    file: 0o400,
};
/// In a folder to be shipped: who builds it is not who runs it.
const SHIPPED: Modes = Modes {
    folder: 0o755,
    file: 0o444,
};

impl CodeCache {
    /// Without a folder everything is compiled in memory.
    pub(crate) fn new(engine: &Engine, precompiled_dir: Option<PathBuf>, cache_dir: Option<PathBuf>) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self {
            precompiled_dir,
            cache_dir,
            engine_hash: format!("{:016x}", hasher.finish()),
            files: Mutex::default(),
            taken: Family::default(),
        }
    }

    /// Adds to `registry` how often code was where.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "plugin_code",
            "Components that were loaded, by where their code came from: precompiled, cache, compiler",
            self.taken.clone(),
        );
    }

    fn take(&self, from: &'static str) {
        self.taken.get_or_create(&From { from }).inc();
    }

    /// The component, from a folder or compiled. Takes long: not for an async task.
    ///
    /// # Errors
    /// When it is not a valid component.
    pub(crate) fn component(&self, engine: &Engine, code: &Code<'_>) -> wasmtime::Result<Component> {
        let plugin = code.plugin;
        let name = self.file_name(code.fingerprint);
        // What an operator adds does not come with the program.
        let is_shipped = code.origin == Origin::Bundled;
        for (dir, from, is_expected) in [
            (&self.precompiled_dir, "precompiled", is_shipped),
            (&self.cache_dir, "cache", false),
        ] {
            let Some(path) = dir.as_ref().map(|dir| dir.join(&name)) else {
                continue;
            };
            match stored(engine, &path) {
                Ok(component) => {
                    self.take(from);
                    return Ok(component);
                }
                Err(Unusable::Missing) if !is_expected => {}
                Err(reason) => {
                    tracing::warn!(plugin, path = %path.display(), %reason, "compiled plugin code is not used");
                }
            }
        }
        let component = in_parallel(|| Component::new(engine, code.wasm))?;
        self.take("compiler");
        if let Some(dir) = &self.cache_dir {
            let path = dir.join(name);
            let compiled = component.serialize()?;
            let _files = self.files();
            if let Err(error) = keep(dir, &path, &compiled, PRIVATE) {
                tracing::warn!(plugin, path = %path.display(), %error, "compiled plugin code cannot be kept; it will be compiled at every start");
            }
        }
        Ok(component)
    }

    /// Compiles a component into `dir`, for servers that have it as their `precompiled_dir`, and returns the file. Takes long.
    ///
    /// # Errors
    /// Also when a server would not take it from there, because others can write that folder.
    pub(crate) fn precompile(&self, engine: &Engine, wasm: &[u8], dir: &Path) -> Result<PathBuf, PrecompileError> {
        let path = dir.join(self.file_name(&fingerprint(wasm)));
        let code = engine
            .precompile_component(wasm)
            .map_err(|error| PrecompileError::Invalid(format!("{error:#}")))?;
        if let Err(cause) = keep(dir, &path, &code, SHIPPED) {
            return Err(PrecompileError::Unwritten { path, cause });
        }
        match stored(engine, &path) {
            Ok(_) => Ok(path),
            Err(reason) => Err(PrecompileError::Unusable {
                reason: reason.to_string(),
                path,
            }),
        }
    }

    /// Deletes from the cache what is not the code of one of these components for this engine: what was compiled for versions that are
    /// gone, by another version of the program, or was not written to its end. Code that is mapped stays valid. Only for who has the
    /// folder to himself. Returns how many files are gone.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file in it not deleted.
    pub(crate) fn retain(&self, in_use: &BTreeSet<String>) -> io::Result<usize> {
        let Some(dir) = &self.cache_dir else { return Ok(0) };
        let used: Vec<_> = in_use.iter().map(|fingerprint| self.file_name(fingerprint)).collect();
        let _files = self.files();
        delete_others(dir, &used)
    }

    fn files(&self) -> MutexGuard<'_, ()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file_name(&self, fingerprint: &str) -> String {
        format!("{fingerprint}-{}.cwasm", self.engine_hash)
    }
}

fn stored(engine: &Engine, path: &Path) -> Result<Component, Unusable> {
    match fs::read_to_string(beside(path, "crc32")) {
        Ok(written) => map(engine, path, written.trim()),
        Err(error) if error.kind() == ErrorKind::NotFound && !path.exists() => Err(Unusable::Missing),
        Err(error) => Err(error.into()),
    }
}

fn keep(dir: &Path, path: &Path, code: &[u8], modes: Modes) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(modes.folder).create(dir)?;
    replace(path, code, modes.file)?;
    replace(&beside(path, "crc32"), checksum(code)?.as_bytes(), modes.file)
}

/// Writes aside and renames: a file that is mapped by a running instance must never change under it. Nobody may write to it afterwards
/// either, so that a copy in place by whoever restores a backup fails, and does not end this process.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let aside = beside(path, "new");
    // What a kill has left there cannot be written to.
    if let Err(error) = fs::remove_file(&aside)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(aside, path)
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::CaughtLog;
    use std::os::unix::fs::PermissionsExt;

    const EMPTY: &str = "(component)";

    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn cached(engine: &Engine, dir: &Path) -> CodeCache {
        CodeCache::new(engine, None, Some(dir.join("plugins")))
    }

    fn empty() -> Vec<u8> {
        wat::parse_str(EMPTY).unwrap()
    }

    /// Loads the empty component, of a plugin that came with the program or was added.
    fn component(engine: &Engine, cache: &CodeCache, origin: Origin) -> Component {
        let (wasm, fingerprint) = (empty(), fingerprint(&empty()));
        let code = Code {
            plugin: "empty",
            origin,
            wasm: &wasm,
            fingerprint: &fingerprint,
        };
        cache.component(engine, &code).unwrap()
    }

    fn load(dir: &Path) -> (Vec<PathBuf>, String) {
        let engine = Engine::default();
        let log = CaughtLog::default();
        log.during(|| component(&engine, &cached(&engine, dir), Origin::Folder));
        (files(&dir.join("plugins")), log.text())
    }

    /// Compiled for shipping, in `shipped` of the folder.
    fn precompiled(dir: &Path) -> Result<PathBuf, PrecompileError> {
        let engine = Engine::default();
        cached(&engine, dir).precompile(&engine, &empty(), &dir.join("shipped"))
    }

    /// What is kept in `plugins` of the folder after a start with what is shipped there, and what the log says.
    fn load_shipped(dir: &Path) -> (usize, String) {
        load_beside_shipped(dir, Origin::Bundled)
    }

    fn load_beside_shipped(dir: &Path, origin: Origin) -> (usize, String) {
        let engine = Engine::default();
        let log = CaughtLog::default();
        let cache = CodeCache::new(&engine, Some(dir.join("shipped")), Some(dir.join("plugins")));
        log.during(|| component(&engine, &cache, origin));
        let kept = fs::read_dir(dir.join("plugins")).map_or(0, Iterator::count);
        (kept, log.text())
    }

    #[test]
    fn code_is_compiled_once_and_readable_by_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (first, log) = load(dir.path());
        assert_eq!((first.len(), log.as_str()), (2, ""));
        let written = fs::metadata(&first[0]).unwrap();
        assert_eq!(written.permissions().mode() & 0o777, 0o400);
        let (second, log) = load(dir.path());
        assert_eq!((second, log.as_str()), (first.clone(), ""));
        assert_eq!(
            fs::metadata(&first[0]).unwrap().modified().unwrap(),
            written.modified().unwrap()
        );
    }

    #[test]
    fn damaged_or_cut_code_is_never_run_but_compiled_again() {
        let dir = tempfile::tempdir().unwrap();
        let (files, _) = load(dir.path());
        let good = fs::read(&files[0]).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        for damaged in [&flipped[..], &good[..good.len() / 2], b""] {
            fs::write(&files[0], damaged).unwrap();
            let (_, log) = load(dir.path());
            assert!(log.contains("not what was written"), "{log}");
            assert_eq!(fs::read(&files[0]).unwrap(), good);
        }
    }

    #[test]
    fn code_without_its_checksum_is_compiled_again() {
        let dir = tempfile::tempdir().unwrap();
        let (files, _) = load(dir.path());
        fs::remove_file(&files[1]).unwrap();
        let (again, log) = load(dir.path());
        assert!(log.contains("is not used"), "{log}");
        assert_eq!(again, files);
    }

    #[test]
    fn code_of_another_engine_under_our_name_is_compiled_again() {
        let dir = tempfile::tempdir().unwrap();
        let (files, _) = load(dir.path());
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let other = Engine::new(&config).unwrap();
        let code = other.precompile_component(&wat::parse_str(EMPTY).unwrap()).unwrap();
        fs::write(&files[0], &code).unwrap();
        fs::write(&files[1], checksum(&code[..]).unwrap()).unwrap();
        let (_, log) = load(dir.path());
        assert!(log.contains("not for this engine"), "{log}");
    }

    #[test]
    fn a_cache_that_cannot_be_written_still_gives_the_component() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("plugins"), "a file where the folder should be").unwrap();
        let engine = Engine::default();
        let log = CaughtLog::default();
        log.during(|| component(&engine, &cached(&engine, dir.path()), Origin::Folder));
        assert!(log.text().contains("cannot be kept"));
    }

    #[test]
    fn shipped_code_is_taken_from_where_it_is_and_everybody_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = precompiled(dir.path()).unwrap();
        for (path, mode) in [
            (path.parent().unwrap(), 0o755),
            (&path, 0o644),
            (&beside(&path, "crc32"), 0o644),
        ] {
            let found = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(found & !mode, 0, "{}: {found:o}", path.display());
        }
        assert_eq!(load_shipped(dir.path()), (0, String::new()));
    }

    #[test]
    fn shipped_code_that_is_missing_or_damaged_is_told_and_compiled_into_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, log) = load_shipped(dir.path());
        assert!(kept == 2 && log.contains("there is none"), "{log}");
        assert!(log.lines().count() == 1 && log.contains("plugin=\"empty\""), "{log}");

        fs::remove_dir_all(dir.path().join("plugins")).unwrap();
        let path = precompiled(dir.path()).unwrap();
        fs::write(&path, "changed").unwrap();
        let (kept, log) = load_shipped(dir.path());
        assert!(kept == 2 && log.contains("not what was written"), "{log}");
        assert_eq!(fs::read(&path).unwrap(), b"changed", "the folder is only read");
    }

    #[test]
    fn nobody_misses_shipped_code_of_a_plugin_that_was_added() {
        let dir = tempfile::tempdir().unwrap();
        for _ in ["compiled", "from the cache"] {
            assert_eq!(load_beside_shipped(dir.path(), Origin::Folder), (2, String::new()));
        }
    }

    #[test]
    fn code_that_is_mapped_can_be_deleted_and_serves_on() {
        let dir = tempfile::tempdir().unwrap();
        load(dir.path());
        let engine = Engine::default();
        let cache = cached(&engine, dir.path());
        let in_use = BTreeSet::from([fingerprint(&empty())]);
        assert_eq!(cache.retain(&in_use).unwrap(), 0, "it is used");
        let mapped = component(&engine, &cache, Origin::Folder);
        assert_eq!(cache.retain(&BTreeSet::new()).unwrap(), 2);
        let linker = wasmtime::component::Linker::new(&engine);
        linker
            .instantiate(&mut wasmtime::Store::new(&engine, ()), &mapped)
            .unwrap();
        assert_eq!(CodeCache::new(&engine, None, None).retain(&BTreeSet::new()).unwrap(), 0);
    }

    #[test]
    fn code_that_others_can_write_is_neither_used_nor_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = precompiled(dir.path()).unwrap();
        for (open, safe, mode) in [(&path, 0o644, 0o664), (&dir.path().join("shipped"), 0o755, 0o757)] {
            let chmod = |mode| fs::set_permissions(open, fs::Permissions::from_mode(mode)).unwrap();
            chmod(mode);
            let (_, log) = load_shipped(dir.path());
            assert!(log.contains("others can write"), "{log}");
            chmod(safe);
            assert_eq!(load_shipped(dir.path()).1, "");
        }
        fs::set_permissions(dir.path().join("shipped"), fs::Permissions::from_mode(0o777)).unwrap();
        let error = precompiled(dir.path()).unwrap_err();
        assert!(error.to_string().contains("others can write"), "{error}");
    }

    #[test]
    fn what_cannot_be_compiled_or_written_is_an_error_when_it_is_to_be_shipped() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = cached(&engine, dir.path());
        let invalid = cache.precompile(&engine, b"no component", dir.path()).unwrap_err();
        assert!(matches!(invalid, PrecompileError::Invalid(_)), "{invalid}");
        fs::write(dir.path().join("shipped"), "a file where the folder should be").unwrap();
        let unwritten = precompiled(dir.path()).unwrap_err();
        assert!(matches!(unwritten, PrecompileError::Unwritten { .. }), "{unwritten}");
    }
}
