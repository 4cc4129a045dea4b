//! The program as users run it, built to reach the simulator instead of WhatsApp.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    switchboard::cli::run().into()
}
