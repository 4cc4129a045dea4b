//! `cargo run -p sandbox -- [--port 4002] [--data DIR] [--linked N]`: Switchboard, a WhatsApp server of its own and virtual phones,
//! in one process that never leaves this machine.
//!
//! Words go to standard error. Standard output gets plain `KEY=value` lines, once everything is ready, for scripts to read.

#![forbid(unsafe_code)]

mod arguments;
mod guide;
mod linking;
mod sandbox;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser as _;
use switchboard::StopSignals;
use switchboard::cli::exit::{Exit, Fault};

use crate::arguments::Arguments;
use crate::sandbox::Sandbox;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            return error.print().map_or(Exit::Io, |()| exit).into();
        }
    };
    match run(&arguments).await {
        Ok(exit) => exit.into(),
        Err(fault) => {
            say(&format!("sandbox: {fault}"));
            fault.exit.into()
        }
    }
}

/// Starts, announces, and stops at the first signal; a second one stops at once.
async fn run(arguments: &Arguments) -> Result<Exit, Fault> {
    switchboard::start_log(&arguments::log()?).map_err(|error| Fault::new(Exit::Config, &error))?;
    let mut signals = StopSignals::listen().map_err(|error| Fault::new(Exit::Software, &error))?;
    let sandbox = tokio::select! {
        started = Sandbox::start(arguments, &say) => started?,
        _ = signals.next() => return Ok(Exit::Ok),
    };
    announce(&sandbox).map_err(|error| Fault::new(Exit::Io, &format!("standard output: {error}")))?;
    say(&guide::next_steps(&sandbox));
    signals.stop(sandbox.host()).await;
    say("Stopping. The sessions stay linked.");
    tokio::select! {
        () = sandbox.stop() => Ok(Exit::Ok),
        _ = signals.next() => Ok(Exit::Interrupted),
    }
}

fn announce(sandbox: &Sandbox) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (key, value) in sandbox.facts() {
        writeln!(out, "{key}={value}")?;
    }
    out.flush()
}

fn say(words: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(io::stderr(), "{words}");
}
