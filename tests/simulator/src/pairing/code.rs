//! Linking by an 8-character code. The companion shows the code and wraps an ephemeral key with it; the phone, on which
//! the code is typed, wraps one of its own; each unwraps the other's. The companion then seals its identity key and fresh
//! randomness for the phone, and both derive the secret that a QR code would have carried.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use whatsapp_rust::wacore::crypto::hkdf_sha256_into;
use whatsapp_rust::wacore::libsignal::crypto::aes_256_gcm_decrypt;
use whatsapp_rust::wacore::libsignal::protocol::{KeyPair, PublicKey};
use whatsapp_rust::wacore::pair_code::PairCodeUtils;
use whatsapp_rust::wacore_binary::Node;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::{Outcome, PendingLink};
use crate::account::Account;
use crate::address::Number;
use crate::blob::public_bytes;
use crate::connection::Link;
use crate::phone::PhoneError;
use crate::server::Server;
use crate::stanza::{SERVER, Stanza as _, iq_error, iq_result, leaf};

const SALT: usize = 32;
const NONCE: usize = 12;

/// A code that a companion shows for a number.
pub(super) struct CodeExchange {
    pending: Arc<PendingLink>,
    reference: String,
    wrapped_companion_key: Vec<u8>,
    expires: Instant,
    attempt: Option<Attempt>,
}

impl CodeExchange {
    pub(super) fn is_with(&self, pending: &Arc<PendingLink>) -> bool {
        Arc::ptr_eq(&self.pending, pending)
    }
}

/// A code typed on the phone, on its way to the companion.
struct Attempt {
    code: String,
    ephemeral: KeyPair,
    account: Arc<Account>,
    unsealed: oneshot::Sender<Result<oneshot::Receiver<Outcome>, PhoneError>>,
}

/// Handles both requests of the companion.
pub(super) fn handle(server: &Arc<Server>, pending: &Arc<PendingLink>, link: &Link, iq: &Node, request: &Node) {
    let number = request.address("jid").and_then(|jid| Number::parse(&jid.user).ok());
    match (number, request.text("stage").as_deref()) {
        (Some(number), Some("companion_hello")) => link.send(hello(server, pending, iq, request, number)),
        (Some(number), Some("companion_finish")) => {
            let sealed = request
                .get_optional_child("link_code_pairing_wrapped_key_bundle")
                .map(|node| node.content_bytes().to_vec())
                .unwrap_or_default();
            link.send(iq_result(iq, Vec::new()));
            finish(server, &number, sealed);
        }
        _ => link.send(iq_error(iq, 400, "bad-request")),
    }
}

fn hello(server: &Server, pending: &Arc<PendingLink>, iq: &Node, request: &Node, number: Number) -> Node {
    if let Some(code) = server.faults.code_refusal(&number) {
        return iq_error(iq, code, refusal_text(code));
    }
    let reference = server.stanza_id();
    let wrapped = request
        .get_optional_child("link_code_pairing_wrapped_companion_ephemeral_pub")
        .map(|node| node.content_bytes().to_vec())
        .unwrap_or_default();
    server.desk.codes.lock().insert(
        number,
        CodeExchange {
            pending: Arc::clone(pending),
            reference: reference.clone(),
            wrapped_companion_key: wrapped,
            expires: Instant::now() + server.timing.code_lifetime,
            attempt: None,
        },
    );
    let answer = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", "companion_hello")
        .children([leaf("link_code_pairing_ref", reference)])
        .build();
    iq_result(iq, vec![answer])
}

/// What goes with an error's code; clients believe the two only together.
const fn refusal_text(code: u16) -> &'static str {
    match code {
        403 => "forbidden",
        429 => "rate-overlimit",
        452 => "feature-not-available",
        500 => "internal-server-error",
        _ => "bad-request",
    }
}

/// Takes back the code that a companion shows for a number, and has it ask for another; false if it shows none.
pub(crate) fn refresh_code(server: &Server, number: &Number) -> bool {
    let Some(exchange) = server.desk.codes.lock().remove(number) else {
        return false;
    };
    let refresh = [leaf("link_code_pairing_ref", exchange.reference.clone())];
    let notification = notification(server, "refresh_code", refresh);
    exchange.pending.link().send(notification);
    true
}

/// The code is typed on the phone of `account`; ready when the companion has confirmed, or the code turned out wrong.
pub(crate) async fn enter_code(server: &Arc<Server>, account: &Arc<Account>, code: &str) -> Outcome {
    let code = code.trim().replace('-', "").to_uppercase();
    if !PairCodeUtils::validate_code(&code) {
        return Err(PhoneError::InvalidCode);
    }
    if !server.desk.codes.lock().contains_key(&account.number) {
        return Err(PhoneError::NoCodeOutstanding);
    }
    let ephemeral = server.random.key_pair();
    let public = public_bytes(&ephemeral);
    let typed = code.clone();
    let wrapped = blocking(move || PairCodeUtils::encrypt_ephemeral_pub(&public, &typed)).await?;
    let (unsealed, companion_finish) = oneshot::channel();
    {
        let mut codes = server.desk.codes.lock();
        let exchange = codes
            .get_mut(&account.number)
            .filter(|exchange| exchange.expires > Instant::now())
            .ok_or(PhoneError::NoCodeOutstanding)?;
        exchange.attempt = Some(Attempt {
            code,
            ephemeral,
            account: Arc::clone(account),
            unsealed,
        });
        let hello = primary_hello(server, account, &exchange.reference, &wrapped);
        exchange.pending.link().send(hello);
    }
    let pairing = async {
        let ended = companion_finish.await.map_err(|_| PhoneError::CompanionGone)??;
        ended.await.map_err(|_| PhoneError::CompanionGone)?
    };
    tokio::time::timeout(server.timing.pairing_patience, pairing)
        .await
        .map_err(|_| PhoneError::CompanionSilent)?
}

fn primary_hello(server: &Server, account: &Account, reference: &str, wrapped: &[u8]) -> Node {
    let hello = [
        leaf("link_code_pairing_wrapped_primary_ephemeral_pub", wrapped),
        leaf("primary_identity_pub", account.identity.public()),
        leaf("link_code_pairing_ref", reference),
    ];
    notification(server, "primary_hello", hello)
}

fn notification<const N: usize>(server: &Server, stage: &'static str, parts: [Node; N]) -> Node {
    let step = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", stage)
        .children(parts)
        .build();
    NodeBuilder::new("notification")
        .attr("from", SERVER)
        .attr("type", "link_code_companion_reg")
        .attr("id", server.stanza_id())
        .attr("t", server.clock.unix_seconds())
        .children([step])
        .build()
}

/// The companion has sealed its keys: the phone opens them, if the code it was given is the right one.
fn finish(server: &Arc<Server>, number: &Number, sealed: Vec<u8>) {
    let opened = server.desk.codes.lock().get_mut(number).and_then(|exchange| {
        let attempt = exchange.attempt.take()?;
        Some((
            Arc::clone(&exchange.pending),
            exchange.wrapped_companion_key.clone(),
            attempt,
        ))
    });
    let Some((pending, wrapped, attempt)) = opened else {
        return;
    };
    let (server, number) = (Arc::clone(server), number.clone());
    let tasks = server.tasks.clone();
    tasks.spawn(async move {
        let Attempt {
            code,
            ephemeral,
            account,
            unsealed,
        } = attempt;
        let identity = account.identity.clone();
        let keys = blocking(move || unseal(&code, &wrapped, &sealed, &ephemeral, &identity)).await;
        let result = match keys {
            Ok(Some(keys)) => {
                server.desk.codes.lock().remove(&number);
                super::offer(&server, &pending, &account, keys.identity_key, &keys.adv_secret)
            }
            Ok(None) => Err(PhoneError::WrongCode),
            Err(error) => Err(error),
        };
        if unsealed.send(result).is_err() {
            tracing::debug!("nobody waits for the outcome of this code");
        }
    });
}

struct CompanionKeys {
    identity_key: [u8; 32],
    adv_secret: [u8; 32],
}

/// Opens the companion's bundle: `salt, nonce, sealed (companion identity, primary identity, randomness)`. `None` if the
/// code is wrong, because then neither side has unwrapped the key that the other wrapped.
fn unseal(code: &str, wrapped: &[u8], sealed: &[u8], ephemeral: &KeyPair, identity: &KeyPair) -> Option<CompanionKeys> {
    let companion_key = PairCodeUtils::decrypt_primary_ephemeral_pub(wrapped, code).ok()?;
    let shared = ephemeral
        .private_key
        .calculate_agreement(&PublicKey::from_djb_public_key_bytes(&companion_key).ok()?)
        .ok()?;
    let (salt, rest) = sealed.split_at_checked(SALT)?;
    let (nonce, ciphertext) = rest.split_at_checked(NONCE)?;
    let mut key = [0; 32];
    hkdf_sha256_into(
        &shared,
        Some(salt),
        b"link_code_pairing_key_bundle_encryption_key",
        &mut key,
    )
    .ok()?;
    let mut bundle = Vec::new();
    aes_256_gcm_decrypt(&key, nonce.try_into().ok()?, b"", ciphertext, &mut bundle).ok()?;

    let identity_key: [u8; 32] = bundle.get(..32)?.try_into().ok()?;
    let randomness = bundle.get(64..96)?;
    let identity_shared = identity
        .private_key
        .calculate_agreement(&PublicKey::from_djb_public_key_bytes(&identity_key).ok()?)
        .ok()?;
    let mut adv_secret = [0; 32];
    let secret = [&shared[..], &identity_shared[..], randomness].concat();
    hkdf_sha256_into(&secret, None, b"adv_secret", &mut adv_secret).ok()?;
    Some(CompanionKeys {
        identity_key,
        adv_secret,
    })
}

/// Stretching the code takes tens of milliseconds, so it is done beside the async workers.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, PhoneError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| PhoneError::CompanionGone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// What a companion that shows `code` sends in its hello and, once the phone has answered, in its finish.
    fn companion(code: &str, typed: &str) -> (Option<CompanionKeys>, [u8; 32], [u8; 32]) {
        let random = Random::seeded(5);
        let (companion, companion_identity) = (random.key_pair(), random.key_pair());
        let (phone, phone_identity) = (random.key_pair(), random.key_pair());
        let hello = PairCodeUtils::encrypt_ephemeral_pub(&public_bytes(&companion), code);
        let answer = PairCodeUtils::encrypt_ephemeral_pub(&public_bytes(&phone), typed);
        let phone_key = PairCodeUtils::decrypt_primary_ephemeral_pub(&answer, code).unwrap();
        let (sealed, secret) = PairCodeUtils::prepare_key_bundle(
            &companion,
            &phone_key,
            &public_bytes(&phone_identity),
            &companion_identity,
        )
        .unwrap();
        let keys = unseal(typed, &hello, &sealed, &phone, &phone_identity);
        (keys, public_bytes(&companion_identity), secret)
    }

    #[test]
    fn the_right_code_gives_both_sides_one_secret() {
        let (keys, identity, secret) = companion("ABCD1234", "ABCD1234");
        let keys = keys.unwrap();
        assert_eq!(keys.identity_key, identity);
        assert_eq!(keys.adv_secret, secret);
    }

    #[test]
    fn a_wrong_code_opens_nothing() {
        assert!(companion("ABCD1234", "ABCD1235").0.is_none());
    }
}
