//! dnstap as a reader gets it: over a socket and from a file, of every transport, sampled, and never in the way.
//!
//! What comes is read by a reader of frames that is the tests' own and a decoder made from the published schema, and by
//! the readers that Debian ships.

#[path = "../kit/mod.rs"]
mod kit;
mod peers;
mod reader;
mod schema;

use fingerpost::answer::Transport;
use kit::server::TestServer;
use kit::{ConfigDir, Https, Method, Query, Quic, Udp, tcp, tls, types, until};
use reader::Reader;
use schema::{Dnstap, Message};
use std::fs;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

const ZONE: &str = "$TTL 300\n@ SOA ns hostmaster 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.53\n\
    www A 192.0.2.1\nwww A 192.0.2.2\n";

/// A server of one zone and one UDP thread with such a tap.
fn configuration(listen: &str, dnstap: &str) -> ConfigDir {
    let server = format!(
        "[server]\nlisten = {listen}\nudp_workers = 1\nzones = \"zones\"\nnsid = \"ns1.fra\"\n\
         [dnstap]\n{dnstap}\n"
    );
    ConfigDir::new().server(&server).zone("example.com", ZONE)
}

const LOOPBACK: &str = r#"["127.0.0.1:0", "[::1]:0"]"#;

fn www() -> Query {
    Query::new("wWw.example.com", types::A)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

/// What must stand in a message of `www` from a client to a server, over a transport of such a number.
fn assert_ends(message: &Message, client: SocketAddr, server: SocketAddr, protocol: i32) {
    let octets = |address: SocketAddr| match address {
        SocketAddr::V4(address) => address.ip().octets().to_vec(),
        SocketAddr::V6(address) => address.ip().octets().to_vec(),
    };
    assert_eq!(message.socket_protocol, Some(protocol));
    assert_eq!(message.socket_family, Some(if client.is_ipv4() { 1 } else { 2 }));
    assert_eq!(message.query_address, Some(octets(client)));
    assert_eq!(message.response_address, Some(octets(server)));
    assert_eq!(message.response_port, Some(server.port().into()));
    assert_eq!(message.query_zone.as_deref(), Some(&b"\x07example\x03com\0"[..]));
    let asked_s = message.query_time_sec.expect("a time");
    assert!(now_s().abs_diff(asked_s) < 60, "{asked_s}");
    assert!(message.query_time_nsec.is_some_and(|ns| ns < 1_000_000_000));
}

/// The two messages of an exchange, in their order.
fn assert_exchange(taps: &[Dnstap], query: &[u8], reply: &[u8]) -> [Message; 2] {
    let [asked, answered] = taps else { panic!("two messages, not {}", taps.len()) };
    for tap in [asked, answered] {
        assert_eq!(tap.identity.as_deref(), Some(&b"ns1.fra"[..]));
        let version = concat!("fingerpost ", env!("CARGO_PKG_VERSION"));
        assert_eq!(tap.version.as_deref(), Some(version.as_bytes()));
        assert_eq!(tap.r#type, 1);
    }
    let [asked, answered] = [asked, answered].map(|tap| tap.message.clone().expect("a message"));
    assert_eq!((asked.r#type, answered.r#type), (1, 2), "AUTH_QUERY, AUTH_RESPONSE");
    assert_eq!(asked.query_message.as_deref(), Some(query));
    assert_eq!((&asked.response_message, asked.response_time_sec), (&None, None));
    assert_eq!(answered.response_message.as_deref(), Some(reply));
    assert_eq!(answered.query_message, None);
    let time = |message: &Message| (message.query_time_sec, message.query_time_nsec);
    assert_eq!(time(&asked), time(&answered));
    let ended = (answered.response_time_sec, answered.response_time_nsec);
    assert!(time(&answered) <= ended, "{answered:?}");
    [asked, answered]
}

/// Asks over one transport; the answer, and the client's port where the kit knows it.
fn ask(
    server: &TestServer,
    transport: Transport,
    at: SocketAddr,
    query: &[u8],
) -> (Vec<u8>, Option<u16>) {
    let one = |reply: Option<Vec<u8>>| reply.expect("a reply");
    match transport {
        Transport::Udp => {
            let udp = Udp::to(at);
            udp.send(query);
            (udp.receive(), Some(udp.port()))
        }
        Transport::Tcp => {
            let mut stream = tcp(at, None);
            stream.send(query);
            let port = stream.inner().local_addr().expect("a connected socket").port();
            (one(stream.receive()), Some(port))
        }
        Transport::Tls => {
            let mut stream = tls(at, &server.certificate);
            stream.send(query);
            (
                one(stream.receive()),
                Some(stream.inner().sock.local_addr().expect("a socket").port()),
            )
        }
        Transport::Https => {
            let https = Https::to(at, "/dns-query", &server.certificate);
            (https.exchange(query, Method::Post).body, None)
        }
        Transport::Quic => {
            let quic = Quic::to(at, &server.certificate);
            let reply = quic.exchange(&kit::client::framed(query)).expect("a reply");
            (reply[2..].to_vec(), None)
        }
    }
}

#[test]
fn every_transport_is_told_of() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("tap");
    let mut reader = Reader::listen(&path);
    let dir = configuration(LOOPBACK, &format!("socket = {path:?}"));
    let server = TestServer::start_encrypted(dir);
    reader.accept();
    // RFC 9250 §4.2.1 wants the id to be 0.
    let query = www().id(0).edns(1232).option(12, &[]).bytes();
    for (transport, protocol) in Transport::ALL.into_iter().zip([1, 2, 3, 4, 7]) {
        for at in server.addresses(transport) {
            let (reply, port) = ask(&server, transport, at, &query);
            for message in assert_exchange(&reader.take(2), &query, &reply) {
                let told = message.query_port.expect("a port");
                assert!(told != 0 && port.is_none_or(|port| u32::from(port) == told), "{told}");
                let client = SocketAddr::new(at.ip(), u16::try_from(told).expect("16 bits"));
                assert_ends(&message, client, at, protocol);
            }
        }
    }
}

/// Which address was asked is known on a wildcard address too.
#[test]
fn the_address_asked_is_told() {
    let dir = configuration("[\"0.0.0.0:0\"]", "file = \"state/tap\"");
    let mut server = TestServer::start(dir);
    let query = www().bytes();
    let replies = [Transport::Udp, Transport::Tcp].map(|transport| {
        let asked = SocketAddr::from(([127, 0, 0, 7], server.address(transport).port()));
        ask(&server, transport, asked, &query).0
    });
    let path = server.dir.file("state/tap");
    server.restart(|| {
        let taps = reader::read_file(&path);
        assert_eq!(taps.len(), 4);
        for (taps, reply) in taps.chunks(2).zip(&replies) {
            for message in assert_exchange(taps, &query, reply) {
                assert_eq!(message.response_address.as_deref(), Some(&[127, 0, 0, 7][..]));
            }
        }
    });
}

#[test]
fn files_go_on_after_restarts_and_moves() {
    let dir = configuration(LOOPBACK, "file = \"state/tap\"\nmessages = \"responses\"");
    let mut server = TestServer::start(dir);
    let path = server.dir.file("state/tap");
    let ask = |server: &TestServer| drop(Udp::to(server.address(Transport::Udp)).ask(&www()));
    ask(&server);
    server.restart(|| assert_eq!(reader::read_file(&path).len(), 1));
    ask(&server);
    server.restart(|| {
        let taps = reader::read_file(&path);
        assert_eq!(taps.len(), 2);
        assert!(taps.iter().all(|tap| tap.message.as_ref().expect("a message").r#type == 2));
    });
    let moved = path.with_extension("1");
    ask(&server);
    until("a file with three answers", || (server.tap_counts().written == 1).then_some(()));
    fs::rename(&path, &moved).expect("moved");
    until("a new file", || path.exists().then_some(()));
    ask(&server);
    assert_eq!(reader::read_file(&moved).len(), 3);
    server.restart(|| assert_eq!(reader::read_file(&path).len(), 1));
}

#[test]
fn messages_that_are_no_queries_are_not_told_of() {
    let dir = configuration(LOOPBACK, "file = \"state/tap\"\nmessages = \"queries\"");
    let mut server = TestServer::start(dir);
    let udp = Udp::to(server.address(Transport::Udp));
    let elsewhere = Query::new("example.org", types::A);
    let malformed = www().name_bytes(&[0xc0, 0xff]);
    let asked = [www(), elsewhere, malformed];
    assert!(udp.is_dropped(b"short", &asked[0]));
    asked[1..].iter().for_each(|query| drop(udp.ask(query)));
    let path = server.dir.file("state/tap");
    server.restart(|| {
        let taps = reader::read_file(&path);
        let messages: Vec<_> = taps.into_iter().filter_map(|tap| tap.message).collect();
        let queries: Vec<_> = messages.iter().map(|tap| tap.query_message.clone()).collect();
        assert_eq!(queries, asked.map(|query| Some(query.bytes())));
        let zones: Vec<_> = messages.iter().map(|message| message.query_zone.is_some()).collect();
        assert_eq!(zones, [true, false, false]);
    });
}

/// One query in ten is told of, and the share is taken up by a reload.
#[test]
fn samples_are_as_large_as_asked_for() {
    const QUERIES: usize = 4000;
    let dir = configuration(LOOPBACK, "file = \"state/tap\"\nsample = 0.1");
    let mut server = TestServer::start(dir);
    let mut stream = tcp(server.address(Transport::Tcp), None);
    let mut ask_all = || {
        for _ in 0..QUERIES / 100 {
            let queries: Vec<Query> = (0..100).map(|id| www().id(id)).collect();
            stream.ask_all(&queries);
        }
    };
    ask_all();
    server.wait_for_count(Transport::Tcp, "static", QUERIES as u64);
    let first = server.tap_counts().sampled;
    // Six standard deviations from 400.
    assert!(first.abs_diff(400) < 114, "{first} sampled");
    let text = fs::read_to_string(server.dir.config()).expect("the configuration");
    fs::write(server.dir.config(), text.replace("sample = 0.1", "sample = 0.9")).expect("written");
    let reloaded = server.reload();
    assert_eq!(reloaded.report().findings.len(), 0, "{reloaded:?}");
    ask_all();
    server.wait_for_count(Transport::Tcp, "static", 2 * QUERIES as u64);
    let counts = server.tap_counts();
    let second = counts.sampled - first;
    assert!(second.abs_diff(3600) < 114, "{second} sampled");
    let path = server.dir.file("state/tap");
    server.restart(|| {
        let told = reader::read_file(&path).len() as u64;
        assert_eq!(told, 2 * (counts.sampled - counts.dropped));
    });
}

/// A reader that takes nothing costs what is sampled, and not one answer.
#[test]
fn a_reader_that_hangs_disturbs_nothing() {
    // More than the ring and a socket's buffer hold together.
    const QUERIES: u64 = 8_000;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("tap");
    let mut reader = Reader::listen(&path);
    let dir = configuration(LOOPBACK, &format!("socket = {path:?}"));
    let server = TestServer::start(dir);
    reader.accept();
    let udp = Udp::to(server.address(Transport::Udp));
    let query = www();
    for _ in 0..QUERIES {
        udp.ask(&query);
    }
    let counts = server.tap_counts();
    assert!(counts.dropped > 0, "{counts:?}");
    assert!(counts.written + counts.dropped <= counts.sampled, "{counts:?}");
    // It gave up the hanging one, or is about to; a new connection gets what comes then.
    reader.hang_up();
    until("a new connection", || {
        udp.ask(&query);
        reader.try_accept().then_some(())
    });
    reader.take(2);
    assert!(server.tap_counts().reconnects > 0);
}

/// Readers may come late and go; so may a file's directory.
#[test]
fn readers_may_come_late() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("tap");
    let dir = configuration(LOOPBACK, &format!("socket = {path:?}"));
    let server = TestServer::start(dir);
    let query = www().bytes();
    let (reply, _) = ask(&server, Transport::Udp, server.address(Transport::Udp), &query);
    let mut reader = Reader::listen(&path);
    reader.accept();
    assert_exchange(&reader.take(2), &query, &reply);
    let counts = server.tap_counts();
    assert_eq!((counts.sampled, counts.dropped, counts.reconnects), (1, 0, 0));
    // Stopping says so.
    let ended = std::thread::spawn(move || reader.finish());
    drop(server);
    ended.join().expect("STOP, and FINISH after it");
}

/// What only a restart takes up is told.
#[test]
fn other_changes_wait_for_a_restart() {
    let server = TestServer::start(configuration(LOOPBACK, "file = \"state/tap\""));
    let check = |from: &str, to: &str| {
        let text = fs::read_to_string(server.dir.config()).expect("the configuration");
        fs::write(server.dir.config(), text.replace(from, to)).expect("written");
        let findings = server.reload().report().findings.clone();
        assert!(
            findings.iter().any(|finding| finding.message.starts_with("dnstap has changed")),
            "{findings:?}"
        );
    };
    check("state/tap", "state/other");
    check("[dnstap]\nfile = \"state/other\"", "");
}
