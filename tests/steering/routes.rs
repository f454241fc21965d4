//! Routes: which rule matches a client, and in which order the sites then serve.

use crate::bulk::placed;
use crate::case::{Case, ask_for, check, client};
use crate::kit::types::*;
use crate::world::{FRA, IAD, NRT, SYD, endpoint, pin, pool, start};
use fingerpost::answer::Transport;

fn zone() -> String {
    let each = pool("each", &["fra", "iad", "nrt", "syd"], "");
    let names = r#"
[names.subnets]
pool = "each"
ttl = 30
route = [
  { subnets = ["10.0.0.0/8", "2001:db8:a::/48"], sites = ["iad"] },
  { subnets = ["10.1.0.0/16", "2001:db8:a:1::/64"], sites = ["nrt"] },
  { subnets = ["10.1.2.3/32", "2001:db8:a:1::7/128"], sites = ["syd"] },
  { geo = ["*"], sites = ["fra"] },
]

[names.code]
pool = "each"
ttl = 30
strict = true
route = [
  { geo = ["*"], sites = ["syd"] },
  { geo = ["AS64500"], sites = ["nrt"] },
  { geo = ["NA", "AF"], sites = ["fra"] },
  { geo = ["NA-US"], sites = ["iad"] },
  { geo = ["NA-US-CA"], sites = ["nrt"] },
]

[names.nearest]
pool = "each"
ttl = 30

[names.in-order]
pool = "each"
ttl = 30
route = [ { geo = ["EU"], sites = ["syd", "nrt", "iad", "fra"] } ]

[names.rest]
pool = "each"
ttl = 30
route = [ { geo = ["SA"], sites = ["nrt"] } ]

[names.tiers]
pool = "each"
ttl = 30
route = [
  { geo = ["NA-US-CA"], sites = ["syd"] },
  { subnets = ["20.200.0.0/16", "20.1.0.0/16"], sites = ["nrt"] },
  { geo = ["NA-US", "EU"], sites = ["iad"] },
]

[names.fence]
pool = "each"
ttl = 30
strict = true
route = [ { subnets = ["10.0.0.0/8"], sites = ["nrt"] }, { geo = ["EU-DE", "EU-FR"], sites = ["fra", "iad"] } ]
"#;
    [each, names.to_owned()].concat()
}

/// A client at a whole address; the scope is another test's.
fn at(name: &str, client: &str, scope: u8, site: &str) -> Case {
    let bits = if client.contains(':') { 128 } else { 32 };
    let (a, _) = endpoint(site);
    ask_for(name, A, &format!("{client}/{bits}"), scope).gets(a)
}

#[test]
fn the_longest_subnet_wins_over_all_rules_of_its_kind() {
    let cases = [
        at("subnets", "10.0.0.1", 16, "iad"),
        at("subnets", "10.2.0.1", 15, "iad"),
        at("subnets", "10.128.0.1", 9, "iad"),
        at("subnets", "10.1.0.1", 23, "nrt"),
        at("subnets", "10.1.2.3", 32, "syd"),
        at("subnets", "10.1.2.2", 32, "nrt"),
        // The source tells less than the rules need to know.
        ask_for("subnets", A, "10.1.2.0/24", 31).gets(NRT.0),
        at("subnets", "2001:db8:a::1", 64, "iad"),
        at("subnets", "2001:db8:a:1::6", 128, "nrt"),
        at("subnets", "2001:db8:a:1::7", 128, "syd"),
        at("subnets", "2001:db8:a:8000::", 49, "iad"),
        // Embedded IPv4 is matched by IPv4.
        at("subnets", "::ffff:10.1.2.3", 128, "syd"),
        at("subnets", "2002:a01:203::1", 48, "syd"),
        at("subnets", "11.0.0.1", 8, "fra"),
    ];
    check(&start(&zone()), &cases);
}

#[test]
fn the_most_specific_code_wins_wherever_it_is_written() {
    let cases = [
        // A subdivision, in whose midst one address is German.
        at("code", "20.200.7.1", 25, "nrt"),
        // Its country.
        at("code", "20.200.8.1", 21, "iad"),
        at("code", "40.0.0.1", 10, "iad"),
        // A continent wins over an AS number, and that over the rest.
        at("code", "91.0.0.1", 16, "fra"),
        at("code", "90.0.0.1", 16, "nrt"),
        at("code", "91.1.0.1", 16, "nrt"),
        at("code", "50.0.0.1", 5, "syd"),
        at("code", "2600::1", 17, "iad"),
        at("code", "2600:8000::1", 17, "nrt"),
    ];
    check(&start(&zone()), &cases);
}

#[test]
fn nearest_goes_by_coordinates_and_else_by_the_middle_of_the_place() {
    let cases = [
        ("20.1.0.1", "fra"),
        ("40.0.0.1", "iad"),
        ("20.200.7.1", "iad"),
        ("50.0.0.1", "iad"),
        ("60.0.0.1", "fra"),
        ("30.0.1.1", "nrt"),
        ("70.0.0.1", "syd"),
        // Australian, but at Frankfurt.
        ("70.1.0.1", "fra"),
        ("2400::1", "nrt"),
        ("2600::1", "iad"),
    ];
    let server = start(&zone());
    let mut ask = client(Transport::Udp, server.address(Transport::Udp), None);
    for (client, site) in cases {
        let reply = ask(&placed("nearest", A, client.parse().expect("an address")));
        assert_eq!(reply.data(A), [endpoint(site).0], "{client} {reply:?}");
    }
}

#[test]
fn tiers_are_tried_in_the_order_written() {
    let cases = [
        at("tiers", "20.200.7.1", 25, "syd"),
        at("tiers", "20.200.8.1", 21, "nrt"),
        at("tiers", "20.1.0.1", 16, "nrt"),
        at("tiers", "20.2.0.1", 15, "iad"),
        // German, though all around it is not.
        at("tiers", "20.200.7.129", 32, "nrt"),
        // Nothing matches: by distance.
        at("tiers", "70.0.0.1", 16, "syd"),
    ];
    check(&start(&zone()), &cases);
}

/// Takes sites away one by one, best first.
fn follow(name: &str, client: &str, scope: u8, order: &[&str]) {
    let server = start(&zone());
    let mut pins = Vec::new();
    for site in order {
        check(&server, &[at(name, client, scope, site)]);
        pins.push(format!("site = \"{site}\", state = \"down\""));
        pin(&server, &pins.iter().map(String::as_str).collect::<Vec<_>>());
    }
    // All are down, and handed out as if all were up.
    check(&server, &[at(name, client, scope, order[0]).counted("fail-open")]);
}

#[test]
fn sites_serve_in_the_order_of_the_rule() {
    follow("in-order", "20.1.0.1", 14, &["syd", "nrt", "iad", "fra"]);
}

#[test]
fn sites_that_no_rule_names_follow_by_distance() {
    follow("rest", "50.0.0.1", 8, &["nrt", "iad", "fra", "syd"]);
    follow("rest", "70.0.0.1", 16, &["syd", "nrt", "iad", "fra"]);
}

#[test]
fn a_fence_keeps_out_whom_it_does_not_name() {
    let server = start(&zone());
    let out = |subnet, scope| {
        [A, AAAA].map(|rtype| ask_for("fence", rtype, subnet, scope).nothing("fenced"))
    };
    let cases = [
        out("70.0.0.0/24", 3),
        out("20.200.8.0/24", 21),
        out("2600::/32", 6),
        out("11.0.0.0/8", 8),
        // A place of its own, in Germany's midst.
        out("20.5.6.0/24", 24),
    ];
    check(&server, &cases.concat());
    let inside = [
        ask_for("fence", A, "20.1.0.0/24", 14).gets(FRA.0),
        ask_for("fence", A, "20.130.0.0/24", 10).gets(FRA.0),
        ask_for("fence", AAAA, "2a0f::/24", 13).gets(FRA.1),
        ask_for("fence", A, "10.0.0.0/8", 8).gets(NRT.0),
        // An order of the client's own network stands in the place of the codes.
        ask_for("fence", A, "20.5.0.0/24", 22).gets(SYD.0),
    ];
    check(&server, &inside);
    // A fence stands though all within it is down.
    pin(&server, &[r#"site = "fra", state = "down""#]);
    check(&server, &[ask_for("fence", A, "20.1.0.0/24", 14).gets(IAD.0)]);
    let both = [r#"site = "fra", state = "down""#, r#"site = "iad", state = "down""#];
    pin(&server, &both);
    let open = ask_for("fence", A, "20.1.0.0/24", 14).gets(FRA.0).counted("fail-open");
    check(&server, &[open]);
    check(&server, &out("70.0.0.0/24", 3));
}
