//! The one unsafe step of the house: mapping native code that this program compiled itself, in this run or an earlier one or where
//! its image was built.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Why a file of compiled code was not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("there is none for this plugin and this version of Switchboard")]
    Missing,
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error(
        "others can write {0}, and would be in control of this process; let it belong to root or to this user alone"
    )]
    Exposed(&'static str),
    #[error("it is not what was written")]
    Altered,
    #[error("it is not for this engine: {0}")]
    Foreign(wasmtime::Error),
}

/// The fingerprint of a component, under which its compiled code is stored and found again.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What tells whether compiled code is still what was written. A fingerprint would take longer than all the rest of a load, and could
/// not do more: who can change the one file can change the other.
pub(crate) fn checksum(mut code: impl Read) -> io::Result<String> {
    let mut hasher = crc32fast::Hasher::new();
    // In parts that stay in the processor's cache: room for all of it would cost more than the sum.
    let mut part = vec![0; 64 * 1024];
    loop {
        match code.read(&mut part)? {
            0 => return Ok(format!("{:08x}", hasher.finalize())),
            length => hasher.update(&part[..length]),
        }
    }
}

/// Maps the compiled component in `path`, if it still has the checksum it was written with.
pub(crate) fn map(engine: &Engine, path: &Path, written: &str) -> Result<Component, Unusable> {
    for (path, what) in [(Some(path), "it"), (path.parent(), "its folder")] {
        if path.is_some_and(|path| !is_ours_alone(path).unwrap_or(false)) {
            return Err(Unusable::Exposed(what));
        }
    }
    if checksum(File::open(path)?)? != written {
        return Err(Unusable::Altered);
    }
    // SAFETY: `deserialize_file` trusts the file to be unmodified output of `Component::serialize`, because it will be run as native
    // code. Only `cache.rs` writes such files, with exactly that output, aside and renamed. It was just checked that nobody but this
    // user and root can write file and folder; the checksum just compared rules out damage, and the engine itself refuses code
    // that was compiled for another configuration or processor. So whoever could forge file and checksum is somebody who is
    // trusted anyhow: in the data folder, who could replace the database and the keys beside it; in a folder that came with the
    // program (`plugins.precompiled_dir`), who could replace the program. The operator must name no other folder there.
    #[expect(
        unsafe_code,
        reason = "loading compiled code instead of compiling is a thousand times faster"
    )]
    let mapped = unsafe { Component::deserialize_file(engine, path) };
    mapped.map_err(Unusable::Foreign)
}

/// Whether nobody but this user and the superuser can write there.
fn is_ours_alone(path: &Path) -> io::Result<bool> {
    const WRITE_OF_GROUP_AND_OTHERS: u32 = 0o022;
    let metadata = fs::metadata(path)?;
    let owners = [0, geteuid().as_raw()];
    Ok(owners.contains(&metadata.uid()) && metadata.mode() & WRITE_OF_GROUP_AND_OTHERS == 0)
}
