//! Bytes and key pairs as they stand in the data files: base64 strings.

use std::ops::Deref;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use whatsapp_rust::wacore::libsignal::protocol::{KeyPair, PrivateKey};

/// Bytes that serialise as base64.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: AsRef<[u8]>> From<T> for Blob {
    fn from(bytes: T) -> Self {
        Self(bytes.as_ref().to_vec())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}

/// A key pair that serialises as its private half.
#[derive(Clone)]
pub(crate) struct StoredKeyPair(pub(crate) KeyPair);

impl StoredKeyPair {
    /// The 32 bytes of the public half.
    pub(crate) fn public(&self) -> [u8; 32] {
        public_bytes(&self.0)
    }
}

impl Deref for StoredKeyPair {
    type Target = KeyPair;

    fn deref(&self) -> &KeyPair {
        &self.0
    }
}

impl Serialize for StoredKeyPair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Blob::from(self.0.private_key.serialize()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoredKeyPair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Blob::deserialize(deserializer)?;
        let private = PrivateKey::deserialize(&bytes).map_err(D::Error::custom)?;
        let public = private.public_key().map_err(D::Error::custom)?;
        Ok(Self(KeyPair::new(public, private)))
    }
}

/// The 32 bytes of a public key, without Signal's type byte.
pub(crate) fn public_bytes(pair: &KeyPair) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(pair.public_key.public_key_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_key_pair_comes_back_from_its_private_half() {
        let pair = StoredKeyPair(Random::seeded(1).key_pair());
        let text = serde_json::to_string(&pair).unwrap();
        let again: StoredKeyPair = serde_json::from_str(&text).unwrap();
        assert_eq!(again.public(), pair.public());
    }

    #[test]
    fn bytes_that_are_not_base64_are_refused() {
        assert!(serde_json::from_str::<Blob>("\"%%%\"").is_err());
    }
}
