//! The message as such: header bits, opcodes, classes, EDNS, and messages that are wrong.

use super::{Case, ask};
use crate::kit::query::record;
use crate::kit::types::*;

pub fn cases() -> Vec<Case> {
    [headers(), edns(), client_subnet(), malformed()].concat()
}

fn www() -> Case {
    let answer = "www.example.com. 300 A 192.0.2.1\nwww.example.com. 300 A 192.0.2.2";
    ask("www.example.com", A).answer(answer)
}

fn error(rcode: u16, counted: &'static str) -> Case {
    ask("www.example.com", A).without_authority().rcode(rcode).counted(counted)
}

fn headers() -> Vec<Case> {
    let opcode = |opcode| {
        error(NOTIMP, "not-implemented")
            .with(&format!("opcode {opcode}"), |query| query.opcode(opcode))
    };
    vec![
        www().with("RD", |query| query.flags(RD)),
        www().with("RD, CD and AD", |query| query.flags(RD | CD | AD)),
        // Bits without a meaning in queries are not an error.
        www().with("AA, TC, RA and Z", |query| query.flags(AA | TC | RA | Z)),
        opcode(OPCODE_IQUERY),
        opcode(OPCODE_STATUS),
        opcode(OPCODE_NOTIFY),
        opcode(OPCODE_UPDATE),
        opcode(15),
        error(REFUSED, "other-class").with("class CH", |query| query.class(CLASS_CH)),
        error(REFUSED, "other-class").with("class 4", |query| query.class(4)),
        ask("version.bind", TXT)
            .with("class CH", |query| query.class(CLASS_CH))
            .without_authority()
            .rcode(REFUSED)
            .counted("other-class"),
    ]
}

/// RFC 6891, RFC 5001.
fn edns() -> Vec<Case> {
    vec![
        www().with("EDNS", |query| query.edns(1232)),
        // §6.2.3: sizes below 512 mean 512.
        www().with("EDNS of size 0", |query| query.edns(0)),
        www().with("DO", |query| query.dnssec_ok()),
        www().with("reserved EDNS flags", |query| query.edns_flags(0x7fff)),
        www().with("NSID, none configured", |query| query.nsid()),
        www().with("a cookie", |query| query.cookie(b"01234567")),
        www().with("an unknown option", |query| query.option(65_001, b"whatever")),
        www().with("another record before OPT", |query| {
            query.with(3, record("extra.example", TXT, CLASS_IN, 0, b"\x01x")).edns(1232)
        }),
        error(BADVERS, "bad-version").with("EDNS version 1", |query| query.edns_version(1)),
        error(BADVERS, "bad-version").with("EDNS version 255", |query| query.edns_version(255)),
    ]
}

/// RFC 7871 on static data: echoed bit for bit with scope 0; wrong options are FORMERR.
fn client_subnet() -> Vec<Case> {
    let wrong = |what: &str, family, source, scope, address: &[u8]| {
        error(FORMERR, "malformed")
            .with(what, |query| query.ecs_bytes(family, source, scope, address))
    };
    vec![
        www().with("ECS", |query| query.ecs("198.51.100.0/24")),
        www().with("ECS of a whole address", |query| query.ecs("198.51.100.7/32")),
        www().with("ECS over a half octet", |query| query.ecs("198.51.96.0/20")),
        www().with("ECS of IPv6", |query| query.ecs("2001:db8::/56")),
        www().with("ECS opt-out", |query| query.ecs("0.0.0.0/0")),
        wrong("ECS with host bits", 1, 20, 0, &[198, 51, 100]),
        wrong("ECS with too little address", 1, 24, 0, &[198, 51]),
        wrong("ECS with too much address", 1, 24, 0, &[198, 51, 100, 0]),
        wrong("ECS with a scope", 1, 24, 24, &[198, 51, 100]),
        wrong("ECS longer than IPv4", 1, 33, 0, &[198, 51, 100, 0, 0]),
        wrong("ECS longer than IPv6", 2, 129, 0, &[0; 17]),
        wrong("ECS of family 3", 3, 8, 0, &[1]),
        error(FORMERR, "malformed")
            .with("ECS of two octets", |query| query.option(OPTION_ECS, b"\0\x01")),
    ]
}

/// Messages that cannot be read, but have a header to answer (RFC 9619 for the count of questions).
fn malformed() -> Vec<Case> {
    let malformed = || error(FORMERR, "malformed");
    vec![
        malformed().with("no question", |query| query.no_question()),
        malformed().with("two questions", |query| query.also_ask("example.com", NS)),
        malformed().with("a count of 2 for one question", |query| query.count(0, 2)),
        malformed().with("a count of 65535 records", |query| query.count(3, 65_535)),
        malformed().with("a pointer to itself", |query| query.name_bytes(b"\xc0\x0c")),
        malformed().with("a pointer forward", |query| query.name_bytes(b"\x03www\xc0\xff")),
        malformed().with("label type 01", |query| query.name_bytes(b"\x41x\0")),
        malformed().with("a name without an end", |query| query.name_bytes(b"\x03www").count(1, 1)),
        malformed().with("a name of 256 octets", |query| {
            let label = [&[63][..], &[b'x'; 63]].concat();
            query.name_bytes(&[label.repeat(4), vec![0]].concat())
        }),
        malformed().with("two OPT records", |query| {
            query.edns(1232).with(3, record("", OPT, 1232, 0, &[]))
        }),
        malformed()
            .with("OPT away from the root", |query| query.with(3, record("x", OPT, 1232, 0, &[]))),
        malformed()
            .with("an option that runs off OPT", |query| query.option_bytes(b"\0\x03\0\x09x")),
        malformed().with("half an option", |query| query.option_bytes(b"\0\x03\0")),
        malformed().with("OPT as a question's type", |query| query.retype(OPT)),
    ]
}
