//! Noise IK as the responder: `-> e, es, s, ss, payload`, `<- e, ee, se, certificate`.

use whatsapp_rust::wacore::handshake::NoiseHandshake;
use whatsapp_rust::wacore_binary::consts::{NOISE_PATTERN_IK, WA_CONN_HEADER};
use whatsapp_rust::waproto::buffa::Message as _;
use whatsapp_rust::waproto::whatsapp as wa;

use super::{Established, HandshakeFailure, Pattern, ServerIdentity, key, server_hello};
use crate::blob::public_bytes;
use crate::random::Random;

/// Reads an IK hello; `None` if it was sealed for another server key, which calls for the fallback.
pub(super) fn respond(
    identity: &ServerIdentity,
    random: &Random,
    client_ephemeral: &[u8; 32],
    sealed_static: &[u8],
    sealed_payload: &[u8],
) -> Result<Option<(Vec<u8>, Established)>, HandshakeFailure> {
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)?;
    noise.authenticate(&identity.public_key());
    noise.authenticate(client_ephemeral);
    noise.mix_shared_secret(identity.private_key(), client_ephemeral)?;
    let Ok(client_static) = noise.decrypt(sealed_static) else {
        return Ok(None);
    };
    let client_static = key(Some(&client_static), "the client's static key")?;
    noise.mix_shared_secret(identity.private_key(), &client_static)?;
    let payload = wa::ClientPayload::decode_from_slice(&noise.decrypt(sealed_payload)?)?;

    let ephemeral = random.key_pair();
    noise.authenticate(&public_bytes(&ephemeral));
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_static)?;
    let sealed_chain = noise.encrypt(identity.chain())?;
    let reply = server_hello(&public_bytes(&ephemeral), None, sealed_chain);
    // The keys come out in the initiator's order: what it writes is what we read.
    let (read, write) = noise.finish()?;
    Ok(Some((
        reply,
        Established {
            pattern: Pattern::Ik,
            client_static,
            payload,
            read,
            write,
        },
    )))
}
