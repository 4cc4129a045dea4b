//! Faults on order: what goes wrong with WhatsApp's servers and on the way to them, when a test says so.
//!
//! Some happen at once (a stream error, a dropped socket); the others lie in wait and strike a number of times.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore_binary::{Node, NodeContent};

use crate::address::{DeviceAddress, Number, PHONE_DEVICE};
use crate::locked::Locked;
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
    /// Takes back all faults that lie in wait.
    Clear,
}

/// A byte this far from the end is covered by a ciphertext's authentication code or part of it, while the fields that
/// make the envelope readable come earlier or, up to 9 bytes of them, later.
const BEFORE_TRAILER: usize = 12;

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

/// What to do with the acknowledgement of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AckPlan {
    Send,
    Withhold,
    Delay(Duration),
}

/// The faults that lie in wait.
#[derive(Default)]
pub(crate) struct FaultBook {
    waiting: Locked<Vec<Fault>>,
    /// How many wait, to be read without the lock: usually none.
    count: AtomicUsize,
}

impl FaultBook {
    fn add(&self, fault: Fault) {
        let mut waiting = self.waiting.lock();
        waiting.push(fault);
        self.count.store(waiting.len(), Ordering::Release);
    }

    fn clear(&self) {
        self.waiting.lock().clear();
        self.count.store(0, Ordering::Release);
    }

    /// Lets the first fault that `strike` recognises happen once.
    fn take<T>(&self, strike: impl Fn(&mut Fault) -> Option<(T, &mut u32)>) -> Option<T> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut waiting = self.waiting.lock();
        let (index, effect, spent) = waiting.iter_mut().enumerate().find_map(|(index, fault)| {
            let (effect, times) = strike(fault)?;
            *times -= 1;
            Some((index, effect, *times == 0))
        })?;
        if spent {
            waiting.remove(index);
            self.count.store(waiting.len(), Ordering::Release);
        }
        Some(effect)
    }

    pub(crate) fn refuses_connection(&self) -> bool {
        self.take(|fault| match fault {
            Fault::RefuseConnections { times } => Some(((), times)),
            _ => None,
        })
        .is_some()
    }

    /// The reason to refuse this login.
    pub(crate) fn login_failure(&self, who: &DeviceAddress) -> Option<u16> {
        self.take(|fault| match fault {
            Fault::LoginFailure {
                number,
                device,
                code,
                times,
            } if is_for(who, number, *device) => Some((*code, times)),
            _ => None,
        })
    }

    /// The error with which to refuse a linking code for this number.
    pub(crate) fn code_refusal(&self, wanted: &Number) -> Option<u16> {
        self.take(|fault| match fault {
            Fault::RefuseCodes { number, code, times } if number == wanted => Some((*code, times)),
            _ => None,
        })
    }

    /// Whether this number's phone links nothing without a passkey now.
    pub(crate) fn requires_passkey(&self, phone: &Number) -> bool {
        self.take(|fault| match fault {
            Fault::RequirePasskey { number, times } if number == phone => Some(((), times)),
            _ => None,
        })
        .is_some()
    }

    /// The error with which to refuse this sender's message.
    pub(crate) fn nack(&self, sender: &DeviceAddress) -> Option<u16> {
        self.take(|fault| match fault {
            Fault::NackMessages {
                number,
                device,
                code,
                times,
            } if is_for(sender, number, *device) => Some((*code, times)),
            _ => None,
        })
    }

    pub(crate) fn ack_plan(&self, sender: &DeviceAddress) -> AckPlan {
        self.take(|fault| match fault {
            Fault::WithholdAcks { number, device, times } if is_for(sender, number, *device) => {
                Some((AckPlan::Withhold, times))
            }
            Fault::DelayAcks {
                number,
                device,
                millis,
                times,
            } if is_for(sender, number, *device) => Some((AckPlan::Delay(Duration::from_millis(*millis)), times)),
            _ => None,
        })
        .unwrap_or(AckPlan::Send)
    }

    /// The stanza as it arrives: messages may be damaged.
    pub(crate) fn spoil(&self, recipient: &DeviceAddress, mut stanza: Node) -> Node {
        let struck = stanza.tag == "message"
            && self
                .take(|fault| match fault {
                    Fault::CorruptMessages { number, device, times } if is_for(recipient, number, *device) => {
                        Some(((), times))
                    }
                    _ => None,
                })
                .is_some();
        if struck && let Some(NodeContent::Nodes(children)) = &mut stanza.content {
            for child in children.iter_mut().filter(|child| child.tag == "enc") {
                if let Some(NodeContent::Bytes(bytes)) = &mut child.content
                    && let Some(index) = bytes.len().checked_sub(BEFORE_TRAILER)
                {
                    bytes[index] ^= 0xff;
                }
            }
        }
        stanza
    }
}

fn is_for(who: &DeviceAddress, number: &Number, device: Option<u16>) -> bool {
    who.number == *number && device.is_none_or(|device| device == who.device)
}

/// Makes a fault happen, now or when its time comes.
pub(crate) fn inject(server: &Server, fault: Fault) -> Result<(), FaultError> {
    tracing::info!(?fault, "a fault is ordered");
    match fault {
        Fault::StreamError { number, device, code } => {
            on_links(server, &number, device, |link| link.close_with(stream_error(code)))
        }
        Fault::DropSocket { number, device } => on_links(server, &number, device, |link| link.abort()),
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
            Ok(())
        }
        Fault::LoginFailure { times: 0, .. }
        | Fault::RefuseConnections { times: 0 }
        | Fault::NackMessages { times: 0, .. }
        | Fault::WithholdAcks { times: 0, .. }
        | Fault::DelayAcks { times: 0, .. }
        | Fault::CorruptMessages { times: 0, .. }
        | Fault::RefuseCodes { times: 0, .. }
        | Fault::RequirePasskey { times: 0, .. } => Err(FaultError::Never),
        waiting => {
            server.faults.add(waiting);
            Ok(())
        }
    }
}

fn on_links(
    server: &Server,
    number: &Number,
    device: Option<u16>,
    strike: impl Fn(&crate::connection::Link),
) -> Result<(), FaultError> {
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

    fn nack(times: u32) -> Fault {
        Fault::NackMessages {
            number: number(),
            device: Some(1),
            code: 479,
            times,
        }
    }

    #[test]
    fn a_fault_strikes_as_often_as_ordered() {
        let book = FaultBook::default();
        let sender = DeviceAddress::new(number(), 1);
        book.add(nack(2));
        assert_eq!(book.nack(&sender), Some(479));
        assert_eq!(book.nack(&sender), Some(479));
        assert_eq!(book.nack(&sender), None);
    }

    #[test]
    fn a_fault_spares_other_devices() {
        let book = FaultBook::default();
        book.add(nack(1));
        assert_eq!(book.nack(&DeviceAddress::new(number(), 2)), None);
        assert_eq!(book.ack_plan(&DeviceAddress::new(number(), 1)), AckPlan::Send);
    }

    #[test]
    fn cleared_faults_do_not_strike() {
        let book = FaultBook::default();
        book.add(nack(1));
        book.clear();
        assert_eq!(book.nack(&DeviceAddress::new(number(), 1)), None);
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
