//! The workspace as Cargo sees it, and its sources as they lie on disk, for the tests of this crate.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package};

/// The checkout's root folder: of the checkout that is tested, which need not be the one that this was compiled in.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.join("../..")
}

/// The workspace with its resolved dependencies for the machine at hand, without asking any registry.
///
/// # Errors
/// When `rustc` or `cargo` cannot be run, or the lock file does not fit the manifests.
pub fn workspace() -> Result<Metadata, Box<dyn std::error::Error>> {
    let output = Command::new("rustc").args(["--print", "host-tuple"]).output()?;
    let host = String::from_utf8(output.stdout)?.trim().to_owned();
    let options = ["--locked", "--offline", "--filter-platform", &host].map(str::to_owned);
    Ok(MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .features(CargoOpt::SomeFeatures(Vec::new()))
        .other_options(options)
        .exec()?)
}

/// Every package of the workspace by name.
pub fn members(workspace: &Metadata) -> BTreeMap<String, Package> {
    workspace
        .workspace_packages()
        .into_iter()
        .map(|package| (package.name.to_string(), package.clone()))
        .collect()
}

/// The names of what a package depends on, by kind.
pub fn dependencies(package: &Package, kind: DependencyKind) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .filter(|d| d.kind == kind)
        .map(|d| d.name.clone())
        .collect()
}

/// Every file under `folder` with this extension that git would keep, with its text.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn sources(folder: &Path, extension: &str) -> io::Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b".") || name == "target");
            if path.is_dir() && !hidden {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                let text = std::fs::read_to_string(&path)?;
                found.push((path, text));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The names of the tests in a source.
pub fn tests(text: &str) -> BTreeSet<&str> {
    let mut tests = BTreeSet::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
            let name = lines.find_map(|line| line.split_once("fn ")).map(|(_, rest)| rest);
            tests.extend(name.and_then(|name| name.split('(').next()));
        }
    }
    tests
}

/// The cells of each row of every table that begins with `head`.
pub fn rows(text: &str, head: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        if line.starts_with(head) {
            is_inside = true;
        } else if !line.starts_with('|') {
            is_inside = false;
        } else if is_inside && !line.starts_with("|---") {
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}
