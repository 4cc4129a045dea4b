//! Does this build check WhatsApp's certificates?
//!
//! The protocol library can skip the signatures of the server's certificate chain, so that the simulator can be dialled, but only
//! at compile time. Cargo unifies features: any package of the same build may have switched it on. So the library is asked what it
//! does with a forged chain, and a build that accepts one is walled in: loopback literals only, and a database of its own realm.

use switchboard_core::realm::Realm;
use switchboard_egress::Reach;
use whatsapp_rust::buffa::{Message, MessageField};
use whatsapp_rust::wacore::handshake::{HandshakeError, HandshakeUtils};
use whatsapp_rust::waproto::whatsapp::CertChain;
use whatsapp_rust::waproto::whatsapp::cert_chain::NoiseCertificate;
use whatsapp_rust::waproto::whatsapp::cert_chain::noise_certificate::Details;

/// Whether a build checks the certificate chain of the server it talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateCheck {
    /// The chain must lead to WhatsApp's root.
    Enforced,
    /// Any chain is accepted. Such a build reaches loopback literals only.
    Skipped,
}

impl CertificateCheck {
    /// Asks the library. Whatever is not clearly a refused signature counts as skipped, so that a library that changed its ways
    /// walls the build in instead of opening it.
    pub fn of_this_build() -> Self {
        let key = [7; 32];
        match HandshakeUtils::verify_server_cert(&forged_chain(key), &key) {
            Err(HandshakeError::CertVerification(reason)) if reason.contains("signature failed") => Self::Enforced,
            _ => Self::Skipped,
        }
    }

    /// Which WhatsApp such a build may talk to.
    pub const fn realm(self) -> Realm {
        match self {
            Self::Enforced => Realm::Live,
            Self::Skipped => Realm::Simulator,
        }
    }

    /// How far the socket may reach. The target stands in the configuration, so a checked one may be anywhere.
    pub(crate) const fn socket_reach(self) -> Reach {
        match self {
            Self::Enforced => Reach::Anywhere,
            Self::Skipped => Reach::LoopbackOnly,
        }
    }
}

/// A chain for `key` that is right in everything but its signatures.
fn forged_chain(key: [u8; 32]) -> Vec<u8> {
    let certificate = |serial, issuer_serial| {
        let details = Details {
            serial: Some(serial),
            issuer_serial: Some(issuer_serial),
            key: Some(key.to_vec()),
            ..Default::default()
        };
        MessageField::some(NoiseCertificate {
            details: Some(details.encode_to_vec()),
            signature: Some(vec![0; 64]),
        })
    };
    let chain = CertChain {
        leaf: certificate(2, 1),
        intermediate: certificate(1, 0),
    };
    chain.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the feature of this crate another package may still have switched the check off, so only one way is certain.
    #[test]
    fn a_build_with_the_switch_knows_that_it_skips_the_check() {
        let check = CertificateCheck::of_this_build();
        if cfg!(feature = "simulator") {
            assert_eq!(check, CertificateCheck::Skipped);
        }
        assert_eq!(check.realm() == Realm::Live, check == CertificateCheck::Enforced);
        assert_eq!(
            check.socket_reach() == Reach::LoopbackOnly,
            check == CertificateCheck::Skipped
        );
    }

    #[test]
    fn the_forged_chain_fails_at_its_signatures_and_nowhere_else() {
        let outcome = HandshakeUtils::verify_server_cert(&forged_chain([7; 32]), &[7; 32]);
        match outcome {
            Ok(chain) => assert_eq!(chain.leaf_key, [7; 32]),
            Err(error) => assert!(error.to_string().contains("signature"), "{error}"),
        }
    }
}
