//! The target that components are built for, and how a toolchain comes by it. A part of the build script that its crate tests.

use std::path::Path;
use std::process::Command;

pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Installs the target's standard library if the toolchain of `rustc` does not have it. An error is one sentence, in one line.
pub(crate) fn add_target(mut rustc: Command, mut rustup: Command) -> Result<(), String> {
    let printed = rustc.args(["--print", "target-libdir", "--target", TARGET]).output();
    let installed = printed.is_ok_and(|printed| {
        printed.status.success() && Path::new(String::from_utf8_lossy(&printed.stdout).trim()).is_dir()
    });
    if installed {
        return Ok(());
    }
    let reason = match rustup.args(["target", "add", TARGET]).output() {
        Ok(added) if added.status.success() => return Ok(()),
        Ok(added) => one_line(&String::from_utf8_lossy(&added.stderr)),
        Err(error) => format!("rustup cannot be run: {error}"),
    };
    Err(format!(
        "the plugins need Rust's {TARGET} target, and it could not be added ({reason}); run `rustup target add {TARGET}` and build again"
    ))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A program that does this with its arguments, in the folder.
    fn program(folder: &TempDir, script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.current_dir(folder).args(["-c", script, "program"]);
        shell
    }

    /// A rustc whose targets are the folders beside it.
    fn rustc(folder: &TempDir) -> Command {
        program(folder, "echo \"$PWD/$4\"")
    }

    /// A rustup that makes a target, as far as that rustc can see, and notes what it was asked for.
    fn rustup(folder: &TempDir) -> Command {
        program(folder, "echo \"$@\" >> asked; mkdir \"$3\"")
    }

    #[test]
    fn a_missing_target_is_added_by_rustup_once() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            assert_eq!(add_target(rustc(&folder), rustup(&folder)), Ok(()));
            let asked = fs::read_to_string(folder.path().join("asked")).unwrap();
            assert_eq!(asked, "target add wasm32-wasip2\n");
        }
    }

    #[test]
    fn a_rustc_that_does_not_know_the_target_or_cannot_be_run_leaves_it_to_rustup() {
        for rustc in [|folder: &TempDir| program(folder, "exit 1"), |_: &TempDir| nowhere()] {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(add_target(rustc(&folder), rustup(&folder)), Ok(()));
            assert!(folder.path().join(TARGET).is_dir());
        }
    }

    #[test]
    fn a_target_that_cannot_be_added_is_one_sentence_with_the_reason_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let offline = program(
            &folder,
            "printf 'info: downloading\\n\\nerror: no network\\n' >&2; exit 1",
        );
        assert_eq!(
            add_target(rustc(&folder), offline).unwrap_err(),
            "the plugins need Rust's wasm32-wasip2 target, and it could not be added (info: downloading error: no network); \
             run `rustup target add wasm32-wasip2` and build again"
        );
        let sentence = add_target(rustc(&folder), nowhere()).unwrap_err();
        assert!(sentence.contains("(rustup cannot be run: "), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
    }

    fn nowhere() -> Command {
        Command::new("/nowhere/program")
    }
}
