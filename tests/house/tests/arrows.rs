//! The table in `host/README.md` says which crate may import which and who alone may name a library; Cargo says what is so.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::DependencyKind;
use house::{dependencies, members, root, workspace};

/// One row of the table.
struct Room {
    package: String,
    imports: BTreeSet<String>,
    alone_names: BTreeSet<String>,
}

/// The rows of the table whose header begins with `| crate | package |`, by the crate's short name.
fn rooms() -> BTreeMap<String, Room> {
    let text = std::fs::read_to_string(root().join("host/README.md")).unwrap();
    let list = |cell: &str| {
        cell.split(',')
            .map(str::trim)
            .filter(|c| !matches!(*c, "" | "–"))
            .map(str::to_owned)
            .collect()
    };
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| crate | package |"))
        .skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [link, package, _what, imports, alone] = cells[..] else {
                panic!("a row has other than five cells: {line}")
            };
            let name = link.trim_start_matches('[').split(']').next().unwrap().to_owned();
            (
                name,
                Room {
                    package: package.to_owned(),
                    imports: list(imports),
                    alone_names: list(alone),
                },
            )
        })
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
    // The simulator speaks WhatsApp's protocol from the other side.
    const SIMULATOR_TOO: &str = "whatsapp-rust";
    let rooms = rooms();
    for (name, package) in members(&workspace().unwrap()) {
        let normal = dependencies(&package, DependencyKind::Normal);
        for (owner, library) in rooms
            .values()
            .flat_map(|room| room.alone_names.iter().map(move |l| (&room.package, l)))
        {
            let simulator = name == "simulator" && (library == SIMULATOR_TOO || library == "axum");
            assert!(
                !normal.contains(library) || name == *owner || simulator,
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
