//! Directors end to end: real feeds and real probes, and what clients get of the VIPs.
//!
//! A feed is an HTTP backend whose document the test changes; real servers are backends that it stops. Networks are
//! counted over many subnets of one site's clients, so that the part which a site takes is seen in answers.

mod kit;

use fingerpost::answer::Transport;
use fingerpost::control::events::Kind;
use fingerpost::health::Standing;
use fingerpost::snapshot::Standings;
use fingerpost::steer::pool::Family;
use kit::server::TestServer;
use kit::types::*;
use kit::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 1 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

const SERVER: &str = r#"
[sites]
fra = { location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { location = "NA-US-VA", coordinates = [39.04, -77.49] }

[checks.real]
type = "http"
interval = "100ms"
timeout = "1s"
fall = 1
rise = 1
"#;

/// Every client is sent to Frankfurt first.
const ROUTE: &str = r#"
[names.www]
pool = "web"
ttl = 5
route = [ { subnets = ["10.0.0.0/8"], sites = ["fra", "iad"] } ]
"#;

const FRA: &str = "192.0.2.100";
const FRA_V6: &str = "2001:db8:f::100";
const IAD: &str = "198.51.100.100";
/// Networks that are asked for.
const NETWORKS: usize = 400;

fn backend() -> Backend {
    Backend::http(Ipv4Addr::LOCALHOST.into(), 0)
}

/// A director called `name` with this VIP and these reals; `more` are further keys.
fn director(name: &str, site: &str, vip: &str, reals: &[&Backend], more: &str) -> String {
    let real = |(backend, number): (&&Backend, usize)| {
        let address = backend.address();
        format!("{{ name = \"r{number}\", address = \"{address}\" }}")
    };
    let reals: Vec<String> = reals.iter().zip(1..).map(real).collect();
    format!(
        "[directors.{name}]\nsite = \"{site}\"\nvip.a = \"{vip}\"\nmode = \"proxy\"\nservice = \"tcp/80\"\n\
         check = \"real\"\nreals = [{}]\n{more}\n",
        reals.join(", ")
    )
}

/// A JSON feed from a backend that is asked often and believed for long enough.
fn feed(backend: &Backend) -> String {
    let address = backend.address();
    format!(
        "feed = {{ type = \"json\", url = \"http://{address}/\", interval = \"100ms\", timeout = \"1s\", \
         stale_after = \"2s\" }}"
    )
}

/// A document that says of each real what its letter does: `U`p, `d`own, `m`aintenance.
fn document(letters: &str, sessions: u64) -> Mode {
    let state = |letter| match letter {
        'U' => "up",
        'm' => "maintenance",
        _ => "down",
    };
    let real = |(letter, number): (char, usize)| {
        format!("{{\"name\": \"r{number}\", \"state\": \"{}\"}}", state(letter))
    };
    let reals: Vec<String> = letters.chars().zip(1..).map(real).collect();
    let reals = reals.join(", ");
    Mode::Answer(200, format!("{{\"sessions\": {sessions}, \"reals\": [{reals}]}}"))
}

fn directory(directors: &[String], pool: &str) -> ConfigDir {
    ConfigDir::new()
        .also(&format!("{SERVER}{}", directors.concat()))
        .zone("example.com", ZONE)
        .steering("example.com", &format!("[pools.web]\n{pool}\n{ROUTE}"))
}

fn start(directors: &[String], pool: &str) -> TestServer {
    TestServer::start(directory(directors, pool))
}

/// Parts of the networks that get each address, all of one generation: a count over a change would be of neither state.
fn parts(server: &TestServer) -> BTreeMap<String, f64> {
    until("a count of one generation", || {
        let generation = server.generation();
        let parts = parts_now(server);
        (server.generation() == generation).then_some(parts)
    })
}

fn parts_now(server: &TestServer) -> BTreeMap<String, f64> {
    parts_of(server, "www.example.com", A)
}

fn parts_of(server: &TestServer, name: &str, rtype: u16) -> BTreeMap<String, f64> {
    let client = Udp::to(server.address(Transport::Udp));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for network in 0..NETWORKS {
        let subnet = format!("10.{}.{}.0/24", network / 200, network % 200);
        let reply = client.ask(&Query::new(name, rtype).ecs(&subnet));
        assert_eq!(reply.ecs().expect("it was asked with one").scope, 24, "{subnet}");
        for address in reply.data(rtype) {
            *counts.entry(address.to_owned()).or_default() += 1;
        }
    }
    let part = |(address, count)| (address, count as f64 / NETWORKS as f64);
    counts.into_iter().map(part).collect()
}

/// How often an address is drawn for one and the same client.
fn share(server: &TestServer, address: &str) -> f64 {
    let client = Udp::to(server.address(Transport::Udp));
    let query = Query::new("www.example.com", A).ecs("10.0.0.0/24");
    let drawn = (0..NETWORKS).filter(|_| client.ask(&query).data(A) == [address]).count();
    drawn as f64 / NETWORKS as f64
}

fn part(server: &TestServer, address: &str) -> f64 {
    parts(server).get(address).copied().unwrap_or(0.0)
}

/// One that a change may run through.
fn part_now(server: &TestServer, address: &str) -> f64 {
    parts_now(server).get(address).copied().unwrap_or(0.0)
}

/// Waits until Frankfurt's part is about this.
fn until_fra(server: &TestServer, expected: f64) {
    until(&format!("Frankfurt to have {expected} of the networks"), || {
        // Five standard deviations of a hash over the networks.
        let slack = 5.0 * (expected * (1.0 - expected) / NETWORKS as f64).sqrt();
        ((part(server, FRA) - expected).abs() <= slack).then_some(())
    });
}

/// Waits until Frankfurt's part of those who ask for another name, or in the other family, is exactly this.
fn until_part_of(server: &TestServer, name: &str, rtype: u16, expected: f64) {
    until(&format!("Frankfurt to have {expected} of the networks for {name}"), || {
        let parts = parts_of(server, name, rtype);
        let address = if rtype == A { FRA } else { FRA_V6 };
        (parts.get(address).copied().unwrap_or(0.0) == expected).then_some(())
    });
}

/// Waits until an event about a director says this.
fn until_told(server: &TestServer, what: &str) {
    until(what, || {
        let recent = server.operate(async |handle| handle.events().after(0));
        recent.iter().any(|event| event.kind == Kind::Director && event.what == what).then_some(())
    });
}

#[test]
fn a_site_that_has_lost_half_of_its_servers_gets_half_of_its_share() {
    let (truth, iad) = (backend(), [backend()]);
    let fra = [backend(), backend(), backend(), backend()];
    truth.set(document("UUUU", 10));
    let directors = [
        director("lvs-fra", "fra", FRA, &fra.each_ref(), &feed(&truth)),
        director("lvs-iad", "iad", IAD, &iad.each_ref(), ""),
    ];
    let pool = "endpoints = [ { director = \"lvs-fra\" }, { director = \"lvs-iad\" } ]";
    let server = start(&directors, pool);
    until_fra(&server, 1.0);
    truth.set(document("UUUd", 10));
    until_fra(&server, 0.75);
    truth.set(document("UUdd", 10));
    until_fra(&server, 0.5);
    // Fewer than `min_up`: the VIP leaves the answers.
    truth.set(document("Uddd", 10));
    until_fra(&server, 0.0);
    truth.set(document("UUUU", 10));
    until_fra(&server, 1.0);
    // In maintenance it drains, and is no dead site.
    truth.set(document("mmmm", 10));
    until_fra(&server, 0.0);
    until_told(&server, "r4 behind director lvs-fra is down");
    until_told(&server, "director lvs-fra is in maintenance");
}

#[test]
fn each_family_stands_by_its_own_real_servers() {
    let mut fra = [backend(), backend()];
    let mut fra_v6 = [0; 2].map(|port| Backend::http(Ipv6Addr::LOCALHOST.into(), port));
    let all: Vec<&Backend> = fra.iter().chain(&fra_v6).collect();
    let both = director("lvs-fra", "fra", FRA, &all, &format!("vip.aaaa = \"{FRA_V6}\""));
    let directors = [both.replace("\"proxy\"", "\"nat\"")];
    let iad = format!("{{ site = \"iad\", a = \"{IAD}\", aaaa = \"2001:db8:1::100\" }}");
    let pool = format!("endpoints = [ {{ director = \"lvs-fra\" }}, {iad} ]");
    let server = start(&directors, &pool);
    let until_parts = |a: f64, aaaa: f64| {
        until_part_of(&server, "www.example.com", A, a);
        until_part_of(&server, "www.example.com", AAAA, aaaa);
    };
    until_parts(1.0, 1.0);
    fra_v6.iter_mut().for_each(Backend::stop);
    until_parts(1.0, 0.0);
    fra_v6.iter_mut().for_each(Backend::restart);
    fra.iter_mut().for_each(Backend::stop);
    until_parts(0.0, 1.0);
    fra[0].restart();
    until_fra(&server, 0.5);
    until_part_of(&server, "www.example.com", AAAA, 1.0);
}

/// HAProxy's statistics of a backend `web` with these servers: `STATUS`, or `STATUS backup`.
fn statistics(servers: &[&str]) -> Mode {
    let row = |(status, number): (&&str, usize)| {
        let (status, backup) = match status.strip_suffix(" backup") {
            Some(status) => (status, 1),
            None => (*status, 0),
        };
        format!("web,s{number},{status},1,{backup},2,5,\n")
    };
    let rows: String = servers.iter().zip(1..).map(row).collect();
    let header = "# pxname,svname,status,weight,bck,type,scur,\n";
    Mode::Answer(200, format!("{header}{rows}web,BACKEND,UP,1,0,1,5,\n"))
}

#[test]
fn what_is_out_as_designed_is_no_loss() {
    let says = backend();
    says.set(statistics(&["UP", "UP backup", "UP backup"]));
    let feed = feed(&says).replace("\"json\"", "\"haproxy\"").replace("}", ", backend = \"web\" }");
    let fra = director("ha-fra", "fra", FRA, &[], &feed).replace("reals = []\n", "");
    let iad = format!("{{ site = \"iad\", a = \"{IAD}\" }}");
    let pool = format!("endpoints = [ {{ director = \"ha-fra\" }}, {iad} ]");
    let server = start(&[fra], &pool);
    // Idle backups.
    until_fra(&server, 1.0);
    // What is full is not: two of three that are used.
    says.set(statistics(&["UP", "UP", "DOWN", "UP backup"]));
    until_fra(&server, 2.0 / 3.0);
    // Slots of a `server-template` that nothing fills.
    says.set(statistics(&["UP", "UP", "MAINT", "MAINT", "MAINT"]));
    until_fra(&server, 1.0);
    // Drained: less than the pool's `min_up` is left, of which nothing is missed.
    says.set(statistics(&["UP", "DRAIN", "DRAIN", "DRAIN"]));
    until_fra(&server, 0.25);
    // The backup has taken over.
    says.set(statistics(&["DOWN", "UP backup"]));
    until_fra(&server, 1.0);
    says.set(statistics(&["DOWN", "DOWN backup"]));
    until_fra(&server, 0.0);
}

#[test]
fn each_zone_goes_by_the_version_of_a_director_that_it_was_read_with() {
    let real = [backend(), backend()];
    let fra = |more: &str| director("lvs-fra", "fra", FRA, &real.each_ref(), more);
    let iad = format!("{{ site = \"iad\", a = \"{IAD}\" }}");
    let zone = format!("[pools.web]\nendpoints = [ {{ director = \"lvs-fra\" }}, {iad} ]\n{ROUTE}");
    let dir = ConfigDir::new().also(&format!("{SERVER}{}", fra("")));
    let mut dir = dir;
    let origins = ["aa.example", "bb.example"];
    for origin in origins {
        dir = dir.zone(origin, ZONE).steering(origin, &zone);
    }
    let server = TestServer::start(dir);
    let until_parts = |expected: [f64; 2]| {
        for (origin, part) in origins.into_iter().zip(expected) {
            until_part_of(&server, &format!("www.{origin}"), A, part);
        }
    };
    until_parts([1.0, 1.0]);
    let config = server.dir.file("fingerpost.toml");
    let before = std::fs::read_to_string(config).expect("the configuration");
    let config = before.replace(&fra(""), &fra("maintenance = true"));
    assert_ne!(before, config);
    for (mistaken, expected) in [(0, [1.0, 0.0]), (1, [0.0, 1.0])] {
        let at = |zone: usize| format!("zones/{}.toml", origins[zone]);
        server.dir.replace(&at(mistaken), "[pools.web]\nendpoint = []\n");
        server.dir.replace("fingerpost.toml", &config);
        server.reload();
        until_parts(expected);
        server.dir.replace(&at(mistaken), &zone);
        server.reload();
        until_parts([0.0, 0.0]);
        server.dir.replace("fingerpost.toml", &before);
        server.reload();
        until_parts([1.0, 1.0]);
    }
}

#[test]
fn a_feed_that_lies_or_is_silent_is_set_aside_and_no_answer_is_empty() {
    let (mut truth, iad) = (backend(), [backend()]);
    let (mut fra, mut vip) = ([backend(), backend()], backend());
    truth.set(document("UU", 10));
    let directors = [
        director("lvs-fra", "fra", FRA, &fra.each_ref(), &feed(&truth)),
        director("lvs-iad", "iad", IAD, &iad.each_ref(), ""),
    ];
    let address = vip.address();
    let (ip, port) = (address.ip(), address.port());
    let pool = format!(
        "endpoints = [ {{ director = \"lvs-fra\", check = {{ type = \"tcp\", address = \"{ip}\", port = {port}, \
         interval = \"100ms\", timeout = \"100ms\", fall = 1, rise = 1 }} }}, {{ director = \"lvs-iad\" }} ]"
    );
    let server = start(&directors, &pool);
    until_fra(&server, 1.0);
    // What cannot be: own probes decide, and one of two sees nobody.
    truth.set(Mode::Answer(200, "{\"sessions\": -1, \"reals\": []}".into()));
    fra[0].stop();
    until_fra(&server, 0.5);
    // Own probes that see nobody at all are blind, while the VIP passes its own check.
    fra[1].stop();
    until_fra(&server, 1.0);
    truth.set(Mode::Silent);
    until_fra(&server, 1.0);
    truth.stop();
    until_fra(&server, 1.0);
    until_told(
        &server,
        "director lvs-fra is not heard any more: own probes of the real servers decide",
    );
    vip.stop();
    until_fra(&server, 0.0);
    vip.restart();
    truth.restart();
    truth.set(document("Ud", 10));
    until_fra(&server, 0.5);
    until_told(&server, "director lvs-fra is heard again");
}

#[test]
fn a_vip_that_nobody_vouches_for_is_handed_out_where_nothing_else_is() {
    let (mut truth, mut fra, mut iad) = (backend(), [backend()], [backend()]);
    truth.set(document("U", 10));
    let directors = [
        director("lvs-fra", "fra", FRA, &fra.each_ref(), &feed(&truth)),
        director("lvs-iad", "iad", IAD, &iad.each_ref(), ""),
    ];
    let pool = "on_all_down = \"nodata\"\n\
                endpoints = [ { director = \"lvs-fra\" }, { director = \"lvs-iad\" } ]";
    let server = start(&directors, pool);
    until_fra(&server, 1.0);
    // Its feed is gone, own probes see nobody, and nothing checks the VIP.
    truth.stop();
    fra[0].stop();
    until_fra(&server, 0.0);
    until("the other site to have all", || (part(&server, IAD) == 1.0).then_some(()));
    iad[0].stop();
    until_fra(&server, 1.0);
}

#[test]
fn a_pair_that_shares_a_vip_is_one_endpoint() {
    let feeds = [backend(), backend()];
    feeds[0].set(document("UU", 100));
    feeds[1].set(document("Ud", 0));
    let real = [backend(), backend()];
    let one = |name, truth| director(name, "fra", FRA, &real.each_ref(), &feed(truth));
    let directors = [
        one("lvs-1", &feeds[0]),
        one("lvs-2", &feeds[1]),
        director("lvs-iad", "iad", IAD, &real.each_ref(), ""),
    ];
    let pool = "answers = 4\nendpoints = [ { director = \"lvs-1\" }, { director = \"lvs-2\" }, \
                { director = \"lvs-iad\" } ]";
    let server = start(&directors, pool);
    until("one endpoint, one address", || {
        let served: BTreeSet<String> = parts(&server).into_keys().collect();
        (served == BTreeSet::from([FRA.to_owned()])).then_some(())
    });
    until_fra(&server, 1.0);
    // The VIP moves: now the second has the sessions, and sees one of two dead.
    feeds[0].set(document("UU", 0));
    feeds[1].set(document("Ud", 100));
    until_fra(&server, 0.5);
}

#[test]
fn what_exceeds_a_capacity_goes_to_the_next_site_and_comes_back() {
    let (fra_says, iad_says) = (backend(), backend());
    let real = [backend()];
    fra_says.set(document("U", 10));
    iad_says.set(document("U", 10));
    let capacity = |feed: String| format!("capacity = 100\n{feed}");
    let directors = [
        director("lvs-fra", "fra", FRA, &real.each_ref(), &capacity(feed(&fra_says))),
        director("lvs-iad", "iad", IAD, &real.each_ref(), &capacity(feed(&iad_says))),
    ];
    let pool = "damping = \"1s\"\n\
                endpoints = [ { director = \"lvs-fra\" }, { director = \"lvs-iad\" } ]";
    let server = start(&directors, pool);
    until_fra(&server, 1.0);
    fra_says.set(document("U", 160));
    // A count over a change is between two states that both are what is asked for.
    let spilled = until("networks to be sent on", || {
        let part = part_now(&server, FRA);
        (part < 0.8).then_some(part)
    });
    assert!(spilled > 0.0, "not all of them at once");
    fra_says.set(document("U", 40));
    until_fra(&server, 1.0);
}

#[test]
fn what_has_recovered_is_held_back_and_grows() {
    let truth = backend();
    let real = [backend()];
    truth.set(document("U", 10));
    let directors = [
        director("lvs-fra", "fra", FRA, &real.each_ref(), &feed(&truth)),
        director("lvs-iad", "iad", IAD, &real.each_ref(), ""),
    ];
    let pool = "slow_start = \"4s\"\nfailback_delay = \"500ms\"\n\
                endpoints = [ { director = \"lvs-fra\" }, { director = \"lvs-iad\" } ]";
    let server = start(&directors, pool);
    until_fra(&server, 1.0);
    truth.set(document("d", 10));
    until_fra(&server, 0.0);
    truth.set(document("U", 10));
    let mut seen = Vec::new();
    until("Frankfurt to be whole again", || {
        // Steps may be shorter than a count; one over a step is between the two.
        let part = part_now(&server, FRA);
        if seen.last() != Some(&part) {
            seen.push(part);
        }
        (part == 1.0).then_some(())
    });
    assert!(seen.is_sorted(), "networks only come back: {seen:?}");
    assert!(seen.len() >= 4, "in steps: {seen:?}");
}

#[test]
fn shares_follow_sessions_within_a_site() {
    let says = [backend(), backend()];
    let real = [backend()];
    says[0].set(document("U", 300));
    says[1].set(document("U", 100));
    let other = "192.0.2.101";
    let directors = [
        director("one", "fra", FRA, &real.each_ref(), &feed(&says[0])),
        director("two", "fra", other, &real.each_ref(), &feed(&says[1])),
    ];
    let pool = "answers = 1\nmethod = \"least-connections\"\ndamping = \"1s\"\n\
                endpoints = [ { director = \"one\" }, { director = \"two\" } ]";
    let server = start(&directors, pool);
    // Sessions that never even out drive the favours as far as they go.
    let less = until("the fuller to be handed out less", || {
        let share = share(&server, FRA);
        (share < 0.4).then_some(share)
    });
    assert!(less > 0.0, "but handed out");
    says[0].set(document("U", 100));
    says[1].set(document("U", 300));
    until("it to turn", || (share(&server, FRA) > 0.6).then_some(()));
}

#[test]
fn a_hold_outlasts_a_restart() {
    let truth = backend();
    let real = [backend()];
    truth.set(document("U", 10));
    let directors = [
        director("lvs-fra", "fra", FRA, &real.each_ref(), &feed(&truth)),
        director("lvs-iad", "iad", IAD, &real.each_ref(), ""),
    ];
    let pool = "failback_delay = \"1h\"\n\
                endpoints = [ { director = \"lvs-fra\" }, { director = \"lvs-iad\" } ]";
    let mut server = TestServer::start_persistent(directory(&directors, pool));
    until_fra(&server, 1.0);
    truth.set(document("d", 10));
    until_fra(&server, 0.0);
    truth.set(document("U", 10));
    let held = |server: &TestServer| {
        server.operate(async |handle| {
            let knowledge = handle.knowledge().await;
            let catalog = handle.snapshot().catalog().clone();
            let pool = &catalog.pools().all()[0].pool;
            let now = knowledge.at(jiff::Timestamp::now());
            now.standing(pool, &pool.endpoints[0], Family::V4) == Standing::Held
        })
    };
    until("the VIP to be held back", || held(&server).then_some(()));
    server.restart(|| {});
    assert!(held(&server), "it was held back when the server stopped");
    until_fra(&server, 0.0);
}
