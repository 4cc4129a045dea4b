//! The responder's side of WhatsApp's Noise handshake.
//!
//! A client that knows nothing about the server opens with XX (three messages, the certificate in the second). One that
//! remembers the server's key opens with IK and sends its login in the first message. If the remembered key is not ours,
//! the IK message cannot be read, and we answer it as if it had been an XX hello: XXfallback, which reuses the ephemeral
//! key the client already sent. The functions here are pure: bytes in, bytes out; the connection carries them.

pub(crate) mod certificate;
mod ik;
mod xx;

use whatsapp_rust::wacore::handshake::{HandshakeError, NoiseCipher};
use whatsapp_rust::waproto::buffa::{DecodeError, Message as _};
use whatsapp_rust::waproto::whatsapp as wa;

pub(crate) use self::certificate::ServerIdentity;
pub(crate) use self::xx::XxResponder;
use crate::random::Random;

/// How a handshake went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    Xx,
    Ik,
    XxFallback,
}

impl Pattern {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Pattern::Xx => "xx",
            Pattern::Ik => "ik",
            Pattern::XxFallback => "xxfallback",
        }
    }
}

/// A finished handshake: who the client is by key, what it sent with it, and the ciphers of both directions.
pub(crate) struct Established {
    pub(crate) pattern: Pattern,
    pub(crate) client_static: [u8; 32],
    pub(crate) payload: wa::ClientPayload,
    pub(crate) read: NoiseCipher,
    pub(crate) write: NoiseCipher,
}

/// What to do after the client's hello: send the reply, and then the handshake either stands or awaits one more message.
pub(crate) enum Answer {
    Established(Vec<u8>, Box<Established>),
    AwaitFinish(Vec<u8>, Box<XxResponder>),
}

/// Why a handshake ended without a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeFailure {
    #[error("a handshake message is not valid protobuf: {0}")]
    Protobuf(#[from] DecodeError),
    #[error("the handshake lacks {0}")]
    Missing(&'static str),
    #[error("a key in the handshake is not 32 bytes long")]
    KeyLength,
    #[error(transparent)]
    Crypto(#[from] HandshakeError),
}

/// Answers the first message of a connection.
pub(crate) fn answer_hello(
    identity: &ServerIdentity,
    random: &Random,
    frame: &[u8],
) -> Result<Answer, HandshakeFailure> {
    let hello = wa::HandshakeMessage::decode_from_slice(frame)?
        .client_hello
        .into_option()
        .ok_or(HandshakeFailure::Missing("a client hello"))?;
    let ephemeral = key(hello.ephemeral.as_deref(), "the client's ephemeral key")?;
    let pattern = match (&hello.r#static, &hello.payload) {
        (Some(sealed_static), Some(sealed_payload)) => {
            let resumed = ik::respond(identity, random, &ephemeral, sealed_static, sealed_payload)?;
            if let Some((reply, established)) = resumed {
                return Ok(Answer::Established(reply, Box::new(established)));
            }
            Pattern::XxFallback
        }
        _ => Pattern::Xx,
    };
    let (reply, responder) = xx::respond(pattern, identity, random, &ephemeral)?;
    Ok(Answer::AwaitFinish(reply, Box::new(responder)))
}

fn key(bytes: Option<&[u8]>, what: &'static str) -> Result<[u8; 32], HandshakeFailure> {
    bytes
        .ok_or(HandshakeFailure::Missing(what))?
        .try_into()
        .map_err(|_| HandshakeFailure::KeyLength)
}

/// The server's hello. XX and its fallback carry the sealed static key, IK does not.
fn server_hello(ephemeral: &[u8; 32], sealed_static: Option<Vec<u8>>, sealed_chain: Vec<u8>) -> Vec<u8> {
    use whatsapp_rust::waproto::buffa::MessageField;
    wa::HandshakeMessage {
        server_hello: MessageField::some(wa::handshake_message::ServerHello {
            ephemeral: Some(ephemeral.to_vec()),
            r#static: sealed_static,
            payload: Some(sealed_chain),
            ..Default::default()
        }),
        ..Default::default()
    }
    .encode_to_vec()
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore::handshake::{
        IkHandshakeState, IkServerHelloOutcome, XxFallbackHandshakeState, XxHandshakeState,
    };
    use whatsapp_rust::wacore_binary::consts::WA_CONN_HEADER;

    use super::*;
    use crate::blob::public_bytes;

    fn login() -> Vec<u8> {
        wa::ClientPayload {
            username: Some(15_550_000_001),
            ..Default::default()
        }
        .encode_to_vec()
    }

    fn finish(answer: Answer, client_finish: &[u8]) -> Established {
        let Answer::AwaitFinish(_, responder) = answer else {
            panic!("the handshake stood too early");
        };
        responder.finish(client_finish).unwrap()
    }

    /// Both ends must have derived the same keys, the one's write key being the other's read key.
    fn assert_ciphers_meet(server: &Established, client_write: &NoiseCipher, client_read: &NoiseCipher) {
        let mut sealed = client_write.encrypt_with_counter(0, b"up").unwrap();
        server.read.decrypt_in_place_with_counter(0, &mut sealed).unwrap();
        assert_eq!(sealed, b"up");
        let mut sealed = server.write.encrypt_with_counter(0, b"down").unwrap();
        client_read.decrypt_in_place_with_counter(0, &mut sealed).unwrap();
        assert_eq!(sealed, b"down");
    }

    #[test]
    fn an_xx_client_and_the_server_meet() {
        let random = Random::seeded(1);
        let identity = ServerIdentity::create(&random, 1_800_000_000).unwrap();
        let client_key = random.key_pair();
        let mut client = XxHandshakeState::new(client_key.clone(), login(), &WA_CONN_HEADER).unwrap();
        let answer = answer_hello(&identity, &random, &client.build_client_hello().unwrap()).unwrap();
        let Answer::AwaitFinish(reply, _) = &answer else {
            panic!("XX takes three messages");
        };
        let client_finish = client.read_server_hello_and_build_client_finish(reply).unwrap();
        let established = finish(answer, &client_finish);
        let outcome = client.finish().unwrap();
        assert_eq!(established.pattern, Pattern::Xx);
        assert_eq!(established.client_static, public_bytes(&client_key));
        assert_eq!(established.payload.username, Some(15_550_000_001));
        assert_ciphers_meet(&established, &outcome.write_cipher, &outcome.read_cipher);
    }

    #[test]
    fn an_ik_client_that_knows_our_key_is_in_after_one_round_trip() {
        let random = Random::seeded(2);
        let identity = ServerIdentity::create(&random, 1_800_000_000).unwrap();
        let client_key = random.key_pair();
        let mut client =
            IkHandshakeState::new(client_key.clone(), identity.public_key(), login(), &WA_CONN_HEADER).unwrap();
        let hello = client.build_client_hello().unwrap();
        let Answer::Established(reply, established) = answer_hello(&identity, &random, &hello).unwrap() else {
            panic!("IK stands after the first message");
        };
        let IkServerHelloOutcome::Continue(outcome) = client.read_server_hello(&reply).unwrap() else {
            panic!("the client took our answer for a fallback");
        };
        assert_eq!(established.pattern, Pattern::Ik);
        assert_eq!(established.client_static, public_bytes(&client_key));
        assert_ciphers_meet(&established, &outcome.write_cipher, &outcome.read_cipher);
    }

    #[test]
    fn an_ik_client_with_a_wrong_server_key_falls_back() {
        let random = Random::seeded(3);
        let identity = ServerIdentity::create(&random, 1_800_000_000).unwrap();
        let client_key = random.key_pair();
        let stale = public_bytes(&random.key_pair());
        let mut client = IkHandshakeState::new(client_key, stale, login(), &WA_CONN_HEADER).unwrap();
        let answer = answer_hello(&identity, &random, &client.build_client_hello().unwrap()).unwrap();
        let Answer::AwaitFinish(reply, _) = &answer else {
            panic!("we cannot have read a message sealed for another key");
        };
        let IkServerHelloOutcome::Fallback(inputs) = client.read_server_hello(reply).unwrap() else {
            panic!("the client did not notice the fallback");
        };
        let mut fallback = XxFallbackHandshakeState::from_ik_failure(*inputs, &WA_CONN_HEADER).unwrap();
        let client_finish = fallback.build_client_finish().unwrap();
        let established = finish(answer, &client_finish);
        let outcome = fallback.finish().unwrap();
        assert_eq!(established.pattern, Pattern::XxFallback);
        assert_eq!(established.payload.username, Some(15_550_000_001));
        assert_ciphers_meet(&established, &outcome.write_cipher, &outcome.read_cipher);
    }

    #[test]
    fn what_is_no_hello_is_refused() {
        let random = Random::seeded(4);
        let identity = ServerIdentity::create(&random, 1_800_000_000).unwrap();
        assert!(answer_hello(&identity, &random, &[0xff, 0xff, 0xff]).is_err());
        assert!(answer_hello(&identity, &random, &[]).is_err());
    }
}
