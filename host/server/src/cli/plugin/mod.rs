//! `switchboard plugin ...`: for operators what there is, for authors everything between an idea and a plugin that serves.

mod authored;
mod check;
mod dropped;
mod list;
mod new;
mod precompile;
mod run;

use std::io::{self, IsTerminal as _};
use std::path::Path;

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
    /// Run the cases of a plugin and show what each answers, how long it took and how large the answer is.
    Run(run::Options),
    /// Write a new plugin, a Rust crate, into a folder of its name here.
    New(new::Options),
    /// Compile the bundled plugins into a folder that an image takes along; plugins.precompiled_dir names it to the server.
    Precompile(precompile::Options),
}

pub(super) fn run(config: Result<Config, Fault>, action: &Action) -> Result<Exit, Fault> {
    let out = &mut io::stdout();
    match action {
        Action::List(options) => on_runtime(list::run(&config?, options, out))?,
        Action::Check(options) => on_runtime(check::run(&config?, options, out))?,
        Action::Run(options) => {
            let paint = io::stdout().is_terminal();
            on_runtime(run::run(&config?, options, paint, out))?
        }
        Action::New(options) => new::run(options, Path::new("."), out).map(|()| Exit::Ok),
        Action::Precompile(options) => precompile::run(options, out).map(|()| Exit::Ok),
    }
}
