//! What a phone keeps: its Signal sessions, what it received, what it sent.

use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::libsignal::protocol::CurveError;

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::signal::Signal;
use crate::address::PHONE_DEVICE;
use crate::blob::StoredKeyPair;
use crate::device::Device;
use crate::random::Random;

#[derive(Serialize, Deserialize)]
pub(crate) struct PhoneState {
    pub(super) signal: Signal,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
}

impl PhoneState {
    pub(crate) fn create(identity: &StoredKeyPair, random: &Random) -> Result<Self, CurveError> {
        Ok(Self {
            signal: Signal::create(identity, random)?,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
        })
    }

    /// The phone as the server lists it.
    pub(crate) fn published_device(&self) -> Device {
        Device {
            id: PHONE_DEVICE,
            key_index: 0,
            noise_key: Default::default(),
            identity_key: self.signal.identity_key().into(),
            registration: self.signal.registration().into(),
            signed_pre_key: self.signal.published_signed_pre_key(),
            pre_keys: self.signal.published_pre_keys().into(),
            device_identity: Default::default(),
            has_sync_key: true,
            mailbox: Default::default(),
            known: Default::default(),
            link: None,
            active: false,
        }
    }

    /// How many messages the phone's log holds.
    pub(crate) fn message_count(&self) -> usize {
        self.inbox.len()
    }

    /// Drops all Signal sessions, as a phone that was restored from an old backup has.
    pub(crate) fn forget_sessions(&mut self) {
        self.signal.forget_all();
    }
}

/// So many one-time pre-keys a phone has on the server; it makes up for used ones when a third is gone.
const PRE_KEYS: usize = 30;

/// Uploads new pre-keys if many have been used up.
pub(super) fn replenish(phone: &mut PhoneState, account: &crate::account::Account, random: &Random) {
    let mut registry = account.registry.lock();
    let Some(device) = registry.device(PHONE_DEVICE) else {
        return;
    };
    let missing = PRE_KEYS.saturating_sub(device.pre_keys.len());
    if missing >= PRE_KEYS / 3 {
        device.pre_keys.extend(phone.signal.generate_pre_keys(missing, random));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::account::Account;
    use crate::address::Number;

    #[test]
    fn a_phone_makes_up_for_used_pre_keys() {
        let random = Random::seeded(1);
        let account = Arc::new(Account::create(Number::parse("15550000001").unwrap(), &random).unwrap());
        let take = |count| (0..count).for_each(|_| drop(account.registry.lock().take_bundle(PHONE_DEVICE)));
        let left = || account.registry.lock().devices[&PHONE_DEVICE].pre_keys.len();
        take(3);
        replenish(&mut account.phone.lock(), &account, &random);
        assert_eq!(left(), PRE_KEYS - 3);
        take(10);
        replenish(&mut account.phone.lock(), &account, &random);
        assert_eq!(left(), PRE_KEYS);
    }
}
