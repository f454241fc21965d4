//! One record of a message as it stands there, and how far its owner's name reaches; what the record means is for
//! others to say.

use super::edns::Malformed;
use super::rtype::Rtype;

/// A record, read where it stands.
pub struct RecordView<'a> {
    /// Whether its owner is the root.
    pub root_owner: bool,
    /// Its type.
    pub rtype: Rtype,
    /// Its class, which OPT uses otherwise.
    pub class: u16,
    /// Its TTL in seconds, which OPT uses otherwise.
    pub ttl: u32,
    /// Its data, with any names in it as they were compressed.
    pub rdata: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// The record at the start of `rest`, which then begins behind it.
    #[inline]
    pub fn take(rest: &mut &'a [u8]) -> Result<Self, Malformed> {
        let owner_bytes = skip_name(rest)?;
        let (owner, tail) = rest.split_at(owner_bytes);
        let (fixed, tail) = tail.split_first_chunk::<10>().ok_or(Malformed)?;
        let rdata_bytes = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        let (rdata, tail) = tail.split_at_checked(rdata_bytes).ok_or(Malformed)?;
        *rest = tail;
        Ok(Self {
            root_owner: owner == [0],
            rtype: Rtype(u16::from_be_bytes([fixed[0], fixed[1]])),
            class: u16::from_be_bytes([fixed[2], fixed[3]]),
            ttl: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            rdata,
        })
    }
}

/// Octets of the name at the start, which ends in the root or in a compression pointer (RFC 1035 §4.1.4).
#[inline]
pub fn skip_name(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut at = 0;
    loop {
        match *bytes.get(at).ok_or(Malformed)? {
            0 => return Ok(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0.. if at + 1 < bytes.len() => return Ok(at + 2),
            _ => return Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_in_the_root_or_in_a_pointer() {
        let check = |bytes: &[u8], expected: Option<usize>| {
            assert_eq!(skip_name(bytes).ok(), expected, "{bytes:?}");
        };
        check(b"\0rest", Some(1));
        check(b"\x03www\x02de\0rest", Some(8));
        check(b"\x03www\xc0\x0crest", Some(6));
        check(b"\xc0\0", Some(2));
        check(b"", None);
        check(b"\x03ww", None);
        check(b"\x03www\xc0", None);
        check(b"\x40", None);
        check(b"\x80\0", None);
    }

    #[test]
    fn records_are_taken_one_by_one() {
        let bytes =
            b"\0\0\x29\x04\xd0\0\0\x80\0\0\0\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01";
        let mut rest = &bytes[..];
        let opt = RecordView::take(&mut rest).expect("a record");
        assert_eq!(
            (opt.root_owner, opt.rtype, opt.class, opt.ttl),
            (true, Rtype::OPT, 1232, 0x8000)
        );
        let cut = &mut &rest[..rest.len() - 1];
        assert!(RecordView::take(cut).is_err());
        let a = RecordView::take(&mut rest).expect("a record");
        assert_eq!(
            (a.root_owner, a.rtype, a.ttl, a.rdata),
            (false, Rtype::A, 30, &[192, 0, 2, 1][..])
        );
        assert!(rest.is_empty());
    }
}
