//! Data that is there, data that is not, and what stands in for it.

use super::{Case, ask};
use crate::kit::types::*;

pub fn cases() -> Vec<Case> {
    [present(), pointing(), absent(), wildcards(), everything()].concat()
}

const WWW: &str = "www.example.com. 300 A 192.0.2.1\nwww.example.com. 300 A 192.0.2.2";

fn present() -> Vec<Case> {
    vec![
        ask("www.example.com", A).answer(WWW),
        ask("www.example.com", AAAA).answer("www.example.com. 300 AAAA 2001:db8::1"),
        // The question's letter case comes back bit for bit; names compare without it (RFC 4343).
        ask("wWw.eXAMPLE.cOm", A).answer(WWW),
        ask("mixed.example.com", A).answer("mixed.example.com. 3600 A 192.0.2.77"),
        ask("example.com", SOA).answer(
            "example.com. 3600 SOA ns1.example.com. hostmaster.example.com. 2026010101 7200 1800 1209600 300",
        ),
        ask("example.com", TXT).answer(r#"example.com. 3600 TXT "v=spf1 -all""#),
        ask("example.com", CAA).answer(r#"example.com. 3600 CAA 0 issue "ca.example.net""#),
        ask("txt.example.com", TXT)
            .answer(r#"txt.example.com. 3600 TXT "one" "two words" "\"quoted\"""#),
        // RFC 3597: unknown types are carried as they are.
        ask("odd.example.com", 65_534).answer(r"odd.example.com. 3600 TYPE65534 \# 3 010203"),
        // A dot inside of a label is not a dot between labels.
        ask(r"a\.b.example.com", A).answer(r"a\.b.example.com. 3600 A 192.0.2.46"),
        ask("a.b.example.com", A).nxdomain(),
        ask("www.child.example.com", A).answer("www.child.example.com. 900 A 192.0.2.100"),
        ask("www.example.org", A).answer("www.example.org. 900 A 198.51.100.1"),
    ]
}

/// Types whose addresses are added (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1).
fn pointing() -> Vec<Case> {
    const MAIL: &str =
        "mail.example.com. 3600 A 192.0.2.25\nmail.example.com. 3600 AAAA 2001:db8::25";
    vec![
        ask("example.com", MX)
            .answer(
                "example.com. 3600 MX 10 mail.example.com.
                 example.com. 3600 MX 20 mail.elsewhere.example.",
            )
            .additional(MAIL),
        ask("example.com", NS)
            .answer("example.com. 3600 NS ns1.example.com.\nexample.com. 3600 NS ns2.example.org.")
            .additional(
                "ns1.example.com. 3600 A 192.0.2.53
                 ns1.example.com. 3600 AAAA 2001:db8::53",
            ),
        ask("_sip._udp.example.com", SRV)
            .answer(
                "_sip._udp.example.com. 3600 SRV 0 5 5060 mail.example.com.
                 _sip._udp.example.com. 3600 SRV 1 5 5060 sip.elsewhere.example.",
            )
            .additional(MAIL),
        // "." is the owner itself (RFC 9460 §2.5.2).
        ask("svc.example.com", HTTPS)
            .answer("svc.example.com. 3600 HTTPS 1 . 00010003026832")
            .additional("svc.example.com. 3600 A 192.0.2.80"),
        ask("to-www.example.com", HTTPS)
            .answer("to-www.example.com. 3600 HTTPS 0 www.example.com.")
            .additional(&format!("{WWW}\nwww.example.com. 300 AAAA 2001:db8::1")),
    ]
}

fn absent() -> Vec<Case> {
    vec![
        ask("none.example.com", A).nxdomain(),
        ask("x.y.none.example.com", A).nxdomain(),
        ask("x.www.example.com", A).nxdomain(),
        ask("www.example.com", MX).nodata(),
        ask("example.com", A).nodata(),
        // DS of a zone is its parent's to tell, which is not served here.
        ask("example.com", DS).nodata(),
        // Empty non-terminals exist (RFC 8020, RFC 4592 §2.2.2).
        ask("ent.example.com", A).nodata(),
        ask("b.ent.example.com", A).nodata(),
        ask("_udp.example.com", SRV).nodata(),
        ask("c.ent.example.com", A).nxdomain(),
        ask("none.child.example.com", A)
            .rcode(NXDOMAIN)
            .counted("nxdomain")
            .authority("child.example.com. 60 SOA ns1.example.com. hostmaster.example.com. 7 7200 1800 1209600 60"),
        // The SOA's own TTL is the lesser here.
        ask("none.example.org", A)
            .rcode(NXDOMAIN)
            .counted("nxdomain")
            .authority("example.org. 900 SOA ns1.example.com. hostmaster.example.com. 8 7200 1800 1209600 3600"),
    ]
}

/// RFC 4592.
fn wildcards() -> Vec<Case> {
    vec![
        ask("x.wild.example.com", A).answer("x.wild.example.com. 3600 A 192.0.2.7"),
        ask("x.y.z.wild.example.com", TXT).answer(r#"x.y.z.wild.example.com. 3600 TXT "any""#),
        ask("x.wild.example.com", MX).nodata(),
        // A name that exists is not covered, and neither is what lies below it (§3.3.1: the closest encloser).
        ask("host.wild.example.com", A).nodata(),
        ask("host.wild.example.com", TXT).answer(r#"host.wild.example.com. 3600 TXT "exists""#),
        ask("x.host.wild.example.com", A).nxdomain(),
        // The wildcard itself is a name like any other (§2.3), its parent is an empty non-terminal.
        ask("*.wild.example.com", A).answer("*.wild.example.com. 3600 A 192.0.2.7"),
        ask("wild.example.com", A).nodata(),
        ask("x.*.wild.example.com", A).nxdomain(),
        ask("xx.wc.example.com", A)
            .answer(&format!("xx.wc.example.com. 3600 CNAME www.example.com.\n{WWW}")),
        ask("xx.wc.example.com", CNAME).answer("xx.wc.example.com. 3600 CNAME www.example.com."),
        ask("x.wout.example.com", A)
            .answer("x.wout.example.com. 3600 CNAME www.elsewhere.example.")
            .counted("alias"),
        ask("x.wnone.example.com", A)
            .nxdomain()
            .answer("x.wnone.example.com. 3600 CNAME none.example.com."),
        // An asterisk in the middle is no wildcard (§2.1.1), but `*.star` exists without data and covers all below.
        ask("literal.*.star.example.com", A).answer("literal.*.star.example.com. 3600 A 192.0.2.8"),
        ask("x.star.example.com", A).nodata(),
        ask("to-wild.example.com", A).answer(
            "to-wild.example.com. 3600 CNAME x.wild.example.com.
             x.wild.example.com. 3600 A 192.0.2.7",
        ),
    ]
}

/// RFC 8482 §4.2: a record that says that there is more to know than is told.
fn everything() -> Vec<Case> {
    let brief = |name: &str| format!("{name}. 3600 HINFO \"RFC8482\" \"\"");
    vec![
        ask("www.example.com", ANY).answer(&brief("www.example.com")).counted("any"),
        ask("x.wild.example.com", ANY).answer(&brief("x.wild.example.com")).counted("any"),
        ask("alias.example.com", ANY)
            .answer("alias.example.com. 3600 CNAME www.example.com.")
            .counted("any"),
        ask("ent.example.com", ANY).nodata(),
        ask("none.example.com", ANY).nxdomain(),
    ]
}
