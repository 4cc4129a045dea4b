//! A phone's half of the Signal protocol. Sessions are kept by phone number and device, whichever way a stanza names them.
//!
//! Counters of sending chains are leased in batches (libsignal's default): a session from an older data file skips what it
//! may have used up, so no key is used twice after a crash.

use std::collections::HashMap;

use futures::FutureExt as _;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use whatsapp_rust::async_trait;
use whatsapp_rust::wacore::libsignal::protocol::{
    CiphertextMessage, CurveError, Direction, GenericSignedPreKey as _, IdentityChange, IdentityKey, IdentityKeyPair,
    IdentityKeyStore, PreKeyId, PreKeyRecord, PreKeySignalMessage, PreKeyStore, ProtocolAddress, SessionRecord,
    SessionStore, SignalMessage, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore, Timestamp,
    UsePQRatchet, message_decrypt, message_encrypt, process_prekey_bundle,
};

use crate::address::DeviceAddress;
use crate::blob::{Blob, StoredKeyPair};
use crate::device::{Bundle, PreKey, SignedPreKey};
use crate::random::Random;

type Result<T> = std::result::Result<T, SignalProtocolError>;

const SIGNED_PRE_KEY_ID: u32 = 1;
const FIRST_PRE_KEYS: usize = 30;

/// A ciphertext, as an `enc` node carries it.
pub(super) struct Sealed {
    /// `pkmsg` while the other side has not answered yet, `msg` from then on.
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Signal {
    identity: Identity,
    sessions: Sessions,
    pre_keys: PreKeys,
    signed_pre_key: OwnSignedPreKey,
}

impl Signal {
    pub(super) fn create(identity: &StoredKeyPair, random: &Random) -> std::result::Result<Self, CurveError> {
        let pair = StoredKeyPair(random.key_pair());
        let signature = identity
            .private_key
            .calculate_signature(&pair.public_key.serialize(), &mut random.fork())?;
        let mut signal = Self {
            identity: Identity {
                pair: identity.clone(),
                registration: u32::from_be_bytes(random.bytes()) % 16_380 + 1,
            },
            sessions: Sessions::default(),
            pre_keys: PreKeys::default(),
            signed_pre_key: OwnSignedPreKey {
                pair,
                signature: signature.into(),
            },
        };
        signal.generate_pre_keys(FIRST_PRE_KEYS, random);
        Ok(signal)
    }

    pub(super) fn identity_key(&self) -> [u8; 32] {
        self.identity.pair.public()
    }

    pub(super) fn registration(&self) -> [u8; 4] {
        self.identity.registration.to_be_bytes()
    }

    pub(super) fn published_signed_pre_key(&self) -> SignedPreKey {
        SignedPreKey {
            id: key_id(SIGNED_PRE_KEY_ID),
            value: self.signed_pre_key.pair.public().into(),
            signature: self.signed_pre_key.signature.clone(),
        }
    }

    pub(super) fn published_pre_keys(&self) -> Vec<PreKey> {
        self.pre_keys.published(0)
    }

    /// Makes new one-time pre-keys and returns their public halves.
    pub(super) fn generate_pre_keys(&mut self, count: usize, random: &Random) -> Vec<PreKey> {
        let first = self.pre_keys.next;
        for _ in 0..count {
            self.pre_keys.next += 1;
            self.pre_keys
                .pairs
                .insert(self.pre_keys.next, StoredKeyPair(random.key_pair()));
        }
        self.pre_keys.published(first)
    }

    /// The keys by which another device can open a new session with this phone; the pre-key in it is nowhere else.
    pub(super) fn private_bundle(&mut self, random: &Random) -> Bundle {
        Bundle {
            device: 0,
            identity_key: self.identity_key().into(),
            registration: self.registration().into(),
            signed_pre_key: self.published_signed_pre_key(),
            pre_key: self.generate_pre_keys(1, random).pop(),
            device_identity: Blob::default(),
        }
    }

    pub(super) fn has_session(&self, device: &DeviceAddress) -> bool {
        self.sessions.0.contains_key(address(device).as_str())
    }

    /// Opens a session from fetched keys. One that exists is archived, so late messages of it can still be read.
    pub(super) fn open_session(&mut self, device: &DeviceAddress, bundle: &Bundle, random: &Random) -> Result<()> {
        let bundle = bundle.for_signal()?;
        let (address, mut rng) = (address(device), random.fork());
        let (sessions, identity) = (&mut self.sessions, &mut self.identity);
        ready(process_prekey_bundle(
            &address,
            sessions,
            identity,
            &bundle,
            &mut rng,
            UsePQRatchet::No,
        ))?;
        Ok(())
    }

    pub(super) fn encrypt(&mut self, device: &DeviceAddress, plaintext: &[u8]) -> Result<Sealed> {
        let address = address(device);
        let (sessions, identity) = (&mut self.sessions, &mut self.identity);
        match ready(message_encrypt(plaintext, &address, sessions, identity))? {
            CiphertextMessage::PreKeySignalMessage(message) => Ok(Sealed {
                kind: "pkmsg",
                bytes: message.serialized().to_vec(),
            }),
            CiphertextMessage::SignalMessage(message) => Ok(Sealed {
                kind: "msg",
                bytes: message.serialized().to_vec(),
            }),
            _ => Err(unexpected("encrypt", "neither a Signal nor a pre-key message came out")),
        }
    }

    /// Decrypts an `enc` node's bytes. A one-time pre-key is gone after the message that used it.
    pub(super) fn decrypt(
        &mut self,
        device: &DeviceAddress,
        kind: &str,
        bytes: &[u8],
        random: &Random,
    ) -> Result<Vec<u8>> {
        let ciphertext = match kind {
            "pkmsg" => CiphertextMessage::PreKeySignalMessage(PreKeySignalMessage::try_from(bytes)?),
            "msg" => CiphertextMessage::SignalMessage(SignalMessage::try_from(bytes)?),
            _ => return Err(unexpected("decrypt", "the ciphertext is of an unknown kind")),
        };
        let (address, mut rng) = (address(device), random.fork());
        let decrypted = ready(message_decrypt(
            &ciphertext,
            &address,
            &mut self.sessions,
            &mut self.identity,
            &mut self.pre_keys,
            &self.signed_pre_key,
            &mut rng,
            UsePQRatchet::No,
        ))?;
        if let Some(used) = decrypted.consumed_prekey_id {
            self.pre_keys.pairs.remove(&used.into());
        }
        Ok(decrypted.plaintext)
    }

    pub(super) fn forget(&mut self, device: &DeviceAddress) {
        self.sessions.0.remove(address(device).as_str());
    }

    pub(super) fn forget_all(&mut self) {
        self.sessions.0.clear();
    }
}

fn address(device: &DeviceAddress) -> ProtocolAddress {
    ProtocolAddress::new(device.number.as_str(), u32::from(device.device).into())
}

/// Key ids travel as 3 bytes.
fn key_id(id: u32) -> Blob {
    id.to_be_bytes()[1..].into()
}

fn unexpected(operation: &'static str, what: &str) -> SignalProtocolError {
    SignalProtocolError::InvalidState(operation, what.to_owned())
}

/// The stores below are in memory, so libsignal's futures are ready when first polled.
fn ready<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    future
        .now_or_never()
        .unwrap_or_else(|| Err(unexpected("ready", "a store in memory made its caller wait")))
}

#[derive(Serialize, Deserialize)]
struct Identity {
    pair: StoredKeyPair,
    registration: u32,
}

/// Phones trust every identity: the server they ask is the one we test.
#[async_trait]
impl IdentityKeyStore for Identity {
    async fn get_identity_key_pair(&self) -> Result<IdentityKeyPair> {
        Ok(IdentityKeyPair::new(
            IdentityKey::new(self.pair.public_key),
            self.pair.private_key.clone(),
        ))
    }

    async fn get_local_registration_id(&self) -> Result<u32> {
        Ok(self.registration)
    }

    async fn save_identity(&mut self, _: &ProtocolAddress, _: &IdentityKey) -> Result<IdentityChange> {
        Ok(IdentityChange::NewOrUnchanged)
    }

    async fn is_trusted_identity(&self, _: &ProtocolAddress, _: &IdentityKey, _: Direction) -> Result<bool> {
        Ok(true)
    }

    async fn get_identity(&self, _: &ProtocolAddress) -> Result<Option<IdentityKey>> {
        Ok(None)
    }
}

#[derive(Default)]
struct Sessions(HashMap<String, SessionRecord>);

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> Result<Option<SessionRecord>> {
        Ok(self.0.get(address.as_str()).cloned())
    }

    async fn has_session(&self, address: &ProtocolAddress) -> Result<bool> {
        Ok(self.0.contains_key(address.as_str()))
    }

    async fn store_session(&mut self, address: &ProtocolAddress, record: SessionRecord) -> Result<()> {
        self.0.insert(address.as_str().to_owned(), record);
        Ok(())
    }
}

impl Serialize for Sessions {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let records: Result<HashMap<&str, Blob>> = self
            .0
            .iter()
            .map(|(address, record)| Ok((address.as_str(), Blob(record.serialize()?))))
            .collect();
        records.map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sessions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let records: Result<_> = HashMap::<String, Blob>::deserialize(deserializer)?
            .into_iter()
            .map(|(address, record)| Ok((address, SessionRecord::deserialize(&record)?)))
            .collect();
        records.map(Self).map_err(D::Error::custom)
    }
}

/// One-time pre-keys that nobody has used yet, by id.
#[derive(Default, Serialize, Deserialize)]
struct PreKeys {
    /// The last id given out.
    next: u32,
    pairs: HashMap<u32, StoredKeyPair>,
}

impl PreKeys {
    /// The public halves of all after `last`, in order.
    fn published(&self, last: u32) -> Vec<PreKey> {
        (last + 1..=self.next)
            .filter_map(|id| {
                let pair = self.pairs.get(&id)?;
                Some(PreKey {
                    id: key_id(id),
                    value: pair.public().into(),
                })
            })
            .collect()
    }
}

#[async_trait]
impl PreKeyStore for PreKeys {
    async fn get_pre_key(&self, id: PreKeyId) -> Result<PreKeyRecord> {
        let pair = self.pairs.get(&id.into()).ok_or(SignalProtocolError::InvalidPreKeyId)?;
        Ok(PreKeyRecord::new(id, pair))
    }

    async fn save_pre_key(&mut self, id: PreKeyId, record: &PreKeyRecord) -> Result<()> {
        self.pairs.insert(id.into(), StoredKeyPair(record.key_pair()?));
        Ok(())
    }

    async fn remove_pre_key(&mut self, id: PreKeyId) -> Result<()> {
        self.pairs.remove(&id.into());
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct OwnSignedPreKey {
    pair: StoredKeyPair,
    signature: Blob,
}

#[async_trait]
impl SignedPreKeyStore for OwnSignedPreKey {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Result<SignedPreKeyRecord> {
        if u32::from(id) != SIGNED_PRE_KEY_ID {
            return Err(SignalProtocolError::InvalidSignedPreKeyId);
        }
        let made = Timestamp::from_epoch_millis(0);
        Ok(SignedPreKeyRecord::new(id, made, &self.pair.0, &self.signature))
    }

    async fn save_signed_pre_key(&mut self, _: SignedPreKeyId, _: &SignedPreKeyRecord) -> Result<()> {
        Err(unexpected("save_signed_pre_key", "a phone keeps its signed pre-key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Number;

    struct Party {
        device: DeviceAddress,
        signal: Signal,
    }

    fn party(number: &str, random: &Random) -> Party {
        let identity = StoredKeyPair(random.key_pair());
        Party {
            device: DeviceAddress::new(Number::parse(number).unwrap(), 0),
            signal: Signal::create(&identity, random).unwrap(),
        }
    }

    fn say(from: &mut Party, to: &mut Party, text: &[u8], random: &Random) -> &'static str {
        let sealed = from.signal.encrypt(&to.device, text).unwrap();
        let opened = to
            .signal
            .decrypt(&from.device, sealed.kind, &sealed.bytes, random)
            .unwrap();
        assert_eq!(opened, text);
        sealed.kind
    }

    #[test]
    fn two_phones_talk_after_one_fetched_the_others_keys() {
        let random = Random::seeded(1);
        let (mut a, mut b) = (party("15550000001", &random), party("15550000002", &random));
        let bundle = b.signal.private_bundle(&random);
        a.signal.open_session(&b.device, &bundle, &random).unwrap();
        assert_eq!(say(&mut a, &mut b, b"hello", &random), "pkmsg");
        assert_eq!(say(&mut b, &mut a, b"hi", &random), "msg");
        assert_eq!(say(&mut a, &mut b, b"fine", &random), "msg");
    }

    #[test]
    fn a_session_survives_its_data_file_in_the_middle_of_a_conversation() {
        let random = Random::seeded(2);
        let (mut a, mut b) = (party("15550000001", &random), party("15550000002", &random));
        let bundle = b.signal.private_bundle(&random);
        a.signal.open_session(&b.device, &bundle, &random).unwrap();
        say(&mut a, &mut b, b"one", &random);
        let saved = serde_json::to_string(&a.signal).unwrap();
        say(&mut a, &mut b, b"two", &random);
        a.signal = serde_json::from_str(&saved).unwrap();
        say(&mut a, &mut b, b"three, although the file never heard of two", &random);
        say(&mut b, &mut a, b"four", &random);
    }

    #[test]
    fn a_one_time_pre_key_is_used_once() {
        let random = Random::seeded(3);
        let (mut a, mut b) = (party("15550000001", &random), party("15550000002", &random));
        let mut c = party("15550000003", &random);
        let bundle = b.signal.private_bundle(&random);
        a.signal.open_session(&b.device, &bundle, &random).unwrap();
        c.signal.open_session(&b.device, &bundle, &random).unwrap();
        say(&mut a, &mut b, b"first", &random);
        let late = c.signal.encrypt(&b.device, b"late").unwrap();
        assert!(b.signal.decrypt(&c.device, late.kind, &late.bytes, &random).is_err());
    }
}
