//! Changing everything under a server that answers: editors, Kubernetes, slow writers, mistakes, a storm of reloads.
//!
//! Except where a reload is asked for by name, it is the watcher that notices.

mod kit;

use fingerpost::answer::Transport;
use fingerpost::control::Reloaded;
use fingerpost::geo::build::{BuildOptions, build};
use fingerpost::report::Report;
use kit::server::TestServer;
use kit::types::*;
use kit::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A zone all of whose records tell the same generation.
fn zone(generation: u64) -> String {
    let (high, low) = (generation / 256, generation % 256);
    format!(
        "$TTL 300\n@ SOA ns1 host {generation} 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n\
         www A 10.{high}.{low}.1\nwww A 10.{high}.{low}.2\nwww TXT \"{generation}\"\n\
         @ MX {generation} mail\nmail A 10.{high}.{low}.3\n"
    )
}

const SITES: &str = "[sites]\nfra = { location = \"EU-DE\" }\niad = { location = \"NA-US-VA\" }\n";

/// One endpoint a site, not probed.
fn steering(fra: &str, iad: &str) -> String {
    format!(
        "[pools.web]\nendpoints = [ {{ site = \"fra\", a = \"{fra}\" }}, {{ site = \"iad\", a = \"{iad}\" }} ]\n\
         [names.geo]\npool = \"web\"\n\
         route = [ {{ geo = [\"EU\"], sites = [\"fra\"] }}, {{ geo = [\"*\"], sites = [\"iad\"] }} ]\n"
    )
}

const CONFIG: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\nzones = \"zones\"\n
    [geoip]\ndatabases = [\"world.mmdb\"]\n";

/// A database that places 198.51.100.0/24 in a country.
fn database(country: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let input = directory.path().join("input.csv");
    fs::write(&input, format!("198.51.100.0/24,{country}\n2001:db8::/32,{country}\n"))
        .expect("a file written");
    let options = BuildOptions {
        inputs: vec![input],
        database_type: "Test-Country".into(),
        description: "a test".into(),
        build_epoch: None,
    };
    build(&options, |_, _| {}).expect("a database").bytes
}

fn directory() -> ConfigDir {
    ConfigDir::new()
        .server(&format!("{CONFIG}{SITES}"))
        .with("world.mmdb", database("DE"))
        .zone("example.com", &zone(1))
        .steering("example.com", &steering("192.0.2.1", "192.0.2.2"))
        .zone("example.net", &zone(1))
}

fn ask(server: &TestServer, query: &Query) -> Reply {
    Udp::to(server.address(Transport::Udp)).ask(query)
}

fn text(server: &TestServer, zone: &str) -> Option<u64> {
    let reply = ask(server, &Query::new(&format!("www.{zone}"), TXT));
    reply.data(TXT).first().map(|text| text.trim_matches('"').parse().expect("a generation"))
}

fn until_generation(server: &TestServer, zone: &str, generation: u64) {
    until(&format!("{zone} to be of generation {generation}"), || {
        (text(server, zone) == Some(generation)).then_some(())
    });
}

/// Where a client of 198.51.100.0/24 is sent.
fn steered(server: &TestServer) -> String {
    let reply = ask(server, &Query::new("geo.example.com", A).ecs("198.51.100.0/24"));
    reply.data(A).concat()
}

fn until_steered(server: &TestServer, expected: &str) {
    until(&format!("steering to {expected}"), || (steered(server) == expected).then_some(()));
}

fn reload(server: &TestServer) -> Report {
    match server.reload() {
        Reloaded::Published(generation, report) => {
            assert_eq!(generation, server.generation());
            report
        }
        Reloaded::Unchanged(report) | Reloaded::Refused(report) => report,
    }
}

fn tells(report: &Report, words: &[&str]) {
    let told = report.findings.iter().any(|finding| {
        let line = finding.to_string();
        words.iter().all(|word| line.contains(word))
    });
    assert!(told, "nothing tells {words:?} in {:?}", report.findings);
}

#[test]
fn every_input_is_watched() {
    let server = TestServer::start(directory());
    let dir = &server.dir;
    assert_eq!(text(&server, "example.com"), Some(1));
    assert_eq!(steered(&server), "192.0.2.1");
    // In place, beside and over it, away and back.
    dir.write("zones/example.com.zone", zone(2));
    until_generation(&server, "example.com", 2);
    dir.replace("zones/example.com.zone", zone(3));
    until_generation(&server, "example.com", 3);
    fs::rename(dir.file("zones/example.com.zone"), dir.file("zones/example.com.zone~"))
        .expect("renamed");
    dir.write("zones/example.com.zone", zone(4));
    until_generation(&server, "example.com", 4);

    dir.replace("zones/example.com.toml", steering("192.0.2.3", "192.0.2.4"));
    until_steered(&server, "192.0.2.3");
    dir.replace("world.mmdb", database("US"));
    until_steered(&server, "192.0.2.4");
    dir.write(
        "geoip/networks.toml",
        "[networks]\n\"198.51.100.0/24\" = { location = \"EU-FR\" }\n",
    );
    until_steered(&server, "192.0.2.3");
    dir.remove("geoip/networks.toml");
    until_steered(&server, "192.0.2.4");
    // Sites, which zones share.
    assert_eq!(text(&server, "example.net"), Some(1), "untouched by all that");
}

#[test]
fn zones_come_and_go() {
    let server = TestServer::start(directory());
    let dir = &server.dir;
    assert_eq!(ask(&server, &Query::new("www.example.org", A)).rcode(), REFUSED);
    dir.write("zones/example.org.zone", zone(7));
    until_generation(&server, "example.org", 7);
    dir.remove("zones/example.org.zone");
    until("REFUSED", || {
        (ask(&server, &Query::new("www.example.org", A)).rcode() == REFUSED).then_some(())
    });
    // A child that comes takes its names from the parent, and gives them back.
    dir.write("zones/www.example.net.zone", zone(8));
    until("the child", || {
        text(&server, "www.example.net").or(text(&server, "example.net")).filter(|_| {
            ask(&server, &Query::new("www.www.example.net", TXT)).data(TXT) == ["\"8\""]
        })
    });
    assert_eq!(text(&server, "example.net"), None, "now the apex of a zone without TXT");
    dir.remove("zones/www.example.net.zone");
    until_generation(&server, "example.net", 1);
}

/// A mounted ConfigMap: every file is a link by way of `..data`, which is a link that is replaced.
#[test]
fn a_swapped_directory_link_is_noticed() {
    let dir = directory();
    for file in ["example.com.zone", "example.com.toml", "example.net.zone"] {
        dir.remove(&format!("zones/{file}"));
        symlink(Path::new("..data").join(file), dir.file(&format!("zones/{file}")))
            .expect("a link");
    }
    let publish = |dir: &ConfigDir, revision: &str, generation: u64| {
        for name in ["example.com", "example.net"] {
            dir.write(&format!("zones/{revision}/{name}.zone"), zone(generation));
        }
        dir.write(
            &format!("zones/{revision}/example.com.toml"),
            steering("192.0.2.1", "192.0.2.2"),
        );
        symlink(revision, dir.file("zones/..data_tmp")).expect("a link");
        fs::rename(dir.file("zones/..data_tmp"), dir.file("zones/..data"))
            .expect("a link replaced");
    };
    publish(&dir, "..first", 1);
    let server = TestServer::start(dir);
    assert_eq!(text(&server, "example.com"), Some(1));
    // More than once: the new directory must be watched in its turn.
    for generation in 2..5 {
        publish(&server.dir, &format!("..revision{generation}"), generation);
        until_generation(&server, "example.com", generation);
        until_generation(&server, "example.net", generation);
        let old = if generation == 2 {
            "..first".into()
        } else {
            format!("..revision{}", generation - 1)
        };
        fs::remove_dir_all(server.dir.file(&format!("zones/{old}")))
            .expect("the old revision removed");
    }
}

/// The half that is there is read, found wanting and reported; the rest makes it whole.
#[test]
fn a_slow_writer_leaves_the_old_answers_up() {
    let server = TestServer::start(directory());
    let dir = &server.dir;
    let whole = zone(2);
    // In the middle of a record.
    let half = whole.find("7200").expect("a part of SOA");
    dir.write("zones/example.com.zone", &whole[..half]);
    tells(&reload(&server), &["example.com.zone:2:", "error"]);
    assert_eq!(text(&server, "example.com"), Some(1));
    dir.write("zones/example.com.zone", &whole);
    until_generation(&server, "example.com", 2);

    // The same with a database: what is cut off is no database.
    let whole = database("US");
    dir.write("world.mmdb", &whole[..whole.len() / 2]);
    tells(&reload(&server), &["world.mmdb", "error"]);
    assert_eq!(steered(&server), "192.0.2.1");
    dir.write("world.mmdb", &whole);
    until_steered(&server, "192.0.2.2");
}

/// What was served of the first zone before a mistake still is.
fn held(server: &TestServer, what: &str) {
    assert_eq!(text(server, "example.com"), Some(1), "{what}");
    assert_eq!(steered(server), "192.0.2.1", "{what}");
}

#[test]
fn a_broken_zone_holds_up_no_other() {
    let server = TestServer::start(directory());
    let dir = &server.dir;

    // A broken zone: it stays as it was, the other moves on.
    dir.replace("zones/example.com.zone", zone(2).replace("10.0.2.2", "10.0.2.256"));
    dir.replace("zones/example.net.zone", zone(2));
    until_generation(&server, "example.net", 2);
    held(&server, "a broken zone");
    tells(&reload(&server), &["example.com.zone:6:", "error", "10.0.2.256"]);
    // Empty, unreadable: the same.
    dir.replace("zones/example.com.zone", "");
    tells(&reload(&server), &["example.com.zone", "error"]);
    held(&server, "an empty zone");
    // Put in place at once: a reload in between would find the zone gone, which is not a mistake.
    symlink("nowhere", dir.file("zones/aside")).expect("a link");
    std::fs::rename(dir.file("zones/aside"), dir.file("zones/example.com.zone")).expect("a name");
    tells(&reload(&server), &["example.com.zone", "error"]);
    held(&server, "a dangling zone");
    dir.replace("zones/example.com.zone", zone(1));

    // Broken steering: the whole zone stays as it was.
    dir.replace(
        "zones/example.com.toml",
        steering("192.0.2.1", "192.0.2.2").replace("\"web\"", "\"wbe\""),
    );
    tells(&reload(&server), &["example.com.toml:4:", "did you mean \"web\""]);
    held(&server, "broken steering");
    dir.replace("zones/example.com.toml", steering("192.0.2.1", "192.0.2.2"));
    assert_eq!(reload(&server).findings, []);
}

#[test]
fn a_mistake_in_a_shared_file_changes_nothing() {
    let server = TestServer::start(directory());
    let dir = &server.dir;
    // A broken server file: nothing changes at all.
    let config = format!("{CONFIG}{SITES}");
    for broken in
        ["listen = [", "[server]\nlisten = [\"127.0.0.1:0\"]\nzone = \"zones\"\n", "\u{0}"]
    {
        dir.replace("fingerpost.toml", broken);
        // A reading that had begun before may still have seen the sound file; from this one on none can.
        assert!(matches!(server.reload(), Reloaded::Refused(_)), "{broken:?}");
        dir.replace("zones/example.net.zone", zone(3));
        assert!(matches!(server.reload(), Reloaded::Refused(_)), "{broken:?}");
        assert_eq!(text(&server, "example.net"), Some(1));
        held(&server, broken);
    }
    dir.remove("fingerpost.toml");
    assert!(matches!(server.reload(), Reloaded::Refused(_)));
    held(&server, "no server file");
    dir.replace("fingerpost.toml", &config);
    until_generation(&server, "example.net", 3);

    // Databases that are none, and none at all.
    let other = b"\xab\xcd\xefMaxMind.com, but nothing follows";
    let whole = database("US");
    for broken in [&b""[..], b"not a database\n", other, &whole[..whole.len() - 40], &whole[200..]]
    {
        dir.replace("world.mmdb", broken);
        tells(&reload(&server), &["world.mmdb", "error"]);
        held(&server, "a broken database");
    }
    dir.remove("world.mmdb");
    assert!(reload(&server).has_errors());
    held(&server, "no database");
    dir.replace("world.mmdb", whole);
    until_steered(&server, "192.0.2.2");
    dir.replace(
        "geoip/networks.toml",
        "[networks]\n\"198.51.100.1/24\" = { location = \"EU-FR\" }\n",
    );
    tells(&reload(&server), &["networks.toml:2:", "error"]);
    assert_eq!(steered(&server), "192.0.2.2");

    // The directory of zones goes away and comes back.
    fs::rename(dir.file("zones"), dir.file("away")).expect("renamed");
    assert!(matches!(server.reload(), Reloaded::Refused(_)));
    assert_eq!(text(&server, "example.net"), Some(3));
    fs::write(dir.file("away/example.net.zone"), zone(4)).expect("written");
    fs::rename(dir.file("away"), dir.file("zones")).expect("renamed");
    until_generation(&server, "example.net", 4);
}

/// So many reloads at such a pace, or as many as a slow machine makes in so long.
const STORM_RELOADS: u64 = 80;
const STORM_MAX: Duration = Duration::from_secs(8);
const STORM_PACE: Duration = Duration::from_millis(50);

/// Between the rounds of a client.
const STORM_BREATH: Duration = Duration::from_micros(500);

/// What a reply tells of its generation; panics where its parts tell different ones.
fn generation_of(reply: &Reply) -> u64 {
    let of_address = |address: &str| {
        let octets: Vec<u64> =
            address.split('.').map(|octet| octet.parse().expect("an octet")).collect();
        octets[1] * 256 + octets[2]
    };
    let mut told: Vec<u64> = Vec::new();
    for record in reply.answer.iter().chain(&reply.additional).chain(&reply.authority) {
        let word =
            |at: usize| record.data.split(' ').nth(at).expect("as many fields").trim_matches('"');
        match record.rtype {
            A if record.data == "192.0.2.53" => {}
            A => told.push(of_address(&record.data)),
            TXT | MX => told.push(word(0).parse().expect("a generation")),
            SOA => told.push(word(2).parse().expect("a generation")),
            _ => {}
        }
    }
    assert!(
        !told.is_empty() && told.iter().all(|one| *one == told[0]),
        "a mixture: {told:?} in {reply:?}"
    );
    told[0]
}

/// Asks until told to stop: every query is answered, wholly from one generation, and time never runs backwards.
fn storm(ask: &mut dyn FnMut(&Query) -> Reply, done: &AtomicBool) -> u64 {
    let kinds = [("www", A, 2), ("www", TXT, 1), ("@", MX, 1), ("none", A, 0), ("@", SOA, 1)];
    let (mut asked, mut last) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        for (name, rtype, count) in kinds {
            let name =
                if name == "@" { "example.com".into() } else { format!("{name}.example.com") };
            let reply = ask(&Query::new(&name, rtype));
            assert_eq!(reply.answer.len(), count, "{reply:?}");
            let generation = generation_of(&reply);
            assert!(generation >= last, "generation {generation} after {last}");
            last = generation;
            asked += 1;
        }
        // Leaves the reloads some of the processor.
        std::thread::park_timeout(STORM_BREATH);
    }
    asked
}

/// Ends the storm however the test ends.
struct Calm<'a>(&'a AtomicBool);

impl Drop for Calm<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_query_is_lost_or_answered_from_a_mixture() {
    let server = TestServer::start(directory());
    let (done, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = server.generation();
    std::thread::scope(|scope| {
        for transport in [Transport::Udp, Transport::Udp, Transport::Tcp, Transport::Tcp] {
            let address = server.address(transport);
            let (done, asked) = (&done, &asked);
            scope.spawn(move || {
                let count = if transport == Transport::Udp {
                    let udp = Udp::to(address);
                    storm(&mut |query| udp.ask(query), done)
                } else {
                    let mut stream = tcp(address, None);
                    storm(&mut |query| stream.ask(query), done)
                };
                asked.fetch_add(count, Ordering::Relaxed);
            });
        }
        let _calm = Calm(&done);
        let begun = Instant::now();
        for generation in 2..2 + STORM_RELOADS {
            let start = Instant::now();
            if begun.elapsed() > STORM_MAX && generation > 5 {
                break;
            }
            server.dir.replace("zones/example.com.zone", zone(generation));
            assert_eq!(reload(&server).findings, []);
            assert_eq!(text(&server, "example.com"), Some(generation));
            std::thread::park_timeout(STORM_PACE.saturating_sub(start.elapsed()));
        }
    });
    let (reloads, asked) = (server.generation() - before, asked.into_inner());
    println!("{asked} queries over {reloads} reloads");
    assert!(reloads >= 4 && asked > 100, "{asked} queries over {reloads} reloads");
}

#[test]
fn a_new_certificate_is_shown_to_those_who_come() {
    let server = TestServer::start_encrypted(directory().server(
        "[server]\nlisten = [\"127.0.0.1:0\"]\nzones = \"zones\"\n[geoip]\ndatabases = [\"world.mmdb\"]\n\
         [sites]\nfra = { location = \"EU-DE\" }\niad = { location = \"NA-US-VA\" }\n",
    ));
    let dot = server.address(Transport::Tls);
    let query = Query::new("www.example.com", A);
    let mut old = tls(dot, &server.certificate);
    assert_eq!(old.ask(&query).answer.len(), 2);
    let next = TestCertificate::loopback();

    // A certificate whose key is not there yet is not taken.
    server.dir.replace("certificate.pem", &next.certificate_pem);
    assert!(reload(&server).has_errors());
    assert_eq!(tls(dot, &server.certificate).ask(&query).answer.len(), 2);
    server.dir.replace("key.pem", "no key\n");
    assert!(reload(&server).has_errors());
    assert_eq!(tls(dot, &server.certificate).ask(&query).answer.len(), 2);

    // Noticed by the watcher, for every transport; who is connected stays so.
    server.dir.replace("key.pem", &next.key_pem);
    until("the new certificate", || handshakes(dot, &next).then_some(()));
    assert!(!handshakes(dot, &server.certificate), "the old certificate is still shown");
    assert_eq!(old.ask(&query).answer.len(), 2);
    assert_eq!(tls(dot, &next).ask(&query).answer.len(), 2);
    let https = Https::to(server.address(Transport::Https), "/dns-query", &next);
    assert_eq!(https.ask(&query, Method::Post).answer.len(), 2);
    let quic = Quic::to(server.address(Transport::Quic), &next);
    assert_eq!(quic.ask(&query).answer.len(), 2);
}

/// Whether the server shows this certificate.
fn handshakes(server: std::net::SocketAddr, certificate: &TestCertificate) -> bool {
    let config = std::sync::Arc::new(certificate.client(&[b"dot"]));
    let name = rustls::pki_types::ServerName::from(server.ip());
    let mut session = rustls::ClientConnection::new(config, name).expect("a TLS session");
    let mut stream = kit::client::connect(server, None).expect("a TCP connection");
    while session.is_handshaking() {
        if session.complete_io(&mut stream).is_err() {
            return false;
        }
    }
    true
}

/// What only a restart can change is said so, and changes nothing meanwhile.
#[test]
fn what_needs_a_restart_is_said_so() {
    let server = TestServer::start(directory());
    server.dir.replace(
        "fingerpost.toml",
        format!("{CONFIG}{SITES}").replace("127.0.0.1:0", "127.0.0.1:1"),
    );
    tells(&reload(&server), &["server.listen", "next start"]);
    assert_eq!(text(&server, "example.com"), Some(1));
    // A setting that a query reads is taken up at once.
    server.dir.replace(
        "fingerpost.toml",
        format!("{CONFIG}{SITES}").replace("zones =", "nsid = \"ns9\"\nzones ="),
    );
    until("the new NSID", || {
        (ask(&server, &Query::new("www.example.com", A).nsid()).nsid() == Some(&b"ns9"[..]))
            .then_some(())
    });
}
