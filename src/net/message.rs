//! The two things that a transport must know of a message's inside.
//!
//! HTTP wants to know how long an answer stays fresh, and QUIC forbids one EDNS option. Both are read off the bytes
//! by walking over the records; names are skipped and nothing is checked beyond what the walk needs. A message that
//! cannot be walked has no answer and no option.

use crate::wire::Rtype;
use crate::wire::edns::option;
use crate::wire::query::HEADER_BYTES;
use crate::wire::record::{RecordView, skip_name};
use crate::zone::record::TTL_S_MAX;

/// How long a response stays fresh, in seconds (RFC 8484 §5.1): the smallest TTL of its answers; without answers,
/// what the SOA beside a negative answer grants; else 0.
pub(super) fn freshness_s(response: &[u8]) -> u32 {
    let Some(walk) = Walk::new(response) else { return 0 };
    let [answers, authorities, _] = walk.counts;
    let mut records = walk.take(answers + authorities);
    if answers > 0 {
        let mut ttls = records.by_ref().take(answers).map(|record| ttl_s(&record));
        let first = ttls.next().unwrap_or(0);
        return ttls.fold(first, u32::min);
    }
    let soa = records.find(|record| record.rtype == Rtype::SOA);
    soa.and_then(|soa| {
        // The last field of an SOA is MINIMUM (RFC 1035 §3.3.13, RFC 2308 §4).
        let minimum = soa.rdata.last_chunk().map(|bytes| u32::from_be_bytes(*bytes))?;
        Some(ttl_s(&soa).min(minimum))
    })
    .unwrap_or(0)
}

/// Whether a message carries the EDNS option edns-tcp-keepalive.
pub(super) fn has_tcp_keepalive(message: &[u8]) -> bool {
    let Some(walk) = Walk::new(message) else { return false };
    walk.filter(|record| record.rtype == Rtype::OPT).any(|opt| {
        let mut options = opt.rdata;
        while let Some((head, rest)) = options.split_first_chunk::<4>() {
            if u16_at(head, 0) == Some(option::KEEPALIVE) {
                return true;
            }
            let bytes = u16_at(head, 2).map_or(0, usize::from);
            let Some(next) = rest.get(bytes..) else { break };
            options = next;
        }
        false
    })
}

/// A TTL above the greatest is taken for 0 (RFC 2181 §8).
fn ttl_s(record: &RecordView<'_>) -> u32 {
    if record.ttl > TTL_S_MAX { 0 } else { record.ttl }
}

/// A walk over the records of all sections; ends early where the message does.
struct Walk<'a> {
    rest: &'a [u8],
    /// Records announced in the answer, authority and additional section.
    counts: [usize; 3],
    left: usize,
}

impl<'a> Walk<'a> {
    /// Stands after the question section.
    fn new(message: &'a [u8]) -> Option<Self> {
        let count = |at| u16_at(message, at).map(usize::from);
        let counts = [count(6)?, count(8)?, count(10)?];
        let mut rest = message.get(HEADER_BYTES..)?;
        for _ in 0..count(4)? {
            rest = rest.get(skip_name(rest).ok()? + 4..)?;
        }
        Some(Self { rest, counts, left: counts.iter().sum() })
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = RecordView<'a>;

    fn next(&mut self) -> Option<RecordView<'a>> {
        self.left = self.left.checked_sub(1)?;
        let record = RecordView::take(&mut self.rest).ok();
        if record.is_none() {
            self.left = 0;
        }
        record
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message with one question and the given records in its three sections.
    fn message(sections: [&[(u16, u32, &[u8])]; 3]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0x84, 0, 0, 1];
        for section in sections {
            bytes.extend((section.len() as u16).to_be_bytes());
        }
        bytes.extend(b"\x03www\x07example\0\0\x01\0\x01");
        for (rtype, ttl, data) in sections.concat() {
            bytes.extend(b"\xc0\x0c");
            bytes.extend(rtype.to_be_bytes());
            bytes.extend(b"\0\x01");
            bytes.extend(ttl.to_be_bytes());
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend(data);
        }
        bytes
    }

    #[test]
    fn freshness_is_the_smallest_ttl() {
        let check = |sections, expected| assert_eq!(freshness_s(&message(sections)), expected);
        const SOA: &[u8] = b"\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x3c";
        check([&[], &[], &[]], 0);
        check([&[(1, 30, b"abcd")], &[], &[]], 30);
        check([&[(5, 300, b"\0"), (1, 20, b"abcd"), (1, 60, b"abcd")], &[], &[]], 20);
        check([&[(1, 300, b"abcd")], &[(2, 5, b"\0")], &[(41, 0, b"")]], 300);
        check([&[(1, 0x8000_0000, b"abcd")], &[], &[]], 0);
        check([&[], &[(6, 300, SOA)], &[(41, 0, b"")]], 60);
        check([&[], &[(6, 30, SOA)], &[]], 30);
        check([&[], &[(2, 300, b"\0")], &[(1, 300, b"abcd")]], 0);
        check([&[], &[], &[(6, 300, SOA)]], 0);
    }

    #[test]
    fn keepalive_is_found_among_options() {
        let check = |options: &[u8], expected| {
            assert_eq!(has_tcp_keepalive(&message([&[], &[], &[(41, 0, options)]])), expected);
        };
        check(b"", false);
        check(b"\0\x0b\0\0", true);
        check(b"\0\x0a\0\x08abcdefgh\0\x0b\0\x02\0\x64", true);
        check(b"\0\x0a\0\x04\0\x0b\0\0", false);
        check(b"\0\x0a\0\xff\0\x0b\0\0", false);
        assert!(!has_tcp_keepalive(&message([&[], &[], &[(16, 0, b"\0\x0b\0\0")]])));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_walk_panic(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200),
            counts in prop::array::uniform4(0_u8..3),
        ) {
            for (count, at) in counts.into_iter().zip([4, 6, 8, 10]) {
                if bytes.len() > at + 1 {
                    bytes[at] = 0;
                    bytes[at + 1] = count;
                }
            }
            freshness_s(&bytes);
            has_tcp_keepalive(&bytes);
        }
    }
}
