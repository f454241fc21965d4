//! Record types, classes, opcodes and response codes by number (IANA's DNS parameters).

pub const A: u16 = 1;
pub const NS: u16 = 2;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const PTR: u16 = 12;
pub const HINFO: u16 = 13;
pub const MX: u16 = 15;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const LOC: u16 = 29;
pub const SRV: u16 = 33;
pub const NAPTR: u16 = 35;
pub const DNAME: u16 = 39;
pub const OPT: u16 = 41;
pub const DS: u16 = 43;
pub const SSHFP: u16 = 44;
pub const RRSIG: u16 = 46;
pub const DNSKEY: u16 = 48;
pub const TLSA: u16 = 52;
pub const SVCB: u16 = 64;
pub const HTTPS: u16 = 65;
pub const TSIG: u16 = 250;
pub const IXFR: u16 = 251;
pub const AXFR: u16 = 252;
pub const ANY: u16 = 255;
pub const CAA: u16 = 257;

pub const CLASS_IN: u16 = 1;
pub const CLASS_CH: u16 = 3;
pub const CLASS_NONE: u16 = 254;
pub const CLASS_ANY: u16 = 255;

pub const OPCODE_QUERY: u8 = 0;
pub const OPCODE_IQUERY: u8 = 1;
pub const OPCODE_STATUS: u8 = 2;
pub const OPCODE_NOTIFY: u8 = 4;
pub const OPCODE_UPDATE: u8 = 5;

pub const NOERROR: u16 = 0;
pub const FORMERR: u16 = 1;
pub const SERVFAIL: u16 = 2;
pub const NXDOMAIN: u16 = 3;
pub const NOTIMP: u16 = 4;
pub const REFUSED: u16 = 5;
pub const YXDOMAIN: u16 = 6;
pub const NOTAUTH: u16 = 9;
pub const BADVERS: u16 = 16;

/// Header flag bits, as they stand in the second 16 bits of a message (RFC 1035 §4.1.1, RFC 4035 §3.1.6).
pub const QR: u16 = 0x8000;
pub const AA: u16 = 0x0400;
pub const TC: u16 = 0x0200;
pub const RD: u16 = 0x0100;
pub const RA: u16 = 0x0080;
pub const Z: u16 = 0x0040;
pub const AD: u16 = 0x0020;
pub const CD: u16 = 0x0010;

/// The DO bit in the flags of OPT (RFC 3225).
pub const DO: u16 = 0x8000;

/// Option codes of OPT.
pub const OPTION_NSID: u16 = 3;
pub const OPTION_ECS: u16 = 8;
pub const OPTION_COOKIE: u16 = 10;

const NAMES: &[(u16, &str)] = &[
    (A, "A"),
    (NS, "NS"),
    (CNAME, "CNAME"),
    (SOA, "SOA"),
    (PTR, "PTR"),
    (HINFO, "HINFO"),
    (MX, "MX"),
    (TXT, "TXT"),
    (AAAA, "AAAA"),
    (LOC, "LOC"),
    (SRV, "SRV"),
    (NAPTR, "NAPTR"),
    (DNAME, "DNAME"),
    (OPT, "OPT"),
    (DS, "DS"),
    (SSHFP, "SSHFP"),
    (RRSIG, "RRSIG"),
    (DNSKEY, "DNSKEY"),
    (TLSA, "TLSA"),
    (SVCB, "SVCB"),
    (HTTPS, "HTTPS"),
    (ANY, "ANY"),
    (CAA, "CAA"),
];

/// The name of a type for assertions, `TYPE123` for the rest.
pub fn type_text(rtype: u16) -> String {
    let known = NAMES.iter().find(|(number, _)| *number == rtype);
    known.map_or_else(|| format!("TYPE{rtype}"), |(_, name)| (*name).to_owned())
}
