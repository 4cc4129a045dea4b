//! Every folder `plugins/<id>/cases/<case>` is a test: one step of the plugin, as a server would take it.
//! `UPDATE_CASES=1 cargo test -p switchboard-plugins --test cases` writes down what comes out, to be read before it is believed.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use serde_json::Value;
use switchboard_plugins::trial::{Case, Trial};
use switchboard_plugins::{Engine, EngineOptions, PluginSource};

#[tokio::test]
async fn every_case_of_every_plugin_holds() {
    let cache = tempfile::tempdir().unwrap();
    let engine = Engine::new(EngineOptions {
        cache_dir: Some(cache.path().to_owned()),
        ..EngineOptions::default()
    })
    .unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for plugin in bundled::plugins() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        let cases = Case::all(&folder.join(plugin.id).join("cases")).unwrap();
        assert!(!cases.is_empty(), "{} has no case: it is not tested", plugin.id);
        for case in cases {
            count += 1;
            let expected = case.expected.clone().unwrap_or(Value::Null);
            let found = run(&engine, plugin, &case).await;
            if let (true, Ok(found)) = (std::env::var_os("UPDATE_CASES").is_some(), &found) {
                let path = folder
                    .join(plugin.id)
                    .join("cases")
                    .join(&case.name)
                    .join("expected.json");
                std::fs::write(path, format!("{found:#}\n")).unwrap();
                continue;
            }
            if found.as_ref() != Ok(&expected) {
                let found = found.map_or_else(|error| error, |found| found.to_string());
                wrong.push(format!(
                    "{}/{}\n  expected {expected}\n  found    {found}",
                    plugin.id, case.name
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

async fn run(engine: &Engine, plugin: &bundled::Bundled, case: &Case) -> Result<Value, String> {
    let source = PluginSource {
        settings: case.config.clone(),
        ..PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm)
    };
    let request_id = "case".parse().unwrap();
    let trial = Trial::load(engine, source, request_id)
        .await
        .map_err(|error| error.to_string())?;
    trial.run(case).await.map_err(|error| error.to_string())
}
