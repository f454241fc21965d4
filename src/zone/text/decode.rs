//! Words to values: escapes, names, time spans.
//!
//! Functions here see the content of one token and the place where it starts, and know nothing of records. Octets are
//! written as `\DDD` or as they are: a character-string may hold UTF-8, which is served octet for octet, while a name
//! in anything but ASCII is refused, for it is always an internationalised name that was not encoded.

use super::fault::Fault;
use crate::wire::name::{LABEL_BYTES_MAX, NAME_BYTES_MAX, NameError};

/// Longest character-string, in octets (RFC 1035 §3.3).
pub const STRING_BYTES_MAX: usize = 255;

/// Appends the octets that `text`, which starts at `at`, stands for (RFC 1035 §5.1: `\X`, `\DDD`).
pub fn octets(text: &str, at: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(plain) = bytes[from..].iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&bytes[from..from + plain]);
        let (octet, end) = escape(bytes, from + plain, at)?;
        out.push(octet);
        from = end;
    }
    out.extend_from_slice(&bytes[from..]);
    Ok(())
}

/// Appends a character-string: its length, then its octets.
pub fn string(text: &str, at: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    out.push(0);
    octets(text, at, out)?;
    let length = out.len() - start - 1;
    out[start] = u8::try_from(length).map_err(|_| {
        let message =
            format!("this string has {length} octets; at most {STRING_BYTES_MAX} fit in one");
        Fault::new(at..at + text.len(), message).help(
            "split it into several strings: \"first part\" \"second part\"; readers join them",
        )
    })?;
    Ok(())
}

/// Appends a name in wire form, its letters as written; one without a final dot is relative to `origin` (wire form).
pub fn name(text: &str, at: usize, origin: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let bytes = text.as_bytes();
    let start = out.len();
    let whole = at..at + text.len();
    let refused = |error: NameError| Fault::new(whole.clone(), error.to_string());
    match bytes {
        b"." => {
            out.push(0);
            return Ok(());
        }
        b"@" => {
            out.extend_from_slice(origin);
            return Ok(());
        }
        [] => return Err(refused(NameError::Empty)),
        _ => out.push(0),
    }
    let (mut label, mut from, mut absolute) = (start, 0, false);
    while let Some(&byte) = bytes.get(from) {
        absolute = byte == b'.';
        match byte {
            b'.' => {
                close_label(out, label).map_err(refused)?;
                label = out.len();
                out.push(0);
                from += 1;
            }
            b'\\' => {
                let (octet, end) = escape(bytes, from, at)?;
                out.push(octet);
                from = end;
            }
            0..0x20 | 0x7f.. => return Err(not_printable(text, at, from)),
            _ => {
                out.push(byte);
                from += 1;
            }
        }
    }
    // Behind a final dot the label that was opened last is the root.
    if !absolute {
        close_label(out, label).map_err(refused)?;
        out.extend_from_slice(origin);
    }
    if out.len() - start > NAME_BYTES_MAX { Err(refused(NameError::TooLong)) } else { Ok(()) }
}

fn close_label(out: &mut [u8], label: usize) -> Result<(), NameError> {
    match out.len() - label - 1 {
        0 => Err(NameError::Empty),
        length @ 1..=LABEL_BYTES_MAX => {
            out[label] = length as u8;
            Ok(())
        }
        _ => Err(NameError::LabelTooLong),
    }
}

fn not_printable(text: &str, at: usize, from: usize) -> Fault {
    let character = text.get(from..).and_then(|rest| rest.chars().next());
    let end = from + character.map_or(1, char::len_utf8);
    let shown = character.map_or_else(String::new, |character| format!(" {character:?}"));
    Fault::new(at + from..at + end, format!("the character{shown} may not stand in a name"))
        .help("write an internationalised name in its xn-- form, and other octets as \\DDD")
}

/// The octet that the escape at `from` stands for, and where it ends.
fn escape(bytes: &[u8], from: usize, at: usize) -> Result<(u8, usize), Fault> {
    let bad = |length: usize| {
        let end = (from + length).min(bytes.len());
        Fault::new(
            at + from..at + end,
            "neither a character nor three digits up to 255 follow this backslash",
        )
        .help("write a backslash itself as \\\\")
    };
    match bytes.get(from + 1) {
        None => Err(bad(1)),
        Some(b'0'..=b'9') => {
            let digits = bytes
                .get(from + 1..from + 4)
                .filter(|digits| digits.iter().all(u8::is_ascii_digit));
            let digits = digits.ok_or_else(|| bad(2))?;
            let value =
                digits.iter().fold(0u16, |value, digit| value * 10 + u16::from(digit - b'0'));
            Ok((u8::try_from(value).map_err(|_| bad(4))?, from + 4))
        }
        Some(0x80..) => Err(bad(1)),
        Some(&octet) => Ok((octet, from + 2)),
    }
}

/// Seconds from a number or BIND's `1h30m` (units `s m h d w`, either case); none for other forms and beyond 32 bits.
pub fn seconds(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut rest = text;
    let mut total = 0u32;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = match rest.as_bytes().get(digits)?.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        let count: u32 = rest[..digits].parse().ok()?;
        total = total.checked_add(count.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;
    use proptest::prelude::*;

    const ORIGIN: &[u8] = b"\x07example\0";

    #[test]
    fn octets_and_escapes() {
        let check = |text: &str, expected: Result<&[u8], (usize, usize)>| {
            let mut out = Vec::new();
            let read = octets(text, 100, &mut out);
            let read = read.map(|()| &out[..]).map_err(|fault| (fault.span.start, fault.span.end));
            assert_eq!(read, expected, "{text}");
        };
        check("", Ok(b""));
        check(r"a\065\;\\b", Ok(b"aA;\\b"));
        check("é", Ok("é".as_bytes()));
        check(r"ab\256", Err((102, 106)));
        check(r"ab\25", Err((102, 104)));
        check(r"a\", Err((101, 102)));
        check(r"a\é", Err((101, 102)));
    }

    #[test]
    fn strings_have_at_most_255_octets() {
        let mut out = Vec::new();
        string(&"x".repeat(255), 0, &mut out).expect("255 fit");
        assert_eq!((out.len(), out[0]), (256, 255));
        assert!(string(&"x".repeat(256), 0, &mut out).is_err());
        assert!(
            string(&r"\120".repeat(255), 0, &mut Vec::new()).is_ok(),
            "it is octets that count"
        );
    }

    #[test]
    fn names_relative_and_absolute() {
        let check = |text: &str, expected: &[u8]| {
            let mut out = b"before".to_vec();
            name(text, 0, ORIGIN, &mut out).expect(text);
            assert_eq!(&out[6..], expected, "{text}");
        };
        check(".", b"\0");
        check("@", ORIGIN);
        check(r"\@", b"\x01@\x07example\0");
        check("Www", b"\x03Www\x07example\0");
        check("a.B.", b"\x01a\x01B\0");
        check(r"a\046b.c.", b"\x03a.b\x01c\0");
        check(r"a\.", b"\x02a.\x07example\0");
    }

    #[test]
    fn what_is_no_name() {
        let check = |text: &str, start| {
            let fault = name(text, 10, ORIGIN, &mut Vec::new()).expect_err(text);
            assert_eq!(fault.span.start, start, "{text}");
        };
        check("", 10);
        check("a..b", 10);
        check(".a", 10);
        check("bücher", 11);
        check(r"a\300", 11);
        check(&"x".repeat(64), 10);
        check(&"abcdefg.".repeat(32), 10);
    }

    #[test]
    fn time_spans() {
        let check = |text, expected| assert_eq!(seconds(text), expected, "{text}");
        check("0", Some(0));
        check("4294967295", Some(u32::MAX));
        check("1h30m", Some(5400));
        check("1W2D3h4M5s", Some(788_645));
        for wrong in ["", "h", "1h30", "1x", "-1", "+1", "4294967296", "7102w", "1h 2m", "1é"] {
            check(wrong, None);
        }
    }

    proptest! {
        #[test]
        fn names_agree_with_the_other_reader(text in r"[a-zA-Z0-9.\\*@_-]{1,40}") {
            let mut out = Vec::new();
            let ours = name(&text, 0, ORIGIN, &mut out).ok().and_then(|()| Name::from_wire(&out).ok());
            let origin = Name::from_wire(ORIGIN).expect("a name");
            prop_assert_eq!(ours, Name::parse(&text, Some(&origin)).ok());
        }

        #[test]
        fn any_text_decodes_or_is_refused_inside_itself(text in r"\PC{0,40}") {
            for fault in [name(&text, 0, ORIGIN, &mut Vec::new()), octets(&text, 0, &mut Vec::new())] {
                if let Err(fault) = fault {
                    prop_assert!(fault.span.end <= text.len() && text.get(fault.span).is_some());
                }
            }
            seconds(&text);
        }
    }
}
