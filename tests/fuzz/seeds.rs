//! Writes what the fuzzer begins with: `seeds DIRECTORY` makes a directory of files for each target.

/// The tests' own query builder.
#[allow(dead_code, reason = "seeds need only a part of it")]
#[path = "../kit"]
mod kit {
    pub mod name;
    pub mod query;
    pub mod types;
}

use kit::query::{Query, record};
use kit::types::*;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let directory = std::env::args().nth(1).expect("usage: seeds DIRECTORY");
    // The first octets say who asks, and over what.
    let client = |query: &Query| [b"\0\xc6\x33\x64\x07", &query.bytes()[..]].concat();
    let packets: Vec<Vec<u8>> = packets().iter().map(client).collect();
    let zones: Vec<Vec<u8>> = ZONES.iter().map(|text| text.as_bytes().to_vec()).collect();
    let names: Vec<Vec<u8>> = NAMES.iter().map(|bytes| bytes.to_vec()).collect();
    let feeds: Vec<Vec<u8>> = FEEDS.iter().map(|text| text.as_bytes().to_vec()).collect();
    for (target, seeds) in [
        ("packet", packets),
        ("ecs", subnets()),
        ("zone_text", zones),
        ("name", names),
        ("feeds", feeds),
    ] {
        let directory = Path::new(&directory).join(target);
        std::fs::create_dir_all(&directory)?;
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(directory.join(number.to_string()), seed)?;
        }
    }
    Ok(())
}

/// Questions for the site that the `packet` target serves: steered, plain, below a wildcard, a DNAME and a cut.
fn packets() -> Vec<Query> {
    let mut queries = Vec::new();
    for name in [
        "www", "x.apps", "fenced", "x.wild", "alias", "loop", "x.tree", "x.sub", "ent", "none", "@",
    ] {
        let owner = if name == "@" { "example.com".into() } else { format!("{name}.example.com") };
        for rtype in [A, AAAA, NS, MX, TXT, DS, SVCB, ANY] {
            queries.push(Query::new(&owner, rtype).id(1));
        }
        queries.push(Query::new(&owner, A).id(1).ecs("198.51.100.0/24").nsid());
        queries.push(Query::new(&owner, AAAA).id(1).ecs("2001:db8::/56").edns(512).dnssec_ok());
    }
    let plain = || Query::new("www.example.com", A).id(1);
    queries.extend([
        plain().case("big.example.com").edns(512),
        plain().case("x.crowd.example.com").edns(512),
        plain().case("_s._tcp.example.com").retype(SRV),
        plain().case("here.example.com").retype(DNAME),
        plain().case("wWw.eXaMpLe.CoM").flags(RD | CD | AD),
        plain().opcode(OPCODE_NOTIFY),
        plain().opcode(OPCODE_UPDATE).class(CLASS_NONE),
        plain().class(CLASS_CH).case("version.bind"),
        plain().edns_version(1),
        plain().cookie(b"01234567").option(11, &[]).option(12, &[0; 31]),
        plain().also_ask("example.com", NS),
        plain().no_question(),
        plain().name_bytes(b"\xc0\x0c"),
        plain().edns(1232).with(3, record("", OPT, 4096, 0, &[])),
        plain().with(
            3,
            record("key", TSIG, CLASS_ANY, 0, b"\x08hmac-md5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ),
        plain().flags(QR),
        plain().tail(b"rest"),
    ]);
    queries
}

/// Client Subnet options without code and length.
fn subnets() -> Vec<Vec<u8>> {
    let seeds: [&[u8]; 8] = [
        b"\0\x01\x18\0\xc6\x33\x64",
        b"\0\x01\x19\0\xc6\x33\x64\x80",
        b"\0\x01\0\0",
        b"\0\0\0\0",
        b"\0\x02\x38\0\x20\x01\x0d\xb8\0\0\0",
        b"\0\x02\x80\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x07",
        b"\0\x01\x18\x18\xc6\x33\x64",
        b"\0\x03\x08\0\x01",
    ];
    seeds.iter().map(|seed| seed.to_vec()).collect()
}

const NAMES: [&[u8]; 6] = [
    b"\0",
    b"\x03www\x07example\x03com\0",
    b"www.example.com.",
    br"a\.b\200\\.c",
    b"\x01*\x01x\0",
    b"TYPE65534",
];

const ZONES: [&str; 3] = [
    "$TTL 1h\n@ SOA ns1 hostmaster 1 2h 30m 2w 5m\n NS ns1\nns1 A 192.0.2.1\n AAAA 2001:db8::1\n",
    r#"$ORIGIN example.com.
$TTL 300
@ IN SOA ns hostmaster ( 1 ; serial
  2h 1h 2w 60 )
@ 300 IN NS ns.example.net.
$GENERATE 1-3/2 host-${0,3,d} A 192.0.2.$
txt TXT "a \"quoted\" ; string" b\059c ( "several"
  "lines" )
mx MX 10 mail
srv SRV 0 5 443 www.example.net.
www CNAME @
old DNAME new.example.net.
caa CAA 0 issue "ca.example.net; x=1"
h HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
x TYPE65534 \# 4 0a000001
y A \# 4 c0000201
"#,
    r#"$ORIGIN a.
$INCLUDE other.zone b.
@ 1 CLASS1 TYPE1 \# 4 (
01 02
0304 )
\065\.b NAPTR 1 2 "s" "" "!x!" .
"#,
];

/// HAProxy's statistics, a document, an agent's table, and the kernel's own.
const FEEDS: [&str; 4] = [
    "# pxname,svname,scur,stot,status,weight,bck,type,rtime,mode,last_chk,addr,\n\
     web,web1,7,90,UP,3,0,2,12,http,L7OK,10.0.0.2:80,\n\
     web,web2,0,4,DOWN 1/2,1,0,2,0,http,\"Connection \"\"refused\"\"\",[2001:db8::3]:80,\n\
     web,web3,0,4,MAINT (via web/web1),1,1,2,0,http,,unix,\n\
     web,BACKEND,9,98,UP,4,0,1,11,http,,,\n\n",
    r#"{"maintenance":true,"sessions":123,"response_ms":4.5,"reals":[
        {"name":"web2","address":"10.0.0.3:80","state":"up","weight":3,"sessions":61,"response_ms":3.9},
        {"address":"[2001:db8::4]:80","state":"draining"},{"name":"web4","state":"maintenance"}]}"#,
    r#"{"version":1,"at":"1970-01-01T00:00:00Z","maintenance":false,"services":[
        {"protocol":"tcp","address":"192.0.2.100","port":80,"scheduler":"wlc","reals":[
        {"address":"10.0.0.2","port":80,"forward":"masq","weight":3,"active":12,"inactive":4}]}],
        "skipped":["FWM 1"]}"#,
    "IP Virtual Server version 1.2.1 (size=4096)\n\
     Prot LocalAddress:Port Scheduler Flags\n\
     \x20 -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
     UDP  C0000264:0035 sh ops \n\
     \x20 -> 0A000005:0035      Route   1      0          9         \n\
     TCP  [2001:0db8:000f:0000:0000:0000:0000:0100]:0050 wlc \n\
     \x20 -> [2001:0db8:000f:0000:0000:0000:0000:0002]:0050      Tunnel  3      7          1         \n\
     SCTP C0000264:0B59 rr  \n\
     FWM  0000000A rr persistent 300 FFFFFFFF\n\
     \x20 -> 0A000007:0000      Masq    1      0          0         \n",
];
