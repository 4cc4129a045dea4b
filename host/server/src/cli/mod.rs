//! The command line: `switchboard [--config FILE] [serve | token | token rotate | plugin ... | migrate | doctor]`.
//!
//! This module owns standard output and standard error: what was asked for goes to the first, words and faults go to the second,
//! and the exit code (`exit.rs`) says which kind of fault it was.

mod config;
mod doctor;
pub mod exit;
mod migrate;
mod plugin;
mod rotate;
mod serve;
mod token;

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use self::doctor::Form;
use self::exit::{Exit, Fault};
use crate::log;
use crate::serve::ServeOptions;

/// Keeps WhatsApp sessions alive and lets any HTTP client use them.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, about, long_about = None)]
struct Command {
    /// The configuration file. Without it: switchboard.toml in this folder, if there is one. The environment
    /// (SWITCHBOARD_SECTION__KEY) wins over the file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Default, Subcommand)]
enum Action {
    /// Run the server (the default).
    #[default]
    Serve,
    /// Print a token; without options one with all scopes, for 90 days. The server may be running.
    #[command(args_conflicts_with_subcommands = true)]
    Token {
        #[command(flatten)]
        options: token::Options,
        #[command(subcommand)]
        action: Option<TokenAction>,
    },
    /// Look after the plugins.
    Plugin {
        #[command(subcommand)]
        action: plugin::Action,
    },
    /// Bring the database to this version and say what was done.
    Migrate,
    /// Look at everything that a server needs, change nothing, and say what to do.
    Doctor {
        /// Write the report as one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum TokenAction {
    /// Sign tokens with a new key from now on. The server may be running, and takes it up by itself.
    Rotate(rotate::Options),
}

/// Runs the command line of this process.
pub fn run() -> Exit {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            // Help and version are asked for; anything else is a wrong command line.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            return error.print().map_or(Exit::Io, |()| exit);
        }
    };
    match act(command) {
        Ok(exit) => exit,
        Err(fault) => {
            // Nobody is left to be told when standard error is closed.
            let _ = writeln!(io::stderr(), "switchboard: {fault}");
            fault.exit
        }
    }
}

fn act(command: Command) -> Result<Exit, Fault> {
    let action = command.action.unwrap_or_default();
    let config = config::load(command.config.as_deref());
    match action {
        Action::Serve => {
            let config = config?;
            log::start(&config.log).map_err(|error| Fault::new(Exit::Config, &error))?;
            on_runtime(serve::run(config))?
        }
        Action::Token { options, action: None } => token::run(&config?, options, &mut io::stdout()).map(|()| Exit::Ok),
        Action::Token {
            action: Some(TokenAction::Rotate(options)),
            ..
        } => rotate::run(&config?, &options, &mut io::stdout()).map(|()| Exit::Ok),
        Action::Plugin { action } => plugin::run(config, &action),
        Action::Migrate => on_runtime(migrate::run(&config?, &mut io::stdout()))?.map(|()| Exit::Ok),
        // Faults of the configuration are findings of its own.
        Action::Doctor { json } => {
            let form = if json { Form::Json } else { Form::Lines };
            on_runtime(doctor::run(config, &ServeOptions::default(), form, &mut io::stdout()))?
        }
    }
}

/// Runs to the end on a runtime of its own; what is still under way then is left behind.
fn on_runtime<T>(work: impl Future<Output = T>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Exit::Software, &format!("the runtime cannot start: {error}")))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// What was asked for could not be written to standard output.
fn unwritten(error: &io::Error) -> Fault {
    Fault::new(Exit::Io, &format!("standard output: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Command::command().debug_assert();
    }

    #[test]
    fn without_a_word_it_serves() {
        let command = Command::try_parse_from(["switchboard"]).unwrap();
        assert!(matches!(command.action.unwrap_or_default(), Action::Serve));
        let command = Command::try_parse_from(["switchboard", "doctor", "--json", "--config", "a.toml"]).unwrap();
        assert!(matches!(command.action, Some(Action::Doctor { json: true })) && command.config.is_some());
    }

    #[test]
    fn a_token_is_asked_for_with_options_or_its_key_is_rotated() {
        for line in [
            "token",
            "token --scopes messages:send,sessions:read --sessions qr_1_deadbeef --expires-in 30d --name desk",
            "token --scopes messages:send --scopes admin",
            "token rotate",
            "token rotate --overlap 24h",
            "token rotate --overlap 0",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in [
            "token --scopes root",
            "token --scopes",
            "token --sessions 15550000001",
            "token --expires-in 0",
            "token --expires-in 2y",
            "token --scopes admin rotate",
            "token rotate --overlap soon",
            "token rotate --scopes admin",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn where_compiled_plugins_go_must_be_said() {
        assert!(parse("plugin precompile --into somewhere").is_ok());
        assert!(parse("plugin precompile").is_err() && parse("plugin").is_err());
    }

    #[test]
    fn a_plugin_is_listed_checked_run_and_begun() {
        for line in [
            "plugin list",
            "plugin list --json",
            "plugin check .",
            "plugin check otp --wasm otp.wasm",
            "plugin run otp",
            "plugin run otp in-english",
            "plugin new my-first",
            "plugin new my-first --world dialect",
            "plugin new my-first --world tts-provider",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in [
            "plugin check",
            "plugin run",
            "plugin new",
            "plugin new ../up",
            "plugin new Upper",
            "plugin new x --world wasi",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Command::try_parse_from(std::iter::once("switchboard").chain(line.split(' ')))
    }
}
