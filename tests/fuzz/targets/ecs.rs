//! Client Subnet options: taken exactly where RFC 7871 allows them, against a check that goes bit by bit.
#![no_main]

use fingerpost::wire::{Edns, Subnet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let subnet = Subnet::read(value);
    assert_eq!(subnet.is_ok(), is_allowed(value), "{value:02x?}: {subnet:?}");
    if let Ok(subnet) = subnet {
        assert_eq!(subnet.family.to_be_bytes(), value[..2]);
        assert_eq!(subnet.source_bits, value[2]);
        let (sent, rest) = subnet.address.split_at(value.len() - 4);
        assert_eq!(sent, &value[4..]);
        assert!(rest.iter().all(|octet| *octet == 0));
    }
    // As RDATA of OPT: any bytes at all.
    let _ = Edns::read(1232, 0, value);
});

/// RFC 7871 §6 and §7.1.2, the slow way. Family 0 without an address is how `dig +subnet=0` opts out.
fn is_allowed(value: &[u8]) -> bool {
    let [family_high, family_low, source, scope, address @ ..] = value else { return false };
    let bits_max = match (family_high, family_low) {
        (0, 0) => 0,
        (0, 1) => 32,
        (0, 2) => 128,
        _ => return false,
    };
    let source = usize::from(*source);
    let bit = |at: usize| address[at / 8] >> (7 - at % 8) & 1;
    *scope == 0
        && source <= bits_max
        && address.len() == source.div_ceil(8)
        && (source..8 * address.len()).all(|at| bit(at) == 0)
}
