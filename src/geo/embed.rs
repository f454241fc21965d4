//! IPv6 prefixes whose addresses carry an IPv4 address, and stand where that one stands.
//!
//! A client behind NAT64, 6to4 or Teredo is found at its IPv4 address; its IPv6 address says nothing more. RFC 4291
//! section 2.5.5.2 (mapped), RFC 6052 section 2.1 (NAT64, the well-known prefix only: another cannot be told from
//! plain space), RFC 3056 section 2 (6to4), RFC 4380 section 4 (Teredo).

use super::ranges::{Key, Ranges};
use std::net::IpAddr;

/// One kind of embedding.
struct Embedding {
    prefix: u128,
    prefix_bits: u8,
    /// Position of the first bit of the IPv4 address.
    ipv4_at: u8,
    /// Laid over the IPv4 address: Teredo writes it with every bit turned (RFC 4380 section 4).
    mask: u32,
}

/// Disjoint. The bits of Teredo between prefix and client are server, flags and port.
const EMBEDDINGS: [Embedding; 4] = [
    Embedding { prefix: 0xffff << 32, prefix_bits: 96, ipv4_at: 96, mask: 0 },
    Embedding { prefix: 0x0064_ff9b << 96, prefix_bits: 96, ipv4_at: 96, mask: 0 },
    Embedding { prefix: 0x2002 << 112, prefix_bits: 16, ipv4_at: 16, mask: 0 },
    Embedding { prefix: 0x2001 << 112, prefix_bits: 32, ipv4_at: 96, mask: u32::MAX },
];

/// The IPv4 address within an IPv6 address, and the number of bits in front of it.
pub fn embedded(address: u128) -> Option<(u32, u8)> {
    let kind =
        EMBEDDINGS.iter().find(|kind| kind.prefix.common_bits(address) >= kind.prefix_bits)?;
    let ipv4 = (address >> (96 - kind.ipv4_at)) as u32 ^ kind.mask;
    Some((ipv4, kind.ipv4_at))
}

/// The length of the shortest prefix around `address` that holds none of the embeddings, if it lies in none itself.
pub fn clear_bits(address: u128) -> u8 {
    EMBEDDINGS.iter().map(|kind| kind.prefix.common_bits(address) + 1).max().unwrap_or(0)
}

/// Which addresses lie within an embedding.
pub fn embedding_ranges() -> Ranges<u128, bool> {
    let prefixes = EMBEDDINGS.iter().map(|kind| (kind.prefix, kind.prefix_bits, true));
    Ranges::from_prefixes(false, prefixes)
}

/// The address that places a client: the embedded IPv4 one where there is one.
pub fn placed_by(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            embedded(v6.to_bits()).map_or(address, |(ipv4, _)| IpAddr::V4(ipv4.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn ipv4_is_found_within() {
        let check = |text: &str, expected: &str| {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(placed_by(address).to_string(), expected, "{text}");
        };
        check("192.0.2.33", "192.0.2.33");
        check("::ffff:192.0.2.33", "192.0.2.33");
        check("64:ff9b::192.0.2.33", "192.0.2.33");
        check("2002:c000:0221:1::1", "192.0.2.33");
        // The example of RFC 4380 section 4: server 65.54.227.120, client 192.0.2.45.
        check("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45");
        check("2001:db8::1", "2001:db8::1");
        check("64:ff9b:1::192.0.2.33", "64:ff9b:1::c000:221");
        check("::192.0.2.33", "::c000:221");
    }

    #[test]
    fn clear_blocks_hold_no_embedding() {
        let check = |text: &str, bits| {
            let address = text.parse::<Ipv6Addr>().expect("an address").to_bits();
            assert_eq!(clear_bits(address), bits, "{text}");
            let (first, last) = (address.block_first(bits), address.block_last(bits));
            assert!(!embedding_ranges().get(address), "{text}");
            assert_eq!(embedding_ranges().run(first), embedding_ranges().run(last), "{text}");
        };
        check("2003::", 16);
        check("2001:1::", 32);
        check("8000::", 1);
        check("::1", 81);
        check("64:ff9b:1::", 48);
    }
}
