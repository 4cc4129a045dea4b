//! Secrets at rest, sealed with one key that is kept beside the database, not in it.
//!
//! Sealed is every value that the WhatsApp protocol keeps (keys, ratchets, the secrets of messages, privacy tokens), every encoded
//! message (`messages.wire`, which holds its secret) and the proxy of every session (`sessions.proxy`, which may hold a password). Not sealed is what must be found or read by SQL: the readable content of the log,
//! with names and captions, and phone numbers and addresses wherever they stand. Who may read the file reads those, but cannot
//! decrypt traffic or act as the device. Tokens of the API are not in the database at all, only their ids.
//!
//! XChaCha20-Poly1305 with a random nonce for each value (24 bytes: enough to draw them at random for ever,
//! draft-irtf-cfrg-xchacha-03). The associated data is the table and the key of the row, so that a value copied to another row does
//! not open. A sealed value is a version byte, the nonce, the ciphertext and its tag: 41 bytes more than what it holds.

use std::fmt;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use switchboard_core::random::{self, Random};
use switchboard_core::secret::Secret;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Why a value could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed with another key or for another row, or it was changed.
    #[error("a sealed value does not open: it was sealed with another key or for another row, or it was changed")]
    DoesNotOpen,
    /// It is longer than the cipher can seal (256 GiB).
    #[error("a value is too long to be sealed")]
    TooLong,
}

/// The text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal key is 32 bytes in base64, as `openssl rand -base64 32` prints them")]
pub struct MalformedKey;

/// The key that seals. 32 bytes; wiped from memory when dropped, and never shown.
pub struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    /// A new key.
    pub(crate) fn mint(random: &dyn Random) -> Self {
        Self(Zeroizing::new(random::array(random)))
    }

    /// The key in its text form: base64 with padding.
    ///
    /// # Errors
    /// When it is not base64 of 32 bytes.
    pub fn parse(text: &Secret) -> Result<Self, MalformedKey> {
        let bytes = BASE64_STANDARD
            .decode(text.expose().trim())
            .map(Zeroizing::new)
            .map_err(|_| MalformedKey)?;
        let key = <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| MalformedKey)?;
        Ok(Self(Zeroizing::new(*key)))
    }

    /// The text form, for the key file.
    pub(crate) fn to_text(&self) -> Secret {
        Secret::from(BASE64_STANDARD.encode(self.0.as_slice()))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(***)")
    }
}

/// Seals and opens values. A clone shares the key.
#[derive(Clone)]
pub(crate) struct Sealer {
    cipher: Arc<XChaCha20Poly1305>,
    random: Arc<dyn Random>,
}

impl Sealer {
    /// A sealer with `key`; nonces are drawn from `random`, which must be fit for keys.
    pub(crate) fn new(key: &SealKey, random: Arc<dyn Random>) -> Self {
        Self {
            cipher: Arc::new(XChaCha20Poly1305::new((&*key.0).into())),
            random,
        }
    }

    /// Seals `plain` for the row of `table` with the key `row`: its key columns as bytes, in their order.
    pub(crate) fn seal(&self, table: &str, row: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_BYTES] = random::array(&*self.random);
        let aad = place(table, row);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad });
        let sealed = sealed.map_err(|_| SealError::TooLong)?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for the same row of the same table.
    pub(crate) fn open(&self, table: &str, row: &[&[u8]], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (&[VERSION], rest) = sealed.split_first_chunk().ok_or(SealError::DoesNotOpen)? else {
            return Err(SealError::DoesNotOpen);
        };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::DoesNotOpen)?;
        let aad = place(table, row);
        let plain = self
            .cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad });
        plain.map_err(|_| SealError::DoesNotOpen)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(***)")
    }
}

/// The associated data: each part behind its length, so that no two places give the same bytes.
fn place(table: &str, row: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    for part in std::iter::once(table.as_bytes()).chain(row.iter().copied()) {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use switchboard_core::random::SeededRandom;

    use super::*;

    fn sealer(seed: u64) -> Sealer {
        let random = Arc::new(SeededRandom::new(seed));
        Sealer::new(&SealKey::mint(&*random), random)
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_for_its_own_row_alone(
            plain: Vec<u8>, row: Vec<Vec<u8>>, other: Vec<Vec<u8>>,
        ) {
            let row_parts: Vec<&[u8]> = row.iter().map(Vec::as_slice).collect();
            let other_parts: Vec<&[u8]> = other.iter().map(Vec::as_slice).collect();
            let sealer = sealer(1);
            let sealed = sealer.seal("t", &row_parts, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + 41);
            prop_assert_eq!(sealer.open("t", &row_parts, &sealed), Ok(plain));
            prop_assert_eq!(sealer.open("u", &row_parts, &sealed), Err(SealError::DoesNotOpen));
            if row != other {
                prop_assert_eq!(sealer.open("t", &other_parts, &sealed), Err(SealError::DoesNotOpen));
            }
        }
    }

    #[test]
    fn any_changed_or_missing_byte_is_noticed() {
        let sealer = sealer(1);
        let sealed = sealer.seal("t", &[b"row"], b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                sealer.open("t", &[b"row"], &changed),
                Err(SealError::DoesNotOpen),
                "byte {at}"
            );
            assert_eq!(
                sealer.open("t", &[b"row"], &sealed[..at]),
                Err(SealError::DoesNotOpen),
                "{at} bytes"
            );
        }
    }

    #[test]
    fn another_key_does_not_open_it() {
        let sealed = sealer(1).seal("t", &[], b"secret").unwrap();
        assert_eq!(sealer(2).open("t", &[], &sealed), Err(SealError::DoesNotOpen));
    }

    #[test]
    fn the_same_value_is_never_sealed_to_the_same_bytes() {
        let sealer = sealer(1);
        assert_ne!(sealer.seal("t", &[], b"secret"), sealer.seal("t", &[], b"secret"));
    }

    #[test]
    fn a_key_reads_back_from_its_text_and_nothing_else_is_a_key() {
        let key = SealKey::mint(&SeededRandom::new(3));
        assert_eq!(*SealKey::parse(&key.to_text()).unwrap().0, *key.0);
        for text in ["", "AAAA", "hunter2", &"0".repeat(64)] {
            assert!(SealKey::parse(&Secret::from(text.to_owned())).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_key_never_shows_itself() {
        let key = SealKey(Zeroizing::new([0x41; 32]));
        let sealer = Sealer::new(&key, Arc::new(SeededRandom::new(1)));
        assert_eq!(format!("{key:?} {sealer:?}"), "SealKey(***) Sealer(***)");
    }
}
