//! What a plugin is known by at a service. The plugin says its name; only the host knows its value.

use std::fmt;

use reqwest::header::{HeaderName, HeaderValue};
use switchboard_core::header::is_the_hosts_own;
use switchboard_core::origin::Origin;
use switchboard_core::secret::Secret;
use zeroize::Zeroizing;

use super::redact::{Needles, SHORTEST_SECRET};

/// The longest name of a credential, in bytes.
const LONGEST_NAME: usize = 64;

/// A credential as it is written down.
#[derive(Debug, Clone)]
pub struct CredentialOptions {
    /// What a plugin calls it: 1 to 64 of `a-z`, `0-9`, `-` and `_`.
    pub name: String,
    /// The header that carries it, such as `authorization`.
    pub header: String,
    /// What stands before the secret in the header, such as `Bearer `; may be empty.
    pub prefix: String,
    /// The secret: at least 8 visible ASCII characters.
    pub secret: Secret,
    /// Where it may be shown, at least one and none with a wildcard.
    pub origins: Vec<Origin>,
}

/// Why a credential cannot be used. The sentence never shows the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredential {
    /// The name is none.
    #[error("the name of a credential must be 1 to 64 of a-z, 0-9, - and _")]
    Name,
    /// The header is none, or one that belongs to the connection.
    #[error(
        "the header of a credential must be a header name such as authorization or x-api-key, and not one that the host sets"
    )]
    Header,
    /// The prefix cannot stand in a header.
    #[error("the prefix of a credential must be visible ASCII characters and spaces")]
    Prefix,
    /// The secret cannot stand in a header, or not be told apart from other text when a server repeats it.
    #[error(
        "the secret of a credential must be at least {SHORTEST_SECRET} visible ASCII characters, without spaces and line breaks"
    )]
    Secret,
    /// No origin, or one that stands for many.
    #[error("a credential must be for one or more origins, each written out without a wildcard")]
    Origins,
}

/// A header that the host adds to a plugin's requests to certain origins, and takes out of their answers. `Debug` shows no secret.
#[derive(Clone)]
pub struct Credential {
    name: String,
    header: HeaderName,
    value: HeaderValue,
    origins: Vec<Origin>,
    needles: Needles,
}

impl Credential {
    /// Reads a credential.
    ///
    /// # Errors
    /// When a part of it is not what it must be.
    pub fn new(options: CredentialOptions) -> Result<Self, InvalidCredential> {
        let CredentialOptions {
            name,
            header,
            prefix,
            secret,
            origins,
        } = options;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(plain) {
            return Err(InvalidCredential::Name);
        }
        let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| InvalidCredential::Header)?;
        if is_the_hosts_own(header.as_str()) {
            return Err(InvalidCredential::Header);
        }
        if !prefix.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(InvalidCredential::Prefix);
        }
        let graphic = secret.expose().bytes().all(|b| b.is_ascii_graphic());
        if secret.expose().len() < SHORTEST_SECRET || !graphic {
            return Err(InvalidCredential::Secret);
        }
        let shown = Zeroizing::new(format!("{prefix}{}", secret.expose()));
        let mut value = HeaderValue::from_str(&shown).map_err(|_| InvalidCredential::Prefix)?;
        value.set_sensitive(true);
        if origins.is_empty() || origins.iter().any(Origin::is_wildcard) {
            return Err(InvalidCredential::Origins);
        }
        Ok(Self {
            name,
            header,
            value,
            origins,
            needles: Needles::new(&secret, &shown),
        })
    }

    /// What a plugin calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may be shown to this origin: one of its own, in private or next door.
    pub(super) fn is_for(&self, origin: &Origin) -> bool {
        origin.takes_secrets() && self.origins.iter().any(|own| own.covers(origin))
    }

    pub(super) const fn header(&self) -> &HeaderName {
        &self.header
    }

    pub(super) const fn value(&self) -> &HeaderValue {
        &self.value
    }

    pub(super) const fn needles(&self) -> &Needles {
        &self.needles
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("name", &self.name)
            .field("header", &self.header)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(texts: &[&str]) -> Vec<Origin> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn options() -> CredentialOptions {
        CredentialOptions {
            name: "openai".to_owned(),
            header: "Authorization".to_owned(),
            prefix: "Bearer ".to_owned(),
            secret: Secret::from("sk-hunter2".to_owned()),
            origins: origins(&[
                "https://API.Example.com",
                "http://api.example.com",
                "http://127.0.0.1:5000",
            ]),
        }
    }

    #[test]
    fn a_credential_is_for_its_own_scheme_host_and_port_and_in_private() {
        let credential = Credential::new(options()).unwrap();
        for (origin, is_for) in [
            ("https://api.example.com", true),
            ("https://api.example.com:8443", false),
            ("http://127.0.0.1:5000", true),
            ("http://127.0.0.1:5001", false),
            ("http://127.0.0.1", false),
            ("https://127.0.0.1:5000", false),
            ("http://api.example.com", false),
            ("https://www.api.example.com", false),
            ("https://example.com", false),
            ("https://*.api.example.com", false),
            ("http://127.0.0.2:5000", false),
        ] {
            assert_eq!(credential.is_for(&origin.parse().unwrap()), is_for, "{origin}");
        }
    }

    #[test]
    fn a_credential_never_shows_itself() {
        let credential = Credential::new(options()).unwrap();
        assert!(credential.value().is_sensitive());
        for shown in [
            format!("{credential:?}"),
            format!("{credential:#?}"),
            format!("{:?}", options()),
        ] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn what_cannot_be_sent_safely_is_no_credential() {
        let with = |change: &dyn Fn(&mut CredentialOptions)| {
            let mut options = options();
            change(&mut options);
            Credential::new(options).err()
        };
        for name in ["", "OpenAI", "a b", "a\n", &"x".repeat(65)] {
            assert_eq!(
                with(&|o| name.clone_into(&mut o.name)),
                Some(InvalidCredential::Name),
                "{name:?}"
            );
        }
        for header in [
            "",
            "x y",
            "x:y",
            "x\r\ny",
            "é",
            "Host",
            "content-length",
            "Content_Length",
            "connection",
            "proxy-authorization",
        ] {
            let error = with(&|o| header.clone_into(&mut o.header));
            assert_eq!(error, Some(InvalidCredential::Header), "{header:?}");
        }
        for prefix in ["Bearer\t", "a\r\nb: c", "é"] {
            let error = with(&|o| prefix.clone_into(&mut o.prefix));
            assert_eq!(error, Some(InvalidCredential::Prefix), "{prefix:?}");
        }
        for secret in [
            "",
            "short",
            "sk-hunter2\n",
            "sk-hunter2\r\nx: y",
            "sk hunter2",
            "sk-hüñter2",
        ] {
            let error = with(&|o| o.secret = secret.to_owned().into());
            assert_eq!(error, Some(InvalidCredential::Secret), "{secret:?}");
        }
        for texts in [
            &[][..],
            &["https://*.example.com"],
            &["https://a.example", "https://*.example.com"],
        ] {
            let error = with(&|o| o.origins = origins(texts));
            assert_eq!(error, Some(InvalidCredential::Origins), "{texts:?}");
        }
    }
}
