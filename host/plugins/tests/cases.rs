//! Every folder `plugins/<id>/cases/<case>` is a test: one step of the plugin in the real engine, schema check included.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use switchboard_core::clock::UnixMillis;
use switchboard_core::problem::Problem;
use switchboard_plugins::{CallContext, Engine, EngineOptions, Outcome, PluginSource, Plugins};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    kind: String,
    body: Value,
}

#[tokio::test]
async fn every_case_of_every_plugin_holds() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for plugin in bundled::plugins() {
        let source = PluginSource {
            manifest_toml: plugin.manifest.into(),
            wasm: plugin.wasm.into(),
        };
        let engine = Engine::new(EngineOptions::default()).unwrap();
        let plugins = Plugins::load(engine, vec![source]).await.unwrap();
        for case in cases(plugin.id) {
            count += 1;
            let (expected, found) = (
                read::<Value>(&case, "expected.json").unwrap(),
                run(&plugins, &case).await,
            );
            if expected != found {
                wrong.push(format!("{}\n  expected {expected}\n  found    {found}", case.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 0, "there are no cases at all");
}

fn cases(id: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../plugins")
        .join(id)
        .join("cases");
    let mut cases: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(
        !cases.is_empty(),
        "{} is empty: a plugin without a case is not tested",
        folder.display()
    );
    cases
}

fn read<T: DeserializeOwned>(case: &Path, name: &str) -> Option<T> {
    let path = case.join(name);
    let text = fs::read_to_string(&path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

async fn run(plugins: &Plugins, case: &Path) -> Value {
    let context = CallContext {
        request_id: "case".parse().unwrap(),
        accepted_at: UnixMillis(1_795_421_730_250),
    };
    let Input { kind, body } = read(case, "input.json").unwrap();
    let outcomes: Vec<Outcome> = read(case, "outcomes.json").unwrap_or_default();
    match plugins.next(&context, &kind, &body, &outcomes).await {
        Ok(step) => serde_json::to_value(step).unwrap(),
        Err(problem) => json!({"problem": in_full(&problem)}),
    }
}

fn in_full(problem: &Problem) -> Value {
    let mut full =
        json!({"status": problem.code().status(), "code": problem.code().name(), "message": problem.message()});
    if let Some(field) = problem.field_name() {
        full["field"] = field.into();
    }
    full
}
