//! The table of what a hostile plugin may try is a promise: each row names the tests that show that it does not hurt, and where.

use house::{root, rows, sources, tests};

#[test]
fn everything_a_hostile_plugin_may_try_has_its_tests_where_the_table_says() {
    let table = std::fs::read_to_string(root().join("host/plugins/README.md")).unwrap();
    let rows = rows(&table, "| what it tries");
    assert!(rows.len() > 20, "{} rows", rows.len());
    let sources = sources(&root().join("host"), "rs").unwrap();
    for row in rows {
        for group in row[1].split("; ") {
            let (file, named) = group.split_once(": ").unwrap_or_else(|| panic!("no tests: {group}"));
            // "`server.rs` there" is beside the one before it.
            let file = file.trim_end_matches(" there").trim_matches('`');
            let places = sources.iter().filter(|(path, _)| path.ends_with(file));
            let there: Vec<_> = places.flat_map(|(_, text)| tests(text)).collect();
            for name in named.split(", ").map(|name| name.trim_matches('`')) {
                assert!(there.contains(&name), "no test in {file} is called {name}");
            }
        }
    }
}
