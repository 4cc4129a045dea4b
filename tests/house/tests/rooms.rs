//! What a reader finds when opening a room: a sign, files of one idea, and no exception that outlives its cause.

use house::{members, root, sources, workspace};

#[test]
fn every_room_has_a_sign() {
    for (name, package) in members(&workspace().unwrap()) {
        let sign = package.manifest_path.parent().expect("a folder").join("README.md");
        assert!(sign.exists(), "{name} has no README.md");
    }
    for folder in ["", "host", "plugins", "tests", "wit", "migrations"] {
        let sign = root().join(folder).join("README.md");
        assert!(sign.exists(), "{} does not exist", sign.display());
    }
}

#[test]
fn the_top_level_holds_what_was_agreed_and_nothing_else() {
    let agreed = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "Dockerfile",
        "rust-toolchain.toml",
        "README.md",
        "fly.toml",
        "host",
        "plugins",
        "wit",
        "migrations",
        "tests",
    ];
    // Made on this machine and not part of the project.
    let made_here = ["target", "data", "switchboard.toml"];
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name.starts_with('.') || agreed.contains(&name.as_str()) || made_here.contains(&name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn no_file_is_longer_than_one_idea() {
    const LONGEST: usize = 800;
    for (path, text) in sources(&root(), "rs").unwrap() {
        assert!(
            text.lines().count() <= LONGEST,
            "{} has {} lines",
            path.display(),
            text.lines().count()
        );
    }
}

/// Clippy sees to the exceptions of single items and to reasons, but lets a whole file or crate have its `allow`.
#[test]
fn no_whole_file_is_excepted_from_a_lint_for_good() {
    let allow = concat!("#![", "allow(");
    for (path, text) in sources(&root(), "rs").unwrap() {
        assert!(
            !text.contains(allow),
            "{}: use #![expect(.., reason = \"..\")]",
            path.display()
        );
    }
}

#[test]
fn unsafe_code_is_forbidden_everywhere_but_in_the_loader_of_precompiled_plugins_and_in_generated_exports() {
    for (name, package) in members(&workspace().unwrap()) {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{name} does not take the workspace's lints"
        );
        for target in package
            .targets
            .iter()
            .filter(|target| target.is_lib() || target.is_bin())
        {
            let source = std::fs::read_to_string(&target.src_path).unwrap();
            let excepted = name == "switchboard-plugins" || name.starts_with("plugin-");
            assert!(
                source.contains("#![forbid(unsafe_code)]") != excepted,
                "{}",
                target.src_path
            );
        }
    }
}
