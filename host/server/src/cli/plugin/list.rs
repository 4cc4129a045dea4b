//! `switchboard plugin list`: the plugins as a server that starts now would have them.

use std::io::Write;

use clap::Args;
use switchboard_core::config::Config;
use switchboard_plugins::{Origin, PluginStatus};
use switchboard_service::PluginView;

use crate::cli::exit::{Exit, Fault};
use crate::cli::unwritten;
use crate::wiring;

/// How to write it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// As JSON, in the shape of GET /api/plugins.
    #[arg(long)]
    json: bool,
}

/// Exits with 1 when a plugin cannot be loaded.
pub(super) async fn run(config: &Config, options: &Options, out: &mut dyn Write) -> Result<Exit, Fault> {
    let plugins = wiring::load_plugins(config, None).await?;
    wiring::plugin_folder(config, None, plugins.clone()).load().await;
    let states = plugins.states();
    let views = states
        .iter()
        .map(|state| PluginView::of(state, config.grants.get(&state.id)));
    let views: Vec<_> = views.collect();
    let text = if options.json {
        let json = serde_json::json!({ "plugins": views });
        format!("{json:#}\n")
    } else {
        views.iter().map(told).collect()
    };
    out.write_all(text.as_bytes()).map_err(|error| unwritten(&error))?;
    let has_failed = views.iter().any(|view| view.error.is_some());
    Ok(if has_failed { Exit::Unwell } else { Exit::Ok })
}

fn told(view: &PluginView) -> String {
    let place = match view.origin {
        Origin::Folder => "data folder",
        Origin::Bundled => "bundled",
    };
    let what = [view.version.as_deref(), view.world.as_deref(), Some(place)];
    let what: Vec<_> = what.into_iter().flatten().collect();
    let status = match view.status {
        PluginStatus::SetAside => "set aside",
        other => other.as_str(),
    };
    let mut lines = vec![format!("{} ({}): {status}", view.id, what.join(", "))];
    lines.extend(view.summary.clone());
    if !view.kinds.is_empty() {
        lines.push(format!("kinds: {}", view.kinds.join(", ")));
    }
    for route in &view.routes {
        lines.push(format!("route: {} {}", route.method, route.path));
    }
    for origin in &view.asks.origins {
        // The operator may have granted a part of what was asked for.
        let granted = view.granted.origins.join(", ");
        let granted = if granted.is_empty() { "nothing" } else { &granted };
        lines.push(format!("asks to reach {origin}; granted: {granted}"));
    }
    for credential in &view.asks.credentials {
        let name = &credential.name;
        let is_there = if view.granted.credentials.contains(name) {
            "granted"
        } else {
            "not granted"
        };
        lines.push(format!("asks for the credential {name}: {is_there}"));
    }
    lines.extend(view.error.clone());
    lines.join("\n  ") + "\n"
}

#[cfg(test)]
mod tests {
    use std::fs;

    use switchboard_core::config::GrantConfig;

    use super::*;
    use crate::testing;

    async fn listed(config: &Config, json: bool) -> (String, Exit) {
        let mut out = Vec::new();
        let exit = run(config, &Options { json }, &mut out).await.unwrap();
        (String::from_utf8(out).unwrap(), exit)
    }

    #[tokio::test]
    async fn every_plugin_is_listed_with_what_it_asks_for_and_what_is_wrong_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = testing::config(folder.path());
        let mut grant = GrantConfig::default();
        grant
            .credentials
            .insert("openai".to_owned(), "sk-secret".to_owned().into());
        config.grants.insert("tts-openai".to_owned(), grant);
        let (text, exit) = listed(&config, false).await;
        assert_eq!(exit, Exit::Ok);
        for line in [
            "otp (0.1.0, message-handler@1.0, bundled): ready",
            "  kinds: otp",
            "  asks to reach https://api.openai.com; granted: nothing",
            "  asks for the credential openai: granted",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("sk-secret"));

        fs::create_dir_all(folder.path().join("plugins/broken")).unwrap();
        let (text, exit) = listed(&config, false).await;
        assert_eq!(exit, Exit::Unwell);
        assert!(
            text.starts_with("broken (data folder): failed\n  plugin broken cannot be loaded: "),
            "{text}"
        );
        let (text, _) = listed(&config, true).await;
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["plugins"][0]["status"], "failed");
        assert!(!text.contains("sk-secret"));
    }
}
