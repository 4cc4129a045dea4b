//! What all connections share, and the one way by which stanzas reach devices.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use whatsapp_rust::wacore::libsignal::protocol::CurveError;
use whatsapp_rust::wacore_binary::Node;

use crate::account::Account;
use crate::address::{DeviceAddress, Number, PHONE_DEVICE};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::directory::Directory;
use crate::fault::{self, Carrier, FaultBook};
use crate::message;
use crate::noise::ServerIdentity;
use crate::options::Timing;
use crate::pairing::PairingDesk;
use crate::persist::Saver;
use crate::phone;
use crate::random::Random;

pub(crate) struct Server {
    pub(crate) identity: ServerIdentity,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) timing: Timing,
    pub(crate) directory: Directory,
    pub(crate) desk: PairingDesk,
    pub(crate) faults: FaultBook,
    pub(crate) carrier: Carrier,
    pub(crate) counters: Counters,
    pub(crate) saver: Saver,
    /// Cancelled when the server stops.
    pub(crate) closing: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// A stanza on its way to one device.
pub(crate) struct Delivery {
    pub(crate) to: DeviceAddress,
    pub(crate) stanza: Node,
    /// Whether it waits for a device that is away. Typing notices do not.
    pub(crate) kept: bool,
}

impl Server {
    /// The account of a number, made if there is none.
    pub(crate) fn account(&self, number: &Number) -> Result<Arc<Account>, CurveError> {
        let (account, made) = self.directory.get_or_create(number, &self.random)?;
        if made {
            self.saver.touch(&account.number);
        }
        Ok(account)
    }

    /// A fresh id for a stanza of the server's own.
    pub(crate) fn stanza_id(&self) -> String {
        format!("{:016X}", self.random.number())
    }

    /// Carries stanzas to their devices. Phones answer at once (receipts, retries), and their answers are carried on, until
    /// nobody has anything left to say.
    pub(crate) fn deliver(&self, deliveries: Vec<Delivery>) {
        let mut work = VecDeque::from(deliveries);
        while let Some(Delivery { to, stanza, kept }) = work.pop_front() {
            let Some(account) = self.directory.get(&to.number) else {
                continue;
            };
            if to.device == PHONE_DEVICE {
                for answer in phone::receive(self, &account, &stanza) {
                    work.extend(message::route(self, &to, &answer));
                }
            } else if kept {
                fault::carry(self, &account, &to, stanza);
            } else if let Some(device) = account.registry.lock().device(to.device) {
                device.send_live(&Arc::new(stanza));
            }
            self.saver.touch(&to.number);
        }
    }

    /// Carries what a virtual phone says, as if it had come in through a socket.
    pub(crate) fn deliver_from(&self, origin: &DeviceAddress, stanza: &Node) {
        self.deliver(message::route(self, origin, stanza));
    }
}
