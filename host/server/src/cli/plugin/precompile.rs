//! `switchboard plugin precompile`: the compiled code of the bundled plugins, for an image to take along.
//!
//! It needs no configuration and no data folder: it runs where an image is built. `plugins.precompiled_dir` names the folder to the
//! server.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use switchboard_plugins::{Engine, EngineOptions, PrecompileError};

use crate::cli::exit::{Exit, Fault};
use crate::cli::unwritten;

/// Where the code goes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The folder, made if it is missing. Nobody else may be able to write it: what is in it will be run as native code.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
}

pub(super) fn run(options: &Options, out: &mut dyn Write) -> Result<(), Fault> {
    let engine = Engine::new(EngineOptions::default()).map_err(|error| Fault::with_causes(Exit::Software, &error))?;
    for plugin in bundled::plugins() {
        let path = engine
            .precompile(plugin.wasm, &options.into)
            .map_err(|error| Fault::new(exit(&error), &format!("plugin {}: {error}", plugin.id)))?;
        writeln!(out, "{}: {}", plugin.id, path.display()).map_err(|error| unwritten(&error))?;
    }
    Ok(())
}

fn exit(error: &PrecompileError) -> Exit {
    match error {
        PrecompileError::Invalid(_) => Exit::Software,
        PrecompileError::Unwritten { .. } | PrecompileError::Unusable { .. } => Exit::CannotCreate,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::serve::{ServeOptions, serve};
    use crate::testing;

    fn precompiled(into: &Path) -> Result<String, Fault> {
        let mut out = Vec::new();
        let options = Options { into: into.to_owned() };
        run(&options, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn a_server_that_is_told_of_the_folder_compiles_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (shipped, data) = (folder.path().join("shipped"), folder.path().join("data"));
        let said = precompiled(&shipped).unwrap();
        assert_eq!(said.lines().count(), bundled::plugins().len(), "{said}");
        assert!(said.lines().any(|line| line.starts_with("messages: ")), "{said}");

        let mut config = testing::config(&data);
        config.plugins.precompiled_dir = Some(shipped);
        let running = serve(config, ServeOptions::default()).await.unwrap();
        running.shutdown().await;
        let compiled_here = fs::read_dir(data.join("cache/plugins")).unwrap().count();
        assert_eq!(compiled_here, 0);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_with_the_plugin_it_was_for() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("shipped");
        fs::write(&taken, "a file").unwrap();
        let fault = precompiled(&taken).unwrap_err();
        assert_eq!(fault.exit, Exit::CannotCreate);
        let first = bundled::plugins()[0].id;
        assert!(fault.sentence.starts_with(&format!("plugin {first}: ")), "{fault}");
    }
}
