//! Every folder `cases/<case>` of a plugin is a test: one step of the plugin, as a server would take it. So it is with the bundled
//! plugins, and with those that were built against a contract that is frozen.
//! `UPDATE_CASES=1 cargo test -p switchboard-plugins --test cases` writes down what comes out, to be read before it is believed.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use switchboard_plugins::trial::{Case, Trial};
use switchboard_plugins::{Engine, EngineOptions, PluginSource};
use wit_component::WitPrinter;
use wit_parser::Resolve;

/// The versions of the contract that are frozen, the one that is spoken now at the end, and the worlds of each.
const FROZEN: [(&str, [&str; 3]); 1] = [("1.0.0", ["message-handler", "dialect", "tts-provider"])];

/// A plugin and the folder with its cases.
struct Tried {
    source: PluginSource,
    folder: PathBuf,
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn frozen(version: &str, world: &str) -> Tried {
    let folder = here().join("tests/frozen").join(version).join(world);
    let manifest = std::fs::read_to_string(folder.join("plugin.toml")).unwrap();
    let wasm = std::fs::read(folder.join("plugin.wasm")).unwrap();
    Tried {
        source: PluginSource::bundled("frozen", manifest, wasm),
        folder,
    }
}

#[tokio::test]
async fn every_case_of_every_bundled_plugin_holds() {
    let tried = bundled::plugins().iter().map(|plugin| Tried {
        source: PluginSource::bundled(plugin.id, plugin.manifest, plugin.wasm),
        folder: here().join("../../plugins").join(plugin.id),
    });
    all_hold(tried.collect()).await;
}

#[tokio::test]
async fn what_was_built_against_a_frozen_contract_works_for_ever() {
    let frozen = FROZEN
        .iter()
        .flat_map(|(version, worlds)| worlds.iter().map(|world| frozen(version, world)));
    all_hold(frozen.collect()).await;
}

#[test]
fn a_frozen_contract_does_not_change() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(here().join("../../wit")).unwrap();
    let [.., (version, _)] = FROZEN;
    let path = here().join("tests/frozen").join(version).join("contract.wit");
    assert_eq!(
        resolve.packages[package].name.to_string(),
        format!("switchboard:plugin@{version}")
    );
    let mut printer = WitPrinter::default();
    printer.emit_docs(false);
    printer.print(&resolve, package, &[]).unwrap();
    let contract = printer.output.to_string();
    assert_eq!(
        contract,
        std::fs::read_to_string(path).unwrap(),
        "wit/ has changed: a component that was built before would not load"
    );
}

async fn all_hold(tried: Vec<Tried>) {
    let cache = tempfile::tempdir().unwrap();
    let engine = Engine::new(EngineOptions {
        cache_dir: Some(cache.path().to_owned()),
        ..EngineOptions::default()
    })
    .unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for Tried { source, folder } in tried {
        let cases = Case::all(&folder.join("cases")).unwrap();
        assert!(!cases.is_empty(), "{} has no case: it is not tested", folder.display());
        for (name, case) in cases {
            count += 1;
            let case = case.unwrap();
            let found = run(&engine, &source, &case).await;
            let path = folder.join("cases").join(&name).join("expected.json");
            if let (true, Ok(found)) = (std::env::var_os("UPDATE_CASES").is_some(), &found) {
                std::fs::write(path, format!("{found:#}\n")).unwrap();
                continue;
            }
            let holds = matches!((&found, &case.expected), (Ok(found), Some(expected)) if found == expected);
            if !holds {
                let expected = case
                    .expected
                    .map_or("nothing yet".to_owned(), |value| value.to_string());
                let found = found.map_or_else(|error| error, |found| found.to_string());
                wrong.push(format!("{}\n  expected {expected}\n  found    {found}", path.display()));
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

async fn run(engine: &Engine, source: &PluginSource, case: &Case) -> Result<Value, String> {
    let source = PluginSource {
        settings: case.config.clone(),
        ..source.clone()
    };
    let request_id = "case".parse().unwrap();
    let trial = Trial::load(engine, source, request_id)
        .await
        .map_err(|error| error.to_string())?;
    let answer = trial.run(case).await.map_err(|error| error.to_string())?;
    Ok(answer.value)
}
