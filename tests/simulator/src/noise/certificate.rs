//! The server's long-lived key and the certificate chain that vouches for it: our root signs an intermediate, the
//! intermediate signs the leaf, and the leaf names the server's Noise key.
//!
//! The signatures are real (XEdDSA, as WhatsApp's), although the only clients that accept our root are built not to look.

use serde::{Deserialize, Serialize};
use whatsapp_rust::wacore::libsignal::protocol::{CurveError, KeyPair};
use whatsapp_rust::waproto::buffa::{Message as _, MessageField};
use whatsapp_rust::waproto::whatsapp::CertChain;
use whatsapp_rust::waproto::whatsapp::cert_chain::NoiseCertificate;
use whatsapp_rust::waproto::whatsapp::cert_chain::noise_certificate::Details;

use crate::blob::{StoredKeyPair, public_bytes};
use crate::random::Random;

/// The serial that the root signs under; clients check it.
const ROOT_SERIAL: u32 = 0;
const INTERMEDIATE_SERIAL: u32 = 1;
const LEAF_SERIAL: u32 = 2;

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// The secrets that make a server the same server after a restart. Without them a client's remembered key would be
/// wrong, and every reconnect a fallback.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ServerKeys {
    root: StoredKeyPair,
    noise: StoredKeyPair,
}

impl ServerKeys {
    pub(crate) fn generate(random: &Random) -> Self {
        Self {
            root: StoredKeyPair(random.key_pair()),
            noise: StoredKeyPair(random.key_pair()),
        }
    }
}

/// The server's keys with a chain issued for them.
pub(crate) struct ServerIdentity {
    keys: ServerKeys,
    chain: Vec<u8>,
}

impl ServerIdentity {
    /// Issues a chain that is valid from a day before `now` (seconds since the epoch) for ten years.
    pub(crate) fn issue(keys: ServerKeys, random: &Random, now: u64) -> Result<Self, CurveError> {
        let named = keys.noise.public();
        Self::naming(&named, keys, random, now)
    }

    /// Another server, with a chain that names neither its key nor ours.
    pub(crate) fn forged(random: &Random, now: u64) -> Result<Self, CurveError> {
        let named = public_bytes(&random.key_pair());
        Self::naming(&named, ServerKeys::generate(random), random, now)
    }

    fn naming(noise_key: &[u8; 32], keys: ServerKeys, random: &Random, now: u64) -> Result<Self, CurveError> {
        let intermediate = random.key_pair();
        let chain = CertChain {
            intermediate: MessageField::some(certify(
                &details(INTERMEDIATE_SERIAL, ROOT_SERIAL, &public_bytes(&intermediate), now),
                &keys.root,
                random,
            )?),
            leaf: MessageField::some(certify(
                &details(LEAF_SERIAL, INTERMEDIATE_SERIAL, noise_key, now),
                &intermediate,
                random,
            )?),
        };
        Ok(Self {
            keys,
            chain: chain.encode_to_vec(),
        })
    }

    #[cfg(test)]
    pub(crate) fn create(random: &Random, now: u64) -> Result<Self, CurveError> {
        Self::issue(ServerKeys::generate(random), random, now)
    }

    /// The Noise key that clients remember.
    pub(crate) fn public_key(&self) -> [u8; 32] {
        self.keys.noise.public()
    }

    pub(crate) fn private_key(&self) -> &[u8; 32] {
        self.keys.noise.private_key.serialize()
    }

    /// The root that signed the chain.
    pub(crate) fn root_public_key(&self) -> [u8; 32] {
        self.keys.root.public()
    }

    /// The encoded chain, as it goes into a handshake.
    pub(crate) fn chain(&self) -> &[u8] {
        &self.chain
    }
}

fn details(serial: u32, issuer_serial: u32, key: &[u8; 32], now: u64) -> Details {
    Details {
        serial: Some(serial),
        issuer_serial: Some(issuer_serial),
        key: Some(key.to_vec()),
        not_before: Some(now.saturating_sub(DAY_SECONDS)),
        not_after: Some(now + 3650 * DAY_SECONDS),
    }
}

fn certify(details: &Details, issuer: &KeyPair, random: &Random) -> Result<NoiseCertificate, CurveError> {
    let details = details.encode_to_vec();
    let signature = issuer.private_key.calculate_signature(&details, &mut random.fork())?;
    Ok(NoiseCertificate {
        details: Some(details),
        signature: Some(signature.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore::libsignal::protocol::PublicKey;

    use super::*;

    fn signed_by(certificate: &NoiseCertificate, issuer: &[u8]) -> bool {
        PublicKey::from_djb_public_key_bytes(issuer).unwrap().verify_signature(
            certificate.details.as_deref().unwrap(),
            certificate.signature.as_deref().unwrap(),
        )
    }

    fn read(certificate: &NoiseCertificate) -> Details {
        Details::decode_from_slice(certificate.details.as_deref().unwrap()).unwrap()
    }

    #[test]
    fn the_chain_leads_from_the_root_to_the_noise_key() {
        let random = Random::seeded(1);
        let identity = ServerIdentity::create(&random, 1_800_000_000).unwrap();
        let chain = CertChain::decode_from_slice(identity.chain()).unwrap();
        let (intermediate, leaf) = (
            chain.intermediate.into_option().unwrap(),
            chain.leaf.into_option().unwrap(),
        );
        assert!(signed_by(&intermediate, &identity.root_public_key()));
        let intermediate_details = read(&intermediate);
        assert_eq!(intermediate_details.issuer_serial, Some(ROOT_SERIAL));
        assert!(signed_by(&leaf, intermediate_details.key.as_deref().unwrap()));
        let leaf_details = read(&leaf);
        assert_eq!(leaf_details.issuer_serial, intermediate_details.serial);
        assert_eq!(leaf_details.key.as_deref(), Some(&identity.public_key()[..]));
        assert!(leaf_details.not_before.unwrap() < 1_800_000_000);
        assert!(leaf_details.not_after.unwrap() > 1_800_000_000);
    }

    #[test]
    fn another_root_does_not_vouch_for_it() {
        let random = Random::seeded(2);
        let identity = ServerIdentity::create(&random, 1_800_000_000).unwrap();
        let chain = CertChain::decode_from_slice(identity.chain()).unwrap();
        let intermediate = chain.intermediate.into_option().unwrap();
        assert!(!signed_by(&intermediate, &public_bytes(&random.key_pair())));
    }

    #[test]
    fn stored_keys_make_the_same_server() {
        let random = Random::seeded(3);
        let keys = ServerKeys::generate(&random);
        let stored = serde_json::to_string(&keys).unwrap();
        let first = ServerIdentity::issue(keys, &random, 1_800_000_000).unwrap();
        let again = ServerIdentity::issue(serde_json::from_str(&stored).unwrap(), &random, 1_800_000_000).unwrap();
        assert_eq!(again.public_key(), first.public_key());
        assert_eq!(again.root_public_key(), first.root_public_key());
    }
}
