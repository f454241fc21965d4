//! A query name, folded to lower case in one pass over the datagram, with its label boundaries.
//!
//! Look-ups are by suffix: the zone that encloses a name, the name itself, its closest encloser. All of them are slices
//! of one buffer, so a query folds its letters once and copies nothing again. The buffer lives in the worker's scratch;
//! the name as the client wrote it stays in the datagram and is what the answer echoes.

use super::name::{LABEL_BYTES_MAX, NAME_BYTES_MAX};

/// Labels that fit in a name, the root not counted: each takes at least two octets.
pub const LABELS_MAX: usize = NAME_BYTES_MAX / 2;

/// A lower-cased name in wire form and the offsets of its labels.
#[derive(Clone)]
pub struct FoldedName {
    bytes: [u8; NAME_BYTES_MAX],
    starts: [u8; LABELS_MAX + 1],
    length: u8,
    labels: u8,
}

impl Default for FoldedName {
    fn default() -> Self {
        Self { bytes: [0; NAME_BYTES_MAX], starts: [0; LABELS_MAX + 1], length: 1, labels: 0 }
    }
}

impl FoldedName {
    /// Takes the uncompressed name at the start of `wire`; its length in octets, or none if there is no such name.
    /// Compression pointers are refused: nothing stands before a question that one could point at.
    pub fn read(&mut self, wire: &[u8]) -> Option<usize> {
        let mut at = 0;
        let mut labels = 0;
        loop {
            let length = usize::from(*wire.get(at)?);
            if length > LABEL_BYTES_MAX || at + length + 1 > NAME_BYTES_MAX {
                return None;
            }
            self.starts[labels] = at as u8;
            if length == 0 {
                break;
            }
            at += 1 + length;
            labels += 1;
        }
        let total = at + 1;
        let folded = self.bytes.get_mut(..total)?;
        folded.copy_from_slice(wire.get(..total)?);
        // Length octets are below 64 and so never letters: the whole name folds in one sweep.
        folded.make_ascii_lowercase();
        self.length = total as u8;
        self.labels = labels as u8;
        Some(total)
    }

    /// Puts `prefix`, the first `labels` labels of another name, in front of `suffix` (DNAME, RFC 6672 §2.2); false if
    /// the result is no name because it is too long.
    pub fn substitute(&mut self, source: &FoldedName, labels: usize, suffix: &[u8]) -> bool {
        let head = source.start(labels);
        let total = head + suffix.len();
        if total > NAME_BYTES_MAX {
            return false;
        }
        let mut joined = [0; NAME_BYTES_MAX];
        joined[..head].copy_from_slice(&source.bytes[..head]);
        joined[head..total].copy_from_slice(suffix);
        self.read(&joined[..total]).is_some()
    }

    /// The whole name.
    pub fn as_wire(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The name without its first `labels` labels; the root from `label_count` on.
    pub fn suffix(&self, labels: usize) -> &[u8] {
        &self.bytes[self.start(labels)..usize::from(self.length)]
    }

    /// Offset of the label with that number, counted from the left; of the root from `label_count` on.
    pub fn start(&self, label: usize) -> usize {
        usize::from(self.starts[label.min(usize::from(self.labels))])
    }

    /// How many labels there are, the root not counted.
    pub fn label_count(&self) -> usize {
        usize::from(self.labels)
    }
}

/// A quick 64-bit hash of a folded name. Only operators put names into tables, so it needs no secret.
pub fn hash(name: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |value: u64| {
        let product = u128::from(value) * u128::from(MIX);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let mut state = MIX ^ name.len() as u64;
    let mut chunks = name.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state = fold(state ^ u64::from_le_bytes(word)).wrapping_add(MIX);
    }
    let mut word = [0; 8];
    let rest = chunks.remainder();
    word[..rest.len()].copy_from_slice(rest);
    fold(fold(state ^ u64::from_le_bytes(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folds_and_finds_suffixes() {
        let mut name = FoldedName::default();
        assert_eq!(name.read(b"\x03WwW\x07eXample\x03com\0tail"), Some(17));
        assert_eq!(name.as_wire(), b"\x03www\x07example\x03com\0");
        assert_eq!(name.suffix(1), b"\x07example\x03com\0");
        assert_eq!((name.suffix(3), name.suffix(9)), (&b"\0"[..], &b"\0"[..]));
        assert_eq!(name.label_count(), 3);
    }

    #[test]
    fn refuses_what_is_no_name() {
        let long: Vec<u8> = b"\x07abcdefg".repeat(32).into_iter().chain([0]).collect();
        for wire in [&b""[..], b"\x03ww", b"\xc0\x0c", b"\x40a", &long] {
            assert_eq!(FoldedName::default().read(wire), None, "{wire:?}");
        }
    }

    #[test]
    fn substitution_keeps_the_limit() {
        let mut source = FoldedName::default();
        source.read(b"\x01a\x01b\x03old\0");
        let mut target = FoldedName::default();
        assert!(target.substitute(&source, 2, b"\x03new\0"));
        assert_eq!(target.as_wire(), b"\x01a\x01b\x03new\0");
        let long: Vec<u8> = b"\x07abcdefg".repeat(31).into_iter().chain(*b"\x03xyz\0").collect();
        assert!(!target.substitute(&source, 2, &long));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_name_or_none(wire: Vec<u8>) {
            let mut name = FoldedName::default();
            if let Some(length) = name.read(&wire) {
                prop_assert!(name.as_wire().eq_ignore_ascii_case(&wire[..length]));
                prop_assert_eq!(name.suffix(name.label_count()), b"\0");
            }
        }
    }
}
