//! What clients get, told as `question → answer` over a zone and a small world. The authoritative rules one by one are
//! the wire tests' part; these are about steering, scopes, sizes and what decides between them.

mod records;

use super::*;
use crate::geo::{GeoCode, Location, Ranges, World};
use crate::health::Standing;
use crate::report::{Report, Source};
use crate::snapshot::{Catalog, Standings, Trust, ZoneInput};
use crate::steer::classes::Atlas;
use crate::steer::model::{Endpoint, Method, OnAllDown, Pool, Route, Rule, SteeredName};
use crate::steer::pool::Family;
use crate::steer::testing::{self, endpoint, site};
use crate::wire::Name;
use crate::zone::{Zone, text};
use hickory_proto::op::Message;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

const ZONE: &str = "\
$TTL 300
@ SOA ns1 hostmaster 1 2 3 4 60
@ NS ns1
@ NS ns2
@ MX 10 www
ns1 A 192.0.2.53
ns2 A 192.0.2.54
host A 192.0.2.7
alias CNAME www
far CNAME www.elsewhere.
loop1 CNAME loop2
loop2 CNAME loop1
svc HTTPS 1 . alpn=h2
svc A 192.0.2.9
web HTTPS 1 www alpn=h2
*.apps HTTPS 1 . alpn=h2
nobody HTTPS 0 .
nobody A 192.0.2.8
mirror HTTPS 0 web
to-apps MX 10 mx.apps
to-turn6 SRV 0 0 443 turn6
machine HINFO PC OS
machine A 192.0.2.10
to-sub CNAME x.sub
walk DNAME walk2
walk2 DNAME walk
a.deep.ent TXT \"x\"
sub NS ns.sub
sub NS ns.other
sub DS 1 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
ns.sub A 192.0.2.99
ns.sub AAAA 2001:db8::99
old DNAME www
*.wild TXT \"wild\"
big TXT ( \"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
 \"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
 \"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
 \"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"
 \"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" )
";

/// The world of these tests: 198.51.0.0/16 is Germany, 203.0.0.0/9 the US, 2001:db8:d::/48 Germany; the rest is
/// unknown.
fn world() -> World {
    let place = |code: &str| Location {
        place: Some(code.parse::<GeoCode>().expect("a code")),
        source: "test".into(),
        ..Location::default()
    };
    let v4 = |text: &str| u32::from(text.parse::<Ipv4Addr>().expect("an address"));
    let v6 = |text: &str| u128::from(text.parse::<Ipv6Addr>().expect("an address"));
    World {
        v4: Ranges::from_prefixes(0, [(v4("198.51.0.0"), 16, 1), (v4("203.0.0.0"), 9, 2)]),
        v6: Ranges::from_prefixes(0, [(v6("2001:db8:d::"), 48, 1)]),
        locations: vec![Location::default(), place("EU-DE"), place("NA-US")],
    }
}

/// Two sites: `fra` with endpoints .10 (weight 3) and .11 (weight 1), `iad` with .20; all but .11 have AAAA too.
fn pool(name: &str, method: Method, on_all_down: OnAllDown) -> Arc<Pool> {
    let endpoint = |at: &str, last: u8, weight| Endpoint {
        aaaa: (last != 11).then(|| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into())),
        ..endpoint(format!("{at}-{last}"), Arc::new(site(at)), last, weight)
    };
    let endpoints = [endpoint("fra", 10, 3), endpoint("fra", 11, 1), endpoint("iad", 20, 1)];
    Arc::new(Pool { method, on_all_down, ..testing::pool(name, endpoints) })
}

/// Standings by endpoint name; who is not named is up.
struct Health(BTreeMap<&'static str, Standing>);

impl Standings for Health {
    fn standing(&self, _: &Pool, endpoint: &Endpoint, _: Family) -> Standing {
        self.0.get(endpoint.name.as_str()).copied().unwrap_or(Standing::Up)
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        false
    }
}

fn name(text: &str) -> Name {
    Name::parse(text, Some(&Name::parse("example.com", None).expect("a name"))).expect("a name")
}

fn snapshot_with(settings: Settings, down: &[&'static str]) -> Snapshot {
    let mut report = Report::default();
    let source = Source::new("example.com.zone", ZONE);
    let origin = name("@");
    let read = text::read_str(
        source,
        &origin,
        &mut |_| Err(std::io::ErrorKind::NotFound.into()),
        &mut report,
    );
    assert!(!report.has_errors(), "{report:?}");
    let geo = |code: &str, at: &str| Rule::Geo {
        codes: vec![code.parse().expect("a code")],
        sites: vec![Arc::new(site(at))],
    };
    let by_country =
        Arc::new(Route { rules: vec![geo("NA-US", "iad"), geo("EU", "fra")], strict: false });
    let fence = Arc::new(Route { rules: vec![geo("EU", "fra")], strict: true });
    let everywhere = Arc::new(Route::default());
    let web = pool("web", Method::Weighted, OnAllDown::All);
    let steered = |owner: &str, pool: &Arc<Pool>, route: &Arc<Route>| SteeredName {
        owner: name(owner),
        pool: pool.clone(),
        ttl_s: 30,
        route: route.clone(),
    };
    let names = vec![
        steered("www", &web, &by_country),
        steered("*.apps", &web, &by_country),
        steered("fenced", &web, &fence),
        steered("one", &web, &everywhere),
        steered("hash1", &pool("hash", Method::Hash, OnAllDown::All), &everywhere),
        steered("hash", &pool("hash", Method::Hash, OnAllDown::All), &by_country),
        steered("turn", &pool("turn", Method::RoundRobin, OnAllDown::All), &by_country),
        steered("turn6", &records::both_families(), &everywhere),
        steered("empty", &pool("empty", Method::Weighted, OnAllDown::Nodata), &by_country),
        steered("broken", &pool("broken", Method::Weighted, OnAllDown::Servfail), &by_country),
    ];
    let owners: Vec<Name> = names.iter().map(|name| name.owner.clone()).collect();
    let zone = Arc::new(Zone::build(&origin, &read.records, &owners).expect("small enough"));
    let input = ZoneInput { zone, names: names.into() };
    let mut atlas = Atlas::new(Arc::new(world()));
    let catalog = Catalog::compile(&[input], &mut atlas, settings, None);
    let health = Health(down.iter().map(|name| (*name, Standing::Down)).collect());
    Snapshot::new(1, Arc::new(catalog), &health)
}

fn snapshot(down: &[&'static str]) -> Snapshot {
    snapshot_with(Settings::default(), down)
}

/// A query; `ecs` as `address/bits`.
fn query(text: &str, rtype: &str, ecs: Option<&str>) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name(text).as_wire());
    let rtype: Rtype = rtype.parse().expect("a type");
    message.extend_from_slice(&rtype.0.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    if let Some((address, bits)) = ecs.map(|ecs| ecs.split_once('/').expect("address/bits")) {
        let bits: u8 = bits.parse().expect("bits");
        let (family, octets) = match address.parse().expect("an address") {
            IpAddr::V4(v4) => (1, v4.octets().to_vec()),
            IpAddr::V6(v6) => (2, v6.octets().to_vec()),
        };
        let sent = usize::from(bits).div_ceil(8);
        message[11] = 1;
        message.extend_from_slice(&[
            0,
            0,
            41,
            16,
            0,
            0,
            0,
            0,
            0,
            0,
            (8 + sent) as u8,
            0,
            8,
            0,
            (4 + sent) as u8,
        ]);
        message.extend_from_slice(&[0, family, bits, 0]);
        message.extend_from_slice(&octets[..sent]);
    }
    message
}

fn client(address: &str, random: u64) -> Client {
    Client { address: address.parse().expect("an address"), transport: Transport::Udp, random }
}

fn ask(snapshot: &Snapshot, message: &[u8], client: &Client) -> (Outcome, Vec<u8>) {
    let mut out = [0; MESSAGE_BYTES_MAX];
    let outcome = answer(snapshot, &mut Scratch::default(), message, client, &mut out);
    (outcome, out[..outcome.bytes].to_vec())
}

/// `reason scope: records`, owners left out where they are the question's, the zone's name left out everywhere.
fn told(snapshot: &Snapshot, text: &str, rtype: &str, ecs: Option<&str>) -> String {
    let (outcome, response) = ask(snapshot, &query(text, rtype, ecs), &client("192.0.2.200", 0));
    let message = Message::from_vec(&response).expect("another decoder reads it too");
    let records: Vec<String> = message
        .answers
        .iter()
        .map(|record| format!("{} {}", record.record_type(), record.data))
        .collect();
    let scope = outcome.scope_bits.map_or(String::new(), |bits| format!(" /{bits}"));
    format!("{}{scope}: {}", outcome.reason, records.join(", ").replace(".example.com.", ""))
}

#[test]
fn steered_by_place_with_an_exact_scope() {
    let snapshot = snapshot(&[]);
    let check = |text, rtype, ecs, expected: &str| {
        assert_eq!(told(&snapshot, text, rtype, Some(ecs)), expected)
    };
    check("www", "A", "198.51.100.0/24", "steered /5: A 192.0.2.10");
    check("www", "A", "203.0.5.0/24", "steered /9: A 192.0.2.20");
    check("www", "A", "203.0.0.0/8", "steered /9: A 192.0.2.20");
    check("www", "A", "203.128.0.0/24", "steered /9: A 192.0.2.10");
    // Teredo (2001::/32) holds all of IPv4, and so several classes, next door.
    check("www", "AAAA", "2001:db8:d::/48", "steered /21: AAAA 2001:db8::a");
    check("www", "AAAA", "203.0.5.0/24", "steered /9: AAAA 2001:db8::14");
    check("x.y.apps", "A", "203.0.5.0/24", "steered /9: A 192.0.2.20");
    check("one", "A", "203.0.5.0/24", "steered /0: A 192.0.2.10");
    check("alias", "A", "203.0.5.0/24", "steered /9: CNAME www, A 192.0.2.20");
    check("fenced", "A", "198.51.7.0/24", "steered /16: A 192.0.2.10");
    check("fenced", "A", "203.0.5.0/24", "fenced /5: ");
    // An opt-out is placed by its resolver, and its answer is for everybody.
    check("www", "A", "0.0.0.0/0", "steered /0: A 192.0.2.10");
    check("host", "A", "203.0.5.0/24", "static /0: A 192.0.2.7");
    check("nothing", "A", "203.0.5.0/24", "nxdomain /0: ");
    check("www", "TXT", "203.0.5.0/24", "nodata /0: ");
}

#[test]
fn hash_answers_hold_for_the_network() {
    let snapshot = snapshot(&[]);
    let first = told(&snapshot, "hash", "A", Some("198.51.100.0/24"));
    assert!(first.starts_with("steered /24: A 192.0.2.1"), "{first}");
    let scope = |ecs| {
        told(&snapshot, "hash1", "A", Some(ecs)).split_once(':').expect("a reason").0.to_owned()
    };
    assert_eq!(scope("2001:db8::/64"), "steered /48");
    assert_eq!(scope("::ffff:192.0.2.1/128"), "steered /120");
    // ::/48 would hold all of IPv4 too, and those are many networks.
    assert_eq!(scope("::1/128"), "steered /81");
    for random in [1, u64::MAX / 2, u64::MAX] {
        let message = query("hash", "A", Some("198.51.100.0/24"));
        let (_, response) = ask(&snapshot, &message, &client("192.0.2.200", random));
        let (_, other) = ask(&snapshot, &message, &client("192.0.2.200", 0));
        assert_eq!(response, other, "the same network, the same endpoint");
    }
}

#[test]
fn round_robin_goes_round_whatever_else_is_asked() {
    let snapshot = snapshot(&[]);
    let mut scratch = Scratch::default();
    let mut out = [0; 512];
    let mut last = |text: &str, rtype: &str| {
        let bytes = answer(
            &snapshot,
            &mut scratch,
            &query(text, rtype, None),
            &client("192.0.2.1", 7),
            &mut out,
        )
        .bytes;
        out[bytes - 1]
    };
    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(last("turn", "A"));
        last("turn", "AAAA");
        last("www", "A");
    }
    assert_eq!(turns, [10, 11, 10, 11]);
}

#[test]
fn the_mix_follows_the_weights() {
    let snapshot = snapshot(&[]);
    let mut scratch = Scratch::default();
    let mut counts = BTreeMap::<u8, u32>::new();
    let mut out = [0; 512];
    let message = query("www", "A", None);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..100_000 {
        // xorshift64: good enough to be uniform, and the same every time.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let bytes =
            answer(&snapshot, &mut scratch, &message, &client("198.51.100.1", random), &mut out)
                .bytes;
        *counts.entry(out[bytes - 1]).or_default() += 1;
    }
    let share = f64::from(counts[&10]) / 100_000.0;
    assert!((share - 0.75).abs() < 0.0075, "{counts:?}");
}

#[test]
fn health_moves_answers_and_never_scopes() {
    let ecs = Some("198.51.100.0/24");
    let check = |down: &[&'static str], text, expected: &str| {
        assert_eq!(told(&snapshot(down), text, "A", ecs), expected, "{down:?}");
    };
    let all = &["fra-10", "fra-11", "iad-20"];
    check(&[], "www", "steered /5: A 192.0.2.10");
    check(&["fra-11"], "www", "steered /5: A 192.0.2.10");
    check(&["fra-10"], "www", "steered /5: A 192.0.2.20");
    check(&["fra-10", "iad-20"], "www", "degraded /5: A 192.0.2.11");
    check(all, "www", "fail-open /5: A 192.0.2.10");
    check(all, "empty", "down-nodata /5: ");
    check(all, "broken", "down-servfail /5: ");
    let (outcome, _) = ask(&snapshot(all), &query("broken", "A", ecs), &client("192.0.2.1", 0));
    assert_eq!(outcome.rcode, rcode::SERVFAIL);
}

#[test]
fn only_trusted_resolvers_place_their_clients() {
    let trust = Trust::new(vec!["192.0.2.0/25".parse().expect("a network")]);
    let snapshot = snapshot_with(Settings { ecs_trust: trust, ..Settings::default() }, &[]);
    let message = query("www", "A", Some("203.0.5.0/24"));
    let asked_by = |address| ask(&snapshot, &message, &client(address, 0));
    let (trusted, _) = asked_by("192.0.2.1");
    assert_eq!(trusted.scope_bits, Some(9));
    let (untrusted, response) = asked_by("192.0.2.200");
    assert_eq!(untrusted.scope_bits, None);
    assert!(!response.windows(4).any(|bytes| bytes == [0, 8, 0, 7]), "the option is not echoed");
}

#[test]
fn answers_fit_or_say_so() {
    let snapshot = snapshot(&[]);
    let check = |message: Vec<u8>, transport, truncated, bytes_max| {
        let client = Client { transport, ..client("192.0.2.1", 0) };
        let (outcome, response) = ask(&snapshot, &message, &client);
        assert_eq!((outcome.truncated, response[2] & 2 != 0), (truncated, truncated));
        assert!(response.len() <= bytes_max, "{}", response.len());
    };
    check(query("big", "TXT", None), Transport::Udp, true, 512);
    check(query("big", "TXT", Some("192.0.2.0/24")), Transport::Udp, false, 1232);
    check(query("big", "TXT", None), Transport::Tcp, false, MESSAGE_BYTES_MAX);
    let mut tiny = query("big", "TXT", Some("192.0.2.0/24"));
    // Owner and type stand before it; the record has 11 octets and the option 11 more.
    let payload = tiny.len() - 22 + 3;
    tiny[payload..payload + 2].copy_from_slice(&[0, 100]);
    check(tiny, Transport::Udp, true, 512);
}

#[test]
fn steered_targets_come_along_from_the_same_endpoint() {
    let snapshot = snapshot(&[]);
    for random in [0, u64::MAX] {
        let (outcome, response) = ask(
            &snapshot,
            &query("web", "HTTPS", Some("203.0.5.0/24")),
            &client("192.0.2.1", random),
        );
        assert_eq!(outcome.scope_bits, Some(9));
        let message = Message::from_vec(&response).expect("another decoder reads it too");
        let extra: Vec<String> =
            message.additionals.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(extra, ["192.0.2.20", "2001:db8::14"]);
    }
}

#[test]
fn rubbish_is_answered_or_dropped_and_never_panics() {
    use proptest::prelude::*;
    let snapshot = snapshot(&[]);
    let mut runner = proptest::test_runner::TestRunner::default();
    let strategy =
        (proptest::collection::vec(any::<u8>(), 0..96), any::<u64>(), 0..5_usize, any::<bool>());
    let names = ["www", "a.b.old", "loop1", "sub", "big"];
    runner
        .run(&strategy, |(noise, random, which, is_query)| {
            let mut message = query(names[which], "A", Some("198.51.100.0/24"));
            if is_query {
                for (at, byte) in noise.iter().enumerate() {
                    let place = (at * 7 + usize::from(*byte)) % message.len();
                    message[place] ^= byte & 0x55;
                }
            } else {
                message = noise;
            }
            let (outcome, response) = ask(&snapshot, &message, &client("198.51.100.9", random));
            prop_assert_eq!(outcome.bytes, response.len());
            if outcome.bytes > 0 {
                prop_assert_eq!(&response[..2], &message[..2]);
                prop_assert!(response[2] & 0x80 != 0);
                prop_assert!(Message::from_vec(&response).is_ok(), "{:02x?}", response);
            }
            Ok(())
        })
        .expect("every message has an end");
}
