//! Tokens: what they say, how they are signed, and what makes one be refused.
//!
//! Only HS256 with a `kid` of ours is taken. `exp`, `nbf`, `iss` and `aud` must be there and right, by the clock that is passed
//! in; a claim that this version does not know is refused too, because it might limit the token.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use switchboard_core::access::{Access, Scopes, Sight};
use switchboard_core::clock::UnixMillis;
use switchboard_service::Token;

use super::hs256;
use super::key_ring::KeyRing;

/// Longer texts are refused unread. A token of ours with every scope has some 500 bytes; each session that it is limited to adds
/// some 40.
const LONGEST_TOKEN: usize = 8192;
/// How far two clocks may differ, in seconds.
const LEEWAY_SECS: i64 = 30;

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    /// Who issued it.
    pub(crate) iss: String,
    /// For whom it is.
    pub(crate) aud: String,
    /// Who shows it: the token's name; `app` for the one that programs on this machine share.
    pub(crate) sub: String,
    /// Its id, by which it can be revoked.
    pub(crate) jti: String,
    /// When it was issued.
    pub(crate) iat: i64,
    /// From when it is valid.
    pub(crate) nbf: i64,
    /// Until when it is valid.
    pub(crate) exp: i64,
    /// What it allows.
    pub(crate) scopes: Scopes,
    /// With which sessions; not there when it is every session.
    #[serde(default = "Sight::all", skip_serializing_if = "Sight::is_all")]
    pub(crate) sessions: Sight,
}

impl Claims {
    /// The row of the token that says this.
    pub(crate) fn row(self) -> Token {
        Token {
            id: self.jti,
            subject: self.sub,
            access: Access {
                scopes: self.scopes,
                sessions: self.sessions,
            },
            issued_by: None,
            issued_at: UnixMillis::from_secs(self.iat),
            expires_at: UnixMillis::from_secs(self.exp),
            revoked_at: None,
        }
    }
}

/// Why a token is refused, as far as its holder is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    /// Not signed by us for us, or not a token at all.
    #[error("The token is not valid.")]
    Invalid,
    /// Its time is over.
    #[error("The token has expired; fetch a new one.")]
    Expired,
    /// Its time has not come.
    #[error("The token is not valid yet; check this machine's clock.")]
    NotYet,
    /// It was taken back.
    #[error("The token has been revoked; fetch a new one.")]
    Revoked,
}

/// Signs and verifies this server's tokens.
pub(crate) struct Tokens {
    ring: KeyRing,
    issuer: String,
    audience: String,
    validation: Validation,
}

impl Tokens {
    /// With the keys of a data folder and the names of the configuration.
    pub(crate) fn new(ring: KeyRing, issuer: String, audience: String) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&audience]);
        // The library would ask the system's clock; `verify` asks the caller's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            ring,
            issuer,
            audience,
            validation,
        }
    }

    /// The token with this row, signed with the key of this moment. The same row and key give the same text.
    ///
    /// # Errors
    /// Only when the library cannot write the claims as JSON.
    pub(crate) fn sign(&self, token: &Token, now: UnixMillis) -> Result<String, jsonwebtoken::errors::Error> {
        let keys = self.ring.at(now);
        let (kid, key) = keys.signing();
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, &self.claims(token), key)
    }

    fn claims(&self, token: &Token) -> Claims {
        Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: token.subject.clone(),
            jti: token.id.clone(),
            iat: token.issued_at.as_secs(),
            nbf: token.issued_at.as_secs(),
            exp: token.expires_at.as_secs(),
            scopes: token.access.scopes,
            sessions: token.access.sessions.clone(),
        }
    }

    /// What the token says, if it is to be believed at `now`.
    ///
    /// # Errors
    /// The reason why not. Revocation is the caller's to check.
    pub(crate) fn verify(&self, token: &str, now: UnixMillis) -> Result<Claims, TokenFault> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenFault::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Invalid)?;
        // RFC 7515, section 4.1.11: what is critical and not understood makes the token invalid.
        if header.crit.is_some() {
            return Err(TokenFault::Invalid);
        }
        let keys = self.ring.at(now);
        let kid = header.kid.ok_or(TokenFault::Invalid)?;
        let (_, key) = keys
            .verifying(now)
            .find(|(id, _)| *id == kid)
            .ok_or(TokenFault::Invalid)?;
        let claims = match jsonwebtoken::decode::<Claims>(token, key, &self.validation) {
            Ok(data) => data.claims,
            Err(error) => {
                if !matches!(error.kind(), ErrorKind::InvalidSignature) {
                    tracing::debug!(reason = ?error.kind(), "refused a token");
                }
                return Err(TokenFault::Invalid);
            }
        };
        if is_over(UnixMillis::from_secs(claims.exp), now) {
            return Err(TokenFault::Expired);
        }
        if now.as_secs().saturating_add(LEEWAY_SECS) < claims.nbf {
            return Err(TokenFault::NotYet);
        }
        Ok(claims)
    }

    /// A seal for a text that is no token, such as a path: only this server can make it, and no token can be taken for one, because
    /// what is signed of a token holds no line break.
    ///
    /// # Errors
    /// Only when the library cannot sign.
    pub(crate) fn seal(&self, text: &str, now: UnixMillis) -> Result<String, jsonwebtoken::errors::Error> {
        let message = sealed(text);
        jsonwebtoken::crypto::sign(message.as_bytes(), self.ring.at(now).signing().1, Algorithm::HS256)
    }

    /// Whether this is the seal of the text. The comparison takes constant time.
    pub(crate) fn is_sealed(&self, text: &str, seal: &str, now: UnixMillis) -> bool {
        let message = sealed(text);
        let fits = |key| jsonwebtoken::crypto::verify(seal, message.as_bytes(), key, Algorithm::HS256);
        self.ring
            .at(now)
            .verifying(now)
            .any(|(_, key)| fits(key).unwrap_or(false))
    }
}

fn sealed(text: &str) -> String {
    format!("switchboard seal\n{text}")
}

/// Whether the time of a token is over.
pub(super) fn is_over(expires_at: UnixMillis, now: UnixMillis) -> bool {
    now.as_secs() >= expires_at.as_secs().saturating_add(LEEWAY_SECS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    use proptest::prelude::*;
    use serde_json::json;
    use switchboard_core::access::Scope;

    use super::*;
    use crate::auth::keys::Keys;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn tokens(kid: &str, secret: u8) -> Tokens {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.json");
        let json = json!({"keys": [{"kid": kid, "secret": BASE64.encode([secret; 32])}]});
        std::fs::write(&path, json.to_string()).unwrap();
        let keys = Keys::load(&path).unwrap();
        Tokens::new(KeyRing::new(path, keys), "us".into(), "us".into())
    }

    fn row() -> Token {
        Token {
            id: "one".to_owned(),
            subject: "desk".to_owned(),
            access: Access {
                scopes: [Scope::MessagesSend].into_iter().collect(),
                sessions: Sight::from_iter(["qr_1_deadbeef".parse().unwrap()]),
            },
            issued_by: None,
            issued_at: NOW,
            expires_at: NOW.plus(HOUR),
            revoked_at: None,
        }
    }

    #[test]
    fn a_token_reads_back_what_was_signed_and_the_same_row_gives_the_same_token() {
        let tokens = tokens("k", 1);
        let token = tokens.sign(&row(), NOW).unwrap();
        assert_eq!(tokens.verify(&token, NOW).unwrap().row(), row());
        assert_eq!(tokens.sign(&row(), NOW).unwrap(), token);
    }

    #[test]
    fn a_token_lives_from_nbf_to_exp_by_our_clock() {
        let tokens = tokens("k", 1);
        let token = tokens.sign(&row(), NOW).unwrap();
        let leeway = Duration::from_secs(LEEWAY_SECS.unsigned_abs());
        for (at, expected) in [
            (NOW.plus(HOUR), Ok(())),
            (NOW.plus(HOUR + leeway), Err(TokenFault::Expired)),
            (UnixMillis(i64::MAX), Err(TokenFault::Expired)),
            (UnixMillis(NOW.0 - 30_000), Ok(())),
            (UnixMillis(NOW.0 - 31_000), Err(TokenFault::NotYet)),
            (UnixMillis(0), Err(TokenFault::NotYet)),
        ] {
            assert_eq!(tokens.verify(&token, at).map(drop), expected, "{at:?}");
        }
    }

    #[test]
    fn what_no_header_can_carry_is_no_token_either() {
        let tokens = tokens("k", 1);
        let good = tokens.sign(&row(), NOW).unwrap();
        for hostile in [
            String::new(),
            format!(" {good}"),
            format!("{good} "),
            format!("{good}\n"),
            format!("{good}\0"),
            format!("\u{feff}{good}"),
            good.replacen('.', ".\r\n", 1),
            good.replace('.', "\u{ff0e}"),
        ] {
            assert_eq!(tokens.verify(&hostile, NOW), Err(TokenFault::Invalid), "{hostile:?}");
        }
    }

    #[test]
    fn a_seal_fits_its_own_text_and_no_token_is_one() {
        let ours = tokens("k", 1);
        let seal = ours.seal("a", NOW).unwrap();
        assert!(ours.is_sealed("a", &seal, NOW));
        let token = ours.sign(&row(), NOW).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        for (text, seal) in [("b", seal.as_str()), ("a\n", &seal), ("", &seal), (message, signature)] {
            assert!(!ours.is_sealed(text, seal, NOW), "{text:?}");
        }
        assert!(!tokens("k", 2).is_sealed("a", &seal, NOW));
    }

    proptest! {
        #[test]
        fn no_text_is_taken_for_a_token(text in ".{0,200}", parts in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,43}") {
            let tokens = tokens("k", 1);
            prop_assert!(tokens.verify(&text, NOW).is_err());
            prop_assert!(tokens.verify(&parts, NOW).is_err());
        }
    }
}
