//! Directors: what they mean, whose VIPs they share, and what pools make of them.

use super::{Fixture, SITES};
use crate::config::Loaded;
use crate::health::{CheckKind, Comeback};
use crate::steer::director::{
    Director, FeedSource, HaproxySource, HttpAuth, HttpSource, Mode, Protocol, Scheduler,
};
use crate::steer::model::{Method, Pool};
use crate::wire::Name;
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
        FeedSource::Ipvs(HttpSource { url: "http://10.0.0.1:8054/".into(), auth })
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
    assert_eq!(target("check = { type = \"tcp\", interval = \"1s\" }"), expected(8080, true, "d"));
    assert_eq!(target("check = { type = \"https\", port = 8443 }"), expected(8443, false, "d"));
}

/// A director of the given name, site, VIP and more.
fn written(name: &str, site: &str, vip: &str, more: &str) -> String {
    format!(
        "[directors.{name}]\nsite = \"{site}\"\nvip = {{ a = \"{vip}\" }}\nmode = \"nat\"\n\
         service = \"tcp/80\"\nreals = [ {{ address = \"10.0.0.2:80\", weight = 5 }} ]\n{more}\n"
    )
}

#[test]
fn directors_that_share_a_vip_are_one_endpoint() {
    let server = [
        SITES,
        &written("b", "fra", "192.0.2.100", ""),
        &written("a", "fra", "192.0.2.100", ""),
        &written("c", "fra", "192.0.2.101", ""),
        &written("far", "iad", "192.0.2.100", "")
            .replace("tcp/80", "udp/80")
            .replace("weight = 5 } ]", "weight = 5 } ]\ncheck = { type = \"tcp\" }"),
    ];
    let fixture = Fixture::with_server(&server.concat());
    // What each endpoint is called, weighs and stands for.
    let endpoints = |steering: &str| {
        let steering = format!("{steering}\n[names.www]\npool = \"web\"\nroute = []\n");
        fixture.write("zones/example.com.toml", steering.replace("route = []\n", ""));
        let loaded = fixture.load(None);
        let placed = |found: &&String| !found.contains("no client can be placed");
        let found: Vec<String> = fixture.findings(&loaded).iter().filter(placed).cloned().collect();
        assert_eq!(found, [""; 0]);
        let pool = pool(&loaded);
        let shown = pool.endpoints.iter().map(|endpoint| {
            let vip = endpoint.vip.iter().flat_map(|vip| &vip.directors);
            let names: Vec<&str> = vip.map(|director| &director.name[..]).collect();
            format!("{} {} {}", endpoint.name, endpoint.weight, names.join("+"))
        });
        shown.collect::<Vec<_>>()
    };
    let pool_of = |list: &str| format!("[pools.web]\nendpoints = [ {list} ]\n");
    let both = pool_of(
        "{ director = \"a\" }, { director = \"b\" }, { director = \"c\", name = \"x\", weight = 7 }",
    );
    assert_eq!(endpoints(&both), ["a 5 b+a", "x 7 c"]);
    let mixed = pool_of(
        "{ director = \"b\" }, { site = \"fra\", a = \"192.0.2.9\" }, { director = \"far\" }",
    )
    .replace("\"far\" }", "\"far\", weight = 2 }");
    let found = std::panic::catch_unwind(|| endpoints(&mixed));
    assert!(found.is_err(), "192.0.2.100 stands twice");
    // A zone's own come first, and join the server's.
    let own = written("lvs", "fra", "192.0.2.100", "") + &written("b", "fra", "192.0.2.7", "");
    let list = pool_of("{ director = \"a\" }, { director = \"lvs\" }, { director = \"b\" }");
    assert_eq!(endpoints(&(list.clone() + &own)), ["a 5 lvs+a", "b 5 b"]);
    // At another site, they do not: whoever wrote the zone's file means another place.
    let elsewhere = own.replace(
        "site = \"fra\"\nvip = { a = \"192.0.2.100\"",
        "site = \"iad\"\nvip = { a = \"192.0.2.100\"",
    );
    let lists = pool_of("{ director = \"lvs\" }, { director = \"b\" }");
    assert_eq!(endpoints(&(lists + &elsewhere)), ["lvs 5 lvs", "b 5 b"]);
}
