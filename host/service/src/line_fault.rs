//! What a client is told when the line to WhatsApp could not do something at once. What can wait is queued instead.

use std::time::Duration;

use switchboard_core::problem::{Code, Problem};
use switchboard_whatsapp::LineError;

/// There is no connection at this moment.
pub(crate) fn no_connection() -> Problem {
    Problem::new(
        Code::UNAVAILABLE,
        "The session is not connected to WhatsApp at this moment; try again.",
    )
    .retry_after(Duration::from_secs(5))
}

/// What went wrong with a line.
pub(crate) fn line_problem(error: LineError) -> Problem {
    match error {
        LineError::NotConnected => no_connection(),
        LineError::Query(_) => Problem::new(Code::UPSTREAM_FAILED, "WhatsApp did not answer.").cause(error),
        LineError::Keys => Problem::internal(error),
    }
}
