//! Whole configurations: what they mean, and what is read again.

use super::{Fixture, SITES, ZONE};
use crate::config::{Dnstap, DnstapMessages, DnstapSink};
use crate::geo::{Coordinates, GeoCode};
use crate::health::{CheckKind, OverrideTarget, Pin};
use crate::report::{Style, render};
use crate::steer::model::{Method, OnAllDown, Rule};
use crate::wire::Name;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SERVER: &str = r#"
[server]
listen = ["127.0.0.1:5353", "[::1]:5353"]     # UDP and TCP
udp_workers = 0                               # 0 = one per core
zones  = "zones"                              # directory, watched: ORIGIN.zone and ORIGIN.toml

[geoip]
databases = ["geoip/world.mmdb"]
networks  = "geoip/networks.toml"

[admin]
listen = "127.0.0.1:8053"

[sites]
fra = { name = "Frankfurt", location = "EU-DE",    coordinates = [50.11, 8.68] }
iad = { name = "Ashburn",   location = "NA-US-VA", coordinates = [39.04, -77.49] }

[checks.web]
type = "http"
port = 8080
path = "/healthz"
expect = "200-299,301"
interval = "5s"
timeout = "2s"
fall = 3
rise = 2

[routes]
europe-first = [ { geo = ["EU"], sites = ["fra", "iad"] } ]
"#;

const STEERING: &str = r#"
[pools.web]
check   = "web"
answers = 2
method  = "weighted"
min_up  = 0.5
on_all_down = "all"
endpoints = [
  { site = "fra", a = "192.0.2.10", aaaa = "2001:db8:f::10", weight = 3 },
  { site = "fra", a = "192.0.2.11", weight = 1, check = { port = 8081, path = "/x", address = "10.0.0.1" } },
  { site = "iad", a = "198.51.100.10", weight = 1 },
]

[names.www]
pool = "web"
ttl  = 30
route = [
  { subnets = ["10.0.0.0/8"], sites = ["iad"] },
  { geo = ["EU", "AF"], sites = ["fra", "iad"] },
  { nearest = true },
]

[names."*.eu"]
pool = "web"
ttl = "1m"
route = "europe-first"
strict = true

[names."@"]
pool = "web"
"#;

fn name(text: &str) -> Name {
    Name::parse(text, None).expect(text)
}

/// The example, with every file that it can have.
fn example() -> Fixture {
    let fixture = Fixture::with_server(SERVER);
    fixture
        .write("zones/example.com.toml", STEERING)
        .write("geoip/world.mmdb", "opened by others")
        .write(
            "geoip/networks.toml",
            "[networks]\n\"10.0.0.0/8\" = { location = \"NA-US-VA\", coordinates = [38.9,-77.0], \
             asn = 64500, sites = [\"iad\",\"fra\"] }",
        )
        .write(
            "overrides.toml",
            "[[override]]\nsite = \"fra\"\nstate = \"drain\"\nuntil = 2999-12-01T00:00:00Z\n\
             reason = \"works\"\nby = \"me\"",
        );
    fixture
}

#[test]
fn what_a_tap_leaves_out_is_filled_in() {
    let tap = |text: &str| {
        let fixture = Fixture::with_server(text);
        let loaded = fixture.load(None);
        assert_eq!(fixture.findings(&loaded), [""; 0], "{text}");
        (loaded.server.expect("a sound server").dnstap.clone(), fixture)
    };
    assert_eq!(tap("").0, None);
    let (short, fixture) = tap("server.nsid = \"ns1\"\n[dnstap]\nfile = \"state/tap\"");
    let short = short.expect("a tap");
    assert_eq!(short.sink, DnstapSink::File(fixture.path("state/tap")));
    assert_eq!((short.sample, short.messages), (1.0, DnstapMessages::Both));
    assert_eq!(short.identity, "ns1");
    assert_eq!(short.version, format!("fingerpost {}", env!("CARGO_PKG_VERSION")));
    let (whole, _fixture) = tap(
        "[dnstap]\nsocket = \"/run/tap\"\nsample = 0.01\nmessages = \"queries\"\nidentity = \"i\"\n\
         version = \"v\"",
    );
    let expected = Dnstap {
        sink: DnstapSink::Socket("/run/tap".into()),
        sample: 0.01,
        messages: DnstapMessages::Queries,
        identity: "i".to_owned(),
        version: "v".to_owned(),
    };
    assert!(expected.is_alike(&Dnstap { sample: 1.0, ..expected.clone() }));
    assert!(!expected.is_alike(&short));
    assert_eq!(whole, Some(expected));
    let (named, _fixture) = tap("[dnstap]\nfile = \"x\"");
    assert!(!named.expect("a tap").identity.is_empty(), "the host has a name");
}

#[test]
fn the_example_means_what_it_says() {
    let fixture = example();
    let loaded = fixture.load(None);
    assert_eq!(fixture.findings(&loaded), Vec::<String>::new());
    let server = loaded.server.expect("a sound server");
    assert_eq!(server.listen, ["127.0.0.1:5353".parse().unwrap(), "[::1]:5353".parse().unwrap()]);
    assert_eq!(server.databases, [fixture.path("geoip/world.mmdb")]);
    let admin = server.admin.as_ref().expect("an API");
    assert_eq!(admin.listen, ["127.0.0.1:8053".parse().unwrap()]);
    assert_eq!((&admin.token_file, &admin.tokens), (&None, &None));
    assert_eq!(server.ecs_trust.len(), 2);
    assert_eq!(server.udp_payload_bytes_max, 1232);

    let [zone] = &loaded.zones[..] else { panic!("one zone") };
    let spec = zone.spec.as_ref().expect("a sound zone");
    assert_eq!(spec.origin, name("example.com"));
    assert_eq!(spec.zone.record_count(), 3);
    let [www, wildcard, apex] = &spec.names[..] else { panic!("three names") };
    assert_eq!((&www.owner, www.ttl_s), (&name("www.example.com"), 30));
    assert_eq!((&wildcard.owner, wildcard.ttl_s), (&name("*.eu.example.com"), 60));
    assert_eq!((&apex.owner, apex.ttl_s), (&name("example.com"), 30));
    assert!(Arc::ptr_eq(&www.pool, &apex.pool), "one pool, shared");
    assert_eq!(apex.route.rules, [Rule::Nearest]);
    assert!(wildcard.route.strict && !www.route.strict);
    let Rule::Geo { codes, sites } = &wildcard.route.rules[0] else { panic!("a geo rule") };
    assert_eq!((&codes[..], sites.len()), (&[GeoCode::Continent(*b"EU")][..], 2));
    assert!(Arc::ptr_eq(&sites[0], &www.pool.endpoints[0].site), "one site, shared");

    let pool = &www.pool;
    assert_eq!((pool.answers, pool.method, pool.min_up), (2, Method::Weighted, 0.5));
    assert_eq!((pool.on_all_down, &pool.zone), (OnAllDown::All, &Some(name("example.com"))));
    let names: Vec<&str> = pool.endpoints.iter().map(|endpoint| &endpoint.name[..]).collect();
    assert_eq!(names, ["fra-1", "fra-2", "iad-1"]);
    let [first, second, third] = &pool.endpoints[..] else { panic!("three endpoints") };
    assert_eq!(first.probe_a.as_ref().unwrap().target, "192.0.2.10:8080".parse().unwrap());
    assert_eq!(first.probe_aaaa.as_ref().unwrap().target, "[2001:db8:f::10]:8080".parse().unwrap());
    assert_eq!(second.probe_a.as_ref().unwrap().target, "10.0.0.1:8081".parse().unwrap());
    assert_eq!(second.probe_aaaa, None);
    let path = |endpoint: &crate::steer::model::Endpoint| {
        let check = &endpoint.probe_a.as_ref().unwrap().check;
        let CheckKind::Http(http) = &check.kind else { panic!("http") };
        assert_eq!(http.expect, [200..=299, 301..=301]);
        assert_eq!((check.interval, check.fall), (Duration::from_secs(5), 3));
        http.path.clone()
    };
    assert_eq!([path(first), path(second), path(third)], ["/healthz", "/x", "/healthz"]);

    let [network] = &loaded.networks.expect("sound networks")[..] else { panic!("one network") };
    assert_eq!(network.location.asn, Some(64500));
    assert_eq!(network.location.sites, Some(vec!["iad".to_owned(), "fra".to_owned()]));
    let [pinned] = &loaded.overrides.expect("sound overrides").list[..] else { panic!("one pin") };
    assert_eq!(pinned.target, OverrideTarget::Site { zone: None, name: "fra".into() });
    assert_eq!(pinned.pin(), Some(Pin::Drain));
    for input in [
        "fingerpost.toml",
        "zones",
        "zones/example.com.zone",
        "zones/example.com.toml",
        "overrides.toml",
    ] {
        assert!(loaded.inputs.contains(&fixture.path(input)), "{input}");
    }
}

#[test]
fn an_empty_file_is_a_server() {
    let fixture = Fixture::with_server("");
    let loaded = fixture.load(None);
    assert_eq!(fixture.findings(&loaded), Vec::<String>::new());
    let server = loaded.server.expect("a sound server");
    assert_eq!(server.listen.len(), 2);
    assert_eq!(server.ecs_trust.len(), 2);
    assert_eq!(server.zones, fixture.path("zones"));
    assert_eq!((&server.tls, &server.admin), (&None, &None));
    assert_eq!(loaded.networks.map(|networks| networks.len()), Some(0));
    assert_eq!(loaded.overrides.map(|overrides| overrides.list.len()), Some(0));
}

#[test]
fn a_zones_own_definitions_come_first() {
    let pool = |address: &str| {
        format!(
            "[pools.web]\ncheck = \"tcp\"\nendpoints = [ {{ site = \"fra\", a = \"{address}\" }} ]\n"
        )
    };
    let check = |port: u16| format!("[checks.tcp]\ntype = \"tcp\"\nport = {port}\n");
    let names = "[names.www]\npool = \"web\"\n";
    let fixture = Fixture::with_server(&[SITES, &check(1), &pool("192.0.2.1")].concat());
    let own_site = "[sites]\nfra = { coordinates = [1, 2] }\n";
    let target = |steering: &str| {
        fixture.write("zones/example.com.toml", steering);
        let loaded = fixture.load(None);
        let spec = loaded.zones[0].spec.clone().expect("a sound zone");
        let endpoint = spec.names[0].pool.endpoints[0].clone();
        (endpoint.probe_a.as_ref().unwrap().target.to_string(), endpoint.site.clone())
    };
    assert_eq!(target(names).0, "192.0.2.1:1");
    let (address, site) = target(&[&pool("192.0.2.2"), names].concat());
    assert_eq!((&address[..], &site.zone), ("192.0.2.2:1", &None));
    let (address, site) = target(&[own_site, &check(3), &pool("192.0.2.2"), names].concat());
    assert_eq!(address, "192.0.2.2:3");
    assert_eq!(site.zone, Some(name("example.com")));
    let own = Coordinates { latitude_deg: 1.0, longitude_deg: 2.0 };
    assert_eq!(site.coordinates, Some(own));
}

#[test]
fn a_broken_zone_leaves_the_others() {
    let fixture = Fixture::with_server(SITES);
    fixture
        .write("zones/text.example.zone", "@ SOA broken\n")
        .write("zones/steering.example.zone", ZONE)
        .write("zones/steering.example.toml", "[names.www]\npool = \"none\"\n");
    let loaded = fixture.load(None);
    let outcome: Vec<(String, bool)> =
        loaded.zones.iter().map(|zone| (zone.origin.to_string(), zone.spec.is_some())).collect();
    let expected = [("example.com.", true), ("steering.example.", false), ("text.example.", false)];
    assert_eq!(outcome, expected.map(|(name, sound)| (name.to_owned(), sound)));
    assert!(loaded.server.is_some());
    assert!(loaded.report.has_errors());
}

#[test]
fn errors_of_the_server_leave_no_server_and_hide_no_zone() {
    let fixture = Fixture::with_server("[server]\nnsid = 3\n");
    fixture.write("zones/example.com.toml", "[names.www]\npool = \"none\"\n");
    let loaded = fixture.load(None);
    assert!(loaded.server.is_none());
    assert_eq!(loaded.report.error_count(), 2);
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let fixture = Fixture::with_server(SERVER);
    fixture
        .write("geoip/world.mmdb", "")
        .write("geoip/networks.toml", "")
        .write("zones/example.com.toml", STEERING)
        .write("zones/plain.example.zone", ZONE)
        .write("zones/included.example.zone", "$INCLUDE part\nx 60 A 192.0.2.1\n")
        .write("zones/part", ZONE);
    let mut before = fixture.load(None);
    // Which zones are other ones than before: example.com, included.example, plain.example.
    let mut changed = |expected: [bool; 3]| {
        let now = fixture.load(Some(&before.cache));
        assert_eq!(fixture.findings(&now), fixture.findings(&before));
        let same = |(old, new): (&super::super::ZoneLoad, &super::super::ZoneLoad)| {
            let (old, new) = (old.spec.as_ref().unwrap(), new.spec.as_ref().unwrap());
            assert_eq!(Arc::ptr_eq(old, new), old.digest == new.digest, "{}", old.origin);
            !Arc::ptr_eq(old, new)
        };
        let changed: Vec<bool> = before.zones.iter().zip(&now.zones).map(same).collect();
        assert_eq!(changed, expected);
        before = now;
    };
    changed([false, false, false]);
    fixture.write("zones/plain.example.zone", ZONE.replace("300", "301"));
    changed([false, false, true]);
    fixture.write("zones/part", ZONE.replace("300", "301"));
    changed([false, true, false]);
    fixture.write("zones/example.com.toml", STEERING.replace("30", "31"));
    changed([true, false, false]);
    fixture.write("fingerpost.toml", SERVER.replace("udp_workers = 0", "udp_workers = 1"));
    changed([false, false, false]);
    fixture.write("fingerpost.toml", SERVER.replace("/healthz", "/health"));
    changed([true, false, false]);
    changed([false, false, false]);
}

#[test]
fn a_broken_zone_is_read_again_until_it_is_sound() {
    let fixture = Fixture::with_server("");
    fixture.write("zones/example.com.zone", "$INCLUDE part\n");
    let before = fixture.load(None);
    assert!(before.zones[0].spec.is_none());
    fixture.write("zones/part", ZONE);
    assert!(fixture.load(Some(&before.cache)).zones[0].spec.is_some());
}

#[test]
fn encrypted_transports_need_a_certificate_and_its_key() {
    let made = rcgen::generate_simple_self_signed(vec!["ns.example".to_owned()]).expect("made");
    let fixture = Fixture::with_server(
        "[tls]\ncertificate = \"x.pem\"\nkey = \"x.key\"\ndot = [\"127.0.0.1:8853\"]\n\
         doh = [\"127.0.0.1:8443\"]\ndoq = [\"127.0.0.1:8853\"]\ndoh_path = \"/q\"\n",
    );
    fixture.write("x.pem", made.cert.pem()).write("x.key", made.signing_key.serialize_pem());
    let loaded = fixture.load(None);
    assert_eq!(fixture.findings(&loaded), Vec::<String>::new());
    let server = loaded.server.expect("a sound server");
    let tls = server.tls.as_ref().expect("encrypted transports");
    assert_eq!(tls.doh_path, "/q");
    assert_eq!((tls.dot.len(), tls.doh.len(), tls.doq.len()), (1, 1, 1));
    assert!(loaded.inputs.contains(&fixture.path("x.key")));
}

#[test]
#[cfg(unix)]
fn tokens_are_read_with_the_configuration() {
    use std::os::unix::fs::PermissionsExt;
    let fixture =
        Fixture::with_server("[admin]\nlisten = [\"0.0.0.0:8053\"]\ntoken_file = \"tokens\"\n");
    let token = "0123456789abcdef0123456789abcdef";
    let mut loaded = Vec::new();
    for line in [token, "dashboard: 76543210fedcba9876543210fedcba98"] {
        fixture.write("tokens", line);
        let mode = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(fixture.path("tokens"), mode).expect("a mode");
        let load = fixture.load(loaded.last().map(|load: &crate::config::Loaded| &load.cache));
        assert_eq!(fixture.findings(&load), Vec::<String>::new());
        assert!(load.inputs.contains(&fixture.path("tokens")));
        loaded.push(load);
    }
    let tokens = |load: &crate::config::Loaded| {
        let admin = load.server.as_ref().and_then(|server| server.admin.clone());
        admin.and_then(|admin| admin.tokens).expect("tokens")
    };
    assert!(tokens(&loaded[0]).find(token.as_bytes()).is_some());
    assert!(tokens(&loaded[1]).find(token.as_bytes()).is_none());
    assert_eq!(tokens(&loaded[1]).first().name.as_deref(), Some("dashboard"));
}

/// Texts near to sound ones: a few stretches of it replaced by words that mean something elsewhere.
pub(super) fn mangled(text: &'static str) -> impl Strategy<Value = String> {
    let words = [
        "",
        "\"",
        "[",
        "]",
        "{ x = 1 }",
        "\n",
        "0",
        "-1.5",
        "\"fra\"",
        "nan",
        "[names.x]",
        "pool",
        "=",
    ];
    let cut = (0..text.len(), 0..12_usize, prop::sample::select(words.to_vec()));
    prop::collection::vec(cut, 1..4).prop_map(move |cuts| {
        cuts.into_iter().fold(text.to_owned(), |mut text, (at, length, word)| {
            // The texts are ASCII throughout, so every offset is the begin of a character.
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.replace_range(at..end, word);
            text
        })
    })
}

proptest! {
    /// Whatever stands in the files, reading them ends with a report.
    #[test]
    fn no_text_makes_it_panic(server in mangled(SERVER), steering in mangled(STEERING)) {
        let fixture = Fixture::with_server(&server);
        fixture.write("zones/example.com.toml", &steering);
        let loaded = fixture.load(None);
        let shown = render(&loaded.report, Style::Pretty { colour: false });
        prop_assert_eq!(shown.is_empty(), loaded.report.findings.is_empty());
    }
}

#[test]
fn ten_thousand_zones_load_in_seconds() {
    const ZONES: usize = 10_000;
    let fixture = Fixture::with_server(
        &[SITES, "[pools.web]\nendpoints = [ { site = \"fra\", a = \"192.0.2.1\" } ]\n"].concat(),
    );
    for index in 1..ZONES {
        fixture.write(&format!("zones/z{index}.example.zone"), ZONE);
        if index % 2 == 0 {
            fixture.write(&format!("zones/z{index}.example.toml"), "[names.www]\npool = \"web\"\n");
        }
    }
    let timed = |previous| {
        let begin = Instant::now();
        (fixture.load(previous), begin.elapsed())
    };
    let (first, cold) = timed(None);
    let (second, warm) = timed(Some(&first.cache));
    println!("{ZONES} zones: {cold:?} at first, {warm:?} again");
    assert!(first.zones.len() == ZONES && first.zones.iter().all(|zone| zone.spec.is_some()));
    let pairs = first.zones.iter().zip(&second.zones);
    assert!(
        pairs
            .into_iter()
            .all(|(a, b)| Arc::ptr_eq(a.spec.as_ref().unwrap(), b.spec.as_ref().unwrap()))
    );
    // An unoptimised build on a slow, busy machine; optimised it takes a tenth.
    assert!(cold < Duration::from_secs(60), "{cold:?}");
    assert!(warm < Duration::from_secs(15), "{warm:?}");
}
