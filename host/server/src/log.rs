//! The log: lines on standard error, for people or as JSON.
//!
//! What never goes into it: message bodies, tokens, keys, whole phone numbers. A failure is logged once, where it leaves the process
//! (`problem.rs`), with the request id.

use std::io::{self, IsTerminal as _};

use switchboard_core::config::{LogConfig, LogFormat};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error(
        "log.filter: {0}; it must be a level such as info, or modules with levels such as info,switchboard_whatsapp=debug"
    )]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has a log already.
    #[error("the log was set up twice")]
    Twice,
}

/// What is logged: our own modules at the operator's level, and others only if the operator names them, as in
/// `info,whatsapp_rust=debug`. The protocol library writes whole phone numbers into its lines, under targets of many names; what an
/// operator needs to know of a line to WhatsApp is logged by `switchboard_whatsapp`.
fn filter(directives: &str) -> Result<EnvFilter, LogError> {
    let ours = directives
        .split(',')
        .map(|directive| match directive.trim().parse::<LevelFilter>() {
            Ok(level) => format!("switchboard={level}"),
            Err(_) => directive.to_owned(),
        });
    let directives = ours.collect::<Vec<_>>().join(",");
    Ok(EnvFilter::try_new(format!("off,{directives}"))?)
}

/// Whether a log could be started with this.
///
/// # Errors
/// When `log.filter` cannot be parsed.
pub(crate) fn check(config: &LogConfig) -> Result<(), LogError> {
    filter(&config.filter).map(drop)
}

/// Starts the process's log.
///
/// # Errors
/// When `log.filter` cannot be parsed, or the process has a log already.
pub fn start(config: &LogConfig) -> Result<(), LogError> {
    let lines = fmt().with_env_filter(filter(&config.filter)?).with_writer(io::stderr);
    let started = match config.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|_| LogError::Twice)
}

#[cfg(test)]
mod tests {
    use switchboard_core::config::Config;

    use super::*;

    #[test]
    fn nobody_but_us_is_heard_until_named() {
        assert_eq!(filter("trace").unwrap().to_string(), "switchboard=trace,off");
        let named = filter("info,whatsapp_rust=debug").unwrap().to_string();
        assert!(
            named.contains("whatsapp_rust=debug") && named.contains("switchboard=info"),
            "{named}"
        );
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_what_is_allowed() {
        let mut config = Config::load::<&str, &str>(None, []).unwrap().log;
        config.filter = "switchboard=loud".to_owned();
        let error = start(&config).unwrap_err().to_string();
        assert!(error.contains("log.filter") && error.contains("info"), "{error}");
    }
}
