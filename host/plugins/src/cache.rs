//! Compiled code, kept between runs: `<sha256 of the component>-<hash of the engine>.cwasm`, each with its fingerprint beside it.
//!
//! Whatever is missing, damaged or from another engine is compiled again and replaced. A cache that cannot be written costs time
//! at the next start and nothing else.

use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::precompiled::{Unusable, fingerprint, map};

/// Where compiled code is kept for one engine.
#[derive(Debug)]
pub(crate) struct CodeCache {
    dir: Option<PathBuf>,
    engine_hash: String,
}

impl CodeCache {
    /// Without a folder everything is compiled in memory.
    pub(crate) fn new(engine: &Engine, dir: Option<PathBuf>) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self {
            dir,
            engine_hash: format!("{:016x}", hasher.finish()),
        }
    }

    /// The component, from the cache or compiled. Takes long: not for an async task.
    ///
    /// # Errors
    /// When `wasm` is not a valid component.
    pub(crate) fn component(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let Some(dir) = &self.dir else {
            return Component::new(engine, wasm);
        };
        let path = dir.join(format!("{}-{}.cwasm", fingerprint(wasm), self.engine_hash));
        match stored(engine, &path) {
            Ok(Some(component)) => return Ok(component),
            Ok(None) => {}
            Err(reason) => {
                tracing::warn!(path = %path.display(), %reason, "compiled plugin code is not used; compiling again");
            }
        }
        let component = Component::new(engine, wasm)?;
        if let Err(error) = keep(dir, &path, &component.serialize()?) {
            tracing::warn!(path = %path.display(), %error, "compiled plugin code cannot be kept; it will be compiled at every start");
        }
        Ok(component)
    }
}

fn stored(engine: &Engine, path: &Path) -> Result<Option<Component>, Unusable> {
    match fs::read_to_string(beside(path, "sha256")) {
        Ok(written) => map(engine, path, written.trim()).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound && !path.exists() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn keep(dir: &Path, path: &Path, code: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    replace(path, code)?;
    replace(&beside(path, "sha256"), fingerprint(code).as_bytes())
}

/// Writes aside and renames: a file that is mapped by a running instance must never change under it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = beside(path, "new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
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
        CodeCache::new(engine, Some(dir.join("plugins")))
    }

    fn load(dir: &Path) -> (Vec<PathBuf>, String) {
        let engine = Engine::default();
        let log = CaughtLog::default();
        let component = log.during(|| cached(&engine, dir).component(&engine, &wat::parse_str(EMPTY).unwrap()));
        component.unwrap();
        (files(&dir.join("plugins")), log.text())
    }

    #[test]
    fn code_is_compiled_once_and_readable_by_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (first, log) = load(dir.path());
        assert_eq!((first.len(), log.as_str()), (2, ""));
        let written = fs::metadata(&first[0]).unwrap();
        assert_eq!(written.permissions().mode() & 0o777, 0o600);
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
    fn code_without_its_fingerprint_is_compiled_again() {
        let dir = tempfile::tempdir().unwrap();
        let (files, _) = load(dir.path());
        fs::remove_file(&files[1]).unwrap();
        let (again, log) = load(dir.path());
        assert!(log.contains("compiling again"), "{log}");
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
        fs::write(&files[1], fingerprint(&code)).unwrap();
        let (_, log) = load(dir.path());
        assert!(log.contains("not for this engine"), "{log}");
    }

    #[test]
    fn a_cache_that_cannot_be_written_still_gives_the_component() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("plugins"), "a file where the folder should be").unwrap();
        let engine = Engine::default();
        let log = CaughtLog::default();
        let component = log.during(|| cached(&engine, dir.path()).component(&engine, &wat::parse_str(EMPTY).unwrap()));
        component.unwrap();
        assert!(log.text().contains("cannot be kept"));
    }
}
