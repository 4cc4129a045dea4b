//! Where a plugin may go: a scheme, a host and a port.
//!
//! An [`Origin`] is read once and cannot be spelled in two ways: names are in lower case and in ASCII (IDNA), without the dot of the
//! root, addresses are addresses however they were written, and the port is always known. What a plugin asks for is read the same
//! way, so that granting is comparing.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::address::{is_private, is_public};

/// Ends of names that no public name server knows: this machine, and the networks of homes and firms (RFC 6761, 6762, 8375).
const NEAR: [&str; 10] = [
    "localhost",
    "local",
    "internal",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "home.arpa",
    "localdomain",
];

/// The scheme, host and port of what an operator grants: `https://api.example.com`, `https://*.example.com`,
/// `http://127.0.0.1:5000`. A wildcard stands for one or more labels, never for none, and never for an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    https: bool,
    host: Place,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    /// This host.
    At(Host<String>),
    /// Every name that ends with a dot and this.
    Below(String),
}

/// A text that is no origin; the sentence begins with "must" and never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    /// No scheme, or another one.
    #[error("must begin with https://, or with http:// where nothing secret is sent")]
    Scheme,
    /// More than scheme, host and port.
    #[error("must end after the host or the port: no path, no slash, no query, no fragment")]
    Rest,
    /// Credentials in front of the host.
    #[error("must not contain a user name or a password")]
    User,
    /// The host is none.
    #[error("must name a host, such as api.example.com, 192.0.2.7 or [2001:db8::7]")]
    Host,
    /// The port is none.
    #[error("must have a port from 1 to 65535 after the colon, or no colon")]
    Port,
    /// A wildcard somewhere else than in front of a name.
    #[error(
        "must have its wildcard in front and a name of at least two parts behind it, such as https://*.example.com"
    )]
    Wildcard,
    /// A wildcard without TLS: whoever answers for one of the names would be believed.
    #[error("must begin with https:// when it has a wildcard")]
    PlainWildcard,
    /// A wildcard over names that only a private network knows.
    #[error("must be written out: a wildcard does not cover names of a private network")]
    NearWildcard,
    /// An address that is nobody's, or a cloud's own.
    #[error("must not be a link-local, reserved or metadata address, nor an IPv4 address written as IPv6")]
    Reserved,
}

impl Origin {
    /// Where a URL leads; nothing when that cannot be granted at all.
    pub fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = match url.host()? {
            Host::Domain(name) => Host::Domain(plain_name(name)?),
            Host::Ipv4(address) => Host::Ipv4(address),
            Host::Ipv6(address) => Host::Ipv6(address),
        };
        Some(Self {
            https: url.scheme() == "https",
            host: Place::At(host),
            port: url.port_or_known_default()?,
        })
    }

    /// Whether all that `other` stands for is within this one.
    pub fn covers(&self, other: &Self) -> bool {
        let host = match (&self.host, &other.host) {
            (Place::At(ours), Place::At(theirs)) => ours == theirs,
            (Place::Below(suffix), Place::At(Host::Domain(name)) | Place::Below(name)) => {
                self.host == other.host || is_below(name, suffix)
            }
            (Place::Below(_) | Place::At(_), _) => false,
        };
        host && self.https == other.https && self.port == other.port
    }

    /// Whether this host is next door: an address of this machine or of a private network, or a name that no public name server
    /// knows. Such an origin is granted only on purpose.
    pub fn is_near(&self) -> bool {
        match &self.host {
            Place::At(Host::Domain(name)) => is_near(name),
            Place::At(Host::Ipv4(address)) => is_private(IpAddr::V4(*address)),
            Place::At(Host::Ipv6(address)) => is_private(IpAddr::V6(*address)),
            Place::Below(_) => false,
        }
    }

    /// Whether a secret may be sent there: over TLS, or next door.
    pub fn takes_secrets(&self) -> bool {
        self.https || self.is_near()
    }

    /// Whether it stands for many hosts.
    pub const fn is_wildcard(&self) -> bool {
        matches!(self.host, Place::Below(_))
    }

    /// The one host that this is; none for a wildcard.
    pub const fn host(&self) -> Option<&Host<String>> {
        match &self.host {
            Place::At(host) => Some(host),
            Place::Below(_) => None,
        }
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidOrigin::Scheme)?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidOrigin::Scheme),
        };
        if rest.contains('@') {
            return Err(InvalidOrigin::User);
        }
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(InvalidOrigin::Rest);
        }
        let (host, port) = split_port(rest)?;
        let host = match host.strip_prefix("*.") {
            Some(_) if !https => return Err(InvalidOrigin::PlainWildcard),
            Some(suffix) => below(suffix)?,
            None if host.contains('*') => return Err(InvalidOrigin::Wildcard),
            None => at(host)?,
        };
        let port = port.unwrap_or(if https { 443 } else { 80 });
        Ok(Self { https, host, port })
    }
}

/// As it is granted and asked for: the default port is left out.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.https { ("https", 443) } else { ("http", 80) };
        match &self.host {
            Place::At(host) => write!(f, "{scheme}://{host}")?,
            Place::Below(suffix) => write!(f, "{scheme}://*.{suffix}")?,
        }
        if self.port != default {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

fn split_port(rest: &str) -> Result<(&str, Option<u16>), InvalidOrigin> {
    let bracket = rest.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = rest[bracket..].find(':').map(|at| bracket + at) else {
        return Ok((rest, None));
    };
    let (host, port) = (&rest[..colon], &rest[colon + 1..]);
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0);
    Ok((host, Some(port.ok_or(InvalidOrigin::Port)?)))
}

fn at(host: &str) -> Result<Place, InvalidOrigin> {
    let host = read_host(host).ok_or(InvalidOrigin::Host)?;
    let address = match host {
        Host::Domain(_) => return Ok(Place::At(host)),
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
    };
    let plain = address.to_canonical() == address && (is_public(address) || is_private(address));
    plain.then_some(Place::At(host)).ok_or(InvalidOrigin::Reserved)
}

fn below(suffix: &str) -> Result<Place, InvalidOrigin> {
    match read_host(suffix) {
        Some(Host::Domain(name)) if name.contains('.') => {
            let near = is_near(&name);
            (!near).then_some(Place::Below(name)).ok_or(InvalidOrigin::NearWildcard)
        }
        _ => Err(InvalidOrigin::Wildcard),
    }
}

/// A host in its one spelling. A name with percent signs is none: nobody writes one who does not want it to look like another.
fn read_host(text: &str) -> Option<Host<String>> {
    if text.contains(|c: char| c == '%' || c.is_whitespace() || c.is_control()) {
        return None;
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) => plain_name(&name).map(Host::Domain),
        address => Some(address),
    }
}

/// A name without the dot of the root, of labels that a name server could know.
fn plain_name(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| {
        let plain = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        plain && (1..=63).contains(&label.len())
    };
    (name.len() <= 253 && name.split('.').all(label)).then(|| name.to_owned())
}

fn is_below(name: &str, suffix: &str) -> bool {
    let labels = name.strip_suffix(suffix).and_then(|labels| labels.strip_suffix('.'));
    labels.is_some_and(|labels| !labels.is_empty())
}

fn is_near(name: &str) -> bool {
    !name.contains('.') || NEAR.iter().any(|end| name == *end || is_below(name, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn asked(url: &str) -> Option<Origin> {
        Origin::of(&Url::parse(url).unwrap())
    }

    #[test]
    fn every_spelling_of_an_origin_is_the_same_origin() {
        for (text, spelled) in [
            ("https://api.example.com", "https://api.example.com"),
            ("HTTPS://API.Example.COM:443", "https://api.example.com"),
            ("https://api.example.com.", "https://api.example.com"),
            ("https://api。example．com", "https://api.example.com"),
            ("http://api.example.com:80", "http://api.example.com"),
            ("http://api.example.com:443", "http://api.example.com:443"),
            ("https://Bücher.example", "https://xn--bcher-kva.example"),
            ("https://*.Example.com.:8443", "https://*.example.com:8443"),
            ("http://127.1:5000", "http://127.0.0.1:5000"),
            ("http://2130706433", "http://127.0.0.1"),
            ("http://0x0a.0.0.5", "http://10.0.0.5"),
            ("http://[FD00:0::5]:5000", "http://[fd00::5]:5000"),
            ("https://[2606:4700:4700::1111]", "https://[2606:4700:4700::1111]"),
        ] {
            assert_eq!(origin(text).to_string(), spelled, "{text}");
            assert_eq!(origin(spelled), origin(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_a_sentence_that_does_not_repeat_it() {
        use InvalidOrigin::{Host, NearWildcard, PlainWildcard, Port, Reserved, Rest, Scheme, User, Wildcard};
        for (text, error) in [
            ("", Scheme),
            ("api.example.com", Scheme),
            ("ftp://example.com", Scheme),
            ("*://example.com", Scheme),
            (" https://example.com", Scheme),
            ("https://", Host),
            ("https://.", Host),
            ("https://exa mple.com", Host),
            ("https://example.com\t", Host),
            ("https://example..com", Host),
            ("https://example.com..", Host),
            ("https://ex%61mple.com", Host),
            ("https://ex!mple.com", Host),
            ("https://999.1.1.1", Host),
            ("https://[fe80::1%eth0]", Host),
            ("https://[::1", Port),
            ("https://example.com/", Rest),
            ("https://example.com/v1", Rest),
            ("https://example.com?hunter2", Rest),
            ("https://example.com#a", Rest),
            ("https://example.com\\a", Rest),
            ("https://user:hunter2@example.com", User),
            ("https://@example.com", User),
            ("https://example.com:", Port),
            ("https://example.com:0", Port),
            ("https://example.com:+1", Port),
            ("https://example.com:65536", Port),
            ("https://::1", Port),
            ("https://*", Wildcard),
            ("https://*.com", Wildcard),
            ("https://*.localhost", Wildcard),
            ("https://*.", Wildcard),
            ("https://*.10.0.0.1", Wildcard),
            ("https://*.[::1]", Wildcard),
            ("https://a.*.example.com", Wildcard),
            ("https://*.*.example.com", Wildcard),
            ("https://*example.com", Wildcard),
            ("https://*.corp.internal", NearWildcard),
            ("https://*.app.localhost", NearWildcard),
            ("http://*.example.com", PlainWildcard),
            ("http://0.0.0.0", Reserved),
            ("http://169.254.169.254", Reserved),
            ("http://100.100.100.200", Reserved),
            ("http://[fd00:ec2::254]", Reserved),
            ("http://[fe80::1]", Reserved),
            ("http://[::ffff:10.0.0.1]", Reserved),
            ("http://[::ffff:8.8.8.8]", Reserved),
            ("http://[64:ff9b::7f00:1]", Reserved),
            ("http://224.0.0.1", Reserved),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(error), "{text}");
            let sentence = error.to_string();
            assert!(
                sentence.starts_with("must ") && !sentence.contains("hunter2"),
                "{sentence}"
            );
        }
    }

    #[test]
    fn a_wildcard_covers_what_is_below_it_and_nothing_else() {
        let granted = origin("https://*.example.com");
        for url in [
            "https://api.example.com/v1",
            "https://a.b.example.com:443",
            "https://API.EXAMPLE.COM./x",
            "https://ａｐｉ.example.com/",
        ] {
            assert!(granted.covers(&asked(url).unwrap()), "{url}");
        }
        for url in [
            "https://example.com/",
            "https://badexample.com/",
            "https://example.com.evil.net/",
            "https://api.example.com:8443/",
            "http://api.example.com/",
            "https://api.exаmple.com/", // a Cyrillic letter
            "https://127.0.0.1/",
            "https://api.example.net/",
        ] {
            assert!(!granted.covers(&asked(url).unwrap()), "{url}");
        }
        assert!(granted.covers(&origin("https://*.eu.example.com")) && granted.covers(&granted));
        assert!(!origin("https://*.eu.example.com").covers(&granted));
        assert!(!origin("https://api.example.com").covers(&granted));
        for url in [
            "https://.example.com/",
            "https://a..example.com/",
            "https://a*.example.com/",
        ] {
            assert_eq!(asked(url), None, "{url}");
        }
    }

    #[test]
    fn a_name_that_only_a_private_network_knows_is_next_door() {
        for text in [
            "http://localhost:5000",
            "http://LOCALHOST.",
            "http://api.localhost",
            "http://piper:5000",
            "https://tts.corp.internal",
            "http://nas.local",
            "http://nas.home.arpa",
            "http://127.0.0.1:5000",
            "http://[::1]:5000",
            "http://192.168.1.5",
            "https://[fd00::5]",
        ] {
            assert!(origin(text).is_near(), "{text}");
        }
        for text in [
            "https://api.example.com",
            "https://localhost.example.com",
            "https://example.notlocal",
            "https://8.8.8.8",
            "https://*.example.com",
        ] {
            assert!(!origin(text).is_near(), "{text}");
        }
    }
}
