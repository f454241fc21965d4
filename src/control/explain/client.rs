//! What one names in a question: a client, and what chance draws for it.

use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What resolvers usually tell of an IPv4 client (RFC 7871 §11.1).
const V4_BITS: u8 = 24;
/// What resolvers usually tell of an IPv6 client (RFC 7871 §11.1).
const V6_BITS: u8 = 56;

/// Decks look at the upper bits of what they are given: an odd factor brings small seeds up there.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What chance draws; equal seeds draw the same.
pub fn luck(seed: u64) -> u64 {
    seed.wrapping_mul(SPREAD)
}

/// A client's address and how much of it a resolver tells the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSubnet {
    /// The address, as typed; bits beyond the length are not told.
    pub address: IpAddr,
    /// How many leading bits are told.
    pub bits: u8,
}

impl FromStr for ClientSubnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| {
            format!("{address:?} is no IP address; write 192.0.2.1 or 192.0.2.0/24")
        })?;
        let (usual, max) = if address.is_ipv4() { (V4_BITS, 32) } else { (V6_BITS, 128) };
        let bits =
            match bits {
                None => usual,
                Some(bits) => bits.parse().ok().filter(|bits| *bits <= max).ok_or_else(|| {
                    format!("the length {bits:?} is not a number from 0 to {max}")
                })?,
            };
        Ok(Self { address, bits })
    }
}

/// The network, as a resolver would tell it.
impl fmt::Display for ClientSubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match IpNet::new(self.address, self.bits) {
            Ok(network) => network.trunc().fmt(f),
            // Parsing has bounded the length.
            Err(_) => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks() {
        let check = |text: &str, expected: Option<&str>| {
            let parsed = text.parse::<ClientSubnet>();
            assert_eq!(parsed.ok().map(|client| client.to_string()).as_deref(), expected, "{text}");
        };
        check("192.0.2.1", Some("192.0.2.0/24"));
        check("192.0.2.1/32", Some("192.0.2.1/32"));
        check("192.0.2.1/0", Some("0.0.0.0/0"));
        check("2001:db8::1", Some("2001:db8::/56"));
        check("2001:db8::/128", Some("2001:db8::/128"));
        check("192.0.2.1/33", None);
        check("192.0.2.1/", None);
        check("192.0.2.1/-1", None);
        check("example.com", None);
    }
}
