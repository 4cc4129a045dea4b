//! One attempt to write one message to the socket.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use switchboard_core::problem::{Code, Problem};
use switchboard_store::messages::Pending;
use switchboard_whatsapp::{Line, LineError, Outgoing, SendError};
use tokio::time::timeout;

use super::refusal;
use crate::parts::Parts;

/// An attempt that takes longer is on a socket that is dead and does not know it.
const LONGEST: Duration = Duration::from_secs(60);

/// What became of an attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It is on the socket. What WhatsApp says of it comes as an event.
    Written,
    /// There is no connection. It may be tried again when there is.
    NotConnected,
    /// Something failed on a live connection. It may be tried again.
    Failed(Problem),
    /// Never.
    Never(Problem),
}

/// Writes a message. A number that was not asked for at acceptance, because there was no connection, is asked for now.
pub(crate) async fn attempt(parts: &Parts, line: Arc<dyn Line>, message: &Pending) -> Attempt {
    let writing = AssertUnwindSafe(timeout(LONGEST, write(parts, &*line, message)));
    match writing.catch_unwind().await {
        Ok(outcome) => outcome.unwrap_or_else(|elapsed| Attempt::Failed(Problem::internal(elapsed))),
        Err(_) => Attempt::Never(Problem::internal("the line panicked over a message")),
    }
}

async fn write(parts: &Parts, line: &dyn Line, message: &Pending) -> Attempt {
    let chat = match message.chat.number() {
        None => message.chat.clone(),
        Some(number) => match parts.recipients.find(line, &number, &*parts.clock).await {
            Ok(Some(address)) => address,
            Ok(None) => return Attempt::Never(refusal::not_on_whatsapp()),
            Err(LineError::NotConnected) => return Attempt::NotConnected,
            Err(error) => return Attempt::Failed(Problem::internal(error)),
        },
    };
    let outgoing = Outgoing {
        stanza_id: message.stanza_id.clone(),
        chat,
        wire: message.wire.clone(),
    };
    match line.send(outgoing).await {
        Ok(()) => Attempt::Written,
        Err(SendError::NotConnected) => Attempt::NotConnected,
        Err(SendError::Refused(reason)) => {
            let problem = Problem::new(Code::WHATSAPP_REFUSED, "This message cannot be sent over WhatsApp.");
            Attempt::Never(problem.cause(reason))
        }
        Err(error @ SendError::Internal(_)) => Attempt::Failed(Problem::internal(error)),
    }
}
