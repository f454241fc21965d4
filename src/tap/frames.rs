//! Frame Streams: how dnstap messages follow each other in a file and over a socket (the fstrm library's
//! `fstrm/control.h` describes it).
//!
//! A data frame is its length in 32 bits, then its bytes. A length of 0 announces a control frame: its length, its type
//! and its fields, each again type, length and bytes; all numbers are big-endian. A file is START, data, STOP. Over a
//! socket the sender asks first and takes leave: READY, (ACCEPT), START, data, STOP, (FINISH).

use std::io::{self, Read};

/// What the data frames hold.
const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";
/// The longest control frame that a reader may send.
const CONTROL_BYTES_MAX: usize = 512;
/// The one kind of field.
const FIELD_CONTENT_TYPE: u32 = 1;

/// Kinds of control frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Control {
    Accept = 1,
    Start = 2,
    Stop = 3,
    Ready = 4,
    Finish = 5,
}

/// A control frame as it is sent. STOP and FINISH have no field, the others tell the content type.
pub(super) fn control(kind: Control) -> Vec<u8> {
    let mut payload = (kind as u32).to_be_bytes().to_vec();
    if !matches!(kind, Control::Stop | Control::Finish) {
        payload.extend(FIELD_CONTENT_TYPE.to_be_bytes());
        payload.extend((CONTENT_TYPE.len() as u32).to_be_bytes());
        payload.extend(CONTENT_TYPE);
    }
    [&[0; 4], &(payload.len() as u32).to_be_bytes(), &payload[..]].concat()
}

/// Begins a data frame; [`end_data`] is to be told what this returns.
pub(super) fn begin_data(out: &mut Vec<u8>) -> usize {
    let begin = out.len();
    out.extend([0; 4]);
    begin
}

/// Ends the data frame that holds everything since it began.
pub(super) fn end_data(out: &mut [u8], begin: usize) {
    // An exchange holds two messages of 64 KiB at most.
    let bytes = (out.len() - begin - 4) as u32;
    out[begin..begin + 4].copy_from_slice(&bytes.to_be_bytes());
}

/// Reads the control frame that the reader has to send now. A reader that names content types must name ours.
pub(super) fn expect(from: &mut impl Read, kind: Control) -> io::Result<()> {
    let mut numbers = [[0; 4]; 2];
    from.read_exact(numbers.as_flattened_mut())?;
    let [escape, bytes] = numbers.map(u32::from_be_bytes);
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    if escape != 0 || !(4..=CONTROL_BYTES_MAX).contains(&bytes) {
        return Err(refused("the reader does not speak Frame Streams"));
    }
    let mut payload = vec![0; bytes];
    from.read_exact(&mut payload)?;
    let (found, mut fields) = payload.split_at(4);
    if found != (kind as u32).to_be_bytes() {
        return Err(refused(&format!("the reader did not send the control frame {kind:?}")));
    }
    let mut named = Vec::new();
    while let Some((head, rest)) = fields.split_first_chunk::<8>() {
        let (field, bytes) = head.split_at(4);
        let bytes = bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let value = rest.get(..bytes).ok_or_else(|| refused("the reader's field has no end"))?;
        if field == FIELD_CONTENT_TYPE.to_be_bytes() {
            named.push(value);
        }
        fields = &rest[bytes..];
    }
    if !named.is_empty() && !named.contains(&CONTENT_TYPE) {
        return Err(refused("the reader does not want dnstap"));
    }
    Ok(())
}

fn refused(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_frames_are_as_described() {
        let ready = b"\0\0\0\0\0\0\0\x22\0\0\0\x04\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap";
        assert_eq!(control(Control::Ready), ready);
        assert_eq!(control(Control::Stop), b"\0\0\0\0\0\0\0\x04\0\0\0\x03");
        let mut frame = b"before".to_vec();
        let begin = begin_data(&mut frame);
        frame.extend(b"data");
        end_data(&mut frame, begin);
        assert_eq!(frame, b"before\0\0\0\x04data");
    }

    #[test]
    fn readers_must_want_dnstap() {
        let check = |sent: &[u8], expected: Result<(), &str>| match (
            expect(&mut &*sent, Control::Accept),
            expected,
        ) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{sent:?}: {found:?}, {expected:?}"),
        };
        check(&control(Control::Accept), Ok(()));
        check(b"\0\0\0\0\0\0\0\x04\0\0\0\x01", Ok(()));
        check(b"\0\0\0\0\0\0\0\x0e\0\0\0\x01\0\0\0\x07\0\0\0\x02xy", Ok(()));
        check(b"\0\0\0\0\0\0\0\x0e\0\0\0\x01\0\0\0\x01\0\0\0\x02xy", Err("does not want dnstap"));
        check(b"\0\0\0\0\0\0\0\x0e\0\0\0\x01\0\0\0\x01\0\0\0\x03xy", Err("no end"));
        check(&control(Control::Finish), Err("did not send the control frame Accept"));
        check(b"HTTP/1.1 400 Bad Request", Err("does not speak"));
        check(b"\0\0\0\0\xff\xff\xff\xff", Err("does not speak"));
        check(b"\0\0\0\0\0\0\0\x04\0\0", Err(""));
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_reader_make_it_panic(
            payload in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..40),
        ) {
            let sent = [&[0, 0, 0, 0, 0, 0, 0, payload.len() as u8], &payload[..]].concat();
            let _ = expect(&mut &sent[..], Control::Accept);
        }
    }
}
