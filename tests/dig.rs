//! Interoperability: BIND's `dig` and Knot's `kdig`, as people use them. Each test says so and ends where the program
//! that it needs is not installed.

mod kit;

use fingerpost::answer::Transport;
use kit::ConfigDir;
use kit::server::TestServer;
use std::process::Command;

const ZONE: &str = r#"$TTL 3600
@        SOA   ns1 hostmaster 2026010101 7200 1800 1209600 300
@        NS    ns1
@        MX    10 mail
ns1      A     192.0.2.53
mail     A     192.0.2.25
www      A     192.0.2.1
www      A     192.0.2.2
www      AAAA  2001:db8::1
alias    CNAME www
svc      HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.80
long     TXT   "a text" "and another"
$GENERATE 1-120 big A 198.51.100.$
sub      NS    ns.sub
ns.sub   A     192.0.2.99
"#;

const REVERSE: &str = "$TTL 3600\n@ SOA ns1.example.com. host.example.com. 1 7200 1800 1209600 300\n\
    @ NS ns1.example.com.\n1 PTR www.example.com.\n";

const STEERING: &str = r#"
[sites]
fra = { location = "EU-DE" }
iad = { location = "NA-US-VA" }
[pools.web]
endpoints = [ { site = "fra", a = "192.0.2.101" }, { site = "iad", a = "192.0.2.102" } ]
[names.geo]
pool = "web"
ttl = 7
route = [ { subnets = ["198.51.100.0/24", "2001:db8:1::/48"], sites = ["fra"] }, { geo = ["*"], sites = ["iad"] } ]
"#;

const CONFIG: &str = "[server]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\nzones = \"zones\"\nnsid = \"ns1.fra\"\n\
    [server.chaos]\nversion = \"fingerpost\"\n";

fn server() -> TestServer {
    TestServer::start_encrypted(
        ConfigDir::new()
            .server(CONFIG)
            .zone("example.com", ZONE)
            .steering("example.com", STEERING)
            .zone("2.0.192.in-addr.arpa", REVERSE),
    )
}

/// Whether a program can be run; says so where not.
fn installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("-v")
        .output()
        .or_else(|_| Command::new(program).arg("-V").output());
    if found.is_err() {
        eprintln!("skipped: {program} is not installed");
    }
    found.is_ok()
}

/// Runs a program against the server; what it says, with spaces in place of runs of white space.
fn run(program: &str, server: &TestServer, transport: Transport, arguments: &str) -> String {
    let address = server.address(transport);
    let once = if program == "dig" { "+tries=1" } else { "+retry=0" };
    let output = Command::new(program)
        .arg(format!("@{}", address.ip()))
        .args(["-p", &address.port().to_string(), once, "+timeout=5"])
        .args(arguments.split_whitespace())
        .output()
        .expect("a program that was found");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every row: where, what is asked, and what must be in the output; `!` before what must not.
fn check(program: &str, rows: &[(Transport, &str, &[&str])]) {
    if !installed(program) {
        return;
    }
    let server = server();
    let mut faults = Vec::new();
    for (transport, arguments, expected) in rows {
        let said = run(program, &server, *transport, arguments);
        for pattern in *expected {
            let right = match pattern.strip_prefix('!') {
                Some(absent) => !said.contains(absent),
                None => said.contains(pattern),
            };
            if !right {
                faults.push(format!("{program} {arguments}: not {pattern:?} in\n{said}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

const UDP: Transport = Transport::Udp;
const TCP: Transport = Transport::Tcp;

const DIG: &[(Transport, &str, &[&str])] = &[
    (
        UDP,
        "A www.example.com",
        &[
            "status: NOERROR",
            "flags: qr aa rd;",
            "www.example.com. 3600 IN A 192.0.2.1",
            "www.example.com. 3600 IN A 192.0.2.2",
            "ANSWER: 2",
            // dig tells of whatever it finds odd.
            "!WARNING: M",
            "!;; Got bad",
            "!malformed",
        ],
    ),
    (UDP, "A wWw.eXaMpLe.CoM", &[";wWw.eXaMpLe.CoM. IN A", "wWw.eXaMpLe.CoM. 3600 IN A"]),
    (UDP, "+norecurse A www.example.com", &["flags: qr aa;"]),
    (UDP, "A alias.example.com", &["CNAME www.example.com.", "A 192.0.2.2"]),
    (UDP, "HTTPS svc.example.com", &["HTTPS 1 . alpn=\"h2,h3\" ipv4hint=192.0.2.80"]),
    (UDP, "TXT long.example.com", &["\"a text\" \"and another\""]),
    (UDP, "MX example.com", &["MX 10 mail.example.com.", "mail.example.com. 3600 IN A 192.0.2.25"]),
    (UDP, "A none.example.com", &["status: NXDOMAIN", "example.com. 300 IN SOA"]),
    (UDP, "AAAA mail.example.com", &["status: NOERROR", "ANSWER: 0", "300 IN SOA"]),
    (
        UDP,
        "+norecurse A x.sub.example.com",
        &["flags: qr;", "sub.example.com. 3600 IN NS", "ns.sub.example.com. 3600 IN A 192.0.2.99"],
    ),
    (UDP, "A www.example.net", &["status: REFUSED"]),
    (UDP, "+short -x 192.0.2.1", &["www.example.com."]),
    (UDP, "-x 192.0.2.2", &["status: NXDOMAIN", "2.0.192.in-addr.arpa. 300 IN SOA"]),
    // Client Subnet, of both families, and its opt-out.
    (
        UDP,
        "+subnet=198.51.100.0/24 A geo.example.com",
        &["CLIENT-SUBNET: 198.51.100.0/24/24", "geo.example.com. 7 IN A 192.0.2.101"],
    ),
    (
        UDP,
        "+subnet=203.0.113.0/24 A geo.example.com",
        &["CLIENT-SUBNET: 203.0.113.0/24/", "A 192.0.2.102"],
    ),
    (
        UDP,
        "+subnet=2001:db8:1::/56 A geo.example.com",
        &["CLIENT-SUBNET: 2001:db8:1::/56/48", "A 192.0.2.101"],
    ),
    (UDP, "+subnet=0 A geo.example.com", &["status: NOERROR", "CLIENT-SUBNET: 0.0.0.0/0/0"]),
    (UDP, "+subnet=198.51.100.0/24 A www.example.com", &["CLIENT-SUBNET: 198.51.100.0/24/0"]),
    // EDNS and its sizes.
    (UDP, "A www.example.com", &["EDNS: version: 0, flags:; udp: 1232"]),
    (UDP, "+noedns A www.example.com", &["!EDNS", "ADDITIONAL: 0", "ANSWER: 2"]),
    (UDP, "+edns=1 +noednsneg A www.example.com", &["status: BADVERS", "EDNS: version: 0"]),
    (UDP, "+ednsopt=65001:cafe A www.example.com", &["status: NOERROR", "ANSWER: 2", "!OPT=65001"]),
    (UDP, "+ednsflags=0x40 A www.example.com", &["status: NOERROR", "!MBZ"]),
    (UDP, "+dnssec A www.example.com", &["status: NOERROR", "ANSWER: 2"]),
    (
        UDP,
        "+cookie=0123456789abcdef A www.example.com",
        &["status: NOERROR", "ANSWER: 2", "!MALFORMED"],
    ),
    (UDP, "+nsid A www.example.com", &["NSID:", "ns1.fra"]),
    (UDP, "+nsid +qr +padding=64 A www.example.com", &["status: NOERROR"]),
    (UDP, "+bufsize=512 +ignore A big.example.com", &["flags: qr aa tc rd;", "ANSWER: 0"]),
    (UDP, "+bufsize=512 A big.example.com", &["Truncated, retrying in TCP mode", "ANSWER: 120"]),
    (TCP, "+tcp A big.example.com", &["ANSWER: 120", "!tc rd"]),
    (TCP, "+tcp +keepalive A www.example.com", &["ANSWER: 2", "TCP KEEPALIVE: 10.0 secs"]),
    (
        TCP,
        "+keepopen +tcp A www.example.com AAAA www.example.com",
        &["A 192.0.2.1", "AAAA 2001:db8::1"],
    ),
    // Odd questions.
    (UDP, "version.bind CH TXT", &["version.bind. 0 CH TXT \"fingerpost\""]),
    (UDP, "hostname.bind CH TXT", &["status: REFUSED"]),
    (UDP, "ANY www.example.com +notcp", &["status: NOERROR", "ANSWER: 1"]),
    (UDP, "+opcode=notify SOA example.com", &["status: NOTIMP"]),
    (UDP, "+opcode=iquery A www.example.com", &["status: NOTIMP"]),
    (UDP, "+opcode=update SOA example.com", &["status: NOTIMP"]),
    (UDP, "+header-only", &["status: FORMERR"]),
    (TCP, "AXFR example.com", &["!192.0.2.25"]),
    (UDP, "+zflag +adflag +cdflag A www.example.com", &["status: NOERROR", "ANSWER: 2", "!MBZ"]),
];

#[test]
fn dig_understands_us() {
    check("dig", DIG);
}

#[test]
fn kdig_understands_us() {
    const ALL: [&str; 3] = ["status: NOERROR", "192.0.2.1", "ANSWER: 2"];
    check(
        "kdig",
        &[
            (UDP, "A www.example.com", &ALL),
            (TCP, "+tcp A www.example.com", &ALL),
            (
                UDP,
                "+subnet=198.51.100.0/24 A geo.example.com",
                &["198.51.100.0/24/24", "192.0.2.101"],
            ),
            (UDP, "+nsid A www.example.com", &["ns1.fra"]),
            (UDP, "+edns=1 A www.example.com", &["BADVERS"]),
            (UDP, "+padding=32 A www.example.com", &ALL),
            (UDP, "+bufsize=512 +ignore A big.example.com", &["tc", "ANSWER: 0"]),
            (UDP, "+cookie A www.example.com", &ALL),
            (
                TCP,
                "+tcp +keepopen A www.example.com AAAA www.example.com",
                &["192.0.2.1", "2001:db8::1"],
            ),
            (UDP, "TYPE65 svc.example.com", &["1 . alpn=h2,h3 ipv4hint=192.0.2.80"]),
        ],
    );
}

#[test]
fn kdig_understands_encrypted_transports() {
    const ALL: [&str; 3] = ["status: NOERROR", "192.0.2.1", "ANSWER: 2"];
    check(
        "kdig",
        &[
            (Transport::Tls, "+tls A www.example.com", &ALL),
            (
                Transport::Tls,
                "+tls +keepopen A www.example.com AAAA www.example.com",
                &["192.0.2.1", "2001:db8::1"],
            ),
            (Transport::Tls, "+tls A big.example.com", &["ANSWER: 120"]),
            (Transport::Https, "+https A www.example.com", &ALL),
            (Transport::Https, "+https-get A www.example.com", &ALL),
            (Transport::Https, "+https A big.example.com", &["ANSWER: 120"]),
            (
                Transport::Https,
                "+https +subnet=198.51.100.0/24 A geo.example.com",
                &["198.51.100.0/24/24"],
            ),
            (Transport::Quic, "+quic A www.example.com", &ALL),
            (Transport::Quic, "+quic A big.example.com", &["ANSWER: 120"]),
            (Transport::Quic, "+quic +subnet=198.51.100.0/24 A geo.example.com", &["192.0.2.101"]),
        ],
    );
}
