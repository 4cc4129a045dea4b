//! What must and must not be in the tree of dependencies.

#![expect(clippy::expect_used, reason = "a test ends at the first thing that is not so")]

use std::collections::BTreeSet;
use std::process::Command;

use cargo_metadata::{Metadata, PackageId};
use house::workspace;

/// Every package that is built for this machine, development dependencies included, with its features.
fn built(workspace: &Metadata) -> Vec<(String, BTreeSet<String>)> {
    let resolve = workspace.resolve.as_ref().expect("the resolved tree");
    let name = |id: &PackageId| {
        workspace
            .packages
            .iter()
            .find(|package| package.id == *id)
            .map(|package| package.name.to_string())
    };
    resolve
        .nodes
        .iter()
        .filter_map(|node| Some((name(&node.id)?, node.features.iter().map(ToString::to_string).collect())))
        .collect()
}

fn count(workspace: &Metadata, names: &[&str]) -> usize {
    built(workspace)
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .count()
}

#[test]
fn there_is_exactly_one_sqlite() {
    let workspace = workspace().unwrap();
    assert_eq!(count(&workspace, &["libsql-ffi"]), 1);
    assert_eq!(
        count(
            &workspace,
            &["libsqlite3-sys", "sqlite3-sys", "turso", "turso_core", "diesel"]
        ),
        0
    );
}

#[test]
fn there_is_exactly_one_tls_stack_and_one_crypto_backend_for_it() {
    let workspace = workspace().unwrap();
    assert_eq!(count(&workspace, &["rustls"]), 1);
    assert_eq!(count(&workspace, &["ring"]), 1);
    assert_eq!(
        count(
            &workspace,
            &["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"]
        ),
        0
    );
}

#[test]
fn there_is_exactly_one_async_runtime() {
    let workspace = workspace().unwrap();
    assert_eq!(count(&workspace, &["tokio"]), 1);
    assert_eq!(count(&workspace, &["async-std", "smol", "async-global-executor"]), 0);
}

#[test]
fn nothing_needs_a_nightly_compiler() {
    let simd: Vec<_> = built(&workspace().unwrap())
        .into_iter()
        .filter(|(name, features)| {
            let whatsapp = name.starts_with("wacore") || name.starts_with("whatsapp-rust") || name == "waproto";
            whatsapp && features.contains("simd")
        })
        .collect();
    assert!(simd.is_empty(), "{simd:?}");
}

#[test]
fn a_c_compiler_is_all_that_a_build_needs_besides_rust() {
    let workspace = workspace().unwrap();
    let tools = ["prost-build", "protobuf-src", "ffmpeg-next", "ffmpeg-sys-next"];
    assert_eq!(count(&workspace, &tools), 0);
    // libsql-ffi lists cmake among its build dependencies but calls it for its ciphers alone.
    let (_, features) = built(&workspace)
        .into_iter()
        .find(|(name, _)| name == "libsql-ffi")
        .expect("libsql");
    assert!(!features.contains("multiple-ciphers"), "{features:?}");
}

#[test]
fn the_shipped_binary_checks_whatsapps_certificates() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--package",
            "switchboard",
            "--edges",
            "features,no-dev",
        ])
        .current_dir(house::root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(
        tree.contains("whatsapp-rust feature"),
        "the tree could not be drawn: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        !tree.contains("danger"),
        "a feature that skips a check is in the default build"
    );
}

#[test]
fn the_libraries_that_decide_what_is_stored_are_pinned_exactly() {
    let manifest = std::fs::read_to_string(house::root().join("Cargo.toml")).unwrap();
    for library in ["whatsapp-rust", "libsql"] {
        let line = manifest
            .lines()
            .find(|line| line.starts_with(&format!("{library} =")))
            .expect("a workspace dependency");
        assert!(line.contains("version = \"="), "{line}");
    }
}
