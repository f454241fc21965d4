//! EDNS Client Subnet (RFC 7871): what comes back, with which scope, and whose address counts.

use crate::bulk::{Draws, placed};
use crate::case::{Case, ask, ask_for, check, check_from, client, expect_none};
use crate::kit::server::TestServer;
use crate::kit::types::*;
use crate::kit::{Query, Udp};
use crate::world::{FRA, IAD, NRT, SYD, directory, pool, start};
use fingerpost::answer::Transport;

fn zone() -> String {
    let each = pool("each", &["fra", "iad", "nrt", "syd"], "");
    let solo = pool("solo", &["fra"], "");
    let names = r#"
[names.nearest]
pool = "each"
ttl = 30

[names.subnets]
pool = "each"
ttl = 30
route = [ { subnets = ["10.0.0.0/8"], sites = ["iad"] }, { nearest = true } ]

[names.fence]
pool = "each"
ttl = 30
strict = true
route = [ { geo = ["EU-DE"], sites = ["fra"] } ]

[names.everyone]
pool = "each"
ttl = 30
route = [ { subnets = ["0.0.0.0/0", "::/0"], sites = ["iad", "fra", "nrt", "syd"] } ]
strict = true

[names.solo]
pool = "solo"
ttl = 30
"#;
    [each, solo, names.to_owned()].concat()
}

#[test]
fn scopes_are_exact_and_minimal_where_worked_out_by_hand() {
    let fence = |subnet, scope| ask_for("fence", A, subnet, scope);
    let inside = |subnet, scope| fence(subnet, scope).gets(FRA.0);
    let outside = |subnet, scope| fence(subnet, scope).nothing("fenced");
    let cases = [
        // Germany from 20.0.0.0 on, but for 20.5.0.0/16, which has an order of its own.
        inside("20.1.0.0/16", 14),
        inside("20.0.0.0/8", 14),
        inside("20.4.0.0/24", 16),
        inside("20.64.0.0/16", 10),
        fence("20.5.0.0/24", 22).gets(SYD.0),
        outside("20.5.6.0/24", 24),
        // One address is elsewhere than all around it.
        inside("20.200.7.129/32", 32),
        outside("20.200.7.128/32", 32),
        // Longer than the source, which is too coarse.
        outside("20.200.7.0/24", 25),
        outside("8.8.8.0/24", 4),
        outside("0.0.0.0/1", 4),
        inside("2a00:1::/32", 30),
        inside("2a0f::/16", 13),
        outside("2a00:1234:5678:9abc::/64", 64),
        // No shorter, as Teredo's prefix begins alike and holds clients of all places.
        outside("2001:db8::/32", 21),
        // The same by AAAA.
        ask_for("fence", AAAA, "20.1.0.0/16", 14).gets(FRA.1),
        ask_for("fence", AAAA, "20.5.6.0/24", 24).nothing("fenced"),
    ];
    check(&start(&zone()), &cases);
}

#[test]
fn addresses_that_embed_ipv4_are_placed_by_it() {
    let fence = |subnet, scope| ask_for("fence", A, subnet, scope);
    let inside = |subnet, scope| fence(subnet, scope).gets(FRA.0);
    let outside = |subnet, scope| fence(subnet, scope).nothing("fenced");
    let cases = [
        // Mapped (RFC 4291 §2.5.5.2): 20.1.0.0/16.
        inside("::ffff:20.1.0.0/112", 110),
        outside("::ffff:20.5.6.0/120", 120),
        // 6to4 (RFC 3056 §2): 20.1.0.0/16, whatever follows.
        inside("2002:1401::/32", 30),
        inside("2002:1401:203:4:5::/80", 30),
        outside("2002::/16", 20),
        // NAT64 (RFC 6052 §2.1).
        inside("64:ff9b::20.1.0.0/112", 110),
        outside("64:ff9b::/96", 100),
        // Teredo (RFC 4380 §4): 20.1.2.3 with every bit turned.
        inside("2001:0:c000:201:0:0:ebfe:fdfc/128", 110),
        // Of which nothing is told: all bits are turned of nothing.
        outside("2001::/32", 97),
        // Neighbours of the embeddings are plain space.
        outside("2003::/16", 16),
        outside("::1/128", 81),
    ];
    check(&start(&zone()), &cases);
}

#[test]
fn what_holds_for_all_has_scope_0() {
    let subnets = ["20.1.2.0/24", "20.1.2.3/32", "2a00:1::/48", "2002:1401::/48", "0.0.0.0/1"];
    let nowhere = |case: Case, rcode| case.rcode(rcode).without_authority();
    let cases = subnets.map(|subnet| {
        let ask = |name, rtype| ask_for(name, rtype, subnet, 0);
        [
            ask("solo", A).gets(FRA.0),
            ask("solo", AAAA).gets(FRA.1),
            ask("everyone", A).gets(IAD.0),
            ask("static", A).answer("static.example.com. 3600 A 192.0.2.1").counted("static"),
            ask("nearest", TXT)
                .answer("nearest.example.com. 3600 TXT \"beside steered addresses\"")
                .counted("static"),
            ask("nearest", MX).nothing("nodata"),
            ask("static", MX).nothing("nodata"),
            ask("_tcp", A).nothing("nodata"),
            ask("none", A).rcode(NXDOMAIN).nothing("nxdomain"),
            ask("x.nearest", A).rcode(NXDOMAIN).nothing("nxdomain"),
            ask("x.away", A)
                .without_authority()
                .authority("away.example.com. 3600 NS ns1.away.example.com.")
                .additional("ns1.away.example.com. 3600 A 192.0.2.54")
                .counted("referral"),
            nowhere(ask("example.org.", A), REFUSED).counted("no-zone"),
            nowhere(ask("@", AXFR), REFUSED).counted("transfer"),
        ]
    });
    check(&start(&zone()), &cases.concat());
}

/// A source of 0 asks not to be placed (§7.1.2): the resolver's own address decides, and the scope says all.
#[test]
fn a_client_may_opt_out() {
    let server = start(&zone());
    let opted_out = |name: &str| {
        [
            ask_for(name, A, "0.0.0.0/0", 0),
            ask_for(name, A, "::/0", 0),
            // What `dig +subnet=0` sends.
            ask(name, A).with("family 0", |query| query.ecs_bytes(0, 0, 0, &[])).scope(0),
        ]
    };
    check_from(&server, "127.0.0.1", &opted_out("nearest").map(|case| case.gets(FRA.0)));
    check_from(&server, "127.0.0.2", &opted_out("nearest").map(|case| case.gets(IAD.0)));
    check_from(&server, "::1", &opted_out("nearest").map(|case| case.gets(NRT.0)));
    check_from(&server, "127.0.0.3", &opted_out("fence").map(|case| case.nothing("fenced")));
}

#[test]
fn without_a_subnet_the_resolver_is_the_client() {
    let server = start(&zone());
    let resolvers = [
        ("127.0.0.1", FRA),
        ("127.0.0.2", IAD),
        ("127.0.0.3", NRT),
        ("127.0.0.4", SYD),
        ("::1", NRT),
    ];
    for (source, (a, aaaa)) in resolvers {
        let cases = [
            ask("nearest", A).gets(a),
            ask("nearest", AAAA).gets(aaaa),
            ask("nearest", A).with("EDNS alone", |query| query.edns(1232)).gets(a),
            // The client's subnet, not the resolver, where it is told.
            ask_for("nearest", A, "30.0.0.0/24", 23).gets(NRT.0),
        ];
        check_from(&server, source, &cases);
    }
}

#[test]
fn a_resolver_that_is_not_trusted_is_placed_itself() {
    let dir = directory(&zone()).also("[ecs]\ntrust = [\"127.0.0.2/32\", \"127.8.0.0/16\"]\n");
    let server = TestServer::start(dir);
    let honoured = [ask_for("fence", A, "20.1.0.0/16", 14).gets(FRA.0)];
    check_from(&server, "127.0.0.2", &honoured);
    check_from(&server, "127.8.9.1", &honoured);
    let ignored = |name, subnet| ask(name, A).with(subnet, |query| query.ecs(subnet));
    let not_placed = [
        ignored("fence", "20.1.0.0/16").nothing("fenced"),
        ignored("nearest", "20.1.0.0/16").gets(NRT.0),
        ignored("solo", "20.1.0.0/16").gets(FRA.0),
        ignored("none", "20.1.0.0/16").rcode(NXDOMAIN).nothing("nxdomain"),
        ignored("nearest", "::/0").gets(NRT.0),
    ];
    check_from(&server, "127.0.0.3", &not_placed);
    check_from(&server, "::1", &not_placed);
    check_from(&server, "127.0.0.1", &[ignored("fence", "8.8.8.0/24").gets(FRA.0)]);
}

#[test]
fn malformed_subnets_are_refused() {
    let wrong = |what: &str, change: fn(Query) -> Query| {
        ask("nearest", A).with(what, change).rcode(FORMERR).without_authority().counted("malformed")
    };
    let cases = [
        wrong("family 3", |query| query.ecs_bytes(3, 24, 0, &[20, 1, 2])),
        wrong("family 0 with bits", |query| query.ecs_bytes(0, 8, 0, &[20])),
        wrong("family 256", |query| query.ecs_bytes(256, 24, 0, &[20, 1, 2])),
        wrong("33 bits of IPv4", |query| query.ecs_bytes(1, 33, 0, &[20, 1, 2, 3, 0])),
        wrong("129 bits of IPv6", |query| query.ecs_bytes(2, 129, 0, &[0; 17])),
        wrong("an octet too few", |query| query.ecs_bytes(1, 24, 0, &[20, 1])),
        wrong("an octet too many", |query| query.ecs_bytes(1, 24, 0, &[20, 1, 2, 0])),
        wrong("an octet for no bits", |query| query.ecs_bytes(1, 0, 0, &[0])),
        wrong("a host bit", |query| query.ecs_bytes(1, 23, 0, &[20, 1, 3])),
        wrong("a host bit of IPv6", |query| query.ecs_bytes(2, 33, 0, &[0x20, 1, 0xd, 0xb8, 0xc0])),
        wrong("a scope", |query| query.ecs_bytes(1, 24, 24, &[20, 1, 2])),
        wrong("a scope for no bits", |query| query.ecs_bytes(1, 0, 1, &[])),
        wrong("two subnets", |query| query.ecs("20.1.2.0/24").ecs("20.1.2.0/24")),
        wrong("two families", |query| query.ecs("20.1.2.0/24").ecs("2a00::/16")),
        wrong("nothing in it", |query| query.option(OPTION_ECS, &[])),
        wrong("half of it", |query| query.option(OPTION_ECS, &[0, 1, 24])),
    ];
    let server = start(&zone());
    check(&server, &cases);
    // Who is not trusted is told of mistakes all the same.
    let dir = directory(&zone()).also("[ecs]\ntrust = [\"192.0.2.0/24\"]\n");
    check(&TestServer::start(dir), &cases);
}

/// §7.2.1: FAMILY, SOURCE PREFIX-LENGTH and ADDRESS match those in the query; the scope is the network's around the
/// address told, whatever the source.
#[test]
fn every_length_of_either_family_comes_back_bit_for_bit() {
    let server = start(&zone());
    let mut draws = Draws(7871);
    let mut faults = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        for address in server.addresses(transport) {
            let mut asked = client(transport, address, None);
            let v4 = (0..=32).map(|bits| (1, 32, bits));
            let v6 = (0..=128).map(|bits| (2, 128, bits));
            for (family, width, bits) in v4.chain(v6) {
                let masked = match bits {
                    0 => 0,
                    bits => draws.next_wide() >> (128 - bits) << (128 - bits),
                };
                let octets = &masked.to_be_bytes()[..usize::from(bits as u8).div_ceil(8)];
                let query = Query::new("fence.example.com", A);
                let reply = asked(&query.ecs_bytes(family, bits as u8, 0, octets));
                let told = reply.ecs().expect("Client Subnet");
                let same = (told.family, u32::from(told.source), &told.address[..]);
                if same != (family, bits, octets) || u32::from(told.scope) > width {
                    faults.push(format!("{family} /{bits} {octets:x?}: {told:?}"));
                }
                assert!(bits > 0 || told.scope == 0, "an opt-out holds for all: {told:?}");
            }
        }
    }
    expect_none(&faults);
}

/// The option survives truncation, as it stands in OPT.
#[test]
fn other_options_do_not_disturb_it() {
    let server = start(&zone());
    let udp = Udp::to(server.address(Transport::Udp));
    let query = placed("fence", A, [20, 1, 2, 3].into());
    let query = query.nsid().cookie(b"8 octets").option(65_001, b"local").dnssec_ok();
    let reply = udp.ask(&query);
    assert_eq!(reply.ecs().map(|ecs| (ecs.source, ecs.scope)), Some((32, 14)), "{reply:?}");
    assert_eq!(reply.data(A), [FRA.0]);
}
