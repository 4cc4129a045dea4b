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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::tried::{Tried, manifest};

    #[tokio::test]
    async fn what_is_no_plugin_is_refused_by_name_and_what_is_hidden_is_left_alone() {
        let tried = Tried::new();
        let root = tried.path();
        for name in ["Otp", "7up", "a b", "%2e%2e", "otp\\..", "\u{1b}[31m", &"x".repeat(100)] {
            tried.write(name, &manifest("otp", "1.0.0"));
        }
        tried.write(".otp", &manifest("otp", "1.0.0"));
        fs::write(root.join("loose.wasm"), "").unwrap();
        fs::write(root.join("file"), "").unwrap();
        symlink(root.join("Otp"), root.join("link")).unwrap();
        tried.folder.load().await;
        let states = tried.folder.0.plugins.states();
        assert_eq!(states.len(), 10, "{states:#?}");
        for state in &states {
            assert!(state.serving.is_none() && state.error.is_some(), "{state:?}");
            assert!(
                !state.id.contains('\u{1b}') && state.id.chars().count() <= 65,
                "{:?}",
                state.id
            );
        }
        assert!(tried.error("link").contains("symbolic link"));
        assert!(tried.error("file").contains("it is not a folder"));
        assert!(tried.error("Otp").contains("no id"));
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_listed_leaves_everything_as_it_is() {
        let tried = Tried::new();
        tried.write("otp", &manifest("otp", "1.0.0"));
        tried.folder.load().await;
        let aside = tried.path().with_extension("aside");
        fs::rename(tried.path(), &aside).unwrap();
        fs::write(tried.path(), "a file").unwrap();
        tried.looks().await;
        assert_eq!(tried.kinds(), 1);
        fs::remove_file(tried.path()).unwrap();
        fs::rename(aside, tried.path()).unwrap();
        tried.looks().await;
        assert_eq!((tried.kinds(), tried.error("otp").as_str()), (1, ""));
    }
}
