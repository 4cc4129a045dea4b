//! Which addresses are public: anybody's on the internet, and nobody's next door.
//!
//! From the IANA registries of special-purpose IPv4 and IPv6 addresses. IPv6 is a list of what is allowed, since most of its
//! space is not given out; an address with an IPv4 address inside is as public as that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a connection to this address leaves for the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Where clouds tell their machines who they are and what they may, in the middle of private networks.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];

/// Whether this is an address of this machine or of a private network, written plainly: no IPv4 address inside an IPv6 one, and
/// nothing link-local.
pub fn is_private(address: IpAddr) -> bool {
    let private = match address {
        IpAddr::V4(v4) => matches!(v4.octets(), [10 | 127, ..] | [100, 64..=127, ..]) || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    };
    private && !METADATA.contains(&address)
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _) // this network, private, loopback, multicast and reserved
            | (100, 64..=127, _) // shared by carriers
            | (169, 254, _) // link-local, where clouds keep their metadata
            | (172, 16..=31, _)
            | (192, 168, _) // private
            | (192, 0, 0) // protocol assignments
            | (192, 0, 2)
            | (198, 51, 100)
            | (203, 0, 113) // documentation
            | (192, 88, 99) // relays to IPv6
            | (198, 18 | 19, _) // benchmarks
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    match (a, b) {
        // 64:ff9b::/96 is how an IPv6-only network reaches IPv4, and ::ffff:0:0/96 is IPv4 itself.
        (0x64, 0xff9b) | (0, 0) => embedded_v4(address).is_some_and(is_public_v4),
        // Teredo and other protocol assignments, documentation, 6to4.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3ff0..=0x3fff, _) => false,
        // All that is given out so far.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

/// The IPv4 address inside a mapped or a NAT64 address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [head @ .., high, low] = address.segments();
    let embeds = matches!(head, [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0]);
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    embeds.then_some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_next_door_is_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::ffff:0:8.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:0808:0808::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_is_private_is_neither_public_nor_a_clouds_own() {
        for address in [
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.9.10",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "::1",
            "fc00::1",
            "fd00::5",
        ] {
            let address = address.parse().unwrap();
            assert!(is_private(address) && !is_public(address), "{address}");
        }
        for address in [
            "0.0.0.0",
            "1.1.1.1",
            "100.100.100.200",
            "169.254.169.254",
            "172.32.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2606:4700:4700::1111",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fd00:c1::a9fe:a9fe",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_anybody_can_reach_is_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "157.240.1.60",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.254",
            "2606:4700:4700::1111",
            "2a03:2880:f21c:80c1:face:b00c:0:32c2",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
