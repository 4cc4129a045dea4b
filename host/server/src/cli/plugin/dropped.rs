//! What would happen if a plugin were put into the data folder of a server with this configuration, where others may be already.

use std::collections::BTreeMap;

use switchboard_core::config::Config;
use switchboard_plugins::{Origin, PluginSource, PluginStatus, Plugins};

use crate::cli::exit::Fault;
use crate::wiring;

/// What would happen.
pub(super) enum Dropped {
    /// It would be refused; a sentence says why.
    Refused(String),
    /// It would be taken; a sentence for each thing that would not be as before.
    Taken(Vec<String>),
}

/// Puts it beside the bundled plugins and those in the data folder, in memory alone.
pub(super) async fn dropped(config: &Config, source: PluginSource) -> Result<Dropped, Fault> {
    let plugins = wiring::load_plugins(config, None).await?;
    wiring::plugin_folder(config, None, plugins.clone()).load().await;
    let (kinds, dialects) = (kinds(&plugins), dialects(&plugins));
    let source = PluginSource {
        origin: Origin::Folder,
        ..source
    };
    let id = source.id.clone();
    if let Err(error) = plugins.put(wiring::granted(&config.grants, source)).await {
        return Ok(Dropped::Refused(error.to_string()));
    }
    let mut changes = Vec::new();
    for state in plugins.states().iter().filter(|state| state.id == id) {
        match state.status {
            PluginStatus::Disabled if state.origin == Origin::Folder => {
                changes.push(format!("it does not serve, because grants.{id}.enabled is false"));
            }
            PluginStatus::Replaced => changes.push(format!("it serves in the place of the bundled plugin {id}")),
            _ => {}
        }
    }
    let kinds_now = self::kinds(&plugins);
    for (kind, before) in &kinds {
        match kinds_now.get(kind) {
            None => changes.push(format!("the kind {kind} of the plugin {before} is gone")),
            Some(now) if *now == id && *before != id => {
                changes.push(format!("it handles the kind {kind} before the bundled plugin {before}"));
            }
            Some(_) => {}
        }
    }
    let dialects_now = self::dialects(&plugins);
    let gone = dialects.iter().filter(|dialect| !dialects_now.contains(dialect));
    changes.extend(
        gone.map(|dialect| format!("the bundled plugin {dialect} serves no more, because it wants one of its routes")),
    );
    Ok(Dropped::Taken(changes))
}

/// Each kind, and the plugin that handles it.
fn kinds(plugins: &Plugins) -> BTreeMap<String, String> {
    let kinds = plugins.kinds();
    kinds
        .iter()
        .map(|kind| (kind.name.clone(), kind.plugin_id.clone()))
        .collect()
}

fn dialects(plugins: &Plugins) -> Vec<String> {
    let dialects = plugins.dialects();
    dialects
        .iter()
        .map(|dialect| dialect.plugin().id().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use switchboard_core::config::GrantConfig;

    use super::*;
    use crate::testing::{self, shipped};

    /// A bundled plugin under another name.
    fn renamed(plugin: &str, id: &str) -> PluginSource {
        let shipped = shipped(plugin);
        let manifest = shipped
            .manifest
            .replace(&format!("id = {plugin:?}"), &format!("id = {id:?}"));
        PluginSource::bundled(id.to_owned(), manifest, shipped.wasm)
    }

    async fn changes(config: &Config, source: PluginSource) -> Vec<String> {
        match dropped(config, source).await.unwrap() {
            Dropped::Taken(changes) => changes,
            Dropped::Refused(sentence) => panic!("{sentence}"),
        }
    }

    #[tokio::test]
    async fn whose_place_it_takes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        for (source, said) in [
            (
                renamed("otp", "otp"),
                "it serves in the place of the bundled plugin otp",
            ),
            (
                renamed("otp", "mine"),
                "it handles the kind otp before the bundled plugin otp",
            ),
            (
                renamed("cloud-api", "mine"),
                "the bundled plugin cloud-api serves no more, because it wants one of its routes",
            ),
        ] {
            assert_eq!(changes(&config, source).await, [said]);
        }
        let poorer = changes(&config, renamed("otp", "messages")).await;
        let gone = "the kind text of the plugin messages is gone".to_owned();
        assert!(poorer.contains(&gone), "{poorer:?}");
        let off = GrantConfig {
            enabled: false,
            ..GrantConfig::default()
        };
        config.grants.insert("mine".to_owned(), off);
        assert_eq!(
            changes(&config, renamed("otp", "mine")).await,
            ["it does not serve, because grants.mine.enabled is false"]
        );
    }

    #[tokio::test]
    async fn what_another_in_the_data_folder_has_is_refused_and_an_older_version_of_itself_is_no_rival() {
        let folder = tempfile::tempdir().unwrap();
        let config = testing::config(folder.path());
        let there = folder.path().join("plugins/first");
        fs::create_dir_all(&there).unwrap();
        let first = renamed("otp", "first");
        fs::write(there.join("plugin.toml"), first.manifest_toml.as_ref()).unwrap();
        fs::write(there.join("plugin.wasm"), first.wasm.as_ref()).unwrap();
        match dropped(&config, renamed("otp", "later")).await.unwrap() {
            Dropped::Refused(sentence) => assert_eq!(
                sentence,
                "plugin later cannot be loaded: its kind otp is already handled by the plugin first"
            ),
            Dropped::Taken(changes) => panic!("{changes:?}"),
        }
        assert!(changes(&config, first).await.is_empty());
    }
}
