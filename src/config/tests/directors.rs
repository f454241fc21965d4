//! Directors: what they mean, whose VIPs they share, and what pools make of them.

use super::whole::mangled;
use super::{Fixture, SITES};
use crate::config::{Cache, Loaded};
use crate::health::{CheckKind, Comeback};
use crate::steer::director::{
    Director, FeedSource, HaproxySource, HttpAuth, HttpSource, Mode, Protocol, Scheduler,
};
use crate::steer::model::{Method, Pool};
use crate::wire::Name;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const DIRECTORS: &str = r#"
[checks.web]
type = "http"
path = "/healthz"
source = "127.0.0.1"

[directors.lvs-fra]
site        = "fra"
vip         = { a = "192.0.2.100", aaaa = "2001:db8:f::100" }
mode        = "dr"
scheduler   = "sed"
service     = "tcp/80"
min_up      = 0.4
capacity    = 20000
maintenance = true
check       = "web"
feed        = { type = "ipvs", url = "http://10.0.0.1:8054", token_file = "agent.token" }
reals       = [
  { address = "10.0.0.2:80", weight = 3 },
  { name = "web2", address = "10.0.0.3:80" },
  { address = "[fd00::3]:80", weight = 0 },
]

[directors.ha-iad]
site    = "iad"
vip     = { a = "198.51.100.100" }
mode    = "proxy"
service = "tcp/443"
feed    = { type = "haproxy", socket = "/run/haproxy/admin.sock", interval = "5s", timeout = "2s" }
"#;

fn sound(fixture: &Fixture) -> Loaded {
    let loaded = fixture.load(None);
    assert_eq!(fixture.findings(&loaded), [""; 0]);
    loaded
}

/// Read without errors; what it leaves unchecked or idle is another test's subject.
fn usable(fixture: &Fixture, previous: Option<&Cache>) -> Loaded {
    let loaded = fixture.load(previous);
    assert!(!loaded.report.has_errors(), "{:#?}", fixture.findings(&loaded));
    loaded
}

fn director(loaded: &Loaded, name: &str) -> Arc<Director> {
    let all = loaded.directors();
    all.into_iter().find(|director| director.name == name).expect(name)
}

/// The one pool of the one zone.
fn pool(loaded: &Loaded) -> Arc<Pool> {
    loaded.names().next().expect("a steered name").pool.clone()
}

#[test]
fn every_key_means_what_it_says() {
    let fixture = Fixture::with_server(&[SITES, DIRECTORS].concat());
    fixture.write("agent.token", "0123456789abcdef");
    let loaded = sound(&fixture);
    let lvs = director(&loaded, "lvs-fra");
    assert_eq!((&lvs.site.name[..], &lvs.zone), ("fra", &None));
    let vips: Vec<String> = lvs.addresses().map(|address| address.to_string()).collect();
    assert_eq!(vips, ["192.0.2.100", "2001:db8:f::100"]);
    assert_eq!((lvs.mode, lvs.scheduler), (Mode::Dr, Scheduler::Sed));
    assert_eq!((lvs.service.protocol, lvs.service.port), (Protocol::Tcp, 80));
    assert_eq!((lvs.min_up, lvs.capacity, lvs.maintenance), (0.4, Some(20_000), true));
    let reals: Vec<(&str, u32)> =
        lvs.reals.iter().map(|real| (&real.name[..], real.weight)).collect();
    assert_eq!(reals, [("10.0.0.2:80", 3), ("web2", 1), ("[fd00::3]:80", 0)]);
    let probes: Vec<_> =
        lvs.reals.iter().map(|real| real.probe.as_ref().expect("a probe")).collect();
    assert_eq!(probes[1].target, "10.0.0.3:80".parse().unwrap());
    assert!(probes.iter().all(|probe| probe.check.name == "web"));
    assert_eq!(probes[1].check.source, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(probes[2].check.source, None);
    let feed = lvs.feed.as_ref().expect("a feed");
    let auth = Some(HttpAuth::TokenFile(fixture.path("agent.token")));
    assert_eq!(
        feed.source,
        FeedSource::Ipvs(HttpSource { url: "http://10.0.0.1:8054/".into(), auth, roots: None })
    );
    let times = [feed.interval, feed.timeout, feed.stale_after].map(|time| time.as_secs());
    assert_eq!(times, [2, 1, 10]);

    let ha = director(&loaded, "ha-iad");
    assert_eq!((ha.scheduler, ha.min_up, ha.maintenance), (Scheduler::Wlc, 0.5, false));
    assert_eq!((ha.reals.len(), ha.capacity), (0, None));
    let feed = ha.feed.as_ref().expect("a feed");
    let from = HaproxySource::Unix("/run/haproxy/admin.sock".into());
    assert_eq!(feed.source, FeedSource::Haproxy { from, backend: "ha-iad".into() });
    assert_eq!(feed.stale_after, Duration::from_secs(21), "three rounds");
}

#[test]
fn a_real_is_probed_at_its_own_port_unless_the_check_gives_one() {
    let target = |check: &str| {
        let fixture = Fixture::with_server(&format!(
            "{SITES}[checks.web]\ntype = \"http\"\n[checks.other]\ntype = \"tcp\"\nport = 9\n\
             [directors.d]\nsite = \"fra\"\nvip = {{ a = \"192.0.2.1\" }}\nmode = \"nat\"\nservice = \"tcp/80\"\n\
             reals = [ {{ address = \"10.0.0.2:8080\" }} ]\n{check}"
        ));
        let probe = director(&sound(&fixture), "d").reals[0].probe.clone().expect("a probe");
        let is_tcp = probe.check.kind == CheckKind::Tcp;
        (probe.target.to_string(), is_tcp, probe.check.name.clone())
    };
    let expected =
        |port: u16, is_tcp, name: &str| (format!("10.0.0.2:{port}"), is_tcp, name.into());
    assert_eq!(target(""), expected(8080, true, "d"));
    assert_eq!(target("check = \"web\""), expected(8080, false, "web"));
    assert_eq!(target("check = \"other\""), expected(9, true, "other"));
    assert_eq!(target("check = { type = \"tcp\", interval = \"3s\" }"), expected(8080, true, "d"));
    assert_eq!(target("check = { type = \"https\", port = 8443 }"), expected(8443, false, "d"));
}

/// A director of the given name, site and VIP, with one real.
fn written(name: &str, site: &str, vip: &str) -> String {
    format!(
        "[directors.{name}]\nsite = \"{site}\"\nvip = {{ a = \"{vip}\" }}\nmode = \"nat\"\n\
         service = \"tcp/80\"\nreals = [ {{ address = \"10.0.0.2:80\", weight = 5 }} ]\n"
    )
}

fn pool_of(list: &str) -> String {
    format!("[names.www]\npool = \"web\"\n[pools.web]\nendpoints = [ {list} ]\n")
}

#[test]
fn directors_that_share_a_vip_are_one_endpoint() {
    let server = [
        "geoip.databases = [\"world.mmdb\"]\n",
        SITES,
        &written("b", "fra", "192.0.2.100"),
        &written("a", "fra", "192.0.2.100"),
        &written("c", "fra", "192.0.2.101"),
        &written("other", "iad", "192.0.2.100").replace("tcp/80", "tcp/81"),
    ];
    let fixture = Fixture::with_server(&server.concat());
    fixture.write("world.mmdb", "opened by others");
    // What each endpoint is called, weighs and stands for.
    let check = |steering: String, expected: &[&str]| {
        fixture.write("zones/example.com.toml", &steering);
        let pool = pool(&usable(&fixture, None));
        let shown = pool.endpoints.iter().map(|endpoint| {
            let vip = endpoint.vip.iter().flat_map(|vip| &vip.directors);
            let names: Vec<&str> = vip.map(|director| &director.name[..]).collect();
            format!("{} {} {}", endpoint.name, endpoint.weight, names.join("+"))
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected, "{steering}");
    };
    check(
        pool_of(
            "{ director = \"a\" }, { director = \"b\" }, { director = \"c\", name = \"x\", weight = 7 }",
        ),
        &["a 5 b+a", "x 7 c"],
    );
    check(
        pool_of("{ director = \"other\" }, { site = \"iad\", a = \"192.0.2.9\" }"),
        &["other 5 other", "iad-2 1 "],
    );
    // A zone's own come first, and join the server's.
    let own = written("lvs", "fra", "192.0.2.100") + &written("b", "fra", "192.0.2.7");
    let all = "{ director = \"a\" }, { director = \"lvs\" }, { director = \"b\" }";
    check(pool_of(all) + &own, &["a 5 lvs+a", "b 5 b"]);
    // At another site they do not: whoever wrote the zone's file means another place.
    let elsewhere = own.replacen("fra", "iad", 1);
    let two = "{ director = \"lvs\" }, { director = \"b\" }";
    check(pool_of(two) + &elsewhere, &["lvs 5 lvs", "b 5 b"]);
}

#[test]
fn a_vip_is_probed_by_the_check_of_its_pool() {
    let fixture = Fixture::with_server(&[SITES, DIRECTORS].concat());
    fixture.write("agent.token", "0123456789abcdef");
    let targets = |check: &str| {
        fixture.write("zones/example.com.toml", pool_of("{ director = \"lvs-fra\" }") + check);
        let pool = pool(&usable(&fixture, None));
        let [endpoint] = &pool.endpoints[..] else { panic!("one endpoint") };
        assert_eq!((endpoint.weight, &endpoint.site.name[..]), (4, "fra"));
        endpoint.probes().map(|probe| probe.target.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(targets(""), [""; 0]);
    assert_eq!(targets("check = \"web\""), ["192.0.2.100:80", "[2001:db8:f::100]:80"]);
}

#[test]
fn what_pools_do_by_load_and_over_time() {
    let fixture = Fixture::with_server(&[SITES, DIRECTORS].concat());
    fixture.write("agent.token", "0123456789abcdef");
    let read = |keys: &str| {
        fixture.write("zones/example.com.toml", pool_of("{ director = \"lvs-fra\" }") + keys);
        pool(&usable(&fixture, None))
    };
    let plain = read("");
    assert_eq!((plain.method, plain.comeback), (Method::Weighted, Comeback::default()));
    assert_eq!((&plain.capacity[..], plain.damping), (&[][..], None));
    assert_eq!(plain.capacity_at(&plain.endpoints[0].site), Some(20_000), "the director's");
    let [minute, second] = [60, 1].map(Duration::from_secs);
    let full = read(
        "method = \"power-of-two\"\ncapacity = { fra = 30000 }\ndamping = \"2m\"\nslow_start = \"5m\"\n\
         failback_delay = \"30s\"\nhold_down_max = \"1h\"",
    );
    assert_eq!((full.method, full.damping), (Method::PowerOfTwo, Some(2 * minute)));
    assert_eq!((full.capacity[0].sessions, &full.capacity[0].site.name[..]), (30_000, "fra"));
    let (slow_start, failback_delay) = (5 * minute, 30 * second);
    let expected = Comeback { slow_start, failback_delay, hold_down_max: 60 * minute };
    assert_eq!(full.comeback, expected);
    assert_eq!(read("failback_delay = \"30s\"").comeback.hold_down_max, 10 * minute);
    assert_eq!(read("failback_delay = \"1h\"").comeback.hold_down_max, 60 * minute);
    for (word, method) in [
        ("least-connections", Method::LeastConnections),
        ("weighted-least-connections", Method::WeightedLeastConnections),
        ("least-response-time", Method::LeastResponseTime),
    ] {
        assert_eq!(read(&format!("check = \"web\"\nmethod = \"{word}\"")).method, method);
    }
}

#[test]
fn a_zone_changes_with_the_directors_that_it_hands_out_or_defines() {
    let fixture = Fixture::with_server(&[SITES, &written("a", "fra", "192.0.2.100")].concat());
    let steering = pool_of("{ director = \"a\" }, { director = \"own\" }")
        + &written("own", "fra", "192.0.2.101");
    fixture.write("zones/example.com.toml", &steering);
    let mut before = usable(&fixture, None);
    let names: Vec<(String, Option<Name>)> = before
        .directors()
        .iter()
        .map(|director| (director.name.clone(), director.zone.clone()))
        .collect();
    let zone = Name::parse("example.com", None).expect("a name");
    assert_eq!(names, [("a".to_owned(), None), ("own".to_owned(), Some(zone))]);
    let mut is_changed = |expected: bool| {
        let now = usable(&fixture, Some(&before.cache));
        let [old, new] = [&before, &now].map(|load| load.zones[0].spec.clone().expect("a zone"));
        assert_eq!(Arc::ptr_eq(&old, &new), old.digest == new.digest);
        assert_eq!(old.digest != new.digest, expected);
        before = now;
    };
    is_changed(false);
    fixture.write("zones/example.com.toml", steering.replace("weight = 5", "weight = 6"));
    is_changed(true);
    is_changed(false);
    let moved = written("a", "fra", "192.0.2.100").replace("10.0.0.2:80", "10.0.0.3:80");
    fixture.write("fingerpost.toml", [SITES, &moved].concat());
    is_changed(true);
    is_changed(false);
}

/// The examples of the README's chapter on directors, as they stand there, in a configuration with what they leave out.
#[test]
fn the_examples_of_the_readme_have_no_findings() {
    let readme = include_str!("../../../README.md");
    let (_, chapter) = readme.split_once("\n## Directors: the second tier\n").expect("the chapter");
    let example = |file: &str| {
        let begin = format!("```toml\n# {file}\n");
        let (_, rest) = chapter.split_once(&begin).expect(file);
        rest.split_once("```").expect("an end").0
    };
    let sin = "sin = { location = \"AS-SG\", coordinates = [1.35, 103.82] }\n";
    let fixture = Fixture::with_server(
        &["geoip.databases = [\"world.mmdb\"]\n", SITES, sin, example("fingerpost.toml")].concat(),
    );
    fixture.write("world.mmdb", "opened by others");
    let name = "[names.www]\npool = \"web\"\nroute = [ { subnets = [\"0.0.0.0/0\"], sites = [\"fra\"] } ]\n";
    fixture.write("zones/example.com.toml", [name, example("zones/example.com.toml")].concat());
    assert_eq!(sound(&fixture).directors().len(), 3);
}

proptest! {
    /// Whatever stands in the files, reading them ends with a report.
    #[test]
    fn no_director_makes_it_panic(directors in mangled(DIRECTORS)) {
        let fixture = Fixture::with_server(&[SITES, &directors].concat());
        let pool = pool_of("{ director = \"lvs-fra\" }, { director = \"ha-iad\" }");
        fixture.write("zones/example.com.toml", pool);
        let loaded = fixture.load(None);
        prop_assert!(loaded.server.is_some() || loaded.report.has_errors());
    }
}
