//! The agent over loopback, and what a feed makes of it.

use super::seats::CONNECTIONS_MAX;
use super::serve::HEAD_TIMEOUT;
use super::table::tests::SAMPLE;
use super::*;
use crate::director::feed::ipvs;
use crate::director::report::FeedReport;
use crate::steer::director::Protocol;
use jiff::Timestamp;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An agent on loopback before a directory that stands for `/proc`.
struct Stage {
    directory: tempfile::TempDir,
    agent: Agent,
}

impl Stage {
    fn new(table: Option<&str>, tokens: Option<&str>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir(at("net")).unwrap();
        if let Some(table) = table {
            std::fs::write(at("net/ip_vs"), table).unwrap();
        }
        if let Some(tokens) = tokens {
            std::fs::write(at("tokens"), tokens).unwrap();
        }
        let options = Options {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            token_file: tokens.map(|_| at("tokens")),
            tls: None,
            proc: directory.path().to_owned(),
            maintenance_file: Some(at("maintenance")),
        };
        let agent = Agent::start(options).unwrap();
        Self { directory, agent }
    }

    /// Status, head and body of an answer.
    async fn ask(&self, method: &str, target: &str, headers: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.agent.addresses()[0]).await.unwrap();
        let request = format!("{method} {target} HTTP/1.1\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        (status, head.to_ascii_lowercase(), body.to_owned())
    }
}

const HOST: &str = "Host: 127.0.0.1\r\n";

#[tokio::test]
async fn what_it_tells_is_what_the_feed_reads() {
    let stage = Stage::new(Some(SAMPLE), None);
    let (status, head, body) = stage.ask("GET", "/", HOST).await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    let said = ipvs::parse(body.as_bytes(), Timestamp::now(), Duration::from_secs(10)).unwrap();
    let FeedReport::Services { is_maintenance, services } = said else { panic!("services") };
    let shown: Vec<_> = services
        .iter()
        .map(|it| {
            (
                it.protocol,
                it.address.to_string(),
                it.port,
                it.report.reals.len(),
                it.report.sessions,
            )
        })
        .collect();
    let vip = || "192.0.2.100".to_owned();
    assert_eq!(
        shown,
        [
            (Protocol::Udp, vip(), 53, 1, Some(9)),
            (Protocol::Tcp, vip(), 80, 2, Some(17)),
            (Protocol::Tcp, vip(), 443, 1, Some(0)),
            (Protocol::Tcp, "2001:db8:f::100".to_owned(), 80, 2, Some(7)),
        ]
    );
    assert!(!is_maintenance);
    let document: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        document["services"][1]["reals"][1],
        serde_json::json!({
            "address": "10.0.0.2", "port": 80, "forward": "masq", "weight": 3, "active": 12, "inactive": 4
        })
    );
    assert_eq!(document["skipped"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_file_is_maintenance() {
    let stage = Stage::new(Some(SAMPLE), None);
    let file = stage.directory.path().join("maintenance");
    let is_told = async || {
        let body: serde_json::Value =
            serde_json::from_str(&stage.ask("GET", "/", HOST).await.2).unwrap();
        body["maintenance"].as_bool()
    };
    assert_eq!(is_told().await, Some(false));
    std::fs::write(&file, "").unwrap();
    assert_eq!(is_told().await, Some(true));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(is_told().await, Some(false));
}

#[tokio::test]
async fn nothing_else_is_there_and_nothing_changes() {
    let stage = Stage::new(Some(SAMPLE), None);
    let check = async |method: &str, target: &str, headers: &str, status: u16| {
        let answer = stage.ask(method, target, headers).await;
        assert_eq!(answer.0, status, "{method} {target} {headers}: {}", answer.2);
        answer
    };
    check("GET", "/healthz", HOST, 200).await;
    assert_eq!(check("HEAD", "/", HOST, 200).await.2, "");
    check("GET", "/?pretty", HOST, 200).await;
    check("GET", "/proc/net/ip_vs", HOST, 404).await;
    check("GET", "/../etc/passwd", HOST, 404).await;
    assert!(check("POST", "/", HOST, 405).await.1.contains("allow: get, head"));
    check("DELETE", "/healthz", HOST, 405).await;
    check("GET", "/", "Host: localhost:8054\r\n", 200).await;
    check("GET", "/", "Host: [::1]:8054\r\n", 200).await;
    check("GET", "/", "Host: evil.example\r\n", 403).await;
    check("GET", "/", "", 403).await;
}

#[tokio::test]
async fn with_tokens_only_their_bearers_may_ask() {
    let stage = Stage::new(Some(SAMPLE), Some("fra: first-secret\n"));
    let check = async |shown: &str, status: u16| {
        let headers = format!("Host: any.example\r\nAuthorization: {shown}\r\n");
        assert_eq!(stage.ask("GET", "/", &headers).await.0, status, "{shown}");
    };
    check("Bearer first-secret", 200).await;
    check("bearer first-secret", 200).await;
    check("Bearer first-secre", 401).await;
    check("Bearer ", 401).await;
    check("Basic first-secret", 401).await;
    check("é", 401).await;
    let (status, head, _) = stage.ask("GET", "/", HOST).await;
    assert_eq!((status, head.contains("www-authenticate: bearer")), (401, true));
    assert_eq!(stage.ask("GET", "/healthz", HOST).await.0, 200);
    let file = stage.directory.path().join("tokens");
    std::fs::write(&file, "no token at all\n").unwrap();
    assert!(stage.agent.reload().is_err());
    check("Bearer first-secret", 200).await;
    std::fs::write(&file, "second-secret\n").unwrap();
    stage.agent.reload().unwrap();
    check("Bearer first-secret", 401).await;
    check("Bearer second-secret", 200).await;
}

#[tokio::test]
async fn without_ipvs_it_says_what_to_do() {
    let stage = Stage::new(None, None);
    for target in ["/", "/healthz"] {
        let (status, _, body) = stage.ask("GET", target, HOST).await;
        assert_eq!(status, 503);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(
            body["error"].as_str().is_some_and(|error| error.ends_with("modprobe ip_vs")),
            "{body}"
        );
    }
    assert!(stage.agent.trouble().is_some());
    let stage = Stage::new(Some("nonsense"), None);
    assert_eq!(stage.ask("GET", "/", HOST).await.0, 503);
}

#[tokio::test]
async fn it_ends_soon_whoever_is_connected() {
    let stage = Stage::new(Some(SAMPLE), None);
    let address = stage.agent.addresses()[0];
    let mut idle = TcpStream::connect(address).await.unwrap();
    // An answer to a later client: the one before it has been accepted.
    assert_eq!(stage.ask("GET", "/healthz", HOST).await.0, 200);
    stage.agent.shutdown().await;
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

/// A client at another address of loopback.
async fn stranger(address: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.66:0".parse().unwrap()).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test]
async fn whoever_keeps_it_waiting_keeps_nobody_else_waiting() {
    let stage = Stage::new(Some(SAMPLE), None);
    let address = stage.agent.addresses()[0];
    let began = Instant::now();
    // It came first, and takes its time.
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..2 * CONNECTIONS_MAX {
        silent.push(stranger(address).await);
    }
    assert_eq!(stage.ask("GET", "/", HOST).await.0, 200);
    slow.write_all(HOST.as_bytes()).await.unwrap();
    slow.write_all(b"\r\n").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // The first of the silent ones were let go of, and no other.
    assert_eq!(silent[0].read(&mut [0; 16]).await.unwrap_or(0), 0);
    let last = silent.last_mut().unwrap();
    let told = tokio::time::timeout(Duration::from_millis(50), last.read(&mut [0; 16])).await;
    assert!(told.is_err(), "{told:?}");
    // Nor does it help to announce a body and to keep it back.
    for _ in 0..CONNECTIONS_MAX {
        let mut withholding = stranger(address).await;
        let head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n";
        withholding.write_all(head).await.unwrap();
        silent.push(withholding);
    }
    assert_eq!(stage.ask("GET", "/", HOST).await.0, 200);
    assert!(began.elapsed() < HEAD_TIMEOUT, "nothing of it was waited for: {:?}", began.elapsed());
}

#[tokio::test]
async fn it_does_not_listen_to_everyone_without_a_token() {
    let check = |listen: &[&str], token_file: Option<&str>, part: Option<&str>| {
        let options = Options {
            listen: listen.iter().map(|address| address.parse().unwrap()).collect(),
            token_file: token_file.map(PathBuf::from),
            tls: None,
            proc: PathBuf::from("/proc"),
            maintenance_file: None,
        };
        match (Agent::start(options), part) {
            (Ok(agent), None) => assert_eq!(agent.addresses().len(), listen.len()),
            (Err(report), Some(part)) => {
                assert!(report.findings.iter().any(|it| it.message.contains(part)), "{report:?}");
            }
            (Ok(_), Some(part)) => panic!("{listen:?} lacks {part}"),
            (Err(report), None) => panic!("{report:?}"),
        }
    };
    check(&["127.0.0.1:0", "[::1]:0"], None, None);
    check(&["127.0.0.1:0", "0.0.0.0:0"], None, Some("0.0.0.0:0 can be reached from elsewhere"));
    check(&["[::]:0"], None, Some("can be reached from elsewhere"));
    check(&["127.0.0.1:0"], Some("no-such-file"), Some("cannot read the token file"));
    check(&["192.0.2.1:0"], Some("Cargo.toml"), Some("is of no use"));
}
