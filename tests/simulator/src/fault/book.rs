//! The faults that lie in wait, and whom each strikes next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Fault;
use crate::address::{DeviceAddress, Number};
use crate::locked::Locked;

/// What to do with the acknowledgement of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AckPlan {
    Send,
    Withhold,
    Delay(Duration),
}

/// How a handshake goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadHandshake {
    /// Nothing is said.
    Stall,
    /// What is said is no handshake.
    Break,
    /// A server that has no right to its name.
    Forge,
}

/// What happens to a message on its way to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    Corrupt,
    Delay(Duration),
    Duplicate,
    /// The message after it is faster.
    Overtake,
}

/// The faults that lie in wait.
#[derive(Default)]
pub(crate) struct FaultBook {
    waiting: Locked<Vec<Fault>>,
    /// How many wait, to be read without the lock: usually none.
    count: AtomicUsize,
}

impl FaultBook {
    pub(super) fn add(&self, fault: Fault) {
        let mut waiting = self.waiting.lock();
        waiting.push(fault);
        self.count.store(waiting.len(), Ordering::Release);
    }

    pub(super) fn clear(&self) {
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

    /// What happens to the next connection's handshake.
    pub(crate) fn handshake(&self) -> Option<BadHandshake> {
        self.take(|fault| match fault {
            Fault::StallHandshakes { times } => Some((BadHandshake::Stall, times)),
            Fault::BreakHandshakes { times } => Some((BadHandshake::Break, times)),
            Fault::ForgeCertificates { times } => Some((BadHandshake::Forge, times)),
            _ => None,
        })
    }

    /// Whether this login gets no answer.
    pub(crate) fn ignores_login(&self, who: &DeviceAddress) -> bool {
        self.take(|fault| match fault {
            Fault::IgnoreLogins { number, device, times } if is_for(who, number, *device) => Some(((), times)),
            _ => None,
        })
        .is_some()
    }

    /// What happens to a message on its way to this device.
    pub(crate) fn mishap(&self, recipient: &DeviceAddress) -> Option<Mishap> {
        self.take(|fault| match fault {
            Fault::CorruptMessages { number, device, times } if is_for(recipient, number, *device) => {
                Some((Mishap::Corrupt, times))
            }
            Fault::DuplicateMessages { number, device, times } if is_for(recipient, number, *device) => {
                Some((Mishap::Duplicate, times))
            }
            Fault::OvertakeMessages { number, device, times } if is_for(recipient, number, *device) => {
                Some((Mishap::Overtake, times))
            }
            Fault::DelayMessages {
                number,
                device,
                millis,
                times,
            } if is_for(recipient, number, *device) => Some((Mishap::Delay(Duration::from_millis(*millis)), times)),
            _ => None,
        })
    }
}

fn is_for(who: &DeviceAddress, number: &Number, device: Option<u16>) -> bool {
    who.number == *number && device.is_none_or(|device| device == who.device)
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
}
