//! RDATA of every type: text to wire form, and what is refused.

use super::{check_findings, read_with};

/// The RDATA of `a 1 TYPE FIELDS`.
#[track_caller]
fn rdata(fields: &str) -> Vec<u8> {
    let (zone, report) = read_with(&format!("a 1 {fields}"), &[]);
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, Vec::<String>::new(), "{fields}");
    zone.records[0].rdata.to_vec()
}

#[track_caller]
fn check(fields: &str, expected: &[u8]) {
    assert_eq!(rdata(fields), expected, "{fields}");
    // The same octets in the form that fits every type.
    let rtype = fields.split(' ').next().unwrap_or_default();
    let hex: String = expected.iter().map(|octet| format!("{octet:02X} ")).collect();
    assert_eq!(
        rdata(&format!("{rtype} \\# {} {hex}", expected.len())),
        expected,
        "{fields}, as octets"
    );
}

/// Expects one finding at a column of the fields.
#[track_caller]
fn refused(fields: &str, column: usize, part: &str) {
    check_findings(&format!("a 1 {fields}"), &[(&format!("1:{}", column + 4), part)]);
}

const E: &[u8] = b"\x07example\x03com\0";

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn plain_types() {
    check("A 192.0.2.1", &[192, 0, 2, 1]);
    check("AAAA 2001:db8::1", b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
    check("NS Ns", &joined(&[b"\x02Ns", E]));
    check("CNAME @", E);
    check("DNAME x.", b"\x01x\0");
    check("PTR .", b"\0");
    check("MX 10 @", &joined(&[b"\0\x0a", E]));
    check("MX 0 .", b"\0\0\0");
    check("SRV 1 2 443 h", &joined(&[b"\0\x01\0\x02\x01\xbb\x01h", E]));
    check("KX 1 k", &joined(&[b"\0\x01\x01k", E]));
    check("AFSDB 1 k", &joined(&[b"\0\x01\x01k", E]));
    check("RP m t.", &joined(&[b"\x01m", E, b"\x01t\0"]));
    check("MINFO m. t.", b"\x01m\0\x01t\0");
    check("HINFO PC \"a b\"", b"\x02PC\x03a b");
    let numbers = b"\0\0\0\x01\0\0\x0e\x10\0\0\x07\x08\0\x12\x75\0\0\0\x01\x2c";
    check("SOA a. b\\.c.d. 1 1h 30m 2w 5m", &joined(&[b"\x01a\0\x03b.c\x01d\0", numbers]));
    check("URI 10 1 \"ftp://ftp.example/a;b\"", b"\0\x0a\0\x01ftp://ftp.example/a;b");
}

#[test]
fn strings() {
    check("TXT hello", b"\x05hello");
    check("TXT ( \"ab cd\" \"ef\" )", b"\x05ab cd\x02ef");
    check("TXT ( \"v=DKIM1; k=rsa\"\n  \"p=;\" ) ; DKIM", b"\x0ev=DKIM1; k=rsa\x03p=;");
    check("TXT \"\\065\\\"\\\\\\;\" b\\ c", b"\x04A\"\\;\x03b c");
    check("TXT \"\" \"\"", b"\0\0");
    check("TXT \"héllo\"", b"\x06h\xc3\xa9llo");
    check("SPF \"v=spf1 -all\"", b"\x0bv=spf1 -all");
    check("CAA 128 issue \"ca.example; a=b\"", b"\x80\x05issueca.example; a=b");
    check("CAA 0 iodef \"mailto:x@y\"", b"\0\x05iodefmailto:x@y");
    check(
        "NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:x@y!\" .",
        b"\0\x01\0\x02\x01u\x07E2U+sip\x0e!^.*$!sip:x@y!\0",
    );
}

#[test]
fn digests_and_keys() {
    let sha1 = "00".repeat(20);
    let sha256 = "ab".repeat(32);
    check(&format!("DS 60485 RSASHA256 1 {sha1}"), &joined(&[&[0xec, 0x45, 8, 1], &[0; 20]]));
    check(&format!("CDS 1 13 2 {sha256}"), &joined(&[&[0, 1, 13, 2], &[0xab; 32]]));
    check("CDS 0 0 0 00", &[0, 0, 0, 0, 0]);
    check("CDNSKEY 0 3 0 AA==", &[0, 0, 3, 0, 0]);
    check("DNSKEY 257 3 13 AQ ID", &[1, 1, 3, 13, 1, 2, 3]);
    check(&format!("TLSA 3 1 1 {sha256}"), &joined(&[&[3, 1, 1], &[0xab; 32]]));
    check(&format!("SMIMEA 3 0 1 {sha256}"), &joined(&[&[3, 0, 1], &[0xab; 32]]));
    check(&format!("SSHFP 4 2 {sha256}"), &joined(&[&[4, 2], &[0xab; 32]]));
    check("OPENPGPKEY AQID", &[1, 2, 3]);
    check("DHCID AQID", &[1, 2, 3]);
    check("CERT PGP 0 0 AQID", &[0, 3, 0, 0, 0, 1, 2, 3]);
    check("CERT 254 1 RSASHA256 AQID", &[0, 254, 0, 1, 8, 1, 2, 3]);
    check(
        "ZONEMD 1 1 1 00112233445566778899aabb",
        b"\0\0\0\x01\x01\x01\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb",
    );
    check("NSEC3PARAM 1 0 0 -", &[1, 0, 0, 0, 0]);
    check("NSEC3PARAM 1 0 5 aabb", &[1, 0, 0, 5, 2, 0xaa, 0xbb]);
    check("CSYNC 66 3 A NS AAAA", &[0, 0, 0, 66, 0, 3, 0, 4, 0x60, 0, 0, 8]);
    check("IPSECKEY 10 1 2 192.0.2.38 AQID", &[10, 1, 2, 192, 0, 2, 38, 1, 2, 3]);
    check("IPSECKEY 10 0 0 .", &[10, 0, 0]);
}

#[test]
fn addresses_and_places() {
    check("EUI48 00-00-5e-00-53-2a", &[0, 0, 0x5e, 0, 0x53, 0x2a]);
    check("EUI64 00-00-5e-ef-10-00-00-2A", &[0, 0, 0x5e, 0xef, 0x10, 0, 0, 0x2a]);
    check(
        "APL 1:192.168.32.0/21 !1:192.168.38.0/28",
        &[0, 1, 21, 3, 192, 168, 32, 0, 1, 28, 0x83, 192, 168, 38],
    );
    check("APL 1:0.0.0.0/0 2:ff00::/8", &[0, 1, 0, 0, 0, 2, 8, 1, 0xff]);
    // The example of RFC 1876 §4 for cambridge-net.kei.com.
    let kei = [
        0u8, 0x23, 0x16, 0x13, 0x89, 0x17, 0x2d, 0xd0, 0x70, 0xbe, 0x15, 0xf0, 0, 0x98, 0x8d, 0x20,
    ];
    check("LOC 42 21 54 N 71 06 18 W -24m 30m 10m", &kei_with(&kei, 0x33, 0x13, 0x13));
    check(
        "LOC 42 21 54.000 N 71 6 18.0 W -24.00 30.00m 10000m 10m",
        &kei_with(&kei, 0x33, 0x16, 0x13),
    );
    check(
        "LOC 0 N 0 E 0",
        &[0, 0x12, 0x16, 0x13, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0x98, 0x96, 0x80],
    );
    check(
        "LOC 90 S 180 E -100000 0 0 0",
        &[0, 0, 0, 0, 0x6c, 0xb0, 0x27, 0, 0xa6, 0x9f, 0xb2, 0, 0, 0, 0, 0],
    );
}

fn kei_with(kei: &[u8; 16], size: u8, horizontal: u8, vertical: u8) -> Vec<u8> {
    let mut rdata = kei.to_vec();
    rdata[1..4].copy_from_slice(&[size, horizontal, vertical]);
    rdata
}

#[test]
fn service_bindings() {
    check("SVCB 0 alias", &joined(&[b"\0\0\x05alias", E]));
    check("HTTPS 1 . alpn=h2,h3", b"\0\x01\0\0\x01\0\x06\x02h2\x02h3");
    check(
        "HTTPS 1 svc alpn=\"h2,h3\" port=8443",
        &joined(&[b"\0\x01\x03svc", E, b"\0\x01\0\x06\x02h2\x02h3\0\x03\0\x02\x20\xfb"]),
    );
    // Any order in text, ascending in wire form (RFC 9460 §2.2).
    check(
        "SVCB 1 . port=53 ipv4hint=192.0.2.1,192.0.2.2",
        b"\0\x01\0\0\x03\0\x02\0\x35\0\x04\0\x08\xc0\0\x02\x01\xc0\0\x02\x02",
    );
    check(
        "SVCB 1 . ipv4hint=192.0.2.1 port=53",
        b"\0\x01\0\0\x03\0\x02\0\x35\0\x04\0\x04\xc0\0\x02\x01",
    );
    check(
        "SVCB 1 . ipv6hint=\"2001:db8::1\"",
        b"\0\x01\0\0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
    );
    check(
        "SVCB 1 . alpn=h2 no-default-alpn mandatory=port,alpn port=1",
        b"\0\x01\0\0\0\0\x04\0\x01\0\x03\0\x01\0\x03\x02h2\0\x02\0\0\0\x03\0\x02\0\x01",
    );
    check("SVCB 1 . ech=AQID", b"\0\x01\0\0\x05\0\x03\x01\x02\x03");
    check("SVCB 1 . dohpath=/dns-query{?dns}", b"\0\x01\0\0\x07\0\x10/dns-query{?dns}");
    check("SVCB 1 . ohttp", b"\0\x01\0\0\x08\0\0");
    check("SVCB 1 . tls-supported-groups=29,23", b"\0\x01\0\0\x09\0\x04\0\x1d\0\x17");
    check("SVCB 1 . docpath=a,bc", b"\0\x01\0\0\x0a\0\x05\x01a\x02bc");
    // The test vectors of RFC 9460 §D.2.
    check("SVCB 1 foo. key667=hello", b"\0\x01\x03foo\0\x02\x9b\0\x05hello");
    check("SVCB 1 foo. key667=\"hello\\210qoo\"", b"\0\x01\x03foo\0\x02\x9b\0\x09hello\xd2qoo");
    check(
        "SVCB 16 foo. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
        b"\0\x10\x03foo\0\0\x01\0\x0c\x08f\\oo,bar\x02h2",
    );
    check(
        "SVCB 16 foo. alpn=f\\\\\\092oo\\092,bar,h2",
        b"\0\x10\x03foo\0\0\x01\0\x0c\x08f\\oo,bar\x02h2",
    );
    // The octets of a key, not its text form (RFC 9460 §2.1); a 9 in a number is a digit like any other.
    check("SVCB 1 . key1=\\002h2", b"\0\x01\0\0\x01\0\x03\x02h2");
    check("SVCB 1 . key65399", b"\0\x01\0\xff\x77\0\0");
}

#[test]
fn generic_form() {
    check("TYPE65534 \\# 0", b"");
    check("TYPE65534 \\# 3 01 0203", &[1, 2, 3]);
    check("NULL \\# 1 ff", &[0xff]);
    refused("A \\# 3 010203", 3, "no RDATA of type A");
    refused("A \\# 4 010203", 3, "has 3 octets, but 4 are announced");
    refused("A \\# 2 01 0", 11, "hex digits");
    refused("NS \\# 2 c000", 4, "uncompressed");
    refused("MX \\# 3 000a03", 4, "no RDATA");
    refused("TXT \\# 0", 5, "no RDATA");
    refused("TXT \\# 2 0261", 5, "no RDATA");
    refused("CAA \\# 1 00", 5, "no RDATA");
    refused("TYPE65534 \\# 65536 00", 14, "from 0 to 65535");
    refused("NULL x", 6, "\\# LENGTH HEX");
    refused("TYPE65534 \"\\#\" 1 ff", 11, "\\# LENGTH HEX");
}

#[test]
fn refused_rdata() {
    refused("DS 1 8 2 abcd", 10, "its kind has 32");
    refused("DS 1 8 3", 8, "at least 4 fields");
    refused("DS 1 NOPE 2 00", 6, "expected SecurityAlgorithm");
    refused("DNSKEY 257 3 13", 14, "at least 4 fields");
    refused("DNSKEY 257 3 13 A*ID", 17, "Base 64");
    refused("SSHFP 1 1 00", 11, "its kind has 20");
    refused("TLSA 3 1 1 00", 12, "its kind has 32");
    refused("TLSA 3 1 1 0g", 12, "hex");
    refused("CAA 256 issue x", 5, "overflow");
    refused("CAA 0 is-sue x", 7, "tag");
    refused("NAPTR 1 2 u \"\" \"\"", 18, "ends before its name");
    refused("LOC 91 N 0 E 0", 5, "in range");
    refused("LOC 90 1 N 0 E 0", 10, "more than 90 degrees");
    refused("LOC 1 60 N 0 E 0", 7, "in range");
    refused("LOC 1 2 3.0001 N 0 E 0", 9, "in range");
    refused("LOC 1 2 3 4 N", 11, "expected N or S");
    refused("LOC 0 N 0 E -100000.01", 13, "from -100000.00");
    refused("LOC 0 N 0 E 0 90000001", 15, "90000000.00");
    refused("APL 1:2001:db8::/32", 5, "FAMILY:ADDRESS/PREFIX");
    refused("APL 1:192.0.2.0/33", 5, "FAMILY:ADDRESS/PREFIX");
    refused("EUI48 00-00-5e-00-53", 7, "6 pairs");
    refused("CERT NOPE 1 1 AA==", 6, "certificate type");
    refused("CERT PGP 1 1", 13, "ends before its certificate");
    refused("CSYNC 1 1 NOPE", 11, "Rtype");
    refused("HTTPS 1 . alpm=h2", 11, "did you mean \"alpn\"?");
    refused("HTTPS 1 . port=1 port=2", 18, "given twice");
    refused("HTTPS 1 . port", 11, "needs a value");
    refused("HTTPS 1 . port=65536", 11, "a port from 0 to 65535");
    refused("HTTPS 1 . alpn=a,,b", 11, "empty");
    refused("HTTPS 1 . ohttp=1", 11, "takes no value");
    refused("HTTPS 1 . no-default-alpn", 11, "no protocol at all");
    refused("HTTPS 1 . mandatory=port", 11, "not given");
    refused("HTTPS 1 . mandatory=mandatory", 11, "itself");
    refused("HTTPS 1 . mandatory=port,port port=1", 11, "twice");
    refused("HTTPS 1 . ipv4hint=::1", 11, "an IPv4 address");
    refused("HTTPS 1 . key65535=x", 11, "unknown parameter");
    refused("HTTPS 1 . key01=x", 11, "unknown parameter");
    refused("HTTPS 1 . ech=*", 11, "not base64");
}
