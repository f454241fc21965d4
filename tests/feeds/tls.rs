//! Feeds over TLS: certificates of an operator's own authority are trusted where the configuration names it, and
//! those that are of another, for another name or out of date are not, whatever they vouch for.

use super::{Haproxy, feed, first, states};
use crate::kit::server::TestServer;
use crate::kit::{Backend, ConfigDir, Mode, TestAuthority, TestCertificate, until};
use fingerpost::control::status::{DirectorView, Status};
use fingerpost::director::agent::{Agent, Options};
use fingerpost::director::{FaultKind, FeedReport, RealState};
use fingerpost::net::Certificates;
use fingerpost::steer::director::{Feed, FeedSource, HaproxySource, HttpAuth, HttpSource};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

const LOOPBACK: &[&str] = &["127.0.0.1"];
const DOCUMENT: &str = r#"{"reals": [{"name": "r1", "state": "up"}]}"#;

/// A backend that tells of one real over TLS.
fn teller(certificate: &TestCertificate) -> Backend {
    let backend = Backend::https(Ipv4Addr::LOCALHOST.into(), 0, certificate);
    backend.set(Mode::Answer(200, DOCUMENT.to_owned()));
    backend
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxys_page_is_read_over_tls() {
    let authority = TestAuthority::new();
    let servers = "server web1 127.0.0.1:1 weight 3 disabled\n";
    let Some(haproxy) = Haproxy::start(servers, &authority).await else { return };
    let auth = Some(HttpAuth::BasicFile(haproxy.file("login", "ada:secret\n")));
    let ask = async |roots: Option<PathBuf>| {
        let (url, auth) = (haproxy.secure_page(), auth.clone());
        let from = HaproxySource::Http(HttpSource { url, auth, roots });
        first(feed(from, "web")).await.outcome
    };
    let own = haproxy.file("own.pem", &authority.roots_pem());
    let Ok(FeedReport::One(report)) = ask(Some(own)).await else { panic!("a report") };
    assert_eq!(states(&report), [("web1", RealState::Maintenance, 3)]);
    let others = haproxy.file("others.pem", &TestAuthority::new().roots_pem());
    assert!(ask(Some(others)).await.is_err(), "signed by another");
    assert!(ask(None).await.is_err(), "the system knows no such authority");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_certificate_that_holds_is_believed() {
    let authority = TestAuthority::new();
    let directory = tempfile::tempdir().expect("a directory");
    let roots = |name: &str, pem: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, pem).expect("a file");
        Some(path)
    };
    let check = async |certificate: &TestCertificate,
                       roots: Option<PathBuf>,
                       fault: Option<(FaultKind, &str)>| {
        let backend = teller(certificate);
        let url = format!("https://{}/", backend.address());
        let auth = roots.as_ref().map(|path| HttpAuth::TokenFile(path.clone()));
        let json = FeedSource::Json(HttpSource { url, auth, roots });
        let base = feed(HaproxySource::Unix(PathBuf::new()), "web");
        let outcome = first(Arc::new(Feed { source: json, ..Feed::clone(&base) })).await.outcome;
        match (outcome, fault) {
            (Ok(_), None) => assert!(backend.requests() > 0),
            (Err(fault), Some((kind, part))) => {
                assert!(fault.kind == kind && fault.why.contains(part), "{part}: {fault:?}");
                assert_eq!(backend.requests(), 0, "{part}: no token is shown to a stranger");
            }
            (outcome, fault) => panic!("{fault:?}: {outcome:?}"),
        }
    };
    use FaultKind::{Local, Tls};
    let own = || roots("own.pem", &authority.roots_pem());
    check(&authority.issue(LOOPBACK), own(), None).await;
    check(&authority.issue(&["lb.example"]), own(), Some((Tls, "not valid for name"))).await;
    check(&authority.issue_expired(LOOPBACK), own(), Some((Tls, "expired"))).await;
    let others = roots("others.pem", &TestAuthority::new().roots_pem());
    check(&authority.issue(LOOPBACK), others, Some((Tls, "invalid peer certificate"))).await;
    // A certificate that nobody signed but its own key is a root by itself.
    let alone = TestCertificate::loopback();
    check(&alone, roots("alone.pem", &alone.certificate_pem), None).await;
    let gone = Some(directory.path().join("gone.pem"));
    check(&authority.issue(LOOPBACK), gone, Some((Local, "gone.pem"))).await;
}

/// The kernel's table with one service and one real.
const TABLE: &str = "IP Virtual Server version 1.2.1 (size=4096)\n\
    Prot LocalAddress:Port Scheduler Flags\n\
    \x20 -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
    TCP  C0000264:0050 wlc \n\
    \x20 -> 0A000002:0050      Masq    3      12         4         \n";

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_speaks_tls_and_shows_what_it_was_given_last() {
    let (authority, other) = (TestAuthority::new(), TestAuthority::new());
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        std::fs::write(&path, text).expect("a file");
        path
    };
    file("net/ip_vs", TABLE);
    let token = file("token", "first-secret\n");
    let roots = file("ca.pem", &authority.roots_pem());
    let pem = |of: &TestCertificate| (of.certificate_pem.clone(), of.key_pem.clone());
    let (certificate, key) = pem(&authority.issue(LOOPBACK));
    let shown = Certificates::load(certificate.as_bytes(), key.as_bytes()).expect("sound");
    let options = Options {
        listen: vec!["127.0.0.1:0".parse().expect("an address")],
        token_file: Some(token.clone()),
        tls: Some(Arc::new(shown.http1_config())),
        proc: directory.path().to_owned(),
        maintenance_file: None,
    };
    let agent = Agent::start(options).expect("an agent");
    let address = agent.addresses()[0];
    let ask = async |scheme: &str| {
        let url = format!("{scheme}://{address}/");
        let auth = Some(HttpAuth::TokenFile(token.clone()));
        let source = FeedSource::Ipvs(HttpSource { url, auth, roots: Some(roots.clone()) });
        let base = feed(HaproxySource::Unix(PathBuf::new()), "web");
        first(Arc::new(Feed { source, ..Feed::clone(&base) })).await.outcome
    };
    let Ok(FeedReport::Services { services, .. }) = ask("https").await else { panic!("a table") };
    assert_eq!(services[0].report.sessions, Some(12));
    assert!(ask("http").await.is_err(), "nothing is told in clear");
    let (certificate, key) = pem(&other.issue(LOOPBACK));
    shown.replace(certificate.as_bytes(), key.as_bytes()).expect("sound");
    assert!(ask("https").await.is_err(), "signed by another");
    let (certificate, key) = pem(&authority.issue(LOOPBACK));
    shown.replace(certificate.as_bytes(), key.as_bytes()).expect("sound");
    assert!(ask("https").await.is_ok(), "renewed");
    agent.shutdown().await;
}

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 1 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";
const STEERING: &str = r#"
[pools.web]
check = { type = "http", address = "127.0.0.1", port = PORT, interval = "1s", timeout = "1s", rise = 1 }
endpoints = [ { director = "lvs" } ]
[names.www]
pool = "web"
"#;
const SERVER: &str = r#"
[sites]
fra = { coordinates = [50.11, 8.68] }

[directors.lvs]
site = "fra"
vip = { a = "192.0.2.100" }
mode = "proxy"
service = "tcp/80"
check = { type = "http", interval = "1s", timeout = "1s", rise = 1 }
feed = { type = "json", url = "https://FEED/", roots = "ca.pem", interval = "100ms", timeout = "1s" }
reals = [ { name = "r1", address = "127.0.0.1:PORT" } ]
"#;

/// A server whose director `lvs` is asked at this backend, and what is trusted in `ca.pem`.
fn serve(teller: &Backend, real: &Backend, roots: &str) -> TestServer {
    let feed = teller.address().to_string();
    let port = real.port().to_string();
    let server = SERVER.replace("FEED", &feed).replace("PORT", &port);
    let dir = ConfigDir::new()
        .also(&server)
        .with("ca.pem", roots)
        .zone("example.com", ZONE)
        .steering("example.com", &STEERING.replace("PORT", &port));
    TestServer::start(dir)
}

fn status(server: &TestServer) -> Status {
    server.operate(async |handle| handle.status().await)
}

/// Waits until the director `lvs` is heard by this source.
fn until_source(server: &TestServer, source: &str) -> DirectorView {
    until(source, || {
        status(server).directors.into_iter().find(|director| director.source == source)
    })
}

#[test]
fn what_is_not_trusted_is_told_and_own_probes_decide() {
    let authority = TestAuthority::new();
    let real = Backend::http(Ipv4Addr::LOCALHOST.into(), 0);
    let teller = teller(&authority.issue_expired(LOOPBACK));
    let server = serve(&teller, &real, &authority.roots_pem());
    let director = until_source(&server, "probes");
    assert_eq!((&*director.state, director.live), ("up", 1.0));
    let why = director.feed.and_then(|feed| feed.fault).expect("a fault");
    assert!(why.contains("expired"), "{why}");
    let wrong = status(&server).wrong;
    let told = wrong.iter().find(|wrong| wrong.what.contains("its feed is not heard"));
    let told = told.unwrap_or_else(|| panic!("{wrong:?}"));
    assert!(told.what.contains("expired"), "{told:?}");
}

#[test]
fn another_authority_is_trusted_once_its_file_has_changed() {
    let (authority, other) = (TestAuthority::new(), TestAuthority::new());
    let real = Backend::http(Ipv4Addr::LOCALHOST.into(), 0);
    let teller = teller(&authority.issue(LOOPBACK));
    let server = serve(&teller, &real, &other.roots_pem());
    until_source(&server, "probes");
    assert_eq!(teller.requests(), 0);
    server.dir.replace("ca.pem", authority.roots_pem());
    server.reload();
    until_source(&server, "feed");
    // What is no certificate is refused, and who was trusted still is.
    server.dir.replace("ca.pem", "nonsense");
    server.reload();
    let requests = teller.requests();
    teller.wait_for_requests(requests + 3);
    assert_eq!(until_source(&server, "feed").state, "up");
}
