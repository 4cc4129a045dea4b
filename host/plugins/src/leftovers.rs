//! What is left in a cache of compiled code when nobody uses it any more: of versions that are gone, of another version of the program,
//! or not written to its end. Code that is mapped stays valid when its file is deleted.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Deletes every file of compiled code in `dir` but those that are called like one of `used`, and their checksums. Returns how many.
///
/// # Errors
/// When the folder cannot be read, or a file in it not deleted.
pub(crate) fn delete_others(dir: &Path, used: &[String]) -> io::Result<usize> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let is_used = |name: &str| {
        let code = name.strip_suffix(".crc32").unwrap_or(name);
        used.iter().any(|used| used == code)
    };
    let mut deleted = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        // Whatever else is there is not this house's.
        if name.to_str().is_some_and(|name| is_ours(name) && !is_used(name)) {
            fs::remove_file(entry.path())?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Whether a file in the cache is called as this house calls its files, of whatever component and engine.
fn is_ours(name: &str) -> bool {
    let Some((code, rest)) = name.split_once('.') else {
        return false;
    };
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_of_a_component = code
        .split_once('-')
        .is_some_and(|(fingerprint, engine)| is_hex(fingerprint, 64) && is_hex(engine, 16));
    is_of_a_component && matches!(rest, "cwasm" | "cwasm.crc32" | "cwasm.new" | "cwasm.crc32.new")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_uses_is_deleted_and_what_is_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let name = |component: char, engine: char| {
            let [component, engine] = [(component, 64), (engine, 16)].map(|(c, length)| c.to_string().repeat(length));
            format!("{component}-{engine}.cwasm")
        };
        let used = name('a', '1');
        let left = [used.clone(), format!("{used}.crc32")];
        let foreign = ["README".to_owned(), "a-b.cwasm".to_owned(), ".cwasm".to_owned()];
        let stale = [
            name('a', '2'),
            format!("{}.crc32", name('a', '2')),
            name('b', '1'),
            format!("{}.crc32", name('b', '1')),
            format!("{used}.new"),
            format!("{used}.crc32.new"),
        ];
        for name in left.iter().chain(&foreign).chain(&stale) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let used = [used];
        assert_eq!(delete_others(dir.path(), &used).unwrap(), 6);
        assert_eq!(delete_others(dir.path(), &used).unwrap(), 0);
        assert!(left.iter().chain(&foreign).all(|name| dir.path().join(name).exists()));
        assert_eq!(delete_others(&dir.path().join("none"), &used).unwrap(), 0);
    }
}
