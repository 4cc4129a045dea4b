//! One plugin as it lies in a folder: `plugin.toml` and one component, `plugin.wasm` or else the only `*.wasm` there is. Nothing else
//! in it is looked at, and no name that begins with a dot.
//!
//! Bounds: no symbolic link is followed and nothing but a plain file is opened; the length is known before a byte is read; what
//! changes while it is read is refused. Everything here blocks: not for an async task.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use switchboard_plugins::Refusal;

const MANIFEST: &str = "plugin.toml";
const COMPONENT: &str = "plugin.wasm";
/// The largest plugin.toml, in KiB.
pub(crate) const MOST_MANIFEST_KIB: u64 = 256;
/// Files of a folder that are looked at.
const MOST_FILES: usize = 64;

/// What can be seen of a plugin without reading it. Two looks differ whenever anything changed in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    folder: Seen,
    /// The manifest and the components, by name.
    files: Vec<(OsString, Seen)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    kind: What,
    inode: u64,
    /// Of a folder these change with files that nobody looks at, so they are 0.
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Folder,
    File,
    Link,
    Other,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct PluginFiles {
    /// The text of plugin.toml.
    pub(crate) manifest_toml: String,
    /// The component.
    pub(crate) wasm: Vec<u8>,
    /// How the folder looked before and afterwards.
    pub(crate) look: Look,
}

/// How a folder looks now; none when there is nothing of this name.
pub(crate) fn look(folder: &Path) -> Option<Look> {
    let this = Seen::of(&fs::symlink_metadata(folder).ok()?);
    let mut files = Vec::new();
    if this.kind == What::Folder {
        // One that cannot be listed looks empty here, and says why when it is read.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if (name == MANIFEST || is_component(&name)) && files.len() < MOST_FILES {
                // It may have gone meanwhile.
                if let Ok(metadata) = fs::symlink_metadata(entry.path()) {
                    files.push((name, Seen::of(&metadata)));
                }
            }
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Some(Look { folder: this, files })
}

/// Reads the plugin in a folder; its component may have `max_wasm_mib`.
///
/// # Errors
/// Why it is no plugin, in a sentence for whoever put it there.
pub(crate) fn read(folder: &Path, max_wasm_mib: u32) -> Result<PluginFiles, Refusal> {
    read_while(folder, max_wasm_mib, || ())
}

/// Whether a component lies in a folder, fit to be read or not.
pub(crate) fn has_component(folder: &Path) -> bool {
    look(folder).is_some_and(|look| look.files.iter().any(|(name, _)| is_component(name)))
}

/// The same while something happens after the last byte was read.
fn read_while(folder: &Path, max_wasm_mib: u32, meanwhile: impl FnOnce()) -> Result<PluginFiles, Refusal> {
    let before = look(folder).ok_or_else(|| files("its folder is not there"))?;
    match before.folder.kind {
        What::Folder => {}
        What::Link => return Err(files("its folder is a symbolic link, which is not followed")),
        What::File | What::Other => {
            return Err(files(
                "it is not a folder; a plugin is a folder with plugin.toml and plugin.wasm",
            ));
        }
    }
    let component = before.component()?;
    let options = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened =
        openat(CWD, folder, options, Mode::empty()).map_err(|error| unreadable("its folder", &error.into()))?;
    let opened = File::from(opened);
    let manifest = file(&opened, OsStr::new(MANIFEST), MOST_MANIFEST_KIB * 1024, |length| {
        files(format!(
            "its plugin.toml has {length} bytes; the most is {MOST_MANIFEST_KIB} KiB"
        ))
    })?;
    let wasm = file(&opened, &component, u64::from(max_wasm_mib) << 20, |length| {
        Refusal::TooLarge {
            size_bytes: usize::try_from(length).unwrap_or(usize::MAX),
            most_mib: max_wasm_mib,
        }
    })?;
    meanwhile();
    if look(folder).as_ref() != Some(&before) {
        return Err(files("it changed while it was read"));
    }
    Ok(PluginFiles {
        manifest_toml: String::from_utf8(manifest).map_err(|_| files("its plugin.toml is not UTF-8"))?,
        wasm,
        look: before,
    })
}

impl Look {
    /// The name of the component.
    fn component(&self) -> Result<OsString, Refusal> {
        let mut names = self
            .files
            .iter()
            .map(|(name, _)| name)
            .filter(|name| is_component(name));
        if let Some(name) = names.clone().find(|name| *name == COMPONENT) {
            return Ok(name.clone());
        }
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name.clone()),
            (None, _) => Err(files(
                "its folder has no component; it goes beside plugin.toml as plugin.wasm",
            )),
            (Some(_), Some(_)) => Err(files(
                "its folder has several components; the one to load must be called plugin.wasm",
            )),
        }
    }
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        let kind = match metadata.file_type() {
            kind if kind.is_dir() => What::Folder,
            kind if kind.is_file() => What::File,
            kind if kind.is_symlink() => What::Link,
            _ => What::Other,
        };
        let is_folder = kind == What::Folder;
        let unless_folder = |time: (i64, i64)| if is_folder { (0, 0) } else { time };
        Self {
            kind,
            inode: metadata.ino(),
            length: if is_folder { 0 } else { metadata.len() },
            modified: unless_folder((metadata.mtime(), metadata.mtime_nsec())),
            changed: unless_folder((metadata.ctime(), metadata.ctime_nsec())),
        }
    }
}

fn is_component(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.ends_with(b".wasm") && !name.starts_with(b".")
}

fn file(folder: &File, name: &OsStr, most: u64, too_large: impl Fn(u64) -> Refusal) -> Result<Vec<u8>, Refusal> {
    let its_name = format!("its {}", shown(name));
    // Opening a pipe would wait for who writes to it.
    let options = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = match openat(folder, name, options, Mode::empty()) {
        Ok(opened) => File::from(opened),
        Err(Errno::LOOP) => return Err(files(format!("{its_name} is a symbolic link, which is not followed"))),
        Err(error) => return Err(unreadable(&its_name, &error.into())),
    };
    let metadata = opened.metadata().map_err(|error| unreadable(&its_name, &error))?;
    if !metadata.is_file() {
        return Err(files(format!("{its_name} is not a plain file")));
    }
    if metadata.len() > most {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    opened
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&its_name, &error))?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= most => Ok(bytes),
        _ => Err(files("it changed while it was read")),
    }
}

/// A name that anybody may have made up, fit for a sentence.
pub(crate) fn shown(name: &OsStr) -> String {
    let text = name.to_string_lossy();
    let printable = text
        .chars()
        .map(|c| if is_plain(c) { c } else { char::REPLACEMENT_CHARACTER });
    let mut shown: String = printable.clone().take(64).collect();
    if printable.count() > 64 {
        // Not to be taken for the id that it begins with.
        shown.push('…');
    }
    shown
}

/// Whether it shows as itself: no control, and nothing that turns the direction of what follows.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn files(sentence: impl Into<String>) -> Refusal {
    Refusal::Files(sentence.into())
}

fn unreadable(what: &str, error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::NotFound => files(format!("{what} is not there")),
        _ => Refusal::Unreadable(format!("{what} cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A folder with these files.
    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn refused(folder: &Path) -> String {
        read(folder, 1).unwrap_err().to_string()
    }

    #[test]
    fn a_plugin_is_its_manifest_and_its_component() {
        for component in ["plugin.wasm", "anything.wasm"] {
            let folder = folder(&[
                ("plugin.toml", "id"),
                (component, "code"),
                ("README.md", ""),
                (".x.wasm", ""),
            ]);
            let found = read(folder.path(), 1).unwrap();
            assert_eq!((found.manifest_toml.as_str(), &found.wasm[..]), ("id", &b"code"[..]));
            assert_eq!(look(folder.path()), Some(found.look));
        }
        let several = [("plugin.toml", ""), ("a.wasm", "a"), ("plugin.wasm", "b")];
        assert_eq!(read(folder(&several).path(), 1).unwrap().wasm, b"b");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (there, sentence) in [
            (&[][..], "no component"),
            (&[("plugin.toml", "")], "no component"),
            (&[("plugin.wasm", "")], "its plugin.toml is not there"),
            (
                &[("plugin.toml", ""), ("a.wasm", ""), ("b.wasm", "")],
                "several components",
            ),
        ] {
            let found = refused(folder(there).path());
            assert!(found.contains(sentence), "{found}");
        }
        assert_eq!(refused(Path::new("/nowhere/at/all")), "its folder is not there");
    }

    #[test]
    fn no_link_is_followed_and_only_plain_files_are_opened() {
        let outside = folder(&[("plugin.toml", "secret"), ("plugin.wasm", "code")]);
        let here = tempfile::tempdir().unwrap();
        let linked = here.path().join("otp");
        symlink(outside.path(), &linked).unwrap();
        assert!(refused(&linked).contains("its folder is a symbolic link"));
        for name in ["plugin.toml", "plugin.wasm"] {
            let plugin = folder(&[("plugin.toml", ""), ("plugin.wasm", "")]);
            let path = plugin.path().join(name);
            fs::remove_file(&path).unwrap();
            symlink(outside.path().join(name), &path).unwrap();
            assert!(refused(plugin.path()).contains("is a symbolic link"));
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
            assert!(refused(plugin.path()).contains("is not a plain file"));
        }
        let file = outside.path().join("plugin.toml");
        assert!(refused(&file).contains("it is not a folder"));
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_by_its_length_alone() {
        let plugin = folder(&[("plugin.toml", ""), ("plugin.wasm", "")]);
        let long = |name: &str, length| {
            let file = File::options().write(true).open(plugin.path().join(name)).unwrap();
            file.set_len(length).unwrap();
        };
        // As sparse as it is, reading it would take all memory.
        long("plugin.wasm", 1 << 40);
        assert_eq!(
            refused(plugin.path()),
            "the component has 1099511627776 bytes; this host allows 1 MiB"
        );
        long("plugin.wasm", 1 << 20);
        read(plugin.path(), 1).unwrap();
        long("plugin.toml", 1 << 40);
        assert!(refused(plugin.path()).contains("the most is 256 KiB"));
    }

    #[test]
    fn what_changes_while_it_is_read_is_refused() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 4] = [
            ("longer", |path| fs::write(path, "codes").unwrap()),
            ("another file of the same length", |path| {
                fs::write(path.with_extension("new"), "edoc").unwrap();
                fs::rename(path.with_extension("new"), path).unwrap();
            }),
            ("gone", |path| fs::remove_file(path).unwrap()),
            ("a link", |path| {
                fs::rename(path, path.with_extension("old")).unwrap();
                symlink(path.with_extension("old"), path).unwrap();
            }),
        ];
        for (what, change) in changes {
            let plugin = folder(&[("plugin.toml", ""), ("plugin.wasm", "code")]);
            let path = plugin.path().join("plugin.wasm");
            let refusal = read_while(plugin.path(), 1, || change(&path)).unwrap_err();
            assert_eq!(refusal.to_string(), "it changed while it was read", "{what}");
        }
    }

    #[test]
    fn a_change_of_a_file_is_another_look_and_what_is_no_part_of_the_plugin_is_none() {
        let plugin = folder(&[("plugin.toml", "a"), ("plugin.wasm", "b")]);
        let first = look(plugin.path());
        fs::write(plugin.path().join("notes.txt"), "x").unwrap();
        fs::create_dir(plugin.path().join("cases")).unwrap();
        assert_eq!(look(plugin.path()), first);
        // The same length, written aside and renamed.
        fs::write(plugin.path().join("new"), "c").unwrap();
        fs::rename(plugin.path().join("new"), plugin.path().join("plugin.wasm")).unwrap();
        assert_ne!(look(plugin.path()), first);
        fs::remove_file(plugin.path().join("plugin.wasm")).unwrap();
        assert_ne!(look(plugin.path()), first);
    }

    #[test]
    fn a_made_up_name_is_shown_without_what_would_spoil_a_line() {
        assert_eq!(
            shown(OsStr::new("a\nb\u{1b}[31m\u{202e}")),
            "a\u{fffd}b\u{fffd}[31m\u{fffd}"
        );
        assert_eq!(shown(OsStr::new(&"x".repeat(1000))).len(), 67);
    }
}
