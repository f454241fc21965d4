//! Where steered names may stand, and what points at them.

use crate::bulk::ask_all;
use crate::case::{ask, ask_for, check, check_from};
use crate::kit::Query;
use crate::kit::types::*;
use crate::world::{FRA, IAD, NRT, SYD, crowd, pin, pool, start};

fn zone() -> String {
    let each = pool("each", &["fra", "iad", "nrt", "syd"], "");
    let crowds = [
        crowd("weighted", &[3, 2, 1], "answers = 1"),
        crowd("hash", &[1, 1, 1], "answers = 1\nmethod = \"hash\""),
    ]
    .concat();
    let each_named = ["\"@\"", "nearest", "\"*.any\"", "\"exact.any\"", "svc", "\"MiXed.case\""]
        .map(|name| format!("[names.{name}]\npool = \"each\"\nttl = 30\n"))
        .concat();
    let crowd_named = ["weighted", "hash"]
        .map(|name| format!("[names.{name}]\npool = \"{name}\"\nttl = 30\n"))
        .concat();
    let routed = r#"
[names.subnets]
pool = "each"
ttl = 30
route = [ { subnets = ["20.1.2.0/24"], sites = ["iad"] }, { nearest = true } ]

[names.fence]
pool = "each"
ttl = 30
strict = true
route = [ { geo = ["EU"], sites = ["fra"] } ]
"#;
    [&each, &*crowds, &each_named, &crowd_named, routed].concat()
}

#[test]
fn the_apex_and_wildcards_are_steered() {
    let apex_mx = "example.com. 3600 MX 10 nearest.example.com.";
    let cases = [
        ask_for("@", A, "20.1.0.0/24", 14).gets(FRA.0),
        ask_for("@", AAAA, "30.0.0.0/24", 23).gets(NRT.1),
        ask_for("@", NS, "20.1.0.0/24", 0)
            .answer("example.com. 3600 NS ns1.example.com.")
            .additional("ns1.example.com. 3600 A 192.0.2.53")
            .counted("static"),
        ask_for("@", TXT, "20.1.0.0/24", 0).nothing("nodata"),
        ask_for("@", MX, "20.1.0.0/24", 14)
            .answer(apex_mx)
            .helps("nearest", FRA.0)
            .helps("nearest", FRA.1)
            .counted("static"),
        // RFC 4592: a wildcard stands in for names that are not there, at any depth below it.
        ask_for("x.any", A, "20.1.0.0/24", 14).gets(FRA.0),
        ask_for("y.x.any", AAAA, "40.0.0.0/24", 10).gets(IAD.1),
        ask_for("*.any", A, "20.1.0.0/24", 14).gets(FRA.0),
        ask_for("exact.any", A, "70.0.0.0/24", 16).gets(SYD.0),
        ask_for("x.exact.any", A, "20.1.0.0/24", 0).rcode(NXDOMAIN).nothing("nxdomain"),
        ask_for("any", A, "20.1.0.0/24", 0).nothing("nodata"),
        ask_for("x.any", MX, "20.1.0.0/24", 0).nothing("nodata"),
        // Names are steered whatever their letter case.
        ask_for("mIxEd.CaSe", A, "20.1.0.0/24", 14).gets(FRA.0),
    ];
    check(&start(&zone()), &cases);
}

#[test]
fn aliases_lead_to_steered_names() {
    let to_nearest = "alias.example.com. 3600 CNAME nearest.example.com.";
    let twice = "alias2.example.com. 3600 CNAME alias.example.com.";
    let to_fence = "to-fence.example.com. 3600 CNAME fence.example.com.";
    let cases = [
        ask_for("alias", A, "20.1.0.0/24", 14).answer(to_nearest).gets_at("nearest", FRA.0),
        ask_for("alias", AAAA, "30.0.0.0/24", 23).answer(to_nearest).gets_at("nearest", NRT.1),
        ask_for("alias2", A, "40.0.0.0/24", 10)
            .answer(twice)
            .answer(to_nearest)
            .gets_at("nearest", IAD.0),
        ask_for("alias", CNAME, "20.1.0.0/24", 0).answer(to_nearest).counted("static"),
        ask_for("alias", MX, "20.1.0.0/24", 0).answer(to_nearest).nothing("nodata"),
        ask_for("to-fence", A, "20.1.0.0/24", 14).answer(to_fence).gets_at("fence", FRA.0),
        ask_for("to-fence", A, "40.0.0.0/24", 3).answer(to_fence).nothing("fenced"),
    ];
    check(&start(&zone()), &cases);
}

#[test]
fn what_points_at_steered_names_brings_their_addresses() {
    let srv = "_a._tcp.example.com. 3600 SRV 0 5 80 nearest.example.com.";
    // alpn=h2
    let https = "svc.example.com. 3600 HTTPS 1 . 00010003026832";
    let to = "to.example.com. 3600 HTTPS 1 nearest.example.com.";
    let mx = "both.example.com. 3600 MX 10 nearest.example.com.
        both.example.com. 3600 MX 20 subnets.example.com.";
    let both = |address: (&str, &str)| format!("{} {}", address.0, address.1);
    let cases = [
        ask_for("_a._tcp", SRV, "20.1.0.0/24", 14)
            .answer(srv)
            .helps("nearest", &both(FRA))
            .counted("static"),
        ask_for("svc", HTTPS, "30.0.0.0/24", 23)
            .answer(https)
            .helps("svc", &both(NRT))
            .counted("static"),
        ask_for("svc", A, "30.0.0.0/24", 23).gets(NRT.0),
        ask_for("to", HTTPS, "70.0.0.0/24", 16)
            .answer(to)
            .helps("nearest", &both(SYD))
            .counted("static"),
        // The longest scope of all that is in the answer.
        ask_for("both", MX, "20.1.2.0/24", 24)
            .answer(mx)
            .helps("nearest", &both(FRA))
            .helps("subnets", &both(IAD))
            .counted("static"),
        ask_for("both", MX, "40.0.0.0/24", 10)
            .answer(mx)
            .helps("nearest", &both(IAD))
            .helps("subnets", &both(IAD))
            .counted("static"),
    ];
    let server = start(&zone());
    check(&server, &cases);
    // Without Client Subnet, for the resolver.
    for (source, site) in [("127.0.0.1", FRA), ("127.0.0.4", SYD), ("::1", NRT)] {
        let case = ask("_a._tcp", SRV).answer(srv).helps("nearest", &both(site));
        check_from(&server, source, &[case.counted("static")]);
    }
}

/// The last number of an address, by which an endpoint of a crowd is known in either family.
pub fn endpoint(address: &str) -> &str {
    address.rsplit(['.', ':']).next().unwrap_or_default()
}

#[test]
fn both_families_of_one_answer_are_of_the_same_endpoints() {
    let server = start(&zone());
    let ask = |name: &str, rtype| {
        let query = |number: usize| {
            let [_, _, a, b] = (number as u32).to_be_bytes();
            Query::new(&format!("{name}.example.com"), rtype).ecs(&format!("60.{a}.{b}.0/24"))
        };
        ask_all(&server, &(0..600).map(query).collect::<Vec<_>>())
    };
    for pins in [&[][..], &[r#"endpoint = "fra-2", state = "down""#]] {
        pin(&server, pins);
        for name in ["mixed", "hashed"] {
            for reply in ask(name, MX) {
                let [a, aaaa] = &reply.additional[..] else { panic!("{reply:?}") };
                assert_eq!((a.rtype, aaaa.rtype), (A, AAAA), "{reply:?}");
                assert_eq!(endpoint(&a.data), endpoint(&aaaa.data), "{reply:?}");
            }
        }
        // A network has one endpoint in both families, asked for together or apart.
        for (a, aaaa) in ask("hash", A).iter().zip(&ask("hash", AAAA)) {
            assert_eq!(endpoint(&a.answer[0].data), endpoint(&aaaa.answer[0].data));
        }
    }
}
