//! Domain names at rest: lower-cased, uncompressed wire form.
//!
//! What is configured or loaded is kept as [`Name`]; names inside a query stay where they are, in the datagram. Two
//! names are equal exactly if DNS holds them equal (RFC 4343), because the letters are folded once, on the way in.
//! Presentation form is RFC 1035 §5.1 with its `\.` and `\DDD`.

use std::cmp::Ordering;
use std::fmt;

/// Longest name, in octets of wire form, root label included (RFC 1035 §3.1).
pub const NAME_BYTES_MAX: usize = 255;
/// Longest label, in octets.
pub const LABEL_BYTES_MAX: usize = 63;

/// An absolute domain name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Box<[u8]>);

impl Name {
    /// The root.
    pub fn root() -> Self {
        Self(Box::new([0]))
    }

    /// Reads presentation form; a text that does not end in a dot is relative to `origin`, or absolute without one.
    pub fn parse(text: &str, origin: Option<&Name>) -> Result<Self, NameError> {
        if text == "@" {
            return origin.cloned().ok_or(NameError::Empty);
        }
        if text == "." {
            return Ok(Self::root());
        }
        let (mut wire, absolute) = labels_from_text(text)?;
        match origin {
            Some(origin) if !absolute => wire.extend_from_slice(&origin.0),
            _ => wire.push(0),
        }
        Self::from_wire(&wire)
    }

    /// Takes uncompressed wire form, folding upper-case letters.
    pub fn from_wire(wire: &[u8]) -> Result<Self, NameError> {
        let mut at = 0;
        loop {
            match wire.get(at) {
                Some(0) if at + 1 == wire.len() => break,
                Some(&length) if length != 0 && usize::from(length) <= LABEL_BYTES_MAX => {
                    at += 1 + usize::from(length);
                }
                _ => return Err(NameError::Malformed),
            }
        }
        if wire.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        Ok(Self(wire.to_ascii_lowercase().into()))
    }

    /// The wire form.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels, leftmost first, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (&length, tail) = rest.split_first()?;
            if length == 0 {
                return None;
            }
            let (label, tail) = tail.split_at(usize::from(length));
            rest = tail;
            Some(label)
        })
    }

    /// How many labels there are, the root not counted.
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether the leftmost label is `*` (RFC 4592 §2.1.1).
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// The name one label up; none for the root.
    pub fn parent(&self) -> Option<Name> {
        if self.is_root() { None } else { Some(Self(self.0[1 + usize::from(self.0[0])..].into())) }
    }

    /// This name with one more label in front.
    pub fn child(&self, label: &[u8]) -> Result<Name, NameError> {
        if label.is_empty() || label.len() > LABEL_BYTES_MAX {
            return Err(NameError::LabelTooLong);
        }
        let mut wire = Vec::with_capacity(1 + label.len() + self.0.len());
        wire.push(label.len() as u8);
        wire.extend_from_slice(label);
        wire.extend_from_slice(&self.0);
        Self::from_wire(&wire)
    }

    /// Whether this name is `ancestor` or lies below it.
    pub fn is_at_or_below(&self, ancestor: &Name) -> bool {
        let mut rest = &self.0[..];
        loop {
            if rest == &*ancestor.0 {
                return true;
            }
            if rest.len() <= ancestor.0.len() {
                return false;
            }
            rest = &rest[1 + usize::from(rest[0])..];
        }
    }
}

/// Canonical order (RFC 4034 §6.1): label by label from the root.
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let ours: Vec<&[u8]> = self.labels().collect();
        let theirs: Vec<&[u8]> = other.labels().collect();
        ours.iter().rev().cmp(theirs.iter().rev())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Presentation form with the final dot.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.pad(".");
        }
        let mut text = String::new();
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        text.push('\\');
                        text.push(byte as char);
                    }
                    0x21..=0x7e => text.push(byte as char),
                    _ => text.push_str(&format!("\\{byte:03}")),
                }
            }
            text.push('.');
        }
        f.pad(&text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text or some bytes are no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing there, or two dots in a row.
    Empty,
    /// A label of more than 63 octets.
    LabelTooLong,
    /// More than 255 octets in all.
    TooLong,
    /// A backslash without what should follow it.
    BadEscape,
    /// Not uncompressed wire form.
    Malformed,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a label of the name is empty",
            Self::LabelTooLong => "a label of the name is longer than 63 octets",
            Self::TooLong => "the name is longer than 255 octets",
            Self::BadEscape => "a backslash in the name is followed by neither a character nor three digits up to 255",
            Self::Malformed => "not a name in uncompressed wire form",
        })
    }
}

impl std::error::Error for NameError {}

/// Wire form without the root label, and whether the text ended in a dot.
fn labels_from_text(text: &str) -> Result<(Vec<u8>, bool), NameError> {
    let mut wire = Vec::with_capacity(text.len() + 2);
    let mut label: Vec<u8> = Vec::new();
    let mut bytes = text.bytes();
    let mut absolute = false;
    while let Some(byte) = bytes.next() {
        absolute = byte == b'.';
        match byte {
            b'.' => push_label(&mut wire, &mut label)?,
            b'\\' => label.push(escaped(&mut bytes)?),
            _ => label.push(byte),
        }
    }
    if !absolute {
        push_label(&mut wire, &mut label)?;
    }
    Ok((wire, absolute))
}

fn push_label(wire: &mut Vec<u8>, label: &mut Vec<u8>) -> Result<(), NameError> {
    match label.len() {
        0 => return Err(NameError::Empty),
        1..=LABEL_BYTES_MAX => wire.push(label.len() as u8),
        _ => return Err(NameError::LabelTooLong),
    }
    wire.append(label);
    Ok(())
}

/// The octet that `\X` or `\DDD` stands for (RFC 1035 §5.1).
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(NameError::BadEscape)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text, None).expect(text)
    }

    #[test]
    fn presentation_form_both_ways() {
        let check = |text: &str, wire: &[u8], shown: &str| {
            assert_eq!(name(text).as_wire(), wire, "{text}");
            assert_eq!(name(text).to_string(), shown);
        };
        check(".", b"\0", ".");
        check("Example.COM", b"\x07example\x03com\0", "example.com.");
        check(r"a\.b.c.", b"\x03a.b\x01c\0", r"a\.b.c.");
        check(r"a\032\200.c", b"\x03a \xc8\x01c\0", r"a\032\200.c.");
        check("*.x", b"\x01*\x01x\0", "*.x.");
    }

    #[test]
    fn relative_to_an_origin() {
        let origin = name("example.com");
        let check = |text, expected: &str| {
            assert_eq!(Name::parse(text, Some(&origin)), Ok(name(expected)));
        };
        check("www", "www.example.com");
        check("www.", "www");
        check("@", "example.com");
        check(r"a\.", r"a\..example.com");
    }

    #[test]
    fn what_is_no_name() {
        let long_label = "x".repeat(64);
        let long_name = "abcdefg.".repeat(32);
        let check = |text: &str, error| assert_eq!(Name::parse(text, None), Err(error), "{text}");
        check("", NameError::Empty);
        check("a..b", NameError::Empty);
        check(".a", NameError::Empty);
        check(&long_label, NameError::LabelTooLong);
        check(&long_name, NameError::TooLong);
        check(r"a\25", NameError::BadEscape);
        check(r"a\256", NameError::BadEscape);
        check(r"a\", NameError::BadEscape);
        for wire in [&b""[..], b"\x01a", b"\xc0\x0c", b"\0\0", b"\x40"] {
            assert_eq!(Name::from_wire(wire), Err(NameError::Malformed));
        }
    }

    #[test]
    fn family_relations() {
        let www = name("a.www.example.com");
        assert!(www.is_at_or_below(&name("example.com")));
        assert!(www.is_at_or_below(&Name::root()));
        assert!(!www.is_at_or_below(&name("xample.com")));
        assert!(!name("com").is_at_or_below(&name("example.com")));
        assert_eq!(www.parent(), Some(name("www.example.com")));
        assert_eq!(Name::root().parent(), None);
        assert_eq!(name("com").child(b"example"), Ok(name("example.com")));
    }

    #[test]
    fn canonical_order_is_rfc_4034_6_1() {
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
        ];
        let names: Vec<Name> = sorted.iter().map(|text| name(text)).collect();
        assert!(names.is_sorted());
    }
}
