//! One datagram, or one framed message, read as a query.
//!
//! The result borrows the message; the folded name goes into the caller's buffer. Every message falls into one of three
//! kinds: not to be answered at all, to be answered with an error, or a [`Query`]. What the query asks *for* is judged
//! later, with the zones at hand.

use super::edns::{Edns, Malformed};
use super::folded::FoldedName;
use super::record::RecordView;
use super::rtype::Rtype;

/// Octets of a DNS header (RFC 1035 §4.1.1).
pub const HEADER_BYTES: usize = 12;

/// Response codes (RFC 1035 §4.1.1, RFC 6891 §9).
pub mod rcode {
    /// No error.
    pub const NOERROR: u16 = 0;
    /// The message is malformed.
    pub const FORMERR: u16 = 1;
    /// The server is at fault.
    pub const SERVFAIL: u16 = 2;
    /// No such name.
    pub const NXDOMAIN: u16 = 3;
    /// The server does not do that.
    pub const NOTIMP: u16 = 4;
    /// The server will not.
    pub const REFUSED: u16 = 5;
    /// A DNAME substitution made a name too long (RFC 6672 §2.2).
    pub const YXDOMAIN: u16 = 6;
    /// An EDNS version above 0.
    pub const BADVERS: u16 = 16;

    /// Its mnemonic in IANA's registry; those that are never sent here go by number.
    pub fn label(code: u16) -> String {
        match code {
            NOERROR => "NOERROR".to_owned(),
            FORMERR => "FORMERR".to_owned(),
            SERVFAIL => "SERVFAIL".to_owned(),
            NXDOMAIN => "NXDOMAIN".to_owned(),
            NOTIMP => "NOTIMP".to_owned(),
            REFUSED => "REFUSED".to_owned(),
            YXDOMAIN => "YXDOMAIN".to_owned(),
            BADVERS => "BADVERS".to_owned(),
            other => format!("RCODE{other}"),
        }
    }
}

/// Class numbers.
pub mod class {
    /// Internet.
    pub const IN: u16 = 1;
    /// Chaos, which servers tell of themselves in.
    pub const CH: u16 = 3;
}

/// A well-formed query.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// Type asked for.
    pub qtype: Rtype,
    /// Class asked for.
    pub qclass: u16,
    /// Octets of header and question, which the response begins with.
    pub question_end: usize,
    /// EDNS, if the query has an OPT record.
    pub edns: Option<Edns>,
}

/// What a message turned out to be.
#[derive(Clone, Copy, Debug)]
pub enum Message {
    /// Nothing that may be answered: shorter than a header, or itself a response.
    Ignore,
    /// An error is the answer.
    Refuse {
        /// Which.
        rcode: u16,
        /// Octets of header and question to echo; only the header where the question is not readable.
        question_end: usize,
        /// EDNS, as far as it was understood.
        edns: Option<Edns>,
    },
    /// A question.
    Query(Query),
}

/// Reads a message; the name asked for is left in `name`.
pub fn read(message: &[u8], name: &mut FoldedName) -> Message {
    let Some(header) = message.first_chunk::<HEADER_BYTES>() else {
        return Message::Ignore;
    };
    // Answering a response would let two servers talk for ever.
    if header[2] & 0x80 != 0 {
        return Message::Ignore;
    }
    let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let refuse = |rcode, question_end, edns| Message::Refuse { rcode, question_end, edns };
    // What a message of another opcode should look like is not ours to know.
    let is_query = header[2] & 0x78 == 0;
    let malformed = if is_query { rcode::FORMERR } else { rcode::NOTIMP };
    // RFC 9619: a query has exactly one question.
    if count(4) != 1 {
        // Without a question the records begin here; behind more than one of them they are not looked for.
        let edns = (count(4) == 0).then(|| malformed_edns(&message[HEADER_BYTES..])).flatten();
        return refuse(malformed, HEADER_BYTES, edns);
    }
    let question = name.read(&message[HEADER_BYTES..]).and_then(|name_bytes| {
        let fixed = message.get(HEADER_BYTES + name_bytes..)?.first_chunk::<4>()?;
        Some((name_bytes, *fixed))
    });
    let Some((name_bytes, fixed)) = question else {
        return refuse(malformed, HEADER_BYTES, None);
    };
    let question_end = HEADER_BYTES + name_bytes + 4;
    let records = u32::from(count(6)) + u32::from(count(8)) + u32::from(count(10));
    let edns = read_records(&message[question_end..], records, u32::from(count(10)));
    match edns {
        Err(Malformed) => refuse(malformed, question_end, malformed_edns(&message[question_end..])),
        Ok(edns) if !is_query => refuse(rcode::NOTIMP, question_end, edns),
        Ok(edns) if edns.is_some_and(|edns| edns.version != 0) => {
            refuse(rcode::BADVERS, question_end, edns)
        }
        Ok(edns) => Message::Query(Query {
            qtype: Rtype(u16::from_be_bytes([fixed[0], fixed[1]])),
            qclass: u16::from_be_bytes([fixed[2], fixed[3]]),
            question_end,
            edns,
        }),
    }
}

/// Walks the records behind the question to the OPT record, which stands among the last `additional` ones.
fn read_records(mut rest: &[u8], records: u32, additional: u32) -> Result<Option<Edns>, Malformed> {
    let mut edns = None;
    for left in (0..records).rev() {
        let record = RecordView::take(&mut rest)?;
        if record.rtype != Rtype::OPT {
            continue;
        }
        // RFC 6891 §6.1.1: one OPT at most, in the additional section, owned by the root.
        if edns.is_some() || left >= additional || !record.root_owner {
            return Err(Malformed);
        }
        edns = Some(Edns::read(record.class, record.ttl, record.rdata)?);
    }
    if rest.is_empty() { Ok(edns) } else { Err(Malformed) }
}

/// What can be said of EDNS in a message that is malformed, so that its answer bears an OPT record too (RFC 6891 §7).
fn malformed_edns(mut rest: &[u8]) -> Option<Edns> {
    let record = RecordView::take(&mut rest).ok()?;
    (record.rtype == Rtype::OPT && record.root_owner)
        .then_some(Edns { payload_bytes: record.class, ..Edns::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPT: &[u8] = &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

    fn message(flags: u8, counts: [u8; 4], tail: &[u8]) -> Vec<u8> {
        let [qd, an, ns, ar] = counts;
        let mut bytes = vec![0x12, 0x34, flags, 0, 0, qd, 0, an, 0, ns, 0, ar];
        bytes.extend_from_slice(tail);
        bytes
    }

    fn question(more: &[u8]) -> Vec<u8> {
        [b"\x03wWw\x07example\x03com\0\0\x01\0\x01", more].concat()
    }

    fn verdict(bytes: &[u8]) -> (Option<u16>, usize, bool) {
        match read(bytes, &mut FoldedName::default()) {
            Message::Ignore => (None, 0, false),
            Message::Refuse { rcode, question_end, edns } => {
                (Some(rcode), question_end, edns.is_some())
            }
            Message::Query(query) => {
                (Some(rcode::NOERROR), query.question_end, query.edns.is_some())
            }
        }
    }

    #[test]
    fn every_kind_of_message() {
        let check =
            |what: &str, bytes: Vec<u8>, expected| assert_eq!(verdict(&bytes), expected, "{what}");
        let whole = HEADER_BYTES + 17 + 4;
        check("plain", message(1, [1, 0, 0, 0], &question(&[])), (Some(0), whole, false));
        check("EDNS", message(0, [1, 0, 0, 1], &question(OPT)), (Some(0), whole, true));
        check("short", vec![0; 11], (None, 0, false));
        check("response", message(0x80, [1, 0, 0, 0], &question(&[])), (None, 0, false));
        check("no question", message(0, [0, 0, 0, 0], &[]), (Some(1), 12, false));
        check("EDNS, no question", message(0, [0, 0, 0, 1], OPT), (Some(1), 12, true));
        check("two questions", message(0, [2, 0, 0, 0], &question(&[])), (Some(1), 12, false));
        check("cut question", message(0, [1, 0, 0, 0], b"\x03ww"), (Some(1), 12, false));
        check(
            "pointer in question",
            message(0, [1, 0, 0, 0], b"\xc0\x0c\0\x01\0\x01"),
            (Some(1), 12, false),
        );
        check("NOTIFY", message(4 << 3, [1, 0, 0, 0], &question(&[])), (Some(4), whole, false));
        check(
            "UPDATE with EDNS",
            message(5 << 3, [1, 0, 0, 1], &question(OPT)),
            (Some(4), whole, true),
        );
        check("odd opcode, no name", message(15 << 3, [1, 0, 0, 0], b"\x40"), (Some(4), 12, false));
        check("odd opcode, no question", message(15 << 3, [0, 0, 0, 0], &[]), (Some(4), 12, false));
        check(
            "two OPT",
            message(0, [1, 0, 0, 2], &question(&[OPT, OPT].concat())),
            (Some(1), whole, true),
        );
        check("OPT as answer", message(0, [1, 1, 0, 0], &question(OPT)), (Some(1), whole, true));
        check("OPT promised", message(0, [1, 0, 0, 1], &question(&[])), (Some(1), whole, false));
        check("trailing bytes", message(0, [1, 0, 0, 0], &question(&[7])), (Some(1), whole, false));
        let version_1 = [&OPT[..6], &[1], &OPT[7..]].concat();
        check(
            "EDNS version 1",
            message(0, [1, 0, 0, 1], &question(&version_1)),
            (Some(16), whole, true),
        );
        let bad_option = [&OPT[..10], &[5, 0, 8, 0, 1, 0]].concat();
        check(
            "bad option",
            message(0, [1, 0, 0, 1], &question(&bad_option)),
            (Some(1), whole, true),
        );
        let named = [b"\x01x", OPT].concat();
        check(
            "OPT with an owner",
            message(0, [1, 0, 0, 1], &question(&named)),
            (Some(1), whole, false),
        );
        let tsig = [b"\x03key\0\0\xfa\0\xff\0\0\0\0\0\x02", &[1, 2][..]].concat();
        check(
            "other additional",
            message(0, [1, 0, 0, 2], &question(&[OPT, &tsig].concat())),
            (Some(0), whole, true),
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = verdict(&bytes);
        }

        #[test]
        fn a_query_echo_stays_inside_the_message(
            counts: [u8; 4],
            tail in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let bytes = message(0, counts.map(|count| count % 3), &question(&tail));
            prop_assert!(verdict(&bytes).1 <= bytes.len());
        }
    }
}
