//! How a call can go wrong on this side of the contract, and what the person who made the request is told.

use std::time::Duration;

use switchboard_core::problem::{Code, Problem};
use wasmtime::Trap;

use crate::foreign::shown;
use crate::limits::{Limits, Refused};

/// What went wrong with a call. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no instance or no turn was free within {0:?}")]
    Busy(Duration),
    #[error("it crashed again and again, and is set aside for {0:?}")]
    SetAside(Duration),
    #[error("the guest ran for more than {0:?}")]
    Cpu(Duration),
    #[error("there was no answer within {0:?}")]
    Wall(Duration),
    #[error("the guest asked for more than {0} MiB of memory, or for a larger table than is allowed, and gave up: {1}")]
    Memory(u32, String),
    #[error("the guest trapped ({0}): {1}")]
    Trap(Trap, String),
    #[error("the guest could not be run: {0}")]
    Run(String),
    #[error("the guest broke its contract: {0}")]
    Contract(String),
    #[error("the plugin reports a failure of its own: {0}")]
    Own(String),
}

impl Fault {
    /// Sorts what the engine reports. `last_words` are the guest's own, fit for the log.
    pub(crate) fn of(error: &wasmtime::Error, limits: &Limits, refused: &Refused, last_words: &str) -> Self {
        let chain = || {
            // The names of functions are the guest's.
            let mut chain = shown(&error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": "));
            if !last_words.is_empty() {
                chain.push_str(", after it wrote: ");
                chain.push_str(last_words);
            }
            chain
        };
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::Cpu(limits.cpu()),
            _ if refused.happened() => Self::Memory(limits.memory_mib, chain()),
            Some(trap) => Self::Trap(*trap, chain()),
            None => Self::Run(chain()),
        }
    }

    /// How the guest failed, in one word for the metrics; none when it is not the guest that did.
    pub(crate) const fn crash(&self) -> Option<&'static str> {
        Some(match self {
            Self::Busy(_) | Self::SetAside(_) | Self::Own(_) => return None,
            Self::Cpu(_) => "cpu_time",
            Self::Wall(_) => "wall_time",
            Self::Memory(..) => "memory",
            Self::Contract(_) => "contract",
            Self::Run(_) => "answer",
            Self::Trap(trap, _) => match trap {
                Trap::UnreachableCodeReached => "unreachable",
                Trap::StackOverflow => "stack",
                Trap::MemoryOutOfBounds | Trap::TableOutOfBounds => "out_of_bounds",
                Trap::IndirectCallToNull | Trap::BadSignature => "wrong_call",
                Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger => "arithmetic",
                _ => "other",
            },
        })
    }

    /// The problem, in words that name the plugin. The fault itself stays behind it, for the log.
    pub(crate) fn into_problem(self, plugin: &str) -> Problem {
        let (code, sentence) = match &self {
            Self::Busy(_) => (
                Code::PLUGIN_BUSY,
                format!("The plugin {plugin} has too much to do; try again."),
            ),
            Self::SetAside(_) => (
                Code::PLUGIN_SET_ASIDE,
                format!("The plugin {plugin} crashed again and again and is set aside for a while; try later."),
            ),
            Self::Cpu(_) | Self::Wall(_) => (
                Code::PLUGIN_TIMEOUT,
                format!("The plugin {plugin} took too long and was stopped."),
            ),
            Self::Memory(mib, _) => (
                Code::PLUGIN_TRAP,
                format!("The plugin {plugin} needs more than its {mib} MiB of memory."),
            ),
            Self::Trap(..) | Self::Run(_) => (Code::PLUGIN_TRAP, format!("The plugin {plugin} crashed.")),
            Self::Contract(_) => (
                Code::PLUGIN_TRAP,
                format!("The plugin {plugin} gave an answer that is not allowed."),
            ),
            Self::Own(_) => (
                Code::INTERNAL,
                format!("The plugin {plugin} failed. The request id leads to the details in the log."),
            ),
        };
        let problem = Problem::new(code, sentence);
        match self {
            Self::Busy(_) => problem.retry_after(Duration::from_secs(1)),
            Self::SetAside(rest) => problem.retry_after(rest),
            _ => problem,
        }
        .cause(Blamed {
            plugin: plugin.to_owned(),
            fault: self,
        })
    }
}

/// What is behind a problem, with whose fault it is: a log line may have nothing else that says so.
#[derive(Debug, thiserror::Error)]
#[error("plugin {plugin}")]
struct Blamed {
    /// Id and version.
    plugin: String,
    #[source]
    fault: Fault,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_plugin_says_when_to_come_again_and_others_do_not() {
        let busy = Fault::Busy(Duration::from_secs(2)).into_problem("messages 0.1.0");
        assert_eq!((busy.code().name(), busy.code().status()), ("plugin_busy", 503));
        assert_eq!(busy.retry_delay(), Some(Duration::from_secs(1)));
        let slow = Fault::Cpu(Duration::from_millis(50)).into_problem("messages 0.1.0");
        assert_eq!((slow.code().name(), slow.retry_delay()), ("plugin_timeout", None));
    }

    #[test]
    fn the_sentence_names_the_plugin_and_the_details_stay_in_the_log() {
        let problem = Fault::Contract("9 contents".into()).into_problem("messages 0.1.0");
        assert!(problem.message().contains("messages 0.1.0"));
        assert!(!problem.message().contains("9 contents"));
        assert_eq!(
            problem.cause_chain().as_deref(),
            Some("plugin messages 0.1.0: the guest broke its contract: 9 contents")
        );
    }
}
