//! The table of faults is a promise: each row names the tests that show it, and they are there.

use std::collections::BTreeSet;

use house::{root, sources};

#[test]
fn every_fault_in_the_table_has_its_tests() {
    let table = std::fs::read_to_string(root().join("host/whatsapp/FAULTS.md")).unwrap();
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("| what happens") && !line.starts_with("|---"))
        .collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    let mut tests = BTreeSet::new();
    for (_, text) in sources(&root(), "rs").unwrap() {
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
                let name = lines.find_map(|line| line.split_once("fn ")).map(|(_, rest)| rest);
                tests.extend(name.and_then(|name| name.split('(').next()).map(str::to_owned));
            }
        }
    }
    for row in rows {
        let named = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        for name in named.split(',').map(|name| name.trim().trim_matches('`')) {
            assert!(tests.contains(name), "no test is called {name}: {row}");
        }
    }
}
