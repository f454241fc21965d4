//! Where the domain names lie inside RDATA.
//!
//! Whoever completes an answer with the addresses of a target, follows an alias, or compresses, needs the names inside
//! RDATA and nothing else of it. [`names`] finds them for every type that has any; types without names, and types that
//! are not known, have none (RFC 3597 §4: unknown RDATA is opaque).

use crate::wire::name::LABEL_BYTES_MAX;
use crate::wire::{Name, Rtype};
use std::ops::Range;

/// The byte ranges of the uncompressed domain names inside `rdata`, in order, each with its root label.
///
/// Bytes that end in the middle of a name, or that hold a compression pointer, yield the names before that place.
pub fn names(rtype: Rtype, rdata: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let (mut at, mut left) = layout(rtype, rdata);
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let start = at;
        at = name_end(rdata, start)?;
        Some(start..at)
    })
    .fuse()
}

/// The name that other data hangs on: the target of NS, CNAME, DNAME, PTR, MX, SRV, AFSDB, KX, NAPTR, SVCB and HTTPS.
pub fn target(rtype: Rtype, rdata: &[u8]) -> Option<Name> {
    let range = names(rtype, rdata).next()?;
    Name::from_wire(&rdata[range]).ok()
}

/// Where the first name starts, and how many follow one another from there.
fn layout(rtype: Rtype, rdata: &[u8]) -> (usize, usize) {
    const RT: Rtype = Rtype(21);
    const PX: Rtype = Rtype(26);
    match rtype {
        Rtype::NS | Rtype::MD | Rtype::MF | Rtype::CNAME | Rtype::MB | Rtype::MG | Rtype::MR => {
            (0, 1)
        }
        Rtype::PTR | Rtype::DNAME | Rtype::NSEC => (0, 1),
        Rtype::SOA | Rtype::MINFO | Rtype::RP => (0, 2),
        Rtype::MX | Rtype::AFSDB | RT | Rtype::KX | Rtype::SVCB | Rtype::HTTPS => (2, 1),
        PX => (2, 2),
        Rtype::SRV => (6, 1),
        Rtype::SIG | Rtype::RRSIG => (18, 1),
        Rtype::NAPTR => (naptr_replacement(rdata).unwrap_or(rdata.len()), 1),
        // The gateway is a name only where its type says so (RFC 4025 §2.3).
        Rtype::IPSECKEY if rdata.get(1) == Some(&3) => (3, 1),
        _ => (0, 0),
    }
}

/// The offset behind order, preference, flags, services and regexp (RFC 3403 §4.1).
fn naptr_replacement(rdata: &[u8]) -> Option<usize> {
    (0..3).try_fold(4, |at, _| Some(at + 1 + usize::from(*rdata.get(at)?)))
}

/// The offset behind the name that starts at `at`; none if it is not whole and uncompressed.
fn name_end(rdata: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*rdata.get(at)?) {
            0 => return Some(at + 1),
            length if length <= LABEL_BYTES_MAX => at += 1 + length,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_every_layout() {
        let check = |rtype, rdata: &[u8], expected: &[(usize, usize)]| {
            let found: Vec<_> = names(rtype, rdata).map(|range| (range.start, range.end)).collect();
            assert_eq!(found, expected, "{rtype}");
        };
        check(Rtype::NS, b"\x02ns\0", &[(0, 4)]);
        check(Rtype::CNAME, b"\0", &[(0, 1)]);
        check(Rtype::MX, b"\0\x0a\x01m\0", &[(2, 5)]);
        check(Rtype::SRV, b"\0\0\0\0\0\0\x01s\0", &[(6, 9)]);
        check(Rtype::SOA, b"\x01a\0\x01b\x01c\x0012345678901234567890", &[(0, 3), (3, 8)]);
        check(Rtype::RP, b"\x01a\0\0", &[(0, 3), (3, 4)]);
        check(Rtype::NAPTR, b"\0\0\0\0\x01s\x02xy\0\x01r\0", &[(10, 13)]);
        check(Rtype::HTTPS, b"\0\x01\x01h\0\0\x03\0\x02\0\x50", &[(2, 5)]);
        check(Rtype::IPSECKEY, b"\x0a\x03\x02\x01g\0key", &[(3, 6)]);
        check(Rtype::IPSECKEY, b"\x0a\x01\x02\x01\0\0\0key", &[]);
        check(Rtype::A, b"\x01a\0\0", &[]);
        check(Rtype(65534), b"\x01a\0", &[]);
    }

    #[test]
    fn names_stop_where_rdata_breaks() {
        let check = |rtype, rdata: &[u8], expected| {
            assert_eq!(names(rtype, rdata).count(), expected, "{rtype} {rdata:?}");
        };
        check(Rtype::NS, b"", 0);
        check(Rtype::NS, b"\x02n", 0);
        check(Rtype::NS, b"\xc0\x0c", 0);
        check(Rtype::SOA, b"\x01a\0\x01b", 1);
        check(Rtype::NAPTR, b"\0\0\0\0\xff", 0);
    }

    proptest! {
        #[test]
        fn names_are_names_whatever_the_bytes(rtype: u16, rdata: Vec<u8>) {
            let mut end = 0;
            for range in names(Rtype(rtype), &rdata) {
                prop_assert!(end <= range.start && range.start < range.end && range.end <= rdata.len());
                prop_assert_eq!(rdata[range.end - 1], 0);
                end = range.end;
            }
        }
    }
}
