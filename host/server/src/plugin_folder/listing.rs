//! What lies in the folder of plugins, without a file being read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::{fs, io};

use crate::plugin_files::{self, Look};

/// Plugins that one folder may have.
pub(super) const MOST_PLUGINS: usize = 256;

/// How each folder looks.
pub(super) struct Looks {
    pub(super) looks: BTreeMap<OsString, Look>,
    /// How many there are beyond those.
    pub(super) left_out: usize,
}

/// Looks at a folder of plugins; one that is not there is empty.
pub(super) fn look_at(path: &Path) -> io::Result<Looks> {
    let mut names = Vec::new();
    match fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                if !name.as_encoded_bytes().starts_with(b".") {
                    names.push(name);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    names.sort();
    let left_out = names.len().saturating_sub(MOST_PLUGINS);
    names.truncate(MOST_PLUGINS);
    let looks = names.into_iter().filter_map(|name| {
        let look = plugin_files::look(&path.join(&name))?;
        Some((name, look))
    });
    Ok(Looks {
        looks: looks.collect(),
        left_out,
    })
}
