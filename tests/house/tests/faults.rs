//! The table of faults is a promise: each row names the tests that show it, and they are there.

use std::collections::BTreeSet;

use house::{root, rows, sources, tests};

#[test]
fn every_fault_in_the_table_has_its_tests() {
    let table = std::fs::read_to_string(root().join("host/whatsapp/FAULTS.md")).unwrap();
    let rows = rows(&table, "| what happens");
    assert!(rows.len() > 30, "{} rows", rows.len());
    let sources = sources(&root(), "rs").unwrap();
    let there: BTreeSet<_> = sources.iter().flat_map(|(_, text)| tests(text)).collect();
    for row in rows {
        let named = row.last().unwrap().split(',');
        for name in named.map(|name| name.trim().trim_matches('`')) {
            assert!(there.contains(name), "no test is called {name}: {row:?}");
        }
    }
}
