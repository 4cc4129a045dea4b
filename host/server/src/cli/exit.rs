//! How the process ends: the exit codes of BSD's `sysexits.h`, so that a supervisor can tell a fault that goes away by itself from
//! one that a person has to mend.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// Why the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// As asked.
    Ok = 0,
    /// A `doctor` or a look at plugins found a fault.
    Unwell = 1,
    /// The command line is wrong.
    Usage = 64,
    /// The database is corrupt, of another realm, newer than this program, or sealed with another key.
    Data = 65,
    /// A file that must be there is not.
    NoInput = 66,
    /// An address is taken or cannot be listened on.
    Unavailable = 69,
    /// Something failed in here that should not.
    Software = 70,
    /// The data folder cannot be made or written.
    CannotCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// Another process uses the data folder; later it may work.
    TryAgain = 75,
    /// The configuration has faults.
    Config = 78,
    /// A second signal cut the stop short; as shells say of SIGINT.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A sentence for standard error and the exit code that goes with it.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Fault {
    /// Why, as a code.
    pub exit: Exit,
    /// Why, in words: what is wrong and what to do.
    pub sentence: String,
}

impl Fault {
    /// With the sentence of an error.
    pub fn new(exit: Exit, sentence: &(impl fmt::Display + ?Sized)) -> Self {
        Self {
            exit,
            sentence: sentence.to_string(),
        }
    }
    /// With the sentence of an error and of all that is behind it. A cause that its error has told already is not told again.
    pub fn with_causes(exit: Exit, error: &dyn Error) -> Self {
        let mut sentence = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            let cause_sentence = cause.to_string();
            if !sentence.ends_with(&cause_sentence) {
                sentence.push_str(": ");
                sentence.push_str(&cause_sentence);
            }
            next = cause.source();
        }
        Self { exit, sentence }
    }
}
