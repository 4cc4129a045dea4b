//! The QR code: `ref,noise key,identity key,secret[,platform]`, keys and secret in base64, possibly behind a deep link.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Outcome;
use crate::account::Account;
use crate::phone::PhoneError;
use crate::server::Server;
use std::sync::Arc;

/// What a phone reads from a QR code.
#[derive(Debug, PartialEq, Eq)]
struct QrCode {
    reference: String,
    noise_key: [u8; 32],
    identity_key: [u8; 32],
    adv_secret: Vec<u8>,
}

impl QrCode {
    fn parse(text: &str) -> Result<Self, PhoneError> {
        let payload = text.trim().rsplit('#').next().unwrap_or_default();
        let mut fields = payload.split(',');
        let mut field = |name| {
            fields
                .next()
                .filter(|field| !field.is_empty())
                .ok_or(PhoneError::InvalidQr(name))
        };
        let reference = field("the ref")?.to_owned();
        Ok(Self {
            reference,
            noise_key: key(field("the noise key")?, "the noise key")?,
            identity_key: key(field("the identity key")?, "the identity key")?,
            adv_secret: decode(field("the secret")?, "the secret")?,
        })
    }
}

fn decode(text: &str, name: &'static str) -> Result<Vec<u8>, PhoneError> {
    BASE64_STANDARD.decode(text).map_err(|_| PhoneError::InvalidQr(name))
}

fn key(text: &str, name: &'static str) -> Result<[u8; 32], PhoneError> {
    decode(text, name)?.try_into().map_err(|_| PhoneError::InvalidQr(name))
}

/// The phone of `account` scans a QR code; ready when the companion has confirmed, or did not.
pub(crate) async fn scan_qr(server: &Server, account: &Arc<Account>, text: &str) -> Outcome {
    let qr = QrCode::parse(text)?;
    let pending = server.desk.claim(&qr.reference)?;
    if *pending.noise_key() != qr.noise_key {
        return Err(PhoneError::InvalidQr("the noise key"));
    }
    let ended = super::offer(server, &pending, account, qr.identity_key, &qr.adv_secret)?;
    match tokio::time::timeout(server.timing.pairing_patience, ended).await {
        Ok(outcome) => outcome.map_err(|_| PhoneError::CompanionGone)?,
        Err(_) => Err(PhoneError::CompanionSilent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        let key = |byte| BASE64_STANDARD.encode([byte; 32]);
        format!("2@abc,{},{},{},1", key(1), key(2), key(3))
    }

    #[test]
    fn a_qr_code_is_read_with_and_without_its_deep_link() {
        let plain = QrCode::parse(&sample()).unwrap();
        assert_eq!(plain.reference, "2@abc");
        assert_eq!(plain.identity_key, [2; 32]);
        let linked = format!("https://wa.me/settings/linked_devices#{}\n", sample());
        assert_eq!(QrCode::parse(&linked).unwrap(), plain);
    }

    #[test]
    fn a_damaged_qr_code_is_refused() {
        for text in ["", "hello", "2@abc,,,", "2@abc,AAAA,AAAA,AAAA", &sample()[..60]] {
            assert!(matches!(QrCode::parse(text), Err(PhoneError::InvalidQr(_))), "{text}");
        }
    }
}
