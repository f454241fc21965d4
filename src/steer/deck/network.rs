//! The network that a client counts as in `hash` answers, and its hash.
//!
//! A client whose IPv6 address embeds an IPv4 address counts as that one's network, as it does everywhere else.

use super::mix;
use crate::geo::embed::{clear_bits, embedded};
use std::net::{IpAddr, Ipv4Addr};

/// Prefix of an IPv4 client that decides a `hash` answer, in bits; the longest that resolvers usually disclose
/// (RFC 7871 §11.1). An answer by hash must have at least this ECS scope.
pub const HASH_PREFIX_V4_BITS: u8 = 24;
/// The same of an IPv6 client: what one customer usually holds.
pub const HASH_PREFIX_V6_BITS: u8 = 48;

/// Hash of the client's network: equal for all addresses that share their first [`network_bits`] bits.
pub fn network_hash(address: IpAddr) -> u64 {
    match placed_as(address).0 {
        IpAddr::V4(v4) => mix(u64::from(v4.to_bits() >> (32 - HASH_PREFIX_V4_BITS))),
        // The top bit keeps IPv6 networks apart from IPv4 ones.
        IpAddr::V6(v6) => mix((v6.to_bits() >> (128 - HASH_PREFIX_V6_BITS)) as u64 | 1 << 63),
    }
}

/// How long a prefix of this address is its network: the least ECS scope of an answer by hash. Where the network holds
/// an embedding, whose clients are of other networks, the prefix is long enough to leave it out.
pub fn network_bits(address: IpAddr) -> u8 {
    match placed_as(address) {
        (IpAddr::V4(_), embedded_at) => embedded_at + HASH_PREFIX_V4_BITS,
        (IpAddr::V6(v6), _) => HASH_PREFIX_V6_BITS.max(clear_bits(v6.to_bits())),
    }
}

/// The address that stands for the client, and after how many bits of `address` it begins.
fn placed_as(address: IpAddr) -> (IpAddr, u8) {
    match address {
        IpAddr::V6(v6) => embedded(v6.to_bits())
            .map_or((address, 0), |(ipv4, at)| (Ipv4Addr::from_bits(ipv4).into(), at)),
        IpAddr::V4(_) => (address, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_what_its_bits_say() {
        let check = |address: &str, bits: u8, like: &str, unlike: &str| {
            let parse = |text: &str| -> IpAddr { text.parse().expect(text) };
            assert_eq!(network_bits(parse(address)), bits, "{address}");
            assert_eq!(network_hash(parse(address)), network_hash(parse(like)), "{address} {like}");
            assert_ne!(
                network_hash(parse(address)),
                network_hash(parse(unlike)),
                "{address} {unlike}"
            );
        };
        check("192.0.2.1", 24, "192.0.2.255", "192.0.3.1");
        check("::ffff:192.0.2.1", 120, "192.0.2.77", "::ffff:192.0.3.1");
        check("64:ff9b::192.0.2.1", 120, "192.0.2.77", "64:ff9b::192.0.3.1");
        check("2002:c000:201::1", 40, "192.0.2.77", "2002:c000:301::1");
        check("2001:0:4136:e378:8000:63bf:3fff:fdd2", 120, "192.0.2.77", "192.0.3.77");
        check("2001:db8:1::1", 48, "2001:db8:1:ffff::", "2001:db8:2::1");
        // Within the same 48 bits are embeddings, and so clients of other networks.
        check("::1", 81, "::2", "0.0.0.0");
        check("64:ff9b:0:1::1", 64, "64:ff9b:0:2::", "64:ff9b::1");
    }
}
