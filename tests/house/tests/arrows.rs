//! The table in `host/README.md` says which crate may import which and who alone may name a library; Cargo says what is so.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not so"
)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::DependencyKind;
use house::{dependencies, members, root, workspace};

/// One row of the table.
struct Room {
    package: String,
    imports: BTreeSet<String>,
    alone_names: BTreeSet<String>,
}

/// The cells of every row of the table in `host/README.md` whose header begins so.
fn table<const CELLS: usize>(header: &str) -> Vec<[String; CELLS]> {
    let text = std::fs::read_to_string(root().join("host/README.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            <[&str; CELLS]>::try_from(cells)
                .unwrap_or_else(|_| panic!("a row has other than {CELLS} cells: {line}"))
                .map(str::to_owned)
        })
        .collect()
}

/// What a cell lists.
fn list(cell: &str) -> BTreeSet<String> {
    cell.split(',')
        .map(str::trim)
        .filter(|item| !matches!(*item, "" | "–"))
        .map(str::to_owned)
        .collect()
}

/// The crates of the host by their short names.
fn rooms() -> BTreeMap<String, Room> {
    table("| crate | package |")
        .into_iter()
        .map(|[link, package, _what, imports, alone]| {
            let name = link.trim_start_matches('[').split(']').next().unwrap().to_owned();
            let room = Room {
                package,
                imports: list(&imports),
                alone_names: list(&alone),
            };
            (name, room)
        })
        .collect()
}

/// Who else may name a library that has one owner.
fn also_name() -> BTreeMap<String, BTreeSet<String>> {
    table("| package outside | may also name |")
        .into_iter()
        .map(|[package, libraries, _why]| (package, list(&libraries)))
        .collect()
}

#[test]
fn every_crate_imports_exactly_what_the_table_says() {
    let (rooms, members) = (rooms(), members(&workspace().unwrap()));
    let package_of = |short: &String| {
        rooms
            .get(short)
            .map_or_else(|| short.clone(), |room| room.package.clone())
    };
    for (name, room) in &rooms {
        let package = members
            .get(&room.package)
            .unwrap_or_else(|| panic!("the table names {}, Cargo does not", room.package));
        let mut ours = dependencies(package, DependencyKind::Normal);
        ours.retain(|dependency| members.contains_key(dependency));
        assert_eq!(
            ours,
            room.imports.iter().map(package_of).collect(),
            "what {name} imports"
        );
    }
}

#[test]
fn every_crate_under_host_stands_in_the_table() {
    let packages: BTreeSet<_> = rooms().into_values().map(|room| room.package).collect();
    for (name, package) in members(&workspace().unwrap()) {
        let under_host = package.manifest_path.as_str().contains("/host/");
        assert_eq!(under_host, packages.contains(&name), "{name}");
    }
}

#[test]
fn a_library_with_one_owner_is_named_by_nobody_else() {
    let (rooms, excepted) = (rooms(), also_name());
    for (name, package) in members(&workspace().unwrap()) {
        let normal = dependencies(&package, DependencyKind::Normal);
        for (owner, library) in rooms
            .values()
            .flat_map(|room| room.alone_names.iter().map(move |l| (&room.package, l)))
        {
            let may = name == *owner || excepted.get(&name).is_some_and(|own| own.contains(library));
            assert!(
                !normal.contains(library) || may,
                "{name} names {library}, which is {owner}'s"
            );
        }
    }
}

#[test]
fn no_host_crate_needs_a_test_crate_to_be_built() {
    for (name, package) in members(&workspace().unwrap()) {
        if package.manifest_path.as_str().contains("/host/") {
            let normal = dependencies(&package, DependencyKind::Normal);
            assert!(
                !normal
                    .iter()
                    .any(|d| ["simulator", "sandbox", "e2e", "house"].contains(&d.as_str())),
                "{name}"
            );
        }
    }
}
