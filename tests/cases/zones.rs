//! The zones that are asked about: a parent, its child and a neighbour, all served by one server.

use crate::kit::ConfigDir;
use std::fmt::Write;

/// The SOA of the parent as negative answers bear it: TTL is the lesser of its own and MINIMUM (RFC 2308 §3).
pub const NEGATIVE_SOA: &str = "example.com. 300 SOA ns1.example.com. hostmaster.example.com. \
    2026010101 7200 1800 1209600 300";

/// A label of 63 octets.
pub const LONG_LABEL: &str = "sixty-three-octets-is-what-a-label-may-have-and-not-a-single--1";

const PARENT: &str = r#"$ORIGIN example.com.
$TTL 3600
@        SOA   ns1 hostmaster 2026010101 7200 1800 1209600 300
@        NS    ns1
@        NS    ns2.example.org.
@        MX    10 mail
@        MX    20 mail.elsewhere.example.
@        TXT   "v=spf1 -all"
@        CAA   0 issue "ca.example.net"
ns1      A     192.0.2.53
ns1      AAAA  2001:db8::53
mail     A     192.0.2.25
mail     AAAA  2001:db8::25
www  300 A     192.0.2.1
www  300 A     192.0.2.2
www  300 AAAA  2001:db8::1
txt      TXT   "one" "two words" "\"quoted\""
odd      TYPE65534 \# 3 010203
a\.b     A     192.0.2.46
MiXeD    A     192.0.2.77
_sip._udp SRV  0 5 5060 mail
_sip._udp SRV  1 5 5060 sip.elsewhere.example.
svc      HTTPS 1 . alpn=h2
svc      A     192.0.2.80
to-www   HTTPS 0 www
a.b.ent  A     192.0.2.3

alias    CNAME www
alias2   CNAME alias
to-txt   CNAME txt
to-none  CNAME none
to-ent   CNAME ent
away     CNAME www.elsewhere.example.
twin     CNAME lan.lan.
loop1    CNAME loop2
loop2    CNAME loop1
self     CNAME self
to-wild  CNAME x.wild
to-cut   CNAME x.bare

*.wild   A     192.0.2.7
*.wild   TXT   "any"
host.wild TXT  "exists"
*.wc     CNAME www
*.wout   CNAME www.elsewhere.example.
*.wnone  CNAME none
literal.*.star A 192.0.2.8

tree 600 DNAME oak
tree     TXT   "beside a DNAME"
a.oak    A     192.0.2.9
to-tree  CNAME a.tree
far      DNAME elsewhere.example.

sub      NS    ns.sub
sub      NS    ns.elsewhere.example.
sub      DS    12345 13 2 0101010101010101010101010101010101010101010101010101010101010101
ns.sub   A     192.0.2.99
ns.sub   AAAA  2001:db8::99
bare     NS    ns.elsewhere.example.
sibling  NS    ns.sub
child    NS    ns1
child    DS    54321 13 2 0202020202020202020202020202020202020202020202020202020202020202
"#;

const CHILD: &str = "$ORIGIN child.example.com.
$TTL 900
@    SOA ns1.example.com. hostmaster.example.com. 7 7200 1800 1209600 60
@    NS  ns1.example.com.
www  A   192.0.2.100
";

const NEIGHBOUR: &str = "$ORIGIN example.org.
$TTL 900
@    SOA ns1.example.com. hostmaster.example.com. 8 7200 1800 1209600 3600
@    NS  ns1.example.com.
ns2  A   198.51.100.53
www  A   198.51.100.1
";

/// Addresses of `big` (more than 512 octets), `huge` (more than 1232) and `vast` (more than 4096).
pub const BIG: [(&str, usize); 3] = [("big", 40), ("huge", 100), ("vast", 300)];
/// Name servers of `crowd`, whose glue fits into no small datagram.
pub const CROWD: usize = 30;

/// A directory with all of it.
pub fn directory() -> ConfigDir {
    ConfigDir::new()
        .zone("example.com", &parent())
        .zone("child.example.com", CHILD)
        .zone("example.org", NEIGHBOUR)
}

fn parent() -> String {
    let mut text = PARENT.to_owned();
    // Writing into a String cannot fail.
    for (name, count) in BIG {
        for n in 0..count {
            let _ = writeln!(text, "{name} A 198.51.{}.{}", 100 + n / 256, n % 256);
        }
    }
    for n in 0..CROWD {
        let _ = writeln!(text, "crowd NS ns{n}.crowd\nns{n}.crowd A 203.0.113.{n}");
        let _ = writeln!(text, "ns{n}.crowd AAAA 2001:db8:c::{n:x}");
    }
    let _ = writeln!(text, "long DNAME {}", [LONG_LABEL; 2].join("."));
    text
}
