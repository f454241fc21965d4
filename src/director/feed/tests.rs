//! Feeds asked over real sockets on loopback.

use super::limits::{AUTH_BYTES_MAX, BODY_BYTES_MAX};
use super::*;
use crate::steer::director::{HaproxySource, HttpAuth, HttpSource};
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc::UnboundedReceiver;

const STATISTICS: &str =
    "# pxname,svname,status,weight,scur,type,\nweb,a,UP,1,3,2,\nweb,BACKEND,UP,1,3,1,\n\n";
const DOCUMENT: &str = r#"{"reals":[{"name":"a","state":"up"}]}"#;

/// A feed that is asked every 2 s.
pub(super) fn json_feed(url: &str) -> Feed {
    feed(FeedSource::Json(HttpSource { url: url.to_owned(), auth: None, roots: None }))
}

fn feed(source: FeedSource) -> Feed {
    Feed {
        source,
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(20),
        stale_after: Duration::from_secs(10),
    }
}

async fn ask(feed: Feed) -> Result<FeedReport, Fault> {
    question(Arc::new(Asker::default()), Arc::new(feed)).await.outcome
}

/// A server on loopback that reads to the end of one request and sends these bytes; its address, and what it was asked.
async fn server(
    answer: impl Into<Vec<u8>>,
    end: &'static [u8],
) -> (String, UnboundedReceiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = answer.into();
    let (told, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &answer, end, &told).await;
        }
    });
    (address, heard)
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &[u8],
    end: &[u8],
    told: &mpsc::UnboundedSender<String>,
) {
    let mut request = Vec::new();
    while !request.ends_with(end) {
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let _ = told.send(String::from_utf8_lossy(&request).into_owned());
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

const HEAD_END: &[u8] = b"\r\n\r\n";

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What a feed of JSON makes of an answer.
async fn answered(answer: impl Into<Vec<u8>>) -> Result<FeedReport, Fault> {
    let (address, _heard) = server(answer, HEAD_END).await;
    ask(json_feed(&format!("http://{address}/"))).await
}

fn reason<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> String {
    outcome.expect_err("a reason").why
}

#[tokio::test]
async fn an_answer_is_read() {
    let FeedReport::One(report) = answered(answer("200 OK", DOCUMENT)).await.unwrap() else {
        panic!()
    };
    assert_eq!(report.reals.len(), 1);
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let check = async |sent: String, kind: FaultKind, part: &str| {
        let fault = answered(sent).await.expect_err(part);
        assert!(fault.why.contains(part), "{part}: {fault}");
        assert_eq!(fault.kind, kind, "{part}: {fault}");
    };
    use FaultKind::{Connection, Impossible, Status, Unreadable};
    check(answer("404 Not Found", "x"), Status, "answered 404, expected 200").await;
    check(answer("503 Busy", r#"{"error":"no IPVS"}"#), Status, "answered 503: no IPVS").await;
    let asks = "401, expected 200: it asks for a token_file";
    check(answer("401 Unauthorized", ""), Status, asks).await;
    check(answer("200 OK", "<html>"), Unreadable, "no JSON").await;
    let many = r#"{"sessions":-1,"reals":[{"name":"a","state":"up"}]}"#;
    check(answer("200 OK", many), Impossible, "number of sessions").await;
    let twice = r#"{"reals":[{"name":"a","state":"up"},{"name":"a","state":"up"}]}"#;
    check(answer("200 OK", twice), Impossible, "is there twice").await;
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_owned();
    check(short, Connection, "end of file").await;
    check("no HTTP at all\r\n\r\n".to_owned(), Unreadable, "").await;
    check(String::new(), Connection, "").await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (elsewhere, mut heard) = server(answer("200 OK", DOCUMENT), HEAD_END).await;
    let moved =
        format!("HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n");
    assert!(reason(answered(moved).await).contains("answered 302, expected 200: redirects"));
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn a_body_is_read_to_its_bound() {
    let padded = |bytes: usize| format!("{DOCUMENT}{}", " ".repeat(bytes - DOCUMENT.len()));
    assert!(answered(answer("200 OK", &padded(BODY_BYTES_MAX))).await.is_ok());
    let long = answered(answer("200 OK", &padded(BODY_BYTES_MAX + 1))).await;
    assert_eq!(reason(long), "the answer is longer than 4 MiB");
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", padded(BODY_BYTES_MAX + 1));
    assert_eq!(reason(answered(endless).await), "the answer is longer than 4 MiB");
}

#[tokio::test]
async fn the_whole_exchange_has_one_timeout() {
    let check = async |feed: Feed| {
        let outcome = ask(Feed { timeout: Duration::from_millis(50), ..feed }).await;
        let fault = outcome.expect_err("nothing");
        assert_eq!((fault.kind, &*fault.why), (FaultKind::Timeout, "no answer within 50ms"));
    };
    // Listening, and accepting nothing.
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = silent.local_addr().unwrap();
    check(json_feed(&format!("http://{address}/"))).await;
    check(haproxy(HaproxySource::Tcp(address))).await;
    // A head, and never a body.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::new()).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    });
    check(json_feed(&format!("http://{address}/"))).await;
}

#[tokio::test]
async fn files_let_in_and_are_read_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let (address, mut heard) = server(answer("200 OK", DOCUMENT), HEAD_END).await;
    let asked = async |auth: fn(PathBuf) -> HttpAuth| {
        let url = format!("http://{address}/");
        let auth = Some(auth(path.clone()));
        ask(feed(FeedSource::Json(HttpSource { url, auth, roots: None }))).await
    };
    std::fs::write(&path, "first\nsecond\n").unwrap();
    asked(HttpAuth::TokenFile).await.unwrap();
    assert!(heard.recv().await.unwrap().contains("authorization: Bearer first\r\n"));
    std::fs::write(&path, " ada:pass:word \n").unwrap();
    asked(HttpAuth::BasicFile).await.unwrap();
    assert!(heard.recv().await.unwrap().contains("authorization: Basic YWRhOnBhc3M6d29yZA==\r\n"));
    let mut check = async |text: &[u8], auth: fn(PathBuf) -> HttpAuth, part: &str| {
        std::fs::write(&path, text).unwrap();
        let reason = reason(asked(auth).await);
        assert!(reason.contains(part), "{reason}");
        assert!(heard.try_recv().is_err(), "nothing is asked without");
    };
    check(b"", HttpAuth::TokenFile, "is empty").await;
    check(b"\nx", HttpAuth::TokenFile, "is empty").await;
    check(b"ada", HttpAuth::BasicFile, "not USER:PASSWORD").await;
    check(b"a\x01b", HttpAuth::TokenFile, "cannot stand in a header").await;
    check(b"\xff", HttpAuth::TokenFile, "no UTF-8").await;
    check(&b"\n".repeat(AUTH_BYTES_MAX * 2), HttpAuth::TokenFile, "is empty").await;
    std::fs::remove_file(&path).unwrap();
    assert!(reason(asked(HttpAuth::TokenFile).await).contains("cannot read"));
    let (address, _heard) = server(answer("403 Forbidden", ""), HEAD_END).await;
    std::fs::write(&path, "wrong").unwrap();
    let auth = Some(HttpAuth::TokenFile(path));
    let outcome = ask(feed(FeedSource::Json(HttpSource {
        url: format!("http://{address}/"),
        auth,
        roots: None,
    })))
    .await;
    assert!(reason(outcome).contains("does not take the token"));
}

fn haproxy(from: HaproxySource) -> Feed {
    feed(FeedSource::Haproxy { from, backend: "web".to_owned() })
}

#[tokio::test]
async fn haproxy_is_asked_by_three_ways() {
    let check = |outcome: Result<FeedReport, Fault>| {
        let FeedReport::One(report) = outcome.unwrap() else { panic!() };
        assert_eq!((report.reals.len(), report.sessions), (1, Some(3)));
    };
    let (address, mut heard) = server(answer("200 OK", STATISTICS), HEAD_END).await;
    let url = format!("http://{address}/stats;csv");
    check(ask(haproxy(HaproxySource::Http(HttpSource { url, auth: None, roots: None }))).await);
    assert!(heard.recv().await.unwrap().starts_with("GET /stats;csv HTTP/1.1\r\n"));

    let (address, mut heard) = server(STATISTICS, b"\n").await;
    check(ask(haproxy(HaproxySource::Tcp(address.parse().unwrap()))).await);
    assert_eq!(heard.recv().await.unwrap(), "show stat\n");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, STATISTICS.as_bytes(), b"\n", &told).await;
    });
    check(ask(haproxy(HaproxySource::Unix(path.clone()))).await);
    assert_eq!(heard.recv().await.unwrap(), "show stat\n");
    // The listener is gone, its path is not.
    assert!(
        reason(ask(haproxy(HaproxySource::Unix(path.clone()))).await)
            .ends_with("connection refused")
    );
    let absent = HaproxySource::Unix(path.with_extension("gone"));
    assert!(reason(ask(haproxy(absent)).await).contains("No such file"));
}

#[tokio::test]
async fn a_runtime_socket_is_read_to_its_bound() {
    let (address, _heard) = server("x".repeat(BODY_BYTES_MAX + 1), b"\n").await;
    let outcome = ask(haproxy(HaproxySource::Tcp(address.parse().unwrap()))).await;
    assert_eq!(reason(outcome), "the answer is longer than 4 MiB");
}

#[tokio::test]
async fn reasons_are_one_line() {
    let bad = reason(answered(answer("503 Busy", r#"{"error":"a\nb\u001b[31m"}"#)).await);
    assert_eq!(bad, "answered 503: a b [31m");
    let (_held, address) = refusing();
    let refused = Fault::new(FaultKind::Connection, "connection refused");
    assert_eq!(ask(json_feed(&format!("http://{address}/"))).await, Err(refused));
    let nonsense = ask(json_feed("nonsense")).await.expect_err("no URL");
    assert!(nonsense.kind == FaultKind::Local && nonsense.why.contains("is no URL"));
}

/// Bound, but not listening.
fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[tokio::test]
async fn a_feeder_asks_on_a_thread_of_its_own_until_it_is_dropped() {
    let (address, _heard) = server(answer("200 OK", DOCUMENT), HEAD_END).await;
    let (results, mut found) = mpsc::channel(8);
    let feeder = Feeder::start(results).unwrap();
    let feed = Arc::new(json_feed(&format!("http://{address}/")));
    feeder.set_feeds(vec![feed.clone()]);
    let result = found.recv().await.unwrap();
    assert_eq!(result.feed, feed);
    assert!(result.outcome.is_ok(), "{result:?}");
    tokio::task::spawn_blocking(move || drop(feeder)).await.unwrap();
    while found.recv().await.is_some() {}
}
