//! The proxy of a session: through whom its connections leave.
//!
//! It is written as a URL, and its password, or a user name that stands alone, is a secret: `Display` and `Debug` mask it, serde reads
//! it and never writes it.

mod address;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use zeroize::Zeroizing;

pub use self::address::{InvalidAddress, ProxyAddress};
use crate::secret::Secret;

/// SOCKS5 gives each of a user name and a password one byte for its length.
const LONGEST_WORD: usize = 255;
/// What stands for a secret.
const MASK: &str = "***";
/// What means something in a URL is encoded in a user name and a password.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP/1.1 and the method `CONNECT` (RFC 9110, 9.3.6).
    Http,
    /// SOCKS version 5 (RFC 1928, RFC 1929). The proxy looks names up.
    Socks5,
}

impl ProxyKind {
    /// As it begins a URL.
    const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
        }
    }
}

/// What a proxy wants to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyCredentials {
    user: Secret,
    password: Secret,
}

impl ProxyCredentials {
    /// The user name: 1 to 255 bytes.
    pub fn user(&self) -> &str {
        self.user.expose()
    }

    /// The password: up to 255 bytes, none for a proxy that knows its users by a name alone.
    pub fn password(&self) -> &str {
        self.password.expose()
    }
}

/// A proxy as a client names it: `http://` or `socks5://` (also `socks5h://`, which means the same), credentials if it wants any, host
/// and port. `Display` shows it with `***` for what is secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Cow<'_, str>")]
pub struct Proxy {
    kind: ProxyKind,
    address: ProxyAddress,
    credentials: Option<ProxyCredentials>,
}

/// A text that is no proxy. The sentence never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    /// It is no such URL.
    #[error(
        "must be http:// or socks5://, a user name and a password if the proxy wants them, a host, and a port, such as \
         http://10.0.0.5:3128 or socks5://user:password@proxy.example.com:1080; special characters of user name and password are \
         percent-encoded, and there is no path and no query"
    )]
    Form,
    /// The user name or the password cannot be sent to such a proxy.
    #[error(
        "must have a user name of 1 to 255 bytes and a password of at most 255, without control characters, and for http without a \
         colon in the user name"
    )]
    Credentials,
    /// The password is the one that stands for a password where it is shown.
    #[error("must hold the password itself: *** only stands for it where a proxy is shown")]
    Masked,
}

impl Proxy {
    /// The longest text that is read, in bytes.
    pub const LONGEST: usize = 2048;

    /// How it is spoken to.
    pub const fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Where it listens.
    pub const fn address(&self) -> &ProxyAddress {
        &self.address
    }

    /// What it wants to be shown.
    pub const fn credentials(&self) -> Option<&ProxyCredentials> {
        self.credentials.as_ref()
    }

    /// The whole URL with its secrets: what is read back by `FromStr`.
    pub fn to_url(&self) -> Secret {
        let credentials = self.credentials.as_ref().map_or_else(String::new, |credentials| {
            let (user, password) = (encoded(credentials.user()), encoded(credentials.password()));
            format!("{user}:{password}@")
        });
        self.spelled(&Zeroizing::new(credentials)).into()
    }

    fn spelled(&self, credentials: &str) -> String {
        format!("{}://{credentials}{}", self.kind.scheme(), self.address)
    }
}

fn encoded(word: &str) -> impl fmt::Display {
    utf8_percent_encode(word, ENCODED)
}

/// The password in the clear never stands in a log, an answer or an error. A user name without one is as good as one.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = match &self.credentials {
            None => String::new(),
            Some(alone) if alone.password().is_empty() => format!("{MASK}@"),
            Some(both) => format!("{}:{MASK}@", encoded(both.user())),
        };
        f.write_str(&self.spelled(&credentials))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        if text.len() > Self::LONGEST {
            return Err(InvalidProxy::Form);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidProxy::Form)?;
        let kind = match scheme {
            "http" => ProxyKind::Http,
            "socks5" | "socks5h" => ProxyKind::Socks5,
            _ => return Err(InvalidProxy::Form),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let foreign = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '?' | '#');
        if authority.contains(foreign) {
            return Err(InvalidProxy::Form);
        }
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(self::credentials(credentials, kind)?), address),
            None => (None, authority),
        };
        Ok(Self {
            kind,
            address: address.parse().map_err(|InvalidAddress| InvalidProxy::Form)?,
            credentials,
        })
    }
}

fn credentials(text: &str, kind: ProxyKind) -> Result<ProxyCredentials, InvalidProxy> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    if [user, password].contains(&MASK) {
        return Err(InvalidProxy::Masked);
    }
    let (user, password) = (decoded(user)?, decoded(password)?);
    let colon = kind == ProxyKind::Http && user.expose().contains(':');
    if user.expose().is_empty() || colon {
        return Err(InvalidProxy::Credentials);
    }
    Ok(ProxyCredentials { user, password })
}

fn decoded(word: &str) -> Result<Secret, InvalidProxy> {
    let plain = percent_decode_str(word).decode_utf8();
    let plain = plain.map_err(|_| InvalidProxy::Credentials)?.into_owned();
    let plain = Secret::from(plain);
    if plain.expose().len() > LONGEST_WORD || plain.expose().contains(char::is_control) {
        return Err(InvalidProxy::Credentials);
    }
    Ok(plain)
}

impl TryFrom<Cow<'_, str>> for Proxy {
    type Error = InvalidProxy;

    fn try_from(text: Cow<'_, str>) -> Result<Self, InvalidProxy> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxy(text: &str) -> Proxy {
        text.parse().unwrap()
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        for (text, shown) in [
            ("http://10.0.0.5:3128", "http://10.0.0.5:3128"),
            ("http://Proxy.Example.com:80/", "http://proxy.example.com:80"),
            ("http://user:hunter2@10.0.0.5:3128", "http://user:***@10.0.0.5:3128"),
            ("socks5h://user:hunter2@[::1]:1080", "socks5://user:***@[::1]:1080"),
            ("socks5://a%40b:hunter2@h:1", "socks5://a%40b:***@h:1"),
            ("http://hunter2@h:1", "http://***@h:1"),
            ("http://hunter2:@h:1", "http://***@h:1"),
        ] {
            let proxy = proxy(text);
            assert_eq!(proxy.to_string(), shown);
            let debug = format!("{proxy:?} {:?} {:?}", Some(&proxy), proxy.to_url());
            assert!(!debug.contains("hunter2"), "{debug}");
        }
    }

    #[test]
    fn special_characters_of_the_credentials_are_read_and_kept() {
        let proxy = proxy("http://a%40b:p%3A%2F%25@ss@h:1");
        let credentials = proxy.credentials().unwrap();
        assert_eq!((credentials.user(), credentials.password()), ("a@b", "p:/%@ss"));
        assert_eq!(proxy.to_url().expose(), "http://a%40b:p%3A%2F%25%40ss@h:1");
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_repeated() {
        for text in [
            "",
            "10.0.0.5:3128",
            "http://",
            "http://h",
            "http://h:0",
            "http://h:99999",
            "https://hunter2:hunter2@h:1",
            "socks4://h:1",
            "ftp://h:1",
            "file:///etc/passwd",
            "gopher://127.0.0.1:1",
            "http:h:1",
            "http://h:1/hunter2",
            "http://h:1?hunter2",
            "http://h:1#x",
            "http://h:1\\x",
            "http://h :1",
            "http://h:1\r\nX: hunter2",
            "socks5://user:pass/word@h:1",
            "HTTP://h:1",
            &format!("http://{}:1", "a.".repeat(1024)),
        ] {
            let refused = text.parse::<Proxy>().unwrap_err();
            assert_eq!(refused, InvalidProxy::Form, "{text}");
            assert!(!refused.to_string().contains("hunter2"));
        }
        for text in [
            "http://:hunter2@h:1",
            "http://@h:1",
            "http://a%3Ab:c@h:1",
            "http://a%0d%0aX:c@h:1",
            "http://a:%FF@h:1",
            &format!("socks5://{}:x@h:1", "u".repeat(256)),
            &format!("socks5://u:{}@h:1", "p".repeat(256)),
        ] {
            assert_eq!(text.parse::<Proxy>(), Err(InvalidProxy::Credentials), "{text}");
        }
        assert!("socks5://a%3Ab:c@h:1".parse::<Proxy>().is_ok());
    }

    #[test]
    fn a_proxy_as_it_is_shown_cannot_be_given_back_by_mistake() {
        for shown in ["http://user:hunter2@h:1", "http://user@h:1"].map(|text| proxy(text).to_string()) {
            assert_eq!(shown.parse::<Proxy>(), Err(InvalidProxy::Masked), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn a_proxy_reads_back_from_its_url(user in "[^\\p{Cc}]{1,40}", password in "[^\\p{Cc}]{0,40}") {
            let url = format!("socks5://{}:{}@h:1", encoded(&user), encoded(&password));
            let proxy: Proxy = url.parse().unwrap();
            prop_assert_eq!(proxy.credentials().unwrap().user(), &user);
            prop_assert_eq!(proxy.credentials().unwrap().password(), &password);
            prop_assert_eq!(proxy.to_url().expose().parse::<Proxy>(), Ok(proxy));
        }
    }
}
