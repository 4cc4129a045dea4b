//! An account: a phone number, its LID, its identity key, its devices, and the virtual phone that owns it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use whatsapp_rust::Jid;
use whatsapp_rust::wacore::libsignal::protocol::CurveError;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use crate::address::{Number, PHONE_DEVICE};
use crate::blob::StoredKeyPair;
use crate::device::{Bundle, Device, big_endian};
use crate::locked::Locked;
use crate::phone::state::PhoneState;
use crate::random::Random;
use crate::stanza::SERVER;

/// With fewer one-time keys than this a companion is told to upload more.
const FEW_PRE_KEYS: usize = 5;

/// How a stanza names people: by phone number or by LID. A conversation stays in one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressing {
    Number,
    Lid,
}

impl Addressing {
    /// The addressing that this address uses.
    pub(crate) fn of(jid: &Jid) -> Self {
        if jid.server.is_lid_family() {
            Self::Lid
        } else {
            Self::Number
        }
    }
}

pub(crate) struct Account {
    pub(crate) number: Number,
    /// The user part of the account's LID.
    pub(crate) lid: String,
    /// Names this incarnation of the account in its signed device lists.
    pub(crate) raw_id: u32,
    /// The account's key, which is the phone's Signal identity too. It signs the account's companions.
    pub(crate) identity: StoredKeyPair,
    pub(crate) registry: Locked<Registry>,
    pub(crate) phone: Locked<PhoneState>,
    /// Ticks whenever something new stands in the phone's log.
    pub(crate) news: watch::Sender<u64>,
}

/// The account's devices, and who wants to hear when they change.
#[derive(Serialize, Deserialize)]
pub(crate) struct Registry {
    pub(crate) devices: BTreeMap<u16, Device>,
    /// Device ids are never given out twice.
    next_device: u16,
    /// Accounts that asked for the list of devices and are told of changes.
    pub(crate) watchers: BTreeSet<Number>,
}

impl Registry {
    pub(crate) fn device(&mut self, id: u16) -> Option<&mut Device> {
        self.devices.get_mut(&id)
    }

    /// The id for the next companion.
    pub(crate) fn allot_device(&mut self) -> u16 {
        let id = self.next_device;
        self.next_device += 1;
        id
    }

    /// The keys for one session with a device. A companion is told when its one-time keys run out.
    pub(crate) fn take_bundle(&mut self, device: u16) -> Option<Bundle> {
        let keys = self.device(device)?;
        let bundle = keys.take_bundle();
        let left = keys.pre_keys.len();
        if device != PHONE_DEVICE
            && left < FEW_PRE_KEYS
            && let Some(taken) = &bundle.pre_key
        {
            let count = NodeBuilder::new("count").attr("value", left).build();
            let notification = NodeBuilder::new("notification")
                .attr("id", format!("few-{}", big_endian(&taken.id)))
                .attr("from", SERVER)
                .attr("type", "encrypt")
                .children([count])
                .build();
            self.post(device, notification);
        }
        Some(bundle)
    }

    /// Hands a stanza to a companion: to its socket if it listens, and in any case to its mailbox.
    pub(crate) fn post(&mut self, device: u16, stanza: Node) {
        if let Some(device) = self.device(device) {
            let stanza = Arc::new(stanza);
            device.send_live(&stanza);
            device.mailbox.push(stanza);
        }
    }
}

impl Account {
    /// A new account with a phone and no companions.
    pub(crate) fn create(number: Number, random: &Random) -> Result<Self, CurveError> {
        let identity = StoredKeyPair(random.key_pair());
        let phone = PhoneState::create(&identity, random)?;
        let registry = Registry {
            devices: BTreeMap::from([(PHONE_DEVICE, phone.published_device())]),
            next_device: PHONE_DEVICE + 1,
            watchers: BTreeSet::new(),
        };
        Ok(Self {
            number,
            lid: (100_000_000_000_000 + random.number() % 900_000_000_000_000).to_string(),
            raw_id: u32::from_be_bytes(random.bytes()) >> 1,
            identity,
            registry: Locked::new(registry),
            phone: Locked::new(phone),
            news: watch::Sender::new(0),
        })
    }

    /// The address of a device of this account.
    pub(crate) fn jid(&self, addressing: Addressing, device: u16) -> Jid {
        match addressing {
            Addressing::Number => Jid::pn_device(self.number.as_str(), device),
            Addressing::Lid => Jid::lid_device(self.lid.as_str(), device),
        }
    }

    /// The account as it is kept on disk.
    pub(crate) fn save(&self) -> serde_json::Result<Vec<u8>> {
        let phone = self.phone.lock();
        let registry = self.registry.lock();
        serde_json::to_vec(&SavedRef {
            number: &self.number,
            lid: &self.lid,
            raw_id: self.raw_id,
            identity: &self.identity,
            registry: &registry,
            phone: &phone,
        })
    }

    /// An account from its file.
    pub(crate) fn restore(bytes: &[u8]) -> serde_json::Result<Self> {
        let saved: Saved = serde_json::from_slice(bytes)?;
        Ok(Self {
            number: saved.number,
            lid: saved.lid,
            raw_id: saved.raw_id,
            identity: saved.identity,
            registry: Locked::new(saved.registry),
            phone: Locked::new(saved.phone),
            news: watch::Sender::new(0),
        })
    }
}

#[derive(Serialize)]
struct SavedRef<'a> {
    number: &'a Number,
    lid: &'a str,
    raw_id: u32,
    identity: &'a StoredKeyPair,
    registry: &'a Registry,
    phone: &'a PhoneState,
}

#[derive(Deserialize)]
struct Saved {
    number: Number,
    lid: String,
    raw_id: u32,
    identity: StoredKeyPair,
    registry: Registry,
    phone: PhoneState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_survives_its_data_file() {
        let number = Number::parse("15550000001").unwrap();
        let account = Account::create(number, &Random::seeded(1)).unwrap();
        let again = Account::restore(&account.save().unwrap()).unwrap();
        assert_eq!(again.number, account.number);
        assert_eq!(again.lid, account.lid);
        assert_eq!(again.identity.public(), account.identity.public());
        assert_eq!(again.registry.lock().devices.len(), 1);
    }

    #[test]
    fn device_ids_are_given_out_once() {
        let number = Number::parse("15550000001").unwrap();
        let account = Account::create(number, &Random::seeded(1)).unwrap();
        let mut registry = account.registry.lock();
        assert_eq!((registry.allot_device(), registry.allot_device()), (1, 2));
    }
}
