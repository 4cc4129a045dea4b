//! The one unsafe step of the house: mapping native code that this process, or an earlier run of it, compiled itself.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Why a file of compiled code was not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("it is not what was written")]
    Altered,
    #[error("it is not for this engine: {0}")]
    Foreign(wasmtime::Error),
}

/// The fingerprint under which compiled code is stored and found again.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Maps the compiled component in `path`, if it still has the fingerprint it was written with.
pub(crate) fn map(engine: &Engine, path: &Path, written: &str) -> Result<Component, Unusable> {
    if fingerprint(&fs::read(path)?) != written {
        return Err(Unusable::Altered);
    }
    // SAFETY: `deserialize_file` trusts the file to be unmodified output of `Component::serialize`, because it will be run as native
    // code. Only `cache.rs` writes there, with exactly that output, aside and renamed, in a folder that nobody but this user can
    // write; the fingerprint just compared rules out damage, and the engine itself refuses code compiled for another configuration.
    // Whoever could forge file and fingerprint in that folder could as well replace the database and the keys beside it.
    #[expect(
        unsafe_code,
        reason = "loading compiled code instead of compiling is a thousand times faster"
    )]
    let mapped = unsafe { Component::deserialize_file(engine, path) };
    mapped.map_err(Unusable::Foreign)
}
