//! Who may be reached.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use switchboard_core::address::{is_private, is_public};
use url::Url;

use crate::error::EgressError;
use crate::lookup::Lookup;

/// How long a look-up of a name may take.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(10);

/// How far an egress reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Any public address, by literal or by name. Never this machine or its networks, whatever a name says.
    Public,
    /// This machine and private networks, by literal or by name. Never a public address, and never a link-local one, where clouds keep
    /// their metadata. For a host next door that the operator wrote into the configuration.
    Private,
    /// Loopback addresses, written as such: `127.0.0.1`, `[::1]`. No name is ever looked up, not even `localhost`.
    LoopbackOnly,
    /// Any address. For a host that the operator wrote into the configuration, never for one that came with a request.
    Anywhere,
}

impl Reach {
    /// Whether `host` may be reached, as far as that can be said without looking it up.
    ///
    /// # Errors
    /// When it may not.
    pub fn check_host(self, host: &str) -> Result<(), EgressError> {
        Guard::new(self).check_host(host)
    }
}

/// Turns hosts into addresses that may be dialled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard {
    reach: Reach,
}

impl Guard {
    pub(crate) const fn new(reach: Reach) -> Self {
        Self { reach }
    }

    pub(crate) const fn reach(self) -> Reach {
        self.reach
    }

    /// The addresses of `host` that may be dialled, at least one. A name is looked up once.
    pub(crate) async fn addresses(
        self,
        lookup: &dyn Lookup,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        self.check_host(host)?;
        if let Some(literal) = literal(host) {
            return Ok(vec![SocketAddr::new(literal, port)]);
        }
        let mut found = tokio::time::timeout(LOOKUP_PATIENCE, lookup.look_up(host, port))
            .await
            .map_err(|_| EgressError::Timeout(LOOKUP_PATIENCE))?
            .map_err(|source| EgressError::Lookup {
                host: host.to_owned(),
                source,
            })?;
        found.retain(|address| self.allows(address.ip()));
        if found.is_empty() {
            return Err(self.refusal(host));
        }
        Ok(found)
    }

    /// Checks what can be checked of a host without looking it up.
    pub(crate) fn check_host(self, host: &str) -> Result<(), EgressError> {
        match literal(host) {
            Some(address) => self.check(address, host),
            None if self.reach == Reach::LoopbackOnly => Err(self.refusal(host)),
            None => Ok(()),
        }
    }

    /// Checks what can be checked of a URL before anything is looked up: a literal never meets the resolver.
    pub(crate) fn check_url(self, url: &str) -> Result<Url, EgressError> {
        let url = read_url(url).map_err(EgressError::Url)?;
        self.check_host(url.host_str().ok_or(EgressError::Url("names no host"))?)?;
        Ok(url)
    }

    fn check(self, address: IpAddr, host: &str) -> Result<(), EgressError> {
        self.allows(address).then_some(()).ok_or_else(|| self.refusal(host))
    }

    fn allows(self, address: IpAddr) -> bool {
        match self.reach {
            Reach::Public => is_public(address),
            Reach::Private => is_private(address),
            Reach::LoopbackOnly => address.is_loopback(),
            Reach::Anywhere => true,
        }
    }

    fn refusal(self, host: &str) -> EgressError {
        let host = host.to_owned();
        match self.reach {
            Reach::LoopbackOnly => EgressError::NotLoopback { host },
            Reach::Private => EgressError::NotPrivate { host },
            Reach::Public | Reach::Anywhere => EgressError::NotPublic { host },
        }
    }
}

/// The address that a host is written as, with or without the brackets of a URL.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

/// A URL for HTTP without user name and password; or why it is none.
pub(crate) fn read_url(url: &str) -> Result<Url, &'static str> {
    let url = Url::parse(url).map_err(|_| "cannot be read")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or a password");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::lookup::{Looking, SystemLookup};

    const PUBLIC: Guard = Guard::new(Reach::Public);
    const PRIVATE: Guard = Guard::new(Reach::Private);
    const LOOPBACK: Guard = Guard::new(Reach::LoopbackOnly);

    #[tokio::test]
    async fn no_spelling_of_a_near_host_is_dialled() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "localhost",
            "LOCALHOST",
            "::1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "169.254.169.254",
            "2852039166",
            "[fd00:ec2::254]",
            "10.1.2.3",
        ] {
            let error = PUBLIC.addresses(&SystemLookup, host, 443).await.unwrap_err();
            // What a system's resolver does not take for an address at all fails in the look-up.
            let refused = matches!(error, EgressError::NotPublic { .. } | EgressError::Lookup { .. });
            assert!(refused, "{host}: {error}");
        }
    }

    /// A name server with one answer for each look-up, in order.
    struct Answers(Mutex<Vec<&'static [&'static str]>>);

    impl Lookup for Answers {
        fn look_up<'a>(&'a self, _: &'a str, port: u16) -> Looking<'a> {
            let answer = self.0.lock().unwrap().remove(0);
            Box::pin(async move {
                let addresses = answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port));
                Ok(addresses.collect())
            })
        }
    }

    fn answers(answers: &[&'static [&'static str]]) -> Answers {
        Answers(Mutex::new(answers.to_vec()))
    }

    #[tokio::test]
    async fn what_is_dialled_is_what_was_checked_however_the_name_changes() {
        let lookup = answers(&[&["1.1.1.1", "127.0.0.1", "::ffff:10.0.0.1"], &["169.254.169.254"]]);
        let first = PUBLIC.addresses(&lookup, "rebind.example", 443).await.unwrap();
        assert_eq!(first, ["1.1.1.1:443".parse().unwrap()]);
        let second = PUBLIC.addresses(&lookup, "rebind.example", 443).await;
        assert!(matches!(second, Err(EgressError::NotPublic { .. })), "{second:?}");
    }

    #[tokio::test]
    async fn a_private_reach_ends_where_the_private_networks_end() {
        let lookup = answers(&[
            &["169.254.169.254", "10.0.0.5", "1.1.1.1", "fd00::5"],
            &["1.1.1.1", "fd00:ec2::254"],
        ]);
        let near = PRIVATE.addresses(&lookup, "piper", 5000).await.unwrap();
        assert_eq!(
            near,
            ["10.0.0.5:5000".parse().unwrap(), "[fd00::5]:5000".parse().unwrap()]
        );
        let none = PRIVATE.addresses(&lookup, "piper", 5000).await;
        assert!(matches!(none, Err(EgressError::NotPrivate { .. })), "{none:?}");
    }

    #[tokio::test]
    async fn loopback_only_means_literals_only() {
        for host in ["127.0.0.1", "127.8.9.10", "::1", "[::1]"] {
            assert_eq!(
                LOOPBACK.addresses(&SystemLookup, host, 7).await.unwrap().len(),
                1,
                "{host}"
            );
        }
        for host in [
            "localhost",
            "127.1",
            "2130706433",
            "0.0.0.0",
            "[::]",
            "[::ffff:127.0.0.1]",
            "1.1.1.1",
            "web.whatsapp.com",
            "127.0.0.1.nip.io",
        ] {
            let error = LOOPBACK.addresses(&SystemLookup, host, 7).await.unwrap_err();
            assert!(matches!(error, EgressError::NotLoopback { .. }), "{host}: {error}");
        }
    }

    #[test]
    fn hostile_urls_are_refused_before_anything_is_looked_up() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.01/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://①②⑦.⓪.⓪.①/",
            "http://example.com@127.0.0.1/",
            "http://127.0.0.1@example.com/",
            "http://user:secret@example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "//example.com/",
            "http://",
            "",
        ] {
            assert!(PUBLIC.check_url(url).is_err(), "{url}");
        }
        for url in ["https://web.whatsapp.com/sw.js", "http://8.8.8.8:8080/"] {
            assert!(PUBLIC.check_url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_loopback_egress_takes_no_url_with_a_name() {
        for url in [
            "http://localhost:1/",
            "http://LocalHost./",
            "https://web.whatsapp.com/",
            "http://10.0.0.1/",
        ] {
            assert!(
                matches!(LOOPBACK.check_url(url), Err(EgressError::NotLoopback { .. })),
                "{url}"
            );
        }
        assert!(LOOPBACK.check_url("http://127.0.0.1:1/").is_ok());
    }
}
