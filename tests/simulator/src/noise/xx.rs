//! Noise XX as the responder: `-> e`, `<- e, ee, s, es, certificate`, `-> s, se, payload`. XXfallback differs in the
//! name of the pattern alone, since its client hello contributes the same ephemeral key to the transcript.

use whatsapp_rust::wacore::handshake::NoiseHandshake;
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;
use whatsapp_rust::wacore_binary::consts::{NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK, WA_CONN_HEADER};
use whatsapp_rust::waproto::buffa::Message as _;
use whatsapp_rust::waproto::whatsapp as wa;

use super::{Established, HandshakeFailure, Pattern, ServerIdentity, key, server_hello};
use crate::blob::public_bytes;
use crate::random::Random;

/// A handshake that awaits the client's third message.
pub(crate) struct XxResponder {
    pattern: Pattern,
    noise: NoiseHandshake,
    ephemeral: KeyPair,
}

pub(super) fn respond(
    pattern: Pattern,
    identity: &ServerIdentity,
    random: &Random,
    client_ephemeral: &[u8; 32],
) -> Result<(Vec<u8>, XxResponder), HandshakeFailure> {
    let name = match pattern {
        Pattern::XxFallback => NOISE_PATTERN_XXFALLBACK,
        Pattern::Xx | Pattern::Ik => NOISE_PATTERN_XX,
    };
    let ephemeral = random.key_pair();
    let mut noise = NoiseHandshake::new(name, &WA_CONN_HEADER)?;
    noise.authenticate(client_ephemeral);
    noise.authenticate(&public_bytes(&ephemeral));
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    let sealed_static = noise.encrypt(&identity.public_key())?;
    noise.mix_shared_secret(identity.private_key(), client_ephemeral)?;
    let sealed_chain = noise.encrypt(identity.chain())?;
    let reply = server_hello(&public_bytes(&ephemeral), Some(sealed_static), sealed_chain);
    let responder = XxResponder {
        pattern,
        noise,
        ephemeral,
    };
    Ok((reply, responder))
}

impl XxResponder {
    /// Reads the client's static key and payload from its last message.
    pub(crate) fn finish(mut self, frame: &[u8]) -> Result<Established, HandshakeFailure> {
        let finish = wa::HandshakeMessage::decode_from_slice(frame)?
            .client_finish
            .into_option()
            .ok_or(HandshakeFailure::Missing("a client finish"))?;
        let sealed_static = finish
            .r#static
            .ok_or(HandshakeFailure::Missing("the client's static key"))?;
        let sealed_payload = finish
            .payload
            .ok_or(HandshakeFailure::Missing("the client's payload"))?;
        let client_static = key(Some(&self.noise.decrypt(&sealed_static)?), "the client's static key")?;
        self.noise
            .mix_shared_secret(self.ephemeral.private_key.serialize(), &client_static)?;
        let payload = wa::ClientPayload::decode_from_slice(&self.noise.decrypt(&sealed_payload)?)?;
        // The keys come out in the initiator's order: what it writes is what we read.
        let (read, write) = self.noise.finish()?;
        Ok(Established {
            pattern: self.pattern,
            client_static,
            payload,
            read,
            write,
        })
    }
}
