//! What is alive, end to end: real probes of real backends, and what clients get of them.
//!
//! Answers hold every endpoint that may be handed out (`answers` is larger than any site), so one reply shows the whole
//! state of a site. Every wait is for a value; the times that are asserted bound how long that may take.

mod kit;

use fingerpost::answer::Transport;
use kit::server::TestServer;
use kit::types::*;
use kit::*;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// From probe to probe, and how many results in a row turn a verdict.
const INTERVAL: Duration = Duration::from_millis(100);
const TURNS: u32 = 2;
/// What scheduling on a busy machine may add.
const SLACK: Duration = Duration::from_secs(8);

/// Networks that the route sends to each site.
const CLIENTS: [(&str, &str); 2] = [("fra", "198.51.100.0/24"), ("iad", "203.0.113.0/24")];

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 1 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

const SITES: &str = r#"
[sites]
fra = { location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { location = "NA-US-VA", coordinates = [39.04, -77.49] }
"#;

const CHECK: &str = r#"
[checks.web]
type = "http"
path = "/healthz"
interval = "100ms"
timeout = "1s"
fall = 2
rise = 2
"#;

const ROUTE: &str = r#"
[routes]
ours = [
  { subnets = ["198.51.100.0/24"], sites = ["fra"] },
  { subnets = ["203.0.113.0/24"], sites = ["iad"] },
]
"#;

fn backend() -> Backend {
    Backend::http(Ipv4Addr::LOCALHOST.into(), 0)
}

/// One line of `endpoints`: served as `a`, probed where the backend is.
fn endpoint(name: &str, site: &str, a: &str, backend: &Backend) -> String {
    let (port, address) = (backend.port(), backend.address().ip());
    format!(
        "{{ name = \"{name}\", site = \"{site}\", a = \"{a}\", \
         check = {{ port = {port}, address = \"{address}\" }} }},\n"
    )
}

/// A pool and the name that is served from it, both called `name`.
fn pool(name: &str, settings: &str, endpoints: &[String]) -> String {
    let endpoints: String = endpoints.concat();
    format!(
        "[pools.{name}]\ncheck = \"web\"\nanswers = 8\nmin_up = 0.1\n{settings}\nendpoints = [\n{endpoints}]\n
[names.{name}]\npool = \"{name}\"\nttl = 5\nroute = \"ours\"\n"
    )
}

fn directory(pools: &str) -> ConfigDir {
    ConfigDir::new()
        .also(&format!("{SITES}{CHECK}{ROUTE}"))
        .zone("example.com", ZONE)
        .steering("example.com", pools)
}

/// Two endpoints in Frankfurt, one in Ashburn.
struct World {
    server: TestServer,
    fra: [Backend; 2],
    iad: Backend,
}

const FRA_BOTH: &[&str] = &["192.0.2.1", "192.0.2.2"];
const FRA_FIRST: &[&str] = &["192.0.2.1"];
const FRA_SECOND: &[&str] = &["192.0.2.2"];
const IAD: &[&str] = &["192.0.2.9"];

fn web(fra: &[Backend; 2], iad: &Backend) -> String {
    pool(
        "www",
        "",
        &[
            endpoint("fra-1", "fra", "192.0.2.1", &fra[0]),
            endpoint("fra-2", "fra", "192.0.2.2", &fra[1]),
            endpoint("iad-1", "iad", "192.0.2.9", iad),
        ],
    )
}

impl World {
    fn start(persist: bool) -> Self {
        Self::start_after(persist, |_| {})
    }

    fn start_after(persist: bool, before: impl FnOnce(&mut [Backend; 2])) -> Self {
        let (mut fra, iad) = ([backend(), backend()], backend());
        before(&mut fra);
        let dir = directory(&web(&fra, &iad));
        let start = if persist { TestServer::start_persistent } else { TestServer::start };
        Self { server: start(dir), fra, iad }
    }
}

fn ask(server: &TestServer, name: &str, rtype: u16, site: &str) -> Reply {
    let subnet = CLIENTS.iter().find(|(of, _)| *of == site).expect("a site with clients").1;
    let query = Query::new(&format!("{name}.example.com"), rtype).ecs(subnet);
    Udp::to(server.address(Transport::Udp)).ask(&query)
}

/// What clients of a site get, in order of address.
fn served(server: &TestServer, name: &str, site: &str) -> Vec<String> {
    let found: BTreeSet<String> =
        ask(server, name, A, site).data(A).iter().map(ToString::to_string).collect();
    found.into_iter().collect()
}

/// Waits until the clients of a site get exactly this, and says how long it took.
fn until_served(server: &TestServer, name: &str, site: &str, expected: &[&str]) -> Duration {
    let start = Instant::now();
    until(&format!("{name} from {site} to be {expected:?}"), || {
        (served(server, name, site) == expected).then(|| start.elapsed())
    })
}

#[test]
fn an_endpoint_that_stops_leaves_the_answers_of_its_site_and_comes_back() {
    let mut world = World::start(false);
    let server = &world.server;
    until_served(server, "www", "fra", FRA_BOTH);
    until_served(server, "www", "iad", IAD);
    world.fra[1].stop();
    let (done, elsewhere) = (AtomicBool::new(false), AtomicBool::new(false));
    let moved = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Bounded, for the case that the wait below fails.
            let begun = Instant::now();
            while !done.load(Ordering::Relaxed) && begun.elapsed() < 2 * PATIENCE {
                elsewhere.fetch_or(served(server, "www", "iad") != IAD, Ordering::Relaxed);
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        let took = until_served(server, "www", "fra", FRA_FIRST);
        done.store(true, Ordering::Relaxed);
        took
    });
    assert!(moved < INTERVAL * TURNS + SLACK, "it took {moved:?}");
    assert!(!elsewhere.into_inner(), "clients of the other site saw a change");

    world.fra[1].restart();
    let back = until_served(server, "www", "fra", FRA_BOTH);
    assert!(back < INTERVAL * TURNS + SLACK, "it took {back:?}");
    assert_eq!(served(server, "www", "iad"), IAD);

    // A whole site: its clients go to the other, and back.
    world.fra.iter_mut().for_each(Backend::stop);
    until_served(server, "www", "fra", IAD);
    world.fra[0].restart();
    until_served(server, "www", "fra", FRA_FIRST);
}

/// One result is no verdict: it takes `fall` failures, of whatever kind, and `rise` successes.
#[test]
fn a_verdict_turns_with_enough_results_in_a_row() {
    let world = World::start(false);
    let (server, flaky) = (&world.server, &world.fra[1]);
    until_served(server, "www", "fra", FRA_BOTH);
    let turn = |mode: Mode, expected: &[&str]| {
        let before = flaky.set(mode.clone());
        until_served(server, "www", "fra", expected);
        let made = flaky.connections() - before;
        assert!(made >= TURNS as usize, "{mode:?} turned after {made} probes");
    };
    for mode in [Mode::down(), Mode::Close, Mode::Rubbish, Mode::Silent] {
        turn(mode, FRA_FIRST);
        turn(Mode::up(), FRA_BOTH);
    }
}

/// Whoever asks while the first round is under way waits for its end; nobody is handed what was never looked at.
#[test]
fn the_first_answer_comes_after_the_first_round() {
    // An address of its own: nobody else draws the port in between.
    let free = UdpSocket::bind("127.0.77.5:0").expect("a free port");
    let address = free.local_addr().expect("a bound socket");
    drop(free);
    let (dead, hung, alive) = (backend(), backend(), backend());
    hung.set(Mode::Silent);
    let fra = [dead, hung];
    let config =
        format!("[server]\nlisten = [\"{address}\"]\nzones = \"zones\"\n{SITES}{CHECK}{ROUTE}");
    let dir = directory(&web(&fra, &alive)).server(&config);
    let [mut dead, _hung] = fra;
    dead.stop();
    let started = AtomicBool::new(false);
    let answers: Vec<(bool, Vec<String>)> = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask_from_before_the_start(address, &started));
        let server = TestServer::start(dir);
        started.store(true, Ordering::Release);
        let answers = asking.join().expect("a client that did not panic");
        drop(server);
        answers
    });
    for (was_started, records) in &answers {
        assert_eq!(records, IAD, "started: {was_started}");
    }
    assert!(answers.iter().any(|(was_started, _)| *was_started));
}

/// Asks without end from before the server listens until 50 answers after its start.
fn ask_from_before_the_start(server: SocketAddr, started: &AtomicBool) -> Vec<(bool, Vec<String>)> {
    let query = Query::new("www.example.com", A).ecs("198.51.100.0/24");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP socket");
    socket.connect(server).expect("loopback");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    let mut answers = Vec::new();
    let begun = Instant::now();
    while answers.iter().filter(|(was_started, _)| *was_started).count() < 50 {
        assert!(begun.elapsed() < 3 * PATIENCE, "only {} answers", answers.len());
        let was_started = started.load(Ordering::Acquire);
        let mut buffer = [0; 1232];
        // Refused while nobody listens, silence while the first round is made.
        let heard = socket.send(&query.bytes()).and_then(|_| socket.recv(&mut buffer));
        if let Ok(bytes) = heard {
            let records =
                Reply::of(&buffer[..bytes]).data(A).iter().map(ToString::to_string).collect();
            answers.push((was_started, records));
        }
    }
    answers
}

#[test]
fn a_restart_takes_up_the_verdicts_and_does_not_flap() {
    let mut world = World::start(true);
    world.fra[1].stop();
    until_served(&world.server, "www", "fra", FRA_FIRST);

    // Everything hangs when it comes back: without the verdicts of before, the start would wait for the time-outs and
    // nothing would be up.
    let (fra, iad) = (&mut world.fra, &world.iad);
    world.server.restart(|| {
        fra[1].restart();
        for backend in fra.iter().chain([iad]) {
            backend.set(Mode::Silent);
        }
    });
    assert_eq!(served(&world.server, "www", "fra"), FRA_FIRST, "as before the restart");
    assert_eq!(served(&world.server, "www", "iad"), IAD);
    for backend in world.fra.iter().chain([&world.iad]) {
        backend.set(Mode::up());
    }
    until_served(&world.server, "www", "fra", FRA_BOTH);

    // Up before, gone after: served until `fall` failures say otherwise, and not longer.
    let fra = &mut world.fra;
    world.server.restart(|| fra[0].stop());
    until_served(&world.server, "www", "fra", FRA_SECOND);
}

/// Verdicts that are too old, or not to be read, are as good as none: the first round decides.
#[test]
fn old_and_broken_verdicts_are_not_taken_up() {
    for broken in [true, false] {
        let mut world = World::start(true);
        let path = world.server.dir.file("state/verdicts.json");
        let fra = &mut world.fra;
        world.server.restart(|| {
            fra[0].stop();
            let kept = std::fs::read_to_string(&path).expect("verdicts kept");
            let kept = if broken {
                kept[..kept.len() / 2].to_owned()
            } else {
                let written = kept.find("\"written\": \"20").expect("the time of writing");
                let (before, after) = kept.split_at(written + "\"written\": \"".len());
                format!("{before}2001{}", &after[4..])
            };
            std::fs::write(&path, kept).expect("verdicts replaced");
        });
        assert_eq!(served(&world.server, "www", "fra"), FRA_SECOND, "broken: {broken}");
    }
}

#[test]
fn overrides_are_laid_over_verdicts_and_lifted_again() {
    let mut world = World::start(false);
    let (server, dir) = (&world.server, &world.server.dir);
    let pin = |target: &str, state: &str| {
        let until = "until = 2099-12-31T00:00:00Z\nreason = \"a test\"\n";
        dir.replace(
            "overrides.toml",
            format!("[[override]]\n{target}\nstate = \"{state}\"\n{until}"),
        );
    };
    let cases: [(&str, &str, &[&str]); 6] = [
        ("endpoint = \"fra-1\"", "down", FRA_SECOND),
        ("endpoint = \"fra-2\"\npool = \"www\"", "drain", FRA_FIRST),
        ("site = \"fra\"", "down", IAD),
        ("site = \"fra\"", "drain", IAD),
        ("site = \"fra\"", "up", FRA_BOTH),
        // All down is as all up by `on_all_down`.
        ("pool = \"www\"\nzone = \"example.com\"", "down", FRA_BOTH),
    ];
    for (target, state, expected) in cases {
        pin("endpoint = \"iad-1\"", "up");
        until_served(server, "www", "fra", FRA_BOTH);
        let generation = server.generation();
        pin(target, state);
        server.wait_for_generation_after(generation);
        until_served(server, "www", "fra", expected);
    }
    // Changed in place, then gone.
    dir.write("overrides.toml", "[[override]]\nendpoint = \"fra-1\"\nstate = \"down\"\n");
    until_served(server, "www", "fra", FRA_SECOND);
    dir.remove("overrides.toml");
    until_served(server, "www", "fra", FRA_BOTH);

    // A pin does not erase the verdict: when it is lifted, what the probes say holds.
    world.fra[0].stop();
    until_served(server, "www", "fra", FRA_SECOND);
    pin("endpoint = \"fra-1\"", "up");
    until_served(server, "www", "fra", FRA_BOTH);
    // A file with mistakes changes nothing, and says so.
    dir.replace("overrides.toml", "[[override]]\nendpoint = \"fra-1\"\nstate = \"upp\"\n");
    let fingerpost::control::Reloaded::Unchanged(report) = server.reload() else {
        panic!("something new in a file with mistakes")
    };
    assert!(report.has_errors());
    assert_eq!(served(server, "www", "fra"), FRA_BOTH);
    dir.remove("overrides.toml");
    until_served(server, "www", "fra", FRA_SECOND);
}

#[test]
fn an_override_that_runs_out_lifts_itself() {
    let world = World::start(false);
    let (server, dir) = (&world.server, &world.server.dir);
    let end = jiff::Timestamp::now() + Duration::from_secs(6);
    let text = format!(
        "[[override]]\nendpoint = \"fra-1\"\nstate = \"drain\"\nreason = \"a test\"\nuntil = \"{end}\"\n"
    );
    dir.replace("overrides.toml", text);
    until_served(server, "www", "fra", FRA_SECOND);
    assert!(jiff::Timestamp::now() < end, "taken up before it ran out");
    until_served(server, "www", "fra", FRA_BOTH);
    let late = jiff::Timestamp::now().duration_since(end);
    assert!(late.is_positive(), "lifted {late:#} after its end");
    assert!(late.as_secs() < 8, "lifted {late:#} after its end");
}

#[test]
fn on_all_down_is_what_the_pool_says() {
    let (mut one, mut two, spare) = (backend(), backend(), backend());
    let both =
        [endpoint("a-1", "fra", "192.0.2.1", &one), endpoint("a-2", "fra", "192.0.2.2", &two)];
    let mut pools = pool("spare", "", &[endpoint("s-1", "iad", "192.0.2.99", &spare)]);
    for variant in ["all", "last-good", "nodata", "servfail"] {
        pools += &pool(variant, &format!("on_all_down = \"{variant}\""), &both);
    }
    pools += &pool("fallback", "fallback = \"spare\"", &both);
    let server = TestServer::start(directory(&pools));
    let names = ["all", "last-good", "nodata", "servfail", "fallback"];
    let all_serve = |expected: &[&str]| {
        for name in names {
            until_served(&server, name, "fra", expected);
        }
    };
    all_serve(FRA_BOTH);
    two.stop();
    all_serve(FRA_FIRST);
    one.stop();
    until_served(&server, "all", "fra", FRA_BOTH);
    until_served(&server, "fallback", "fra", &["192.0.2.99"]);
    // What was up last is all that the pool hands out now.
    until_served(&server, "last-good", "fra", FRA_FIRST);
    let negative = until("NODATA", || {
        let reply = ask(&server, "nodata", A, "fra");
        reply.answer.is_empty().then_some(reply)
    });
    assert_eq!((negative.rcode(), negative.authority.len()), (NOERROR, 1), "{negative:?}");
    until("SERVFAIL", || (ask(&server, "servfail", A, "fra").rcode() == SERVFAIL).then_some(()));
    two.restart();
    all_serve(FRA_SECOND);
}

/// However many pools ask the same of the same address, it is asked once.
#[test]
fn identical_probes_are_made_once() {
    let shared = backend();
    let one = [endpoint("a", "fra", "192.0.2.1", &shared)];
    let mut pools = String::new();
    for number in 0..5 {
        pools += &pool(&format!("p{number}"), "", &one);
    }
    let dir = directory(&pools);
    let slow = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\nzones = \"zones\"\n{SITES}{ROUTE}{}",
        CHECK.replace("100ms", "1h")
    );
    let server = TestServer::start(dir.server(&slow));
    for number in 0..5 {
        assert_eq!(served(&server, &format!("p{number}"), "fra"), FRA_FIRST);
    }
    assert_eq!(shared.requests(), 1);
    let head = shared.last_head().expect("a request");
    assert!(head.starts_with("GET /healthz HTTP/1.1\r\n"), "{head}");
    // A reload asks nothing anew of what is known.
    server.reload();
    assert_eq!(shared.requests(), 1);
}

/// What a check may change of a request arrives as written.
#[test]
fn a_check_asks_as_it_is_told_to() {
    let (plain, elaborate) = (backend(), backend());
    elaborate.set(Mode::Answer(418, "I am a teapot, and well\n".into()));
    let (port, address) = (elaborate.port(), elaborate.address().ip());
    let elaborate_endpoint = format!(
        "{{ name = \"b\", site = \"fra\", a = \"192.0.2.2\", check = {{ port = {port}, address = \"{address}\", \
         method = \"POST\", path = \"/tea?cup=1\", host = \"tea.example.com\", headers = {{ X-Leaf = \"green\" }}, \
         expect = \"200, 418\", body = \"teapot, and well\", source = \"127.0.0.77\" }} }},\n"
    );
    let pools = pool("www", "", &[endpoint("a", "fra", "192.0.2.1", &plain), elaborate_endpoint]);
    let server = TestServer::start(directory(&pools));
    until_served(&server, "www", "fra", FRA_BOTH);
    let head = elaborate.last_head().expect("a request").to_lowercase();
    for line in
        ["post /tea?cup=1 http/1.1\r\n", "\r\nhost: tea.example.com\r\n", "\r\nx-leaf: green\r\n"]
    {
        assert!(head.contains(line), "{line:?} is not in {head:?}");
    }
    elaborate.set(Mode::Answer(418, "I am a teapot, and empty\n".into()));
    until_served(&server, "www", "fra", FRA_FIRST);
    elaborate.set(Mode::Answer(200, "a teapot, and well\n".into()));
    until_served(&server, "www", "fra", FRA_BOTH);
}

#[test]
fn https_backends_are_judged_by_name_and_roots() {
    let certificate = TestCertificate::for_names(&["shop.example.com"]);
    let stranger = TestCertificate::for_names(&["shop.example.com"]);
    let https = Backend::https(Ipv4Addr::LOCALHOST.into(), 0, &certificate);
    let probed = |name: &str, a: &str, settings: &str| {
        let mut line = endpoint(name, "fra", a, &https);
        line.insert_str(
            line.find("check = { ").expect("a check") + 10,
            &format!("type = \"https\", {settings}, "),
        );
        line
    };
    let roots = "roots = \"roots.pem\"";
    let named = "server_name = \"shop.example.com\"";
    let pools = pool(
        "www",
        "",
        &[
            probed("good", "192.0.2.1", &format!("{roots}, {named}")),
            probed("by-host", "192.0.2.2", &format!("{roots}, host = \"shop.example.com\"")),
            probed(
                "wrong-name",
                "192.0.2.3",
                &format!("{roots}, server_name = \"shop.example.net\""),
            ),
            probed("by-address", "192.0.2.4", roots),
            probed("strange-root", "192.0.2.5", &format!("roots = \"other.pem\", {named}")),
            probed("unverified", "192.0.2.6", "verify = false"),
        ],
    );
    let dir = directory(&pools)
        .with("zones/roots.pem", &certificate.certificate_pem)
        .with("zones/other.pem", &stranger.certificate_pem);
    let server = TestServer::start(dir);
    until_served(&server, "www", "fra", &["192.0.2.1", "192.0.2.2", "192.0.2.6"]);
}

/// The families of an endpoint live and die apart.
#[test]
fn verdicts_are_per_family() {
    let mut v4 = backend();
    let mut v6 = Backend::http(Ipv6Addr::LOCALHOST.into(), 0);
    let both = |port: u16| {
        format!("port = {port}, address = [\"{}\", \"{}\"]", v4.address().ip(), v6.address().ip())
    };
    let mut endpoints = String::new();
    // Each of them is probed on the port of one of the backends, in either family.
    for (name, last, port) in [("four", 1, v4.port()), ("six", 2, v6.port())] {
        writeln!(
            endpoints,
            "{{ name = \"{name}\", site = \"fra\", a = \"192.0.2.{last}\", aaaa = \"2001:db8::{last}\", \
             check = {{ {} }} }},",
            both(port)
        )
        .expect("text");
    }
    let server =
        TestServer::start(directory(&pool("www", "on_all_down = \"nodata\"", &[endpoints])));
    let served_v6 = || {
        ask(&server, "www", AAAA, "fra")
            .data(AAAA)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    until_served(&server, "www", "fra", FRA_FIRST);
    until("AAAA", || (served_v6() == ["2001:db8::2"]).then_some(()));
    v6.stop();
    until("no AAAA", || served_v6().is_empty().then_some(()));
    until_served(&server, "www", "fra", FRA_FIRST);
    v4.stop();
    v6.restart();
    until_served(&server, "www", "fra", &[]);
    until("AAAA", || (served_v6() == ["2001:db8::2"]).then_some(()));
}
