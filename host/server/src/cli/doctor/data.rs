//! The data folder: whether it can be taken, whether there is room, and whether what lies in it is whole and private.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::statvfs;
use switchboard_core::config::Config;
use switchboard_core::random::OsRandom;
use switchboard_store::{DataFolder, Look, OpenError, Probe, SealKey, check_seal_key, look};
use switchboard_whatsapp::Driver;

use super::report::Finding::{self, Fault, Note, Well};
use crate::auth::keys::{Keys, KeysError};

/// With less a start may fail: the log of the database alone can grow to 64 MiB.
const LEAST_MIB: u64 = 128;
/// With less it is time to look for more.
const SCARCE_MIB: u64 = 1024;

/// Whether the folder can be taken, and whether a server has taken it.
pub(super) fn folder(dir: &Path) -> (Finding, bool) {
    let shown = dir.display();
    match DataFolder::probe(dir) {
        Ok(Probe::Unused) => {
            let text = format!("{shown} has not been used yet; the first start sets it up");
            (Note(text), false)
        }
        Ok(Probe::Free) => (Well(format!("{shown} is writable and free")), false),
        Err(error @ OpenError::Locked { .. }) => (Note(format!("{error}. A server is running")), true),
        Err(error) => (Fault(error.to_string()), false),
    }
}

/// Whether there is room where the folder is or will be.
pub(super) fn space(dir: &Path) -> Finding {
    let there = dir.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    match statvfs(there) {
        Ok(disk) => enough(disk.f_bavail.saturating_mul(disk.f_frsize) >> 20),
        Err(error) => Note(format!("the system does not say how much is free: {error}")),
    }
}

fn enough(free_mib: u64) -> Finding {
    match free_mib {
        0..LEAST_MIB => Fault(format!(
            "{free_mib} MiB are free and {LEAST_MIB} are needed; free some, or give the data folder a larger disk"
        )),
        LEAST_MIB..SCARCE_MIB => Note(format!(
            "{free_mib} MiB are free; free some before they are used up, or give the data folder a larger disk"
        )),
        _ => Well(format!("{} GiB are free", free_mib >> 10)),
    }
}

/// Whether the database is whole, ours and of this version; and what was seen of it.
pub(super) fn database(config: &Config) -> (Finding, Option<Look>) {
    match look(&config.data.dir) {
        Ok(Some(seen)) => (judge(config, &seen), Some(seen)),
        Ok(None) => (Note("there is none yet; the first start makes it".to_owned()), None),
        Err(error) => (Fault(error.to_string()), None),
    }
}

fn judge(config: &Config, seen: &Look) -> Finding {
    let ours = Driver::realm();
    if seen.realm != ours {
        return Fault(format!(
            "it belongs to the realm {}, and this build to {ours}; use another data.dir",
            seen.realm
        ));
    }
    if let Some(damage) = seen.damage.first() {
        return Fault(format!("it is damaged ({damage}); restore it from a backup"));
    }
    let given = config.data.seal_key.as_ref().and_then(|key| SealKey::parse(key).ok());
    if let Err(error) = check_seal_key(&config.data.dir, seen, given, Arc::new(OsRandom)) {
        return Fault(error.to_string());
    }
    match seen.pending() {
        Err(mismatch) => Fault(format!("it does not fit this version: {mismatch}")),
        Ok([]) => {
            let version = seen.applied.last().map_or("empty", |applied| applied.name.as_str());
            Well(format!("realm {ours}, whole, at {version}, and its seal key opens it"))
        }
        Ok(pending) => Note(format!(
            "realm {ours}, whole; the next start applies {} migrations",
            pending.len()
        )),
    }
}

/// Whether the keys of tokens can be used.
pub(super) fn token_keys(dir: &Path) -> Finding {
    match Keys::load(&Keys::path(dir)) {
        Ok(_) => Well("can be used".to_owned()),
        Err(KeysError::Missing(_)) => Note("there are none yet; the first start makes one".to_owned()),
        Err(error) => Fault(error.to_string()),
    }
}

/// Whether other users of this machine can read what must stay private.
pub(super) fn privacy(dir: &Path) -> Finding {
    let private = [
        ("keys", "700"),
        ("keys/seal.key", "600"),
        ("keys/jwt.json", "600"),
        ("switchboard.db", "600"),
    ];
    let open = private.into_iter().find_map(|(name, mode)| {
        let path = dir.join(name);
        let found = fs::metadata(&path).ok()?.permissions().mode();
        (found & 0o077 != 0).then(|| format!("other users can read {0}: chmod {mode} {0}", path.display()))
    });
    match open {
        Some(sentence) => Fault(sentence),
        None => Well("nothing private can be read by other users".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_asked_for_where_the_folder_will_be_and_judged_by_what_a_start_needs() {
        let parent = tempfile::tempdir().unwrap();
        for dir in [parent.path(), &parent.path().join("not/made/yet")] {
            let found = space(dir);
            assert!(
                !matches!(&found, Note(text) if text.contains("does not say")),
                "{found:?}"
            );
        }
        assert!(matches!(enough(LEAST_MIB - 1), Fault(text) if text.contains("larger disk")));
        assert!(matches!(enough(LEAST_MIB), Note(_)));
        assert_eq!(enough(5 << 10), Well("5 GiB are free".to_owned()));
    }

    #[test]
    fn a_key_that_others_can_read_is_a_fault_with_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(privacy(folder.path()), Well(_)));
        let keys = folder.path().join("keys");
        fs::create_dir(&keys).unwrap();
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).unwrap();
        let seal = keys.join("seal.key");
        fs::write(&seal, "").unwrap();
        fs::set_permissions(&seal, fs::Permissions::from_mode(0o640)).unwrap();
        let Fault(sentence) = privacy(folder.path()) else {
            panic!("a fault")
        };
        assert!(
            sentence.ends_with(&format!("chmod 600 {}", seal.display())),
            "{sentence}"
        );
        fs::set_permissions(&seal, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(privacy(folder.path()), Well(_)));
    }
}
