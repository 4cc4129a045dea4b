//! The `Authorization` header, and the operator's own key.

use axum::http::header::{self, HeaderMap};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use switchboard_core::problem::{Code, Problem};
use switchboard_core::secret::Secret;

/// The bearer token of a request, if it has an `Authorization` header.
///
/// # Errors
/// `unauthorized` when there are several headers, another scheme, or no single token.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().ok(),
        (Some(_), Some(_)) => None,
    };
    value
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim_matches(' '))
        .filter(|token| !token.is_empty())
        .map(Some)
        .ok_or_else(|| Problem::new(Code::UNAUTHORIZED, "Send one header `Authorization: Bearer <token>`."))
}

/// Whether `given` is the operator's key. Both are hashed under one key first, so the time says nothing about either.
pub(crate) fn admin_key_matches(key: &Secret, given: &str) -> bool {
    let tag = |text: &str| Hmac::<Sha256>::new_from_slice(b"switchboard admin key").map(|mac| mac.chain_update(text));
    match (tag(key.expose()), tag(given)) {
        (Ok(ours), Ok(theirs)) => ours.verify_slice(&theirs.finalize().into_bytes()).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::AUTHORIZATION, value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn one_bearer_token_is_taken_whatever_the_case_of_its_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(presented(&headers(&[value])).unwrap(), Some("abc"), "{value:?}");
        }
        assert_eq!(presented(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn anything_else_in_the_header_is_refused() {
        let mut two = headers(&["Bearer a"]);
        two.append(header::AUTHORIZATION, "Bearer b".parse().unwrap());
        let mut corpus = vec![two];
        corpus.extend(["", "Bearer", "Bearer ", "Basic abc", "abc"].map(|value| headers(&[value])));
        for headers in corpus {
            assert_eq!(
                presented(&headers).unwrap_err().code(),
                &Code::UNAUTHORIZED,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn only_the_whole_admin_key_matches() {
        let key = Secret::from("correct horse battery".to_owned());
        assert!(admin_key_matches(&key, "correct horse battery"));
        for wrong in ["", "correct", "correct horse battery ", "Correct horse battery"] {
            assert!(!admin_key_matches(&key, wrong), "{wrong:?}");
        }
    }
}
