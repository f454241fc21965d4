//! Values of the MaxMind DB data section, and the strings in it that are stored once.
//!
//! The format: a control byte holds a type (three bits) and a size (five bits); sizes from 29 up take further bytes,
//! types above 7 one more byte. MaxMind DB File Format Specification 2.0, "Output Data Section".

use std::collections::HashMap;

const TYPE_POINTER: u8 = 1;
const TYPE_STRING: u8 = 2;
const TYPE_DOUBLE: u8 = 3;
const TYPE_U16: u8 = 5;
const TYPE_U32: u8 = 6;
const TYPE_MAP: u8 = 7;
const TYPE_U64: u8 = 9;
const TYPE_ARRAY: u8 = 11;

/// A data section that grows.
#[derive(Default)]
pub(super) struct Section {
    /// What is written so far.
    pub(super) bytes: Vec<u8>,
    /// Where a string stands in full.
    strings: HashMap<String, usize>,
}

impl Section {
    /// Begins a map of `count` pairs; keys (strings) and values follow.
    pub(super) fn map(&mut self, count: usize) {
        self.control(TYPE_MAP, count);
    }

    /// Begins an array of `count` values, which follow.
    pub(super) fn array(&mut self, count: usize) {
        self.control(TYPE_ARRAY, count);
    }

    /// A string, or a pointer to where it was written before.
    pub(super) fn string(&mut self, text: &str) {
        match self.strings.get(text) {
            // A pointer takes at least two bytes.
            Some(&at) if text.len() > 1 => self.pointer(at),
            _ => {
                self.strings.insert(text.to_owned(), self.bytes.len());
                self.control(TYPE_STRING, text.len());
                self.bytes.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// A 64-bit float.
    pub(super) fn double(&mut self, number: f64) {
        self.control(TYPE_DOUBLE, size_of::<f64>());
        self.bytes.extend_from_slice(&number.to_be_bytes());
    }

    /// A 16-bit number.
    pub(super) fn u16(&mut self, number: u16) {
        self.integer(TYPE_U16, &number.to_be_bytes());
    }

    /// A 32-bit number.
    pub(super) fn u32(&mut self, number: u32) {
        self.integer(TYPE_U32, &number.to_be_bytes());
    }

    /// A 64-bit number.
    pub(super) fn u64(&mut self, number: u64) {
        self.integer(TYPE_U64, &number.to_be_bytes());
    }

    /// Leading zero bytes are left out.
    fn integer(&mut self, kind: u8, bytes: &[u8]) {
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        self.control(kind, bytes.len() - zeros);
        self.bytes.extend_from_slice(&bytes[zeros..]);
    }

    fn control(&mut self, kind: u8, size: usize) {
        let (size_bits, more): (u8, &[u8]) = match size {
            0..29 => (size as u8, &[]),
            29..285 => (29, &[(size - 29) as u8]),
            // No map, array or string here comes near the third form's 65,821; text is cut long before.
            _ => (30, &((size - 285) as u16).to_be_bytes()),
        };
        // Extended types stand in a byte of their own, less seven; zero bits in the control byte announce it.
        if kind <= TYPE_MAP {
            self.bytes.push(kind << 5 | size_bits);
        } else {
            self.bytes.extend([size_bits, kind - TYPE_MAP]);
        }
        self.bytes.extend_from_slice(more);
    }

    /// Each size of pointer counts from where the smaller one ends.
    fn pointer(&mut self, target: usize) {
        const TWO_BYTES_END: usize = 1 << 11;
        const THREE_BYTES_END: usize = TWO_BYTES_END + (1 << 19);
        let kind = TYPE_POINTER << 5;
        if target < TWO_BYTES_END {
            self.bytes.extend([kind | (target >> 8) as u8, target as u8]);
        } else if target < THREE_BYTES_END {
            let value = target - TWO_BYTES_END;
            self.bytes.extend([
                kind | 1 << 3 | (value >> 16) as u8,
                (value >> 8) as u8,
                value as u8,
            ]);
        } else {
            self.bytes.push(kind | 3 << 3);
            self.bytes.extend_from_slice(&(target as u32).to_be_bytes());
        }
    }
}
