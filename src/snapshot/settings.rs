//! The server-wide settings that a query reads.

use ipnet::IpNet;
use std::net::IpAddr;

/// Server-wide settings of the packet path.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The most that goes into a UDP response, in bytes.
    pub udp_payload_bytes_max: u16,
    /// The server's identifier (RFC 5001), if it tells one.
    pub nsid: Option<Vec<u8>>,
    /// Answer to `version.bind` and `version.server` in class CH, if it is given.
    pub version: Option<String>,
    /// Answer to `hostname.bind` in class CH, if it is given.
    pub hostname: Option<String>,
    /// Answer to `id.server` in class CH, if it is given.
    pub id: Option<String>,
    /// Resolvers whose Client Subnet option is honoured.
    pub ecs_trust: Trust,
    /// What idle TCP clients are told to expect (RFC 7828), in units of 100 ms.
    pub keepalive_100ms: u16,
}

/// A set of addresses that is mostly all or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Trust {
    nets: Vec<IpNet>,
    all: [bool; 2],
}

impl Trust {
    /// The addresses inside these networks.
    pub fn new(nets: Vec<IpNet>) -> Self {
        let all = |v4| nets.iter().any(|net| net.addr().is_ipv4() == v4 && net.prefix_len() == 0);
        Self { all: [all(true), all(false)], nets }
    }

    /// Whether the address is inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.all[usize::from(address.is_ipv6())]
            || self.nets.iter().any(|net| net.contains(&address))
    }
}

impl Default for Settings {
    /// What a configuration that says nothing means.
    fn default() -> Self {
        Self {
            udp_payload_bytes_max: 1232,
            nsid: None,
            version: None,
            hostname: None,
            id: None,
            ecs_trust: Trust { nets: Vec::new(), all: [true, true] },
            keepalive_100ms: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_by_network() {
        let nets =
            |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a network")).collect();
        let check = |texts: &[&str], address: &str, expected| {
            let address = address.parse().expect("an address");
            assert_eq!(Trust::new(nets(texts)).contains(address), expected, "{texts:?} {address}");
        };
        check(&["0.0.0.0/0"], "192.0.2.1", true);
        check(&["0.0.0.0/0"], "2001:db8::1", false);
        check(&["192.0.2.0/24", "::/0"], "192.0.3.1", false);
        check(&["192.0.2.0/24"], "192.0.2.9", true);
        check(&[], "192.0.2.9", false);
        assert!(Settings::default().ecs_trust.contains(IpAddr::from([192, 0, 2, 1])));
    }
}
