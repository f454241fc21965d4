//! EDNS(0) (RFC 6891) and the options that matter here, Client Subnet (RFC 7871) above all.
//!
//! [`Edns::read`] takes the OPT record's parts from a query; [`Subnet`] keeps what must be echoed bit for bit. What the
//! answer's OPT looks like is the writer's part.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Option codes, from the IANA registry.
pub mod option {
    /// Name server identifier (RFC 5001).
    pub const NSID: u16 = 3;
    /// Client Subnet (RFC 7871).
    pub const SUBNET: u16 = 8;
    /// TCP keepalive (RFC 7828).
    pub const KEEPALIVE: u16 = 11;
    /// Padding (RFC 7830).
    pub const PADDING: u16 = 12;
}

/// What the OPT record of a query says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP response that the client takes, in bytes, as it says.
    pub payload_bytes: u16,
    /// EDNS version.
    pub version: u8,
    /// The DO bit (RFC 3225).
    pub dnssec_ok: bool,
    /// Whether the server's identifier is asked for.
    pub nsid: bool,
    /// Whether the client speaks keepalive.
    pub keepalive: bool,
    /// Whether the client pads, and so may be padded to (RFC 7830 §4).
    pub padding: bool,
    /// Client Subnet, if present.
    pub subnet: Option<Subnet>,
}

/// A Client Subnet option of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The address family as sent: 1, 2, or 0 with a source of 0.
    pub family: u16,
    /// SOURCE PREFIX-LENGTH, in bits.
    pub source_bits: u8,
    /// The address, zero beyond the source prefix.
    pub address: [u8; 16],
}

/// The message is malformed (FORMERR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Edns {
    /// Reads an OPT record from its CLASS, TTL and RDATA. An unknown version is not looked into (RFC 6891 §6.1.3).
    pub fn read(class: u16, ttl: u32, rdata: &[u8]) -> Result<Self, Malformed> {
        let mut edns = Self {
            payload_bytes: class,
            version: (ttl >> 16) as u8,
            dnssec_ok: ttl & 0x8000 != 0,
            ..Self::default()
        };
        let mut rest = rdata;
        while edns.version == 0 && !rest.is_empty() {
            let (head, tail) = rest.split_at_checked(4).ok_or(Malformed)?;
            let code = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let (value, tail) = tail.split_at_checked(length).ok_or(Malformed)?;
            rest = tail;
            match code {
                option::NSID => edns.nsid = true,
                option::KEEPALIVE => edns.keepalive = true,
                option::PADDING => edns.padding = true,
                // Two subnets have no meaning that could be honoured.
                option::SUBNET if edns.subnet.is_some() => return Err(Malformed),
                option::SUBNET => edns.subnet = Some(Subnet::read(value)?),
                _ => {}
            }
        }
        Ok(edns)
    }
}

impl Subnet {
    /// Reads the option's value as sent in a query; everything that RFC 7871 §6 and §7.1 forbid there is malformed.
    pub fn read(value: &[u8]) -> Result<Self, Malformed> {
        let (head, sent) = value.split_at_checked(4).ok_or(Malformed)?;
        let family = u16::from_be_bytes([head[0], head[1]]);
        let (source_bits, scope_bits) = (head[2], head[3]);
        let bits_max = match family {
            1 => 32,
            2 => 128,
            // What `dig +subnet=0` sends: no family at all, because there is no address to tell.
            0 => 0,
            _ => return Err(Malformed),
        };
        // §7.1.2: SCOPE PREFIX-LENGTH is 0 in queries; §6: ADDRESS has just the octets that SOURCE needs.
        if source_bits > bits_max
            || scope_bits != 0
            || sent.len() != usize::from(source_bits).div_ceil(8)
        {
            return Err(Malformed);
        }
        let mut address = [0; 16];
        address[..sent.len()].copy_from_slice(sent);
        let subnet = Self { family, source_bits, address };
        // §6: bits beyond the prefix MUST be zero.
        let spare_bits = (sent.len() * 8 - usize::from(source_bits)) as u32;
        match sent.last() {
            Some(last) if spare_bits > 0 && last.trailing_zeros() < spare_bits => Err(Malformed),
            _ => Ok(subnet),
        }
    }

    /// The client's network address; none if the client opted out with a source of 0 (§7.1.2).
    pub fn client(&self) -> Option<IpAddr> {
        if self.source_bits == 0 {
            return None;
        }
        let [a, b, c, d, ..] = self.address;
        match self.family {
            1 => Some(Ipv4Addr::new(a, b, c, d).into()),
            _ => Some(Ipv6Addr::from(self.address).into()),
        }
    }

    /// The octets of the address that were sent, and are to be sent back.
    pub fn sent(&self) -> &[u8] {
        &self.address[..usize::from(self.source_bits).div_ceil(8)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_of_queries() {
        let check = |value: &[u8], client: Option<&str>| {
            let subnet = Subnet::read(value).expect("well-formed");
            assert_eq!(
                subnet.client(),
                client.map(|text| text.parse().expect("an address")),
                "{value:?}"
            );
            assert_eq!(subnet.sent(), &value[4..]);
        };
        check(&[0, 1, 24, 0, 192, 0, 2], Some("192.0.2.0"));
        check(&[0, 1, 32, 0, 192, 0, 2, 7], Some("192.0.2.7"));
        check(&[0, 1, 20, 0, 192, 0, 0xf0], Some("192.0.240.0"));
        check(&[0, 2, 33, 0, 0x20, 1, 0xd, 0xb8, 0x80], Some("2001:db8:8000::"));
        check(&[0, 1, 0, 0], None);
        check(&[0, 2, 0, 0], None);
        check(&[0, 0, 0, 0], None);
    }

    #[test]
    fn malformed_subnets() {
        for value in [
            &[][..],
            &[0, 1, 24],
            &[0, 3, 24, 0, 1, 2, 3],
            &[0, 0, 8, 0, 10],
            &[0, 1, 33, 0, 1, 2, 3, 4, 0],
            &[0, 1, 24, 0, 192, 0],
            &[0, 1, 24, 0, 192, 0, 2, 0],
            &[0, 1, 23, 0, 192, 0, 3],
            &[0, 1, 24, 24, 192, 0, 2],
            &[0, 1, 0, 0, 0],
        ] {
            assert_eq!(Subnet::read(value), Err(Malformed), "{value:?}");
        }
    }

    #[test]
    fn options_of_an_opt_record() {
        let rdata = [0, 3, 0, 0, 0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2, 0, 99, 0, 1, 7];
        let edns = Edns::read(4096, 0x8000, &rdata).expect("well-formed");
        assert!(edns.nsid && edns.dnssec_ok && !edns.padding);
        assert_eq!(edns.payload_bytes, 4096);
        assert_eq!(edns.subnet.map(|subnet| subnet.source_bits), Some(24));
        assert_eq!(Edns::read(512, 0, &rdata[..6]), Err(Malformed));
        assert_eq!(Edns::read(512, 0, &rdata[..3]), Err(Malformed));
        assert_eq!(Edns::read(512, 1 << 16, &rdata[..3]).map(|edns| edns.version), Ok(1));
        let twice = [&rdata[4..15], &rdata[4..15]].concat();
        assert_eq!(Edns::read(512, 0, &twice), Err(Malformed));
    }
}
