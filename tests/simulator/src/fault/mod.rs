//! Faults on order: what goes wrong with WhatsApp's servers and on the way to them, when a test says so.
//!
//! Some happen at once (a stream error, a dropped socket); the others lie in wait and strike a number of times.

mod book;
mod carry;

use serde::{Deserialize, Serialize};

pub(crate) use self::book::{AckPlan, BadHandshake, FaultBook};
pub(crate) use self::carry::{Carrier, carry};
use crate::address::{Number, PHONE_DEVICE};
use crate::connection::Link;
use crate::pairing;
use crate::server::Server;
use crate::stanza::stream_error;

/// Something that goes wrong. Where `device` is left out, all companions of the number are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Ends open streams with an error (401, 503, 515 and the like) and closes the sockets. At once.
    StreamError {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// The code of the error.
        code: u16,
    },
    /// Drops the sockets without a word. At once.
    DropSocket {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
    },
    /// Goes silent on open sockets without closing them, as a network does whose other end has lost power: nothing that is sent
    /// arrives, and nothing comes. At once.
    FreezeSocket {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
    },
    /// Sends bytes over open sockets that no client can decrypt. At once.
    GarbleFrame {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
    },
    /// Refuses the next logins (401, 403, 405, 500 and the like).
    LoginFailure {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// The reason given.
        code: u16,
        /// How many logins.
        #[serde(default = "once")]
        times: u32,
    },
    /// Drops the next connections, of whomever, before they can say anything.
    RefuseConnections {
        /// How many connections.
        #[serde(default = "once")]
        times: u32,
    },
    /// Takes the next logins and says nothing to them, or ever after on their connections.
    IgnoreLogins {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// How many logins.
        #[serde(default = "once")]
        times: u32,
    },
    /// Accepts the next connections, of whomever, and never answers their handshake.
    StallHandshakes {
        /// How many connections.
        #[serde(default = "once")]
        times: u32,
    },
    /// Answers the handshakes of the next connections, of whomever, with something that is none.
    BreakHandshakes {
        /// How many connections.
        #[serde(default = "once")]
        times: u32,
    },
    /// Answers the next connections, of whomever, as a server whose certificate names the key of another.
    ForgeCertificates {
        /// How many connections.
        #[serde(default = "once")]
        times: u32,
    },
    /// Refuses the next messages that the number's companions send (479, 463 and the like); they are not delivered.
    NackMessages {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// The error code in the acknowledgement.
        code: u16,
        /// How many messages.
        #[serde(default = "once")]
        times: u32,
    },
    /// Takes and delivers the next messages, but does not acknowledge them.
    WithholdAcks {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// How many messages.
        #[serde(default = "once")]
        times: u32,
    },
    /// Acknowledges the next messages late.
    DelayAcks {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// How late.
        millis: u64,
        /// How many messages.
        #[serde(default = "once")]
        times: u32,
    },
    /// Damages the next messages on their way to the number's companions, so that these must ask for them again.
    CorruptMessages {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// How many messages.
        #[serde(default = "once")]
        times: u32,
    },
    /// Delivers the next messages to the number's companions twice.
    DuplicateMessages {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// How many messages.
        #[serde(default = "once")]
        times: u32,
    },
    /// Delivers the next messages to the number's companions late; others may come before them.
    DelayMessages {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// How late.
        millis: u64,
        /// How many messages.
        #[serde(default = "once")]
        times: u32,
    },
    /// Delivers each of the next messages to the number's companions right after the message that follows it.
    OvertakeMessages {
        /// Whose.
        number: Number,
        /// Which companion.
        device: Option<u16>,
        /// How many messages.
        #[serde(default = "once")]
        times: u32,
    },
    /// Refuses the next requests for a linking code for the number (400, 403, 429, 452 and 500 have names).
    RefuseCodes {
        /// Whose phone would type the code.
        number: Number,
        /// The code of the error.
        code: u16,
        /// How many requests.
        #[serde(default = "once")]
        times: u32,
    },
    /// Tells the device that shows a linking code for the number to show another. At once.
    RefreshCode {
        /// Whose phone would type the code.
        number: Number,
    },
    /// Asks for a passkey instead of linking, the next times that the number's phone scans or types a code.
    RequirePasskey {
        /// Whose phone.
        number: Number,
        /// How many links.
        #[serde(default = "once")]
        times: u32,
    },
    /// Makes the number's phone lose its Signal sessions. At once.
    ForgetSessions {
        /// Whose.
        number: Number,
    },
    /// Takes back all faults that lie in wait. A message that waits to be overtaken is lost.
    Clear,
}

fn once() -> u32 {
    1
}

/// Why a fault cannot happen.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaultError {
    /// There is no such account.
    #[error("there is no account with the number {0}")]
    UnknownNumber(Number),
    /// A fault of an open socket, but there is none.
    #[error("no device of {0} that this fault is for is connected")]
    NotConnected(Number),
    /// A fault of a linking code, but none is shown.
    #[error("no device shows a linking code for {0}")]
    NoCode(Number),
    /// A fault that never strikes.
    #[error("times must be at least 1")]
    Never,
}

/// Makes a fault happen, now or when its time comes.
pub(crate) fn inject(server: &Server, fault: Fault) -> Result<(), FaultError> {
    tracing::info!(?fault, "a fault is ordered");
    match fault {
        Fault::StreamError { number, device, code } => {
            on_links(server, &number, device, |link| link.close_with(stream_error(code)))
        }
        Fault::DropSocket { number, device } => on_links(server, &number, device, Link::abort),
        Fault::FreezeSocket { number, device } => on_links(server, &number, device, Link::freeze),
        Fault::GarbleFrame { number, device } => on_links(server, &number, device, Link::garble),
        Fault::ForgetSessions { number } => {
            let account = server.directory.get(&number).ok_or(FaultError::UnknownNumber(number))?;
            account.phone.lock().forget_sessions();
            Ok(())
        }
        Fault::RefreshCode { number } => {
            if pairing::refresh_code(server, &number) {
                Ok(())
            } else {
                Err(FaultError::NoCode(number))
            }
        }
        Fault::Clear => {
            server.faults.clear();
            server.carrier.clear();
            Ok(())
        }
        Fault::LoginFailure { times: 0, .. }
        | Fault::RefuseConnections { times: 0 }
        | Fault::NackMessages { times: 0, .. }
        | Fault::WithholdAcks { times: 0, .. }
        | Fault::DelayAcks { times: 0, .. }
        | Fault::CorruptMessages { times: 0, .. }
        | Fault::DuplicateMessages { times: 0, .. }
        | Fault::DelayMessages { times: 0, .. }
        | Fault::OvertakeMessages { times: 0, .. }
        | Fault::IgnoreLogins { times: 0, .. }
        | Fault::StallHandshakes { times: 0 }
        | Fault::BreakHandshakes { times: 0 }
        | Fault::ForgeCertificates { times: 0 }
        | Fault::RefuseCodes { times: 0, .. }
        | Fault::RequirePasskey { times: 0, .. } => Err(FaultError::Never),
        waiting => {
            server.faults.add(waiting);
            Ok(())
        }
    }
}

fn on_links(server: &Server, number: &Number, device: Option<u16>, strike: impl Fn(&Link)) -> Result<(), FaultError> {
    let account = server
        .directory
        .get(number)
        .ok_or_else(|| FaultError::UnknownNumber(number.clone()))?;
    let registry = account.registry.lock();
    let links: Vec<_> = registry
        .devices
        .values()
        .filter(|candidate| candidate.id != PHONE_DEVICE && device.is_none_or(|id| id == candidate.id))
        .filter_map(|candidate| candidate.link.as_ref())
        .collect();
    if links.is_empty() {
        return Err(FaultError::NotConnected(number.clone()));
    }
    links.into_iter().for_each(strike);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Number {
        Number::parse("15550000001").unwrap()
    }

    #[test]
    fn a_fault_is_written_in_json_as_it_is_spoken() {
        let fault: Fault =
            serde_json::from_str(r#"{"number":"15550000001","device":1,"fault":"stream-error","code":503}"#).unwrap();
        assert_eq!(
            fault,
            Fault::StreamError {
                number: number(),
                device: Some(1),
                code: 503
            }
        );
        assert!(serde_json::from_str::<Fault>(r#"{"fault":"stream-error"}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"fault":"meteor"}"#).is_err());
    }
}
