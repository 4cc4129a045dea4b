//! Builds every `plugins/<id>` that has a plugin.toml and a Cargo.toml as a component, and writes the table that embeds them.
//!
//! The nested cargo has a target folder of its own, `<target>/guests`: it cannot deadlock with the outer one, and one build serves
//! debug, release, clippy and doc alike. It uses the workspace's Cargo.lock and never changes it.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use self::toolchain::{TARGET, add_target};

#[path = "build/toolchain.rs"]
mod toolchain;

/// Components are small and start fast, whatever the profile of the host is.
const PROFILE: [(&str, &str); 5] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
    ("CARGO_PROFILE_RELEASE_LTO", "true"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            println!("cargo::error={sentence}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let (Some(plugins), Some(root)) = (here.parent(), here.ancestors().nth(2)) else {
        return Err(format!(
            "{} is not in the folder plugins of the workspace",
            here.display()
        ));
    };
    let ids = plugin_ids(plugins).map_err(|error| format!("{} cannot be read: {error}", plugins.display()))?;
    watch(root, plugins, &ids);
    let rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    add_target(rustc, Command::new("rustup"))?;
    let guests = target_folder(&out).join("guests");
    build_components(root, &guests, &ids)?;
    let table = ids
        .iter()
        .map(|id| embed(plugins, &guests, &out, id))
        .collect::<Result<Vec<_>, _>>()?;
    let table = format!("const PLUGINS: &[Bundled] = &[\n{}];\n", table.concat());
    fs::write(out.join("plugins.rs"), table).map_err(|error| format!("{} cannot be written: {error}", out.display()))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set: this is a build script for cargo to run"))
}

/// The folders of all plugins, in alphabetical order.
fn plugin_ids(plugins: &Path) -> io::Result<Vec<String>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(plugins)? {
        let folder = entry?.path();
        if folder.join("plugin.toml").is_file() && folder.join("Cargo.toml").is_file() {
            ids.extend(folder.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    ids.sort();
    Ok(ids)
}

/// What a component is made of. A new plugin shows as a new package in Cargo.lock.
fn watch(root: &Path, plugins: &Path, ids: &[String]) {
    let shared = ["wit", "Cargo.toml", "Cargo.lock"].map(|name| root.join(name));
    let own = ids
        .iter()
        .flat_map(|id| ["src", "plugin.toml", "Cargo.toml"].map(|name| plugins.join(id).join(name)));
    for path in shared.into_iter().chain(own) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// The folder that cargo builds into: the nearest one above `out` that cargo has tagged as its own.
fn target_folder(out: &Path) -> &Path {
    out.ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .unwrap_or(out)
}

fn build_components(root: &Path, guests: &Path, ids: &[String]) -> Result<(), String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root)
        .args([
            "build",
            "--locked",
            "--release",
            "--lib",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(guests);
    for id in ids {
        cargo.arg("--package").arg(format!("plugin-{id}"));
    }
    // What the outer cargo set for the host would rebuild everything or break the build: clippy's driver, flags for another processor.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let outer = [
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_TARGET_DIR",
        ];
        let of_package = ["CARGO_CFG_", "CARGO_FEATURE_", "CARGO_PROFILE_"];
        if outer.contains(&name.as_ref()) || of_package.iter().any(|prefix| name.starts_with(prefix)) {
            cargo.env_remove(name.as_ref());
        }
    }
    // What the compiler says goes through: cargo shows it when this script fails.
    match cargo.envs(PROFILE).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("the plugins do not build for WebAssembly; what the compiler said stands below".to_owned()),
        Err(error) => Err(format!("cargo cannot be run for the plugins: {error}")),
    }
}

/// Copies one component beside the table, so that the embedded bytes outlive the guests' folder, and returns its entry.
fn embed(plugins: &Path, guests: &Path, out: &Path, id: &str) -> Result<String, String> {
    let built = guests
        .join(TARGET)
        .join("release")
        .join(format!("plugin_{}.wasm", id.replace('-', "_")));
    let kept = out.join(format!("{id}.wasm"));
    fs::copy(&built, &kept).map_err(|error| {
        format!(
            "plugin {id} was built, but {} cannot be copied: {error}",
            built.display()
        )
    })?;
    let manifest = plugins.join(id).join("plugin.toml");
    Ok(format!(
        "    Bundled {{ id: {id:?}, manifest: include_str!({manifest:?}), wasm: include_bytes!({kept:?}) }},\n"
    ))
}
