use super::*;
use crate::answer::Transport;
use crate::net::testing::{BIG, Echo, Identity, NOTHING, PANIC, answer, any, ends, lane_of, query};
use crate::net::{Endpoints, Listeners, Running};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;

const PATH: &str = "/dns-query";

fn request(method: &str, target: &str, media_type: &str, body: &[u8]) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(target).header(CONTENT_TYPE, media_type);
    request.body(Full::from(body.to_vec())).unwrap()
}

fn get(query: &[u8]) -> String {
    format!("{PATH}?dns={}", URL_SAFE_NO_PAD.encode(query))
}

#[tokio::test]
async fn requests_and_their_status() {
    let (lane, _stop) = lane_of(Echo, Transport::Https, Limits::default());
    let client = ends();
    let check = async |method: &str, target: &str, media_type: &str, body: &[u8], status: u16| {
        let request = request(method, target, media_type, body);
        let response = respond(request, &client, PATH, &lane).await;
        assert_eq!(response.status(), status, "{method} {target}");
        let allow = response.headers().contains_key("allow");
        assert_eq!(allow, status == 405, "{method} {target}");
        let media_type = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        assert_eq!(media_type == MEDIA_TYPE, status == 200, "{method} {target}");
    };
    let asked = query(0, b"?>x");
    let padded = base64::engine::general_purpose::URL_SAFE.encode(query(0, b"ab"));
    assert!(padded.ends_with('='));

    check("GET", &get(&asked), "", b"", 200).await;
    check("HEAD", &get(&asked), "", b"", 200).await;
    check("GET", &format!("{PATH}?ct=x&dns={}&y", URL_SAFE_NO_PAD.encode(&asked)), "", b"", 200)
        .await;
    check("GET", &format!("{PATH}?dns={padded}"), "", b"", 200).await;
    check("GET", &format!("{PATH}?dns={}", padded.replace('=', "%3D")), "", b"", 200).await;
    check("POST", PATH, MEDIA_TYPE, &asked, 200).await;
    check("POST", PATH, "Application/DNS-Message; charset=x", &asked, 200).await;

    check("GET", PATH, "", b"", 400).await;
    check("GET", &format!("{PATH}?dns"), "", b"", 400).await;
    check("GET", &format!("{PATH}?dns="), "", b"", 400).await;
    check("GET", &format!("{PATH}?dns=a+/b"), "", b"", 400).await;
    check("GET", &get(b"short"), "", b"", 400).await;
    check("GET", &get(&query(0, &[NOTHING])), "", b"", 400).await;
    check("POST", PATH, MEDIA_TYPE, b"", 400).await;
    check("GET", "/", "", b"", 404).await;
    check("POST", "/dns-query/", MEDIA_TYPE, &asked, 404).await;
    check("PUT", PATH, MEDIA_TYPE, &asked, 405).await;
    check("POST", PATH, MEDIA_TYPE, &[0; 65_536], 413).await;
    check("POST", PATH, "application/json", &asked, 415).await;
    check("POST", PATH, "", &asked, 415).await;
    check("POST", PATH, MEDIA_TYPE, &query(0, &[PANIC]), 500).await;
}

fn serve(identity: &Identity) -> (Running, String) {
    let endpoints = Endpoints { doh: vec![any()], ..Endpoints::default() };
    let listeners = Listeners::bind(&endpoints, Some(&identity.certificates())).unwrap();
    let port = listeners.local_addresses()[0].1.port();
    let running = listeners.start(Echo, &Handle::current()).unwrap();
    (running, format!("https://localhost:{port}"))
}

fn client(identity: &Identity, protocol: &[u8]) -> reqwest::Client {
    reqwest::Client::builder()
        .tls_backend_preconfigured(identity.client(&[protocol]))
        .no_proxy()
        .resolve("localhost", any())
        .build()
        .unwrap()
}

#[tokio::test]
async fn both_http_versions_over_the_wire() {
    let identity = Identity::new();
    let (running, base) = serve(&identity);
    // One answer with a TTL of 37 s, which the echo sends back as it is.
    let mut asked = query(0, b"\0\0\x01\0\x01\0\0\0\x25\0\x04abcd");
    asked[7] = 1;
    let mut expected = asked.clone();
    (expected[2], expected[3]) = (0x80, Transport::Https as u8);
    for (protocol, version) in PROTOCOLS.iter().zip(["HTTP/2.0", "HTTP/1.1"]) {
        let client = client(&identity, protocol);
        let post = client.post(format!("{base}{PATH}")).header(CONTENT_TYPE, MEDIA_TYPE);
        let requests = [
            (client.get(format!("{base}{}", get(&asked))), true),
            (client.head(format!("{base}{}", get(&asked))), false),
            (post.try_clone().unwrap().body(asked.clone()), true),
        ];
        for (request, has_content) in requests {
            let response = request.send().await.unwrap();
            assert_eq!(format!("{:?}", response.version()), version);
            assert_eq!(response.status(), 200);
            let header = |name| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), MEDIA_TYPE);
            assert_eq!(header("cache-control"), "max-age=37");
            assert_eq!(header("content-length"), expected.len().to_string());
            let content = response.bytes().await.unwrap();
            assert_eq!(content, if has_content { expected.clone() } else { vec![] });
        }
        let big = post.try_clone().unwrap().body(query(0, &[BIG])).send().await.unwrap();
        assert_eq!(big.headers()["cache-control"], "max-age=0");
        assert_eq!(big.bytes().await.unwrap(), answer(0, &[BIG], Transport::Https));
        let wrong = client.put(format!("{base}{PATH}")).send().await.unwrap();
        assert_eq!(wrong.status(), 405);
        let long = post.body(vec![0; 100_000]).send().await.unwrap();
        assert_eq!(long.status(), 413);
    }
    assert!(running.shutdown().await);
}

/// Serves HTTP/1.1 without TLS; sends `sent`, one byte each second after the first, and returns what came back and
/// when the connection ended.
async fn trickled(first: &[u8], sent: &[u8]) -> (String, Duration, u64) {
    let (lane, _stop) = lane_of(Echo, Transport::Https, Limits::default());
    let (client, io) = tokio::io::duplex(4096);
    let counters = lane.counters.clone();
    let opened = Instant::now();
    let served = tokio::spawn(serve_http(io, ends(), PATH.into(), lane));
    let (mut read, mut write) = tokio::io::split(client);
    write.write_all(first).await.unwrap();
    let sent = sent.to_vec();
    let writing = tokio::spawn(async move {
        for byte in sent {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if write.write_u8(byte).await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    });
    let mut received = Vec::new();
    let _ = read.read_to_end(&mut received).await;
    served.await.unwrap();
    writing.abort();
    let timed_out = counters.of(Transport::Https).timed_out.load(Ordering::Relaxed);
    (String::from_utf8_lossy(&received).into_owned(), opened.elapsed(), timed_out)
}

#[tokio::test(start_paused = true)]
async fn slow_clients_are_closed() {
    let longest = Limits::default().idle_timeout + DRAIN + Duration::from_secs(1);
    let check = async |first: String, rest: &[u8], expected: &str| {
        let (received, lasted, timed_out) = trickled(first.as_bytes(), rest).await;
        assert!(received.starts_with(expected), "{first}: {received}");
        assert!(lasted >= Limits::default().idle_timeout, "{first}: {lasted:?}");
        assert!(lasted <= longest, "{first}: {lasted:?}");
        assert_eq!(timed_out, 1, "{first}");
    };
    check(String::new(), &[], "").await;
    check("GET ".to_owned(), &[b'/'; 100], "").await;
    let post = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: 100\r\n\r\n"
    );
    check(post, &[0; 100], "").await;
    let asked = format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", get(&query(0, b"x")));
    check(asked, &[], "HTTP/1.1 200 OK").await;
}

#[tokio::test]
async fn refusals_say_why() {
    let (lane, _stop) = lane_of(Echo, Transport::Https, Limits::default());
    let response = respond(request("GET", "/x", "", b""), &ends(), PATH, &lane).await;
    let content = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(content, "queries are answered on another path\n");
    assert_eq!(lane.connections().protocol_errors.load(Ordering::Relaxed), 1);
}
