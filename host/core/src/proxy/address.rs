//! Where a proxy listens.

use std::fmt;
use std::str::FromStr;

use url::Host;

/// A host and a port, in one spelling: names in lower case, addresses as they are usually written. Two that are equal are one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAddress {
    host: String,
    port: u16,
}

/// A text that is not the address of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a host and a port, such as 10.0.0.5:3128, [fd00::5]:1080 or proxy.example.com:3128")]
pub struct InvalidAddress;

impl ProxyAddress {
    /// A name or an address; without the brackets of IPv6.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ProxyAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidAddress)?;
        let host = match Host::parse(host).map_err(|_| InvalidAddress)? {
            Host::Domain(name) => name,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0);
        let port = port.ok_or(InvalidAddress)?;
        if host.is_empty() {
            return Err(InvalidAddress);
        }
        Ok(Self { host, port })
    }
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_place_is_the_same_place() {
        for (text, spelled) in [
            ("10.0.0.5:3128", "10.0.0.5:3128"),
            ("Proxy.Example.COM:80", "proxy.example.com:80"),
            ("[FD00:0:0::5]:1080", "[fd00::5]:1080"),
            // What a resolver takes for an address is one here, too, so that it is checked as one.
            ("2130706433:1", "127.0.0.1:1"),
            ("0x7f.1:1", "127.0.0.1:1"),
            ("①②⑦.⓪.⓪.①:1", "127.0.0.1:1"),
        ] {
            assert_eq!(text.parse::<ProxyAddress>().unwrap().to_string(), spelled, "{text}");
        }
    }

    #[test]
    fn a_host_without_a_port_and_a_port_without_a_host_are_no_address() {
        for text in [
            "",
            ":",
            "host",
            "host:",
            ":1",
            "host:0",
            "host:65536",
            "host:+1",
            "host:1:2",
            "fd00::5",
            "fd00::5:1080",
            "[fd00::5%eth0]:1",
            "a b:1",
            "a/b:1",
            "user@host:1",
            "999.1.1.1:1",
        ] {
            assert_eq!(text.parse::<ProxyAddress>(), Err(InvalidAddress), "{text}");
        }
    }
}
