//! Tokens: what they say, how they are signed, and what makes one be refused.
//!
//! Only HS256 with a `kid` of ours is taken. `exp`, `nbf`, `iss` and `aud` must be there and right, by the clock that is passed
//! in; a claim that this version does not know is refused too, because it might limit the token.

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use switchboard_core::clock::UnixMillis;

use super::hs256;
use super::key_ring::KeyRing;
use super::scope::Scopes;

/// Longer texts are refused unread; a token of ours with every scope has some 500 bytes.
const LONGEST_TOKEN: usize = 4096;
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
    /// Who shows it: `app` for the token that programs on this machine fetch, `cli` for one from the command line.
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

    /// Claims of a token that is valid from `issued_at` on, in whole seconds.
    pub(crate) fn claims(
        &self,
        sub: &str,
        jti: String,
        issued_at: UnixMillis,
        lifetime: Duration,
        scopes: Scopes,
    ) -> Claims {
        let iat = issued_at.as_secs();
        Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: sub.to_owned(),
            jti,
            iat,
            nbf: iat,
            exp: issued_at.plus(lifetime).as_secs(),
            scopes,
        }
    }

    /// The token that says so, signed with the key of this moment. The same claims and key give the same token.
    ///
    /// # Errors
    /// Only when the library cannot write the claims as JSON.
    pub(crate) fn sign(&self, claims: &Claims, now: UnixMillis) -> Result<String, jsonwebtoken::errors::Error> {
        let keys = self.ring.at(now);
        let (kid, key) = keys.signing();
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        jsonwebtoken::encode(&header, claims, key)
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
        let now = now.as_secs();
        if now >= claims.exp.saturating_add(LEEWAY_SECS) {
            return Err(TokenFault::Expired);
        }
        if now.saturating_add(LEEWAY_SECS) < claims.nbf {
            return Err(TokenFault::NotYet);
        }
        Ok(claims)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::keys::Keys;
    use crate::auth::scope::Scope;

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

    fn good(tokens: &Tokens) -> Claims {
        tokens.claims("app", "one".into(), NOW, HOUR, Scopes::all())
    }

    /// A token with any header and claims, rightly signed with our key.
    fn signed(header: &Value, claims: &Value) -> String {
        hs256::install();
        let message = format!(
            "{}.{}",
            BASE64.encode(header.to_string()),
            BASE64.encode(claims.to_string())
        );
        let key = jsonwebtoken::EncodingKey::from_secret(&[1; 32]);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }

    #[test]
    fn a_token_reads_back_what_was_signed_and_the_same_claims_give_the_same_token() {
        let tokens = tokens("k", 1);
        let claims = Claims {
            scopes: [Scope::MessagesSend].into_iter().collect(),
            ..good(&tokens)
        };
        let token = tokens.sign(&claims, NOW).unwrap();
        assert_eq!(tokens.verify(&token, NOW), Ok(claims.clone()));
        assert_eq!(tokens.sign(&claims, NOW).unwrap(), token);
    }

    #[test]
    fn a_token_lives_from_nbf_to_exp_by_our_clock() {
        let tokens = tokens("k", 1);
        let token = tokens.sign(&good(&tokens), NOW).unwrap();
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
    fn hostile_tokens_are_refused() {
        let ours = tokens("k", 1);
        let claims = serde_json::to_value(good(&ours)).unwrap();
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": "k"});
        let token = signed(&header, &claims);
        assert!(
            ours.verify(&token, NOW).is_ok(),
            "the corpus starts from a token that is good"
        );
        let parts: Vec<&str> = token.split('.').collect();
        let with_header = |changes: &Value| {
            let mut header = header.clone();
            header
                .as_object_mut()
                .unwrap()
                .extend(changes.as_object().unwrap().clone());
            header
        };
        let with_claim = |name: &str, value: Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            signed(&header, &claims)
        };
        let without_claim = |name: &str| {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().remove(name);
            signed(&header, &claims)
        };
        let none = BASE64.encode(json!({"alg": "none", "kid": "k"}).to_string());
        let mut flipped = token.clone().into_bytes();
        let last = flipped.len() - 2;
        flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
        let corpus = [
            ("empty", String::new()),
            ("no dots", "x".into()),
            ("only dots", "..".into()),
            ("alg none, no signature", format!("{none}.{}.", parts[1])),
            ("alg none, our signature", format!("{none}.{}.{}", parts[1], parts[2])),
            ("alg HS512", signed(&with_header(&json!({"alg": "HS512"})), &claims)),
            ("alg RS256", signed(&with_header(&json!({"alg": "RS256"})), &claims)),
            (
                "alg of another case",
                signed(&with_header(&json!({"alg": "hs256"})), &claims),
            ),
            ("a header swapped in", {
                let other = signed(&with_header(&json!({"typ": "at+jwt"})), &claims);
                format!("{}.{}.{}", other.split('.').next().unwrap(), parts[1], parts[2])
            }),
            ("claims swapped in", {
                let other = with_claim("sub", json!("root"));
                format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2])
            }),
            (
                "critical extension",
                signed(&with_header(&json!({"crit": ["b64"], "b64": false})), &claims),
            ),
            ("no kid", signed(&json!({"alg": "HS256"}), &claims)),
            ("unknown kid", signed(&with_header(&json!({"kid": "../k"})), &claims)),
            ("a key that comes along", {
                let jwk = json!({"kty": "oct", "k": BASE64.encode([9; 32])});
                let forged = tokens("k", 9).sign(&good(&ours), NOW).unwrap();
                let head = BASE64.encode(with_header(&json!({"jwk": jwk})).to_string());
                format!("{head}.{}", forged.split_once('.').unwrap().1)
            }),
            ("other key", tokens("k", 2).sign(&good(&ours), NOW).unwrap()),
            ("other audience", with_claim("aud", json!("them"))),
            (
                "audiences with ours among them",
                with_claim("aud", json!(["us", "them"])),
            ),
            ("other issuer", with_claim("iss", json!("them"))),
            ("no expiry", without_claim("exp")),
            ("no start", without_claim("nbf")),
            ("no audience", without_claim("aud")),
            ("no issuer", without_claim("iss")),
            ("no scopes", without_claim("scopes")),
            ("no id", without_claim("jti")),
            ("expiry as text", with_claim("exp", json!("9999999999"))),
            ("expiry beyond numbers", with_claim("exp", json!(1e300))),
            ("unknown scope", with_claim("scopes", json!(["root"]))),
            ("a limit we do not know", with_claim("sessions", json!([]))),
            ("claims that are a list", signed(&header, &json!([]))),
            ("trimmed", token[..token.len() - 1].to_owned()),
            ("one bit of the signature", String::from_utf8(flipped).unwrap()),
            ("padded", format!("{token}=")),
            ("doubled", format!("{token}.{token}")),
            ("a fourth part", format!("{token}.x")),
            ("spaces around", format!(" {token} ")),
            ("huge", format!("{}.{}.{}", parts[0], "A".repeat(10_000_000), parts[2])),
            ("huge but signed", with_claim("sub", json!("x".repeat(LONGEST_TOKEN)))),
        ];
        for (what, hostile) in corpus {
            assert_eq!(ours.verify(&hostile, NOW), Err(TokenFault::Invalid), "{what}");
        }
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
