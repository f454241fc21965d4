//! Probes of real sockets on loopback.

use super::*;
use crate::health::check::tests::{http, tcp};
use crate::health::check::{BODY_BYTES_MAX, CheckKind, HttpCheck, TlsCheck};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server that gives each client the same bytes, and keeps what it was asked and by whom.
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<(SocketAddr, String)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(at: IpAddr, answer: impl Into<Vec<u8>>) -> Self {
        Self::start_tls(at, answer, None).await
    }

    async fn start_tls(
        at: IpAddr,
        answer: impl Into<Vec<u8>>,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        let listener = TcpListener::bind((at, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let seen = seen.clone();
            async move {
                while let Ok((stream, client)) = listener.accept().await {
                    let (seen, answer, tls) = (seen.clone(), answer.clone(), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => serve(stream, client, &seen, &answer).await,
                            Some(tls) => {
                                let Ok(stream) = tls.accept(stream).await else { return };
                                let name = stream.get_ref().1.server_name().map(str::to_owned);
                                seen.lock().unwrap().push((client, format!("SNI {name:?}")));
                                serve(stream, client, &seen, &answer).await;
                            }
                        }
                    });
                }
            }
        });
        Self { address, seen, task }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(_, text)| text.clone()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request, answers, and then stays silent with the connection open.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    client: SocketAddr,
    seen: &Mutex<Vec<(SocketAddr, String)>>,
    answer: &[u8],
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    seen.lock().unwrap().push((client, String::from_utf8_lossy(&request).into_owned()));
    let _ = stream.write_all(answer).await;
    let _ = stream.read(&mut [0; 64]).await;
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn probe(kind: CheckKind, target: SocketAddr) -> Probe {
    let mut probe = Probe { target, ..tcp(0) };
    probe.check.kind = kind;
    probe.check.timeout = Duration::from_secs(20);
    probe
}

async fn make(probe: Probe) -> ProbeResult {
    attempt(&Clients::default(), Arc::new(probe)).await
}

/// Success, or the reason of the failure.
fn verdict(result: &ProbeResult) -> &str {
    match &result.outcome {
        Outcome::Success => "success",
        Outcome::Failure(reason) => reason,
        Outcome::Inconclusive(reason) => panic!("inconclusive: {reason}"),
    }
}

/// Makes an HTTP probe of a server that gives `answer`.
async fn asked(http: HttpCheck, answer: impl Into<Vec<u8>>) -> (String, Vec<String>) {
    let server = Server::start(LOOPBACK, answer).await;
    let mut probe = probe(CheckKind::Http(http), server.address);
    probe.check.timeout = Duration::from_secs(20);
    let result = make(probe).await;
    (verdict(&result).to_owned(), server.seen())
}

/// A target that accepts nothing, as long as the socket is held: bound, but not listening.
fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((LOOPBACK, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn both_families() {
    for at in [LOOPBACK, IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let server = Server::start(at, answer("200 OK", "")).await;
        for kind in [CheckKind::Tcp, CheckKind::Http(http())] {
            assert_eq!(make(probe(kind, server.address)).await.outcome, Outcome::Success);
        }
    }
    let (_held, target) = refusing();
    for kind in [CheckKind::Tcp, CheckKind::Http(http())] {
        assert_eq!(verdict(&make(probe(kind, target)).await), "connection refused");
    }
}

#[tokio::test]
async fn statuses() {
    let check = async |expect: &[std::ops::RangeInclusive<u16>], status: &str, expected: &str| {
        let http = HttpCheck { expect: expect.to_vec(), ..http() };
        assert_eq!(asked(http, answer(status, "")).await.0, expected);
    };
    check(&[200..=299], "200 OK", "success").await;
    check(&[200..=299], "299 Odd", "success").await;
    check(&[200..=299], "300 Choices", "answered 300, expected 200-299").await;
    check(&[200..=200, 401..=403], "403 Forbidden", "success").await;
    check(&[200..=200, 401..=403], "503 Busy", "answered 503, expected 200, 401-403").await;
}

#[tokio::test]
async fn redirects_are_answers() {
    let elsewhere = Server::start(LOOPBACK, answer("200 OK", "")).await;
    let location = format!("http://{}/", elsewhere.address);
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(asked(http(), moved).await.0, "answered 302, expected 200-299");
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn what_is_sent() {
    let request = |(_, seen): (String, Vec<String>)| seen.join("").to_ascii_lowercase();
    let plain = request(asked(http(), answer("200 OK", "")).await);
    assert!(plain.starts_with("get / http/1.1\r\n"), "{plain}");
    assert!(plain.contains("\r\nhost: 127.0.0.1:"), "{plain}");
    assert!(plain.contains("\r\nuser-agent: fingerpost/"), "{plain}");
    assert!(plain.contains("\r\nconnection: close\r\n"), "{plain}");

    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![header("X-Token", "One"), header("User-Agent", "mine")];
    let full = HttpCheck {
        method: "HEAD".into(),
        path: "/health?deep=1".into(),
        host: Some("www.example.com".into()),
        headers,
        ..http()
    };
    let full = request(asked(full, answer("200 OK", "")).await);
    assert!(full.starts_with("head /health?deep=1 http/1.1\r\n"), "{full}");
    assert_eq!(full.matches("host: ").count(), 1, "{full}");
    assert!(full.contains("\r\nhost: www.example.com\r\n"), "{full}");
    assert!(full.contains("\r\nx-token: one\r\n"), "{full}");
    assert_eq!(full.matches("user-agent: ").count(), 1, "{full}");
    assert!(full.contains("\r\nuser-agent: mine\r\n"), "{full}");
}

#[tokio::test]
async fn bodies() {
    let check = async |text: &str, body: &str, expected: &str| {
        let http = HttpCheck { body: Some(text.into()), ..http() };
        let told = asked(http, answer("200 OK", body)).await.0;
        assert_eq!(told, expected, "{text} in {} bytes", body.len());
    };
    let absent = "answered 200, but the body does not hold \"ready\"";
    check("", "", "success").await;
    check("ready", "all ready.", "success").await;
    check("ready", "all read", absent).await;
    check("ready", "", absent).await;
    let filler = "x".repeat(BODY_BYTES_MAX - 5);
    check("ready", &format!("{filler}ready"), "success").await;
    check("ready", &format!("{filler}xready"), absent).await;
}

#[tokio::test]
async fn a_body_without_end_is_not_waited_for() {
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nready\r\n";
    let http = HttpCheck { body: Some("ready".into()), ..http() };
    assert_eq!(asked(http, *chunks).await.0, "success");
    let endless = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &vec![b'x'; 2 * BODY_BYTES_MAX]].concat();
    let http = HttpCheck { body: Some("ready".into()), ..self::http() };
    assert!(asked(http, endless).await.0.contains("does not hold"));
    assert_eq!(asked(self::http(), *chunks).await.0, "success");
}

#[tokio::test]
async fn rubbish_and_silence() {
    for rubbish in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 nothing\r\n\r\n"] {
        assert_ne!(asked(http(), rubbish).await.0, "success");
    }
    let server = Server::start(LOOPBACK, "").await;
    let mut silent = probe(CheckKind::Http(http()), server.address);
    silent.check.timeout = Duration::from_millis(50);
    let result = make(silent).await;
    assert_eq!(verdict(&result), "no answer within 50ms");
    assert!(result.latency >= Duration::from_millis(50));
}

#[tokio::test]
async fn source_addresses() {
    let server = Server::start(LOOPBACK, answer("200 OK", "")).await;
    let from = |kind: &CheckKind, source: &str| {
        let mut probe = probe(kind.clone(), server.address);
        probe.check.source = Some(source.parse().unwrap());
        make(probe)
    };
    let asks = CheckKind::Http(http());
    let result = from(&asks, "127.0.0.2").await;
    assert_eq!(result.outcome, Outcome::Success);
    let client = server.seen.lock().unwrap()[0].0;
    assert_eq!(client.ip(), IpAddr::from([127, 0, 0, 2]));
    for kind in [asks, CheckKind::Tcp] {
        assert_eq!(from(&kind, "127.0.0.3").await.outcome, Outcome::Success);
        let result = from(&kind, "192.0.2.1").await;
        assert!(verdict(&result).contains("not available here"), "{result:?}");
        let result = from(&kind, "::1").await;
        assert!(verdict(&result).contains("another family"), "{result:?}");
    }
}

/// A server with a certificate of its own making for `names`, and the file that holds it.
async fn tls_server(names: &[&str], days: i64) -> (Server, PathBuf, tempfile::TempDir) {
    let mut params = rcgen::CertificateParams::new(
        names.iter().map(|name| name.to_string()).collect::<Vec<_>>(),
    )
    .unwrap();
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days + 1);
    let end = jiff::tz::TimeZone::UTC.to_datetime(end);
    params.not_after = rcgen::date_time_ymd(end.year().into(), end.month() as u8, end.day() as u8);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![certificate.der().clone()],
        rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    )
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let roots = directory.path().join("roots.pem");
    std::fs::write(&roots, certificate.pem()).unwrap();
    let acceptor = Some(Arc::new(config).into());
    (Server::start_tls(LOOPBACK, answer("200 OK", ""), acceptor).await, roots, directory)
}

fn https(server: &Server, host: Option<&str>, tls: TlsCheck) -> Probe {
    let http = HttpCheck { host: host.map(Into::into), tls: Some(tls), ..http() };
    probe(CheckKind::Http(http), server.address)
}

#[tokio::test]
async fn names_and_roots_of_certificates() {
    let (server, roots, _directory) = tls_server(&["www.example.com", "127.0.0.1"], 30).await;
    let check = async |name: Option<&str>, host: Option<&str>, rooted: bool, verify: bool| {
        let roots = rooted.then(|| roots.clone());
        let tls = TlsCheck { server_name: name.map(Into::into), roots, verify };
        let result = make(https(&server, host, tls)).await;
        let seen = std::mem::take(&mut *server.seen.lock().unwrap());
        let seen: Vec<String> = seen.into_iter().map(|(_, text)| text).collect();
        (verdict(&result).to_owned(), result.certificate_days_left, seen.join("\n"))
    };

    let (told, days, seen) = check(Some("www.example.com"), None, true, true).await;
    assert_eq!(told, "success");
    assert!(matches!(days, Some(29 | 30)), "{days:?}");
    assert!(seen.contains("SNI Some(\"www.example.com\")"), "{seen}");
    assert!(seen.contains("host: www.example.com:"), "{seen}");

    let (told, _, seen) = check(Some("www.example.com"), Some("other"), true, true).await;
    assert_eq!(told, "success");
    assert!(seen.contains("host: other\r\n") && seen.contains("\"www.example.com\""), "{seen}");

    let (told, _, seen) = check(None, Some("www.example.com:8443"), true, true).await;
    assert_eq!(told, "success");
    assert!(seen.contains("SNI Some(\"www.example.com\")"), "{seen}");
    assert!(seen.contains("host: www.example.com:8443\r\n"), "{seen}");

    let (told, _, seen) = check(None, None, true, true).await;
    assert_eq!(told, "success", "the address is in the certificate");
    assert!(seen.contains("SNI None"), "{seen}");

    let (told, _, _) = check(Some("api.example.com"), None, true, true).await;
    assert!(told.contains("not valid for name"), "{told}");
    let (told, _, _) = check(Some("www.example.com"), None, false, true).await;
    assert!(told.contains("invalid peer certificate") || told.contains("roots"), "{told}");
    let (told, days, _) = check(Some("api.example.com"), None, false, false).await;
    assert_eq!((told.as_str(), days.is_some()), ("success", true));
    let (told, _, _) = check(Some("192.0.2.7"), None, true, true).await;
    assert!(told.contains("is to bear 192.0.2.7, but 127.0.0.1 is probed"), "{told}");
}

#[tokio::test]
async fn expired_certificates() {
    let (server, roots, _directory) = tls_server(&["www.example.com"], -10).await;
    let verified =
        TlsCheck { server_name: Some("www.example.com".into()), roots: Some(roots), verify: true };
    let unverified = TlsCheck { verify: false, ..verified.clone() };
    let result = make(https(&server, None, verified)).await;
    assert!(verdict(&result).contains("expired"), "{result:?}");
    let result = make(https(&server, None, unverified)).await;
    assert_eq!(result.outcome, Outcome::Success);
    assert!(matches!(result.certificate_days_left, Some(-12..=-10)), "{result:?}");
}

#[tokio::test]
async fn one_client_asks_many_targets_by_one_name() {
    let name = "www.example.com";
    let (one, roots, _directory) = tls_server(&[name], 30).await;
    let (other, _, _other_directory) = tls_server(&[name], 30).await;
    let tls = TlsCheck { server_name: Some(name.into()), roots: Some(roots), verify: true };
    let clients = Clients::default();
    let good = Arc::new(https(&one, None, tls.clone()));
    let bad = Arc::new(https(&other, None, tls));
    for _ in 0..3 {
        let (good, bad) =
            tokio::join!(attempt(&clients, good.clone()), attempt(&clients, bad.clone()));
        assert_eq!(verdict(&good), "success");
        assert!(verdict(&bad).contains("invalid peer certificate"), "{bad:?}");
    }
}

#[tokio::test]
async fn roots_that_cannot_be_used() {
    let (server, _, directory) = tls_server(&["www.example.com"], 30).await;
    let check = async |content: Option<&str>, expected: &str| {
        let path = directory.path().join("custom.pem");
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let tls = TlsCheck { server_name: None, roots: Some(path), verify: true };
        let result = make(https(&server, None, tls)).await;
        let error = verdict(&result);
        assert!(error.contains(expected) && error.contains("custom.pem"), "{error}");
    };
    check(None, "cannot read").await;
    check(Some(""), "holds no certificate").await;
    check(Some("not PEM at all"), "holds no certificate").await;
    check(Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), "no PEM").await;
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check(Some(empty), "cannot serve as a root").await;
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let target = SocketAddr::from(([127, 0, 0, 1], 443));
    let check = |http: HttpCheck, expected: Option<&str>| {
        let refused = http::request(&http, target).err();
        assert_eq!(refused.is_some(), expected.is_some(), "{refused:?}");
        assert!(refused.unwrap_or_default().contains(expected.unwrap_or_default()));
    };
    let named = |name: &str| {
        let tls = TlsCheck { server_name: Some(name.into()), roots: None, verify: false };
        HttpCheck { tls: Some(tls), ..http() }
    };
    check(http(), None);
    check(HttpCheck { method: "G T".into(), ..http() }, Some("no HTTP method"));
    check(HttpCheck { path: "@elsewhere/".into(), ..http() }, Some("does not begin with /"));
    check(
        HttpCheck { host: Some("a\nb".into()), ..http() },
        Some("cannot stand in an HTTP header"),
    );
    check(HttpCheck { headers: vec![("a b".into(), "c".into())], ..http() }, Some("no name"));
    check(HttpCheck { headers: vec![("a".into(), "\0".into())], ..http() }, Some("cannot stand"));
    check(named("www.example.com"), None);
    check(named("127.0.0.1"), None);
    check(named("127.1"), Some("no name that a certificate could bear"));
    check(named("a b"), Some("no URL"));
    check(named("user@host"), Some("no name that a certificate could bear"));
}

#[test]
fn a_first_round_is_bounded() {
    let limits = Limits { in_flight_max: 10, first_spread_max: Duration::from_secs(1) };
    let check = |count: u16, seconds| {
        let probes: Vec<Probe> = (0..count).map(tcp).collect();
        assert_eq!(limits.first_round_max(&probes), Duration::from_secs(seconds), "{count}");
    };
    check(0, 1);
    check(10, 3);
    check(11, 5);
}

#[tokio::test]
async fn a_prober_from_end_to_end() {
    let server = Server::start(LOOPBACK, answer("200 OK", "")).await;
    let (_held, dead) = refusing();
    let (results, mut found) = mpsc::channel(16);
    let prober = Prober::start(results, Limits::default()).unwrap();
    let live = Arc::new(probe(CheckKind::Http(http()), server.address));
    let equal = Arc::new(Probe::clone(&live));
    let refused = Arc::new(probe(CheckKind::Tcp, dead));
    prober.set_probes(vec![live.clone(), equal, refused.clone()]);
    let mut table = crate::health::Table::default();
    table.set_probes([live.clone(), refused.clone()]);
    while !table.first_round_done() {
        table.apply(&found.recv().await.unwrap(), jiff::Timestamp::UNIX_EPOCH);
    }
    assert_eq!(table.verdict(&live), crate::health::Verdict::Up);
    assert_eq!(table.verdict(&refused), crate::health::Verdict::Down);
    drop(prober);
    assert_eq!(found.recv().await, None);
    assert_eq!(server.seen().len(), 1, "equal probes are made once");
}
