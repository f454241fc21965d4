//! The same cases over all five transports: same flags, records, code and options, whatever carries them.

mod cases;
mod kit;

use cases::zones;
use fingerpost::answer::Transport;
use kit::https::DNS_MESSAGE;
use kit::server::TestServer;
use kit::types::*;
use kit::*;
use std::net::SocketAddr;

type Ask = Box<dyn Fn(&Query) -> Reply>;

/// Clients over every transport, for the addresses of one family (0 IPv4, 1 IPv6).
fn clients(server: &TestServer, family: usize) -> Vec<(&'static str, Transport, Ask)> {
    let at = |transport| server.addresses(transport)[family];
    let certificate = &server.certificate;
    let udp = Udp::to(at(Transport::Udp));
    let tcp_stream = std::cell::RefCell::new(tcp(at(Transport::Tcp), None));
    let tls_stream = std::cell::RefCell::new(tls(at(Transport::Tls), certificate));
    let https = |method| -> Ask {
        let https = Https::to(at(Transport::Https), "/dns-query", certificate);
        Box::new(move |query| https.ask(query, method))
    };
    let quic = Quic::to(at(Transport::Quic), certificate);
    vec![
        ("udp", Transport::Udp, Box::new(move |query| udp.ask(query))),
        ("tcp", Transport::Tcp, Box::new(move |query| tcp_stream.borrow_mut().ask(query))),
        ("tls", Transport::Tls, Box::new(move |query| tls_stream.borrow_mut().ask(query))),
        ("https post", Transport::Https, https(Method::Post)),
        ("https get", Transport::Https, https(Method::Get)),
        ("quic", Transport::Quic, Box::new(move |query| quic.ask(query))),
    ]
}

#[test]
fn every_case_is_the_same_over_every_transport() {
    let server = TestServer::start_encrypted(zones::directory());
    let mut faults = Vec::new();
    for family in [0, 1] {
        let clients = clients(&server, family);
        for case in cases::all() {
            let mut first: Option<String> = None;
            for (name, transport, ask) in &clients {
                let before = server.count(*transport, case.counted);
                let reply = ask(&case.query);
                let essence = reply.essence();
                let first = first.get_or_insert_with(|| essence.clone());
                let differs = || format!("{name} differs from udp:\n{essence}\n{first}");
                match case.fault(&reply, name) {
                    None => server.wait_for_count(*transport, case.counted, before + 1),
                    fault => faults.extend(fault),
                }
                faults.extend((&essence != first).then(differs));
            }
        }
    }
    cases::expect_none(&faults);
}

#[test]
fn big_answers_are_cut_over_udp_only() {
    let server = TestServer::start_encrypted(zones::directory());
    for (name, count) in zones::BIG {
        let query = Query::new(&format!("{name}.example.com"), A);
        for (transport, _, ask) in clients(&server, 0) {
            let reply = ask(&query);
            let is_cut = transport == "udp";
            assert_eq!(reply.tc(), is_cut, "{name} over {transport}");
            assert_eq!(
                reply.answer.len(),
                if is_cut { 0 } else { count },
                "{name} over {transport}"
            );
        }
    }
}

/// RFC 8467 §4.1, only where asked for and encrypted.
#[test]
fn replies_are_padded_where_asked_and_encrypted() {
    const PADDING: u16 = 12;
    let server = TestServer::start_encrypted(zones::directory());
    for (name, transport, ask) in clients(&server, 0) {
        let reply = ask(&Query::new("www.example.com", A).option(PADDING, &[]));
        let encrypted = transport.is_encrypted();
        assert_eq!(reply.option(PADDING).is_some(), encrypted, "{name}");
        assert_eq!(reply.bytes.len() % 468 == 0, encrypted, "{name}: {} octets", reply.bytes.len());
        assert_eq!(
            ask(&Query::new("www.example.com", A).edns(1232)).option(PADDING),
            None,
            "{name}"
        );
    }
}

#[test]
fn https_has_good_manners() {
    let server = TestServer::start_encrypted(zones::directory());
    let address: SocketAddr = server.address(Transport::Https);
    let https = Https::to(address, "/dns-query", &server.certificate);
    let query = Query::new("www.example.com", A);
    for method in [Method::Get, Method::Post] {
        let reply = https.exchange(&query.bytes(), method);
        assert_eq!((reply.status, &reply.content_type[..]), (200, DNS_MESSAGE));
        assert_eq!(reply.version, "HTTP/2.0");
        // RFC 8484 §5.1: no longer than the shortest TTL of the answer.
        assert_eq!(reply.cache_control, "max-age=300", "{method:?}");
    }
    // A negative answer lasts as long as its SOA says.
    let reply = https.exchange(&Query::new("none.example.com", A).bytes(), Method::Get);
    assert_eq!(reply.cache_control, "max-age=300");
    assert_eq!(https.get("").status, 400);
    assert_eq!(https.get("?dns=%%%").status, 400);
    assert_eq!(https.get("?dns=AAAA").status, 400);
    assert_eq!(https.request("POST", "text/plain", &query.bytes()).status, 415);
    assert_eq!(https.request("PUT", DNS_MESSAGE, &query.bytes()).status, 405);
    assert_eq!(https.request("POST", DNS_MESSAGE, &vec![0; 70_000]).status, 413);
    let elsewhere = Https::to(address, "/elsewhere", &server.certificate);
    assert_eq!(elsewhere.exchange(&query.bytes(), Method::Post).status, 404);
}

/// RFC 9250 §8.4.
const DOQ_PROTOCOL_ERROR: u64 = 2;

/// RFC 9250 §4.3.3: what breaks the protocol ends the connection with an error of its own.
#[test]
fn quic_keeps_to_its_protocol() {
    let server = TestServer::start_encrypted(zones::directory());
    let address = server.address(Transport::Quic);
    let query = Query::new("www.example.com", A);
    let framed = |query: &Query| kit::client::framed(&query.bytes());
    let wrong: [(&str, Vec<u8>); 4] = [
        ("an id that is not 0", framed(&query.clone().id(7))),
        ("two queries on a stream", framed(&query.clone().id(0)).repeat(2)),
        ("a stream that ends early", framed(&query.clone().id(0))[..20].to_vec()),
        ("an empty stream", vec![]),
    ];
    for (what, bytes) in wrong {
        let quic = Quic::to(address, &server.certificate);
        let reply = quic.exchange(&bytes).unwrap_or_default();
        assert_eq!((reply, quic.close_code()), (vec![], DOQ_PROTOCOL_ERROR), "{what}");
    }
    let quic = Quic::to(address, &server.certificate);
    assert_eq!(quic.ask(&query).answer.len(), 2);
}
