//! A device as the server knows it: public keys, what waits for it, and its socket if it has one.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::libsignal::protocol::{IdentityKey, PreKeyBundle, PublicKey, SignalProtocolError};
use whatsapp_rust::wacore_binary::Node;

use crate::blob::Blob;
use crate::connection::Link;
use crate::message::offline::Mailbox;

/// How many message ids a device is known to have; older ones are forgotten.
const KNOWN_MESSAGES: usize = 1000;

/// A public one-time pre-key, with its id as the client encodes it (3 bytes, big-endian).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PreKey {
    pub(crate) id: Blob,
    pub(crate) value: Blob,
}

/// A public signed pre-key.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct SignedPreKey {
    pub(crate) id: Blob,
    pub(crate) value: Blob,
    pub(crate) signature: Blob,
}

/// The phone (id 0) or one of its companions.
#[derive(Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) id: u16,
    pub(crate) key_index: u32,
    /// The static Noise key that a login must show. Empty for the phone, which has no socket.
    pub(crate) noise_key: Blob,
    pub(crate) identity_key: Blob,
    /// The Signal registration id, 4 bytes, big-endian.
    pub(crate) registration: Blob,
    pub(crate) signed_pre_key: SignedPreKey,
    pub(crate) pre_keys: VecDeque<PreKey>,
    /// The `ADVSignedDeviceIdentity` that binds a companion to its account. Empty for the phone.
    pub(crate) device_identity: Blob,
    /// Whether the phone has sent its app-state key.
    pub(crate) has_sync_key: bool,
    pub(crate) mailbox: Mailbox,
    pub(crate) known: KnownMessages,
    #[serde(skip)]
    pub(crate) link: Option<Link>,
    /// Whether the device has left passive mode and takes stanzas as they come.
    #[serde(skip)]
    pub(crate) active: bool,
}

/// The public keys that someone needs to open a Signal session with a device.
pub(crate) struct Bundle {
    pub(crate) device: u16,
    pub(crate) identity_key: Blob,
    pub(crate) registration: Blob,
    pub(crate) signed_pre_key: SignedPreKey,
    pub(crate) pre_key: Option<PreKey>,
    pub(crate) device_identity: Blob,
}

impl Device {
    /// Attaches a socket after a login; returns the one it replaces.
    pub(crate) fn attach(&mut self, link: Link) -> Option<Link> {
        self.active = false;
        self.link.replace(link)
    }

    /// Detaches a socket, unless another one has taken its place.
    pub(crate) fn detach(&mut self, link: &Link) {
        if self.link.as_ref() == Some(link) {
            self.link = None;
            self.active = false;
        }
    }

    /// Sends a stanza if the device listens.
    pub(crate) fn send_live(&self, stanza: &Arc<Node>) {
        if self.active
            && let Some(link) = &self.link
        {
            link.send_shared(Arc::clone(stanza));
        }
    }

    /// Hands out the keys for one session; the one-time pre-key among them is used up.
    pub(crate) fn take_bundle(&mut self) -> Bundle {
        Bundle {
            device: self.id,
            identity_key: self.identity_key.clone(),
            registration: self.registration.clone(),
            signed_pre_key: self.signed_pre_key.clone(),
            pre_key: self.pre_keys.pop_front(),
            device_identity: self.device_identity.clone(),
        }
    }
}

impl Bundle {
    /// The bundle as libsignal takes it.
    pub(crate) fn for_signal(&self) -> Result<PreKeyBundle, SignalProtocolError> {
        let pre_key = match &self.pre_key {
            Some(key) => Some((
                big_endian(&key.id).into(),
                PublicKey::from_djb_public_key_bytes(&key.value)?,
            )),
            None => None,
        };
        PreKeyBundle::new(
            big_endian(&self.registration),
            u32::from(self.device).into(),
            pre_key,
            big_endian(&self.signed_pre_key.id).into(),
            PublicKey::from_djb_public_key_bytes(&self.signed_pre_key.value)?,
            self.signed_pre_key.signature.to_vec(),
            IdentityKey::new(PublicKey::from_djb_public_key_bytes(&self.identity_key)?),
        )
    }
}

/// Key ids travel as 3 or 4 bytes, big-endian.
pub(crate) fn big_endian(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// The messages a device already has, by sender and id, so that one sent again is not delivered again.
#[derive(Default, Serialize, Deserialize)]
#[serde(from = "VecDeque<String>", into = "VecDeque<String>")]
pub(crate) struct KnownMessages {
    order: VecDeque<String>,
    keys: HashSet<String>,
}

impl KnownMessages {
    /// Notes a message; false if it was known.
    pub(crate) fn admit(&mut self, sender: &str, id: &str) -> bool {
        let key = Self::key(sender, id);
        if !self.keys.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > KNOWN_MESSAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }

    /// Forgets a message that the device could not read, so that the next copy passes.
    pub(crate) fn forget(&mut self, sender: &str, id: &str) {
        let key = Self::key(sender, id);
        if self.keys.remove(&key) {
            self.order.retain(|known| *known != key);
        }
    }

    fn key(sender: &str, id: &str) -> String {
        format!("{sender}/{id}")
    }
}

impl Clone for KnownMessages {
    fn clone(&self) -> Self {
        self.order.clone().into()
    }
}

impl From<VecDeque<String>> for KnownMessages {
    fn from(order: VecDeque<String>) -> Self {
        let keys = order.iter().cloned().collect();
        Self { order, keys }
    }
}

impl From<KnownMessages> for VecDeque<String> {
    fn from(known: KnownMessages) -> Self {
        known.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_message_id_is_not_admitted_twice() {
        let mut known = KnownMessages::default();
        assert!(known.admit("15550000001", "A"));
        assert!(!known.admit("15550000001", "A"));
        assert!(known.admit("15550000002", "A"), "ids are the sender's own");
    }

    #[test]
    fn a_forgotten_message_passes_again() {
        let mut known = KnownMessages::default();
        known.admit("15550000001", "A");
        known.forget("15550000001", "A");
        assert!(known.admit("15550000001", "A"));
    }

    #[test]
    fn the_oldest_ids_make_room() {
        let mut known = KnownMessages::default();
        for id in 0..=KNOWN_MESSAGES {
            known.admit("15550000001", &id.to_string());
        }
        assert_eq!(known.order.len(), KNOWN_MESSAGES);
        assert!(known.admit("15550000001", "0"));
        assert!(!known.admit("15550000001", "2"));
    }

    #[test]
    fn key_ids_are_big_endian() {
        assert_eq!(big_endian(&[0, 1, 2]), 258);
    }
}
