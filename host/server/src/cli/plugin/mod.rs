//! `switchboard plugin ...`: for operators what there is, for authors everything between an idea and a plugin that serves.

mod authored;
mod check;
mod dropped;
mod list;
mod new;
mod precompile;
mod run;

use std::env;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use switchboard_core::config::Config;

use super::exit::{Exit, Fault};
use super::on_runtime;

/// What to do about plugins.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List the plugins, bundled and in the data folder: what they offer, what they ask for, what is granted, and what is wrong. The
    /// server may be running.
    List(list::Options),
    /// Load a plugin as a server would, say whose kinds or routes it would take there, and run its cases. Exits with 1 when something is
    /// wrong.
    Check(authored::Chosen),
    /// Run the cases of a plugin and show what each answers, what the plugin wrote meanwhile, how long it took and how large the answer
    /// is.
    Run(run::Options),
    /// Write a new plugin, a Rust crate, into a folder of its name here.
    New(new::Options),
    /// Compile the bundled plugins into a folder that an image takes along; plugins.precompiled_dir names it to the server.
    Precompile(precompile::Options),
}

/// What surrounds a command of an author.
struct Around<'a> {
    /// Where cargo builds, if the environment says so.
    target_dir: Option<PathBuf>,
    /// For what was asked for.
    out: &'a mut dyn Write,
    /// For what else there is to say meanwhile.
    words: &'a mut dyn Write,
}

pub(super) fn run(config: Result<Config, Fault>, action: &Action) -> Result<Exit, Fault> {
    let around = Around {
        target_dir: env::var_os("CARGO_TARGET_DIR").map(PathBuf::from),
        out: &mut io::stdout(),
        words: &mut io::stderr(),
    };
    match action {
        Action::List(options) => on_runtime(list::run(&config?, options, around.out))?,
        Action::Check(options) => on_runtime(check::run(&config?, options, around))?,
        Action::Run(options) => {
            let paint = io::stdout().is_terminal();
            on_runtime(run::run(&config?, options, paint, around))?
        }
        Action::New(options) => new::run(options, Path::new("."), around.out).map(|()| Exit::Ok),
        Action::Precompile(options) => precompile::run(options, around.out).map(|()| Exit::Ok),
    }
}
