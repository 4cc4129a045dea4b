//! The ways out of one line: its socket and its media, both through the proxy of its session if it has one.
//!
//! Whoever may write sessions chooses their proxies, and must not thereby reach into the operator's network. So a proxy is at a public
//! address, or the operator has allowed it by name. In a build that skips certificates it is on loopback like everything else, whatever
//! the operator allows. TLS to WhatsApp goes through it from end to end: the proxy sees with whom a line talks, and no more.
//!
//! What belongs to no session goes no session's way: the look-up of the version to announce.

use switchboard_core::proxy::{Proxy, ProxyAddress};
use switchboard_egress::{EgressError, Reach};

use crate::certificate::CertificateCheck;
use crate::http_client::MediaHttp;
use crate::transport::Dialer;

/// Why a session must not use a proxy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProxyRefused(#[source] EgressError);

/// The ways out of one line.
#[derive(Clone)]
pub(crate) struct Ways {
    pub(crate) dialer: Dialer,
    pub(crate) http: MediaHttp,
}

/// What the ways of all lines have in common.
pub(crate) struct AllWays {
    direct: Ways,
    /// Proxies that the operator allows wherever they are.
    allowed: Vec<ProxyAddress>,
    check: CertificateCheck,
}

impl AllWays {
    pub(crate) const fn new(direct: Ways, allowed: Vec<ProxyAddress>, check: CertificateCheck) -> Self {
        Self { direct, allowed, check }
    }

    /// The ways of a line with this proxy.
    pub(crate) fn of(&self, proxy: Option<&Proxy>) -> Result<Ways, EgressError> {
        let Some(proxy) = proxy else {
            return Ok(self.direct.clone());
        };
        let http = self.direct.http.through(proxy, self.reach(proxy))?;
        let socket = http.egress().reaching(self.check.socket_reach())?;
        Ok(Ways {
            dialer: self.direct.dialer.over(socket),
            http,
        })
    }

    /// Whether a session may use this proxy, as far as that can be said without looking it up.
    pub(crate) fn check(&self, proxy: &Proxy) -> Result<(), ProxyRefused> {
        let checked = self.reach(proxy).check_host(proxy.address().host());
        checked.map_err(ProxyRefused)
    }

    fn reach(&self, proxy: &Proxy) -> Reach {
        match self.check {
            CertificateCheck::Skipped => Reach::LoopbackOnly,
            CertificateCheck::Enforced if self.allowed.contains(proxy.address()) => Reach::Anywhere,
            CertificateCheck::Enforced => Reach::Public,
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::realm::Realm;
    use switchboard_egress::{Egress, EgressOptions};

    use super::*;

    fn ways(check: CertificateCheck, allowed: &[&str]) -> AllWays {
        let egress = Egress::new(EgressOptions { reach: Reach::Public }).unwrap();
        let direct = Ways {
            dialer: Dialer::new("wss://web.whatsapp.com/ws/chat", egress.clone()).unwrap(),
            http: MediaHttp::new(egress, Realm::Live),
        };
        let allowed = allowed.iter().map(|text| text.parse().unwrap()).collect();
        AllWays::new(direct, allowed, check)
    }

    fn allows(ways: &AllWays, proxy: &str) -> bool {
        ways.check(&proxy.parse().unwrap()).is_ok()
    }

    #[test]
    fn a_live_build_takes_a_proxy_next_door_only_if_the_operator_allows_it_there() {
        let ways = ways(CertificateCheck::Enforced, &["10.0.0.5:3128", "[fd00::5]:1080"]);
        for proxy in [
            "http://10.0.0.5:3128",
            "socks5://user:password@[FD00:0::5]:1080",
            "http://8.8.8.8:3128",
            "http://proxy.example.com:3128",
        ] {
            assert!(allows(&ways, proxy), "{proxy}");
        }
        for proxy in [
            "http://10.0.0.5:22",
            "http://10.0.0.6:3128",
            "http://127.0.0.1:3128",
            "http://2130706433:3128",
            "http://0x7f.1:3128",
            "http://169.254.169.254:80",
            "socks5://[::1]:1080",
            "socks5://[::ffff:10.0.0.5]:3128",
            "socks5://[fd00:ec2::254]:80",
        ] {
            assert!(!allows(&ways, proxy), "{proxy}");
        }
    }

    #[test]
    fn a_name_that_the_operator_allows_may_stand_for_a_host_next_door_and_another_may_not() {
        let ways = ways(CertificateCheck::Enforced, &["proxy.internal:3128"]);
        for (proxy, reach) in [
            ("http://Proxy.Internal:3128", Reach::Anywhere),
            ("http://proxy.internal:3129", Reach::Public),
            ("http://proxy.internal.:3128", Reach::Public),
            ("http://localhost:3128", Reach::Public),
        ] {
            assert_eq!(ways.reach(&proxy.parse().unwrap()), reach, "{proxy}");
        }
    }

    #[test]
    fn a_build_that_skips_certificates_takes_a_proxy_on_loopback_and_nothing_else_whatever_is_allowed() {
        let ways = ways(
            CertificateCheck::Skipped,
            &["10.0.0.5:3128", "localhost:3128", "8.8.8.8:3128"],
        );
        for proxy in ["http://127.0.0.1:3128", "socks5://[::1]:1080"] {
            assert!(allows(&ways, proxy), "{proxy}");
        }
        for proxy in [
            "http://10.0.0.5:3128",
            "http://localhost:3128",
            "http://8.8.8.8:3128",
            "http://proxy.example.com:3128",
        ] {
            assert!(!allows(&ways, proxy), "{proxy}");
        }
    }
}
