//! `switchboard migrate`: brings the database to this version. A start does the same; this does it apart, and says what it did.

use std::io::Write;

use switchboard_core::config::Config;
use switchboard_store::{Look, look};

use super::exit::Fault;
use super::unwritten;
use crate::serve::ServeOptions;
use crate::start_error::StartError;
use crate::wiring;

pub(super) async fn run(config: &Config, out: &mut dyn Write) -> Result<(), Fault> {
    let folder = wiring::open_folder(config)?;
    let before = applied(look(folder.path()).map_err(StartError::from)?);
    let store = wiring::open_store(config, &folder, &ServeOptions::default()).await?;
    store.close().await;
    let after = applied(look(folder.path()).map_err(StartError::from)?);
    for name in after.iter().filter(|name| !before.contains(name)) {
        writeln!(out, "applied {name}").map_err(|error| unwritten(&error))?;
    }
    let current = after.last().map_or("empty", String::as_str);
    writeln!(out, "the database in {} is at {current}", folder.path().display()).map_err(|error| unwritten(&error))
}

fn applied(look: Option<Look>) -> Vec<String> {
    look.into_iter()
        .flat_map(|look| look.applied)
        .map(|migration| migration.name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;
    use crate::testing;

    async fn migrated(config: &Config) -> Result<String, Fault> {
        let mut out = Vec::new();
        run(config, &mut out).await?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn the_first_run_applies_everything_and_the_second_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let config = testing::config(folder.path());
        let first = migrated(&config).await.unwrap();
        assert!(first.contains("applied 0001_keys"), "{first}");
        let second = migrated(&config).await.unwrap();
        assert!(!second.contains("applied") && second.contains("is at 0"), "{second}");
    }

    #[tokio::test]
    async fn a_folder_in_use_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = testing::config(folder.path());
        let _held = wiring::open_folder(&config).unwrap();
        assert_eq!(migrated(&config).await.unwrap_err().exit, Exit::TryAgain);
    }
}
