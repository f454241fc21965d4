//! The authoritative server on the wire: UDP and TCP, both families, every bit of the reply and the counter that moved.

mod cases;
mod kit;

use cases::zones;
use fingerpost::answer::Transport;
use kit::query::record;
use kit::server::TestServer;
use kit::types::*;
use kit::*;
use std::net::{Shutdown, SocketAddr};

fn www() -> Query {
    Query::new("www.example.com", A)
}

/// An UDP or a TCP client, as a function from query to reply.
fn client(transport: Transport, server: SocketAddr) -> Box<dyn FnMut(&Query) -> Reply> {
    if transport == Transport::Udp {
        let udp = Udp::to(server);
        return Box::new(move |query| udp.ask(query));
    }
    let mut stream = tcp(server, None);
    Box::new(move |query| stream.ask(query))
}

#[test]
fn every_case_over_udp_and_tcp_in_both_families() {
    let server = TestServer::start(zones::directory());
    let mut faults = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        let addresses = server.addresses(transport);
        assert_eq!(addresses.len(), 2, "IPv4 and IPv6");
        for address in addresses {
            let mut ask = client(transport, address);
            for case in cases::all() {
                let before = server.count(transport, case.counted);
                let fault = case.fault(&ask(&case.query), &format!("{transport} at {address}"));
                if fault.is_none() {
                    server.wait_for_count(transport, case.counted, before + 1);
                }
                faults.extend(fault);
            }
        }
    }
    cases::expect_none(&faults);
}

#[test]
fn what_is_no_query_is_dropped() {
    let server = TestServer::start(zones::directory());
    let udp = Udp::to(server.address(Transport::Udp));
    let response = www().flags(QR).bytes();
    let dropped: [&[u8]; 6] =
        [b"", b"\0", b"\0\0\0\0\0\0\0\0\0\0\0", &[0xff; 11], &response, &[0xff; 512]];
    for (number, bytes) in (1..).zip(dropped) {
        assert!(udp.is_dropped(bytes, &www()), "{bytes:02x?}");
        // An empty datagram may be counted or not.
        assert!(server.count(Transport::Udp, "ignored") + 1 >= number);
    }
    let rubbish = [&b"\0\x01\0\0\0\x01\0\0\0\0\0\0"[..], &[0xff; 40]].concat();
    udp.send(&rubbish);
    let reply = Reply::of(&udp.receive());
    assert_eq!((reply.id, reply.rcode(), reply.aa()), (1, FORMERR, false), "{reply:?}");
}

#[test]
fn datagrams_keep_to_size_and_hold_whole_sets() {
    let server = TestServer::start(zones::directory());
    // Name, EDNS size, size of the largest datagram allowed, whether the answer fits.
    let cases = [
        ("big", None, 512, false),
        ("big", Some(512), 512, false),
        ("big", Some(0), 512, false),
        ("big", Some(1232), 1232, true),
        ("huge", Some(1232), 1232, false),
        // 1232 by default, whatever the client can take.
        ("huge", Some(4096), 1232, false),
        ("vast", Some(65_535), 1232, false),
    ];
    for address in server.addresses(Transport::Udp) {
        let udp = Udp::to(address);
        for (name, edns, bytes_max, fits) in cases {
            let count = zones::BIG.iter().find(|(big, _)| *big == name).expect("a big name").1;
            let query = Query::new(&format!("{name}.example.com"), A);
            let reply = udp.ask(&edns.map_or(query.clone(), |bytes| query.clone().edns(bytes)));
            assert!(reply.bytes.len() <= bytes_max, "{name} {edns:?}: {reply:?}");
            assert_eq!(reply.tc(), !fits, "{name} {edns:?}: {reply:?}");
            assert_eq!(reply.answer.len(), if fits { count } else { 0 }, "{name} {edns:?}");
            assert_eq!(reply.opt.is_some(), edns.is_some(), "OPT survives: {name} {edns:?}");
            assert_eq!(reply.rcode(), NOERROR);
        }
    }
    let mut stream = tcp(server.address(Transport::Tcp), None);
    for (name, count) in zones::BIG {
        let reply = stream.ask(&Query::new(&format!("{name}.example.com"), A));
        assert_eq!((reply.tc(), reply.answer.len()), (false, count), "{name}");
    }
}

/// RFC 9471 §3.1: glue that does not fit is said so.
#[test]
fn a_referral_without_room_for_glue_is_truncated() {
    let server = TestServer::start(zones::directory());
    let query = Query::new("x.crowd.example.com", A).edns(1232);
    let reply = Udp::to(server.address(Transport::Udp)).ask(&query);
    assert!(reply.tc() && !reply.aa() && reply.opt.is_some(), "{reply:?}");
    let reply = tcp(server.address(Transport::Tcp), None).ask(&query);
    assert!(!reply.tc() && !reply.aa(), "{reply:?}");
    assert_eq!((reply.authority.len(), reply.additional.len()), (zones::CROWD, 2 * zones::CROWD));
}

#[test]
fn a_record_of_the_answer_is_compressed_against_the_question() {
    let server = TestServer::start(zones::directory());
    let reply = Udp::to(server.address(Transport::Udp)).ask(&www());
    // Header, question, and twice: pointer, type, class, TTL, length, address.
    assert_eq!(reply.bytes.len(), 12 + www().question_bytes().len() + 2 * 16, "{reply:?}");
}

/// Behind the part of a name that is written lies what the buffer held before: zeros at first, which end a name.
#[test]
fn a_name_is_not_compressed_against_itself() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let server = TestServer::start(zones::directory());
        let mut ask = client(transport, server.address(transport));
        let reply = ask(&Query::new("twin.example.com", CNAME));
        assert_eq!(reply.data(CNAME), ["lan.lan."], "{transport}");
    }
}

#[test]
fn streams_are_pipelined_split_and_half_closed() {
    let server = TestServer::start(zones::directory());
    for address in server.addresses(Transport::Tcp) {
        let cases = cases::all();
        let queries: Vec<Query> = cases.iter().map(|case| case.query.clone()).collect();
        let mut stream = tcp(address, None);
        let replies = cases.iter().zip(stream.ask_all(&queries));
        let faults = replies.filter_map(|(case, reply)| case.fault(&reply, "a pipelined stream"));
        cases::expect_none(&faults.collect::<Vec<_>>());
        assert_eq!(stream.ask_dribbled(&www()).answer.len(), 2);
        // The client has nothing more to say, but still listens (RFC 7766 §6.2.4).
        stream.send(&www().bytes());
        stream.inner().shutdown(Shutdown::Write).expect("half of the connection closed");
        assert_eq!(Reply::of(&stream.receive().expect("a reply")).answer.len(), 2);
        assert_eq!(stream.receive(), None);
    }
}

#[test]
fn a_stream_that_sends_no_query_hurts_nobody() {
    let server = TestServer::start(zones::directory());
    let address = server.address(Transport::Tcp);
    let mut bad = tcp(address, None);
    bad.send_bytes(b"\0\0");
    bad.send_bytes(&[0xff; 300]);
    drop(bad);
    let half = tcp(address, None);
    assert_eq!(tcp(address, None).ask(&www()).answer.len(), 2);
    drop(half);
}

/// A client takes a reply only from the address that it asked, which the kit's connected sockets hold the server to.
#[test]
fn replies_leave_from_the_address_asked_on_a_wildcard_bind() {
    let text = "[server]\nlisten = [\"0.0.0.0:0\", \"[::]:0\"]\nzones = \"zones\"\n";
    let server = TestServer::start(zones::directory().server(text));
    let [v4, v6] = server.addresses(Transport::Udp)[..] else { panic!("two addresses") };
    for last in [1, 2, 77] {
        let address = SocketAddr::from(([127, 0, 0, last], v4.port()));
        assert_eq!(Udp::to(address).ask(&www()).answer.len(), 2);
        assert_eq!(tcp(address, None).ask(&www()).answer.len(), 2);
    }
    let address = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6.port()));
    assert_eq!(Udp::to(address).ask(&www()).answer.len(), 2);
}

#[test]
fn identity_is_told_where_configured() {
    let text = "[server]\nlisten = [\"127.0.0.1:0\"]\nzones = \"zones\"\nnsid = \"ns1.fra\"\n
        [server.chaos]\nversion = \"fingerpost\"\nid = \"fra-1\"\n";
    let server = TestServer::start(zones::directory().server(text));
    let udp = Udp::to(server.address(Transport::Udp));
    assert_eq!(udp.ask(&www().nsid()).nsid(), Some(&b"ns1.fra"[..]));
    assert_eq!(udp.ask(&www().edns(1232)).nsid(), None);
    let chaos = |name: &str| udp.ask(&Query::new(name, TXT).class(CLASS_CH));
    let told = chaos("VERSION.bind");
    assert_eq!((told.rcode(), &told.data(TXT)[..]), (NOERROR, &["\"fingerpost\""][..]));
    assert_eq!(told.answer[0].class, CLASS_CH);
    assert_eq!(chaos("id.server").data(TXT), ["\"fra-1\""]);
    assert_eq!(chaos("hostname.bind").rcode(), REFUSED);
}

/// TSIG is not known here: the record is no OPT, stands last and is passed over, the reply is unsigned (RFC 8945 §5.2).
#[test]
fn an_unknown_additional_record_is_passed_over() {
    let server = TestServer::start(zones::directory());
    let query = www().edns(1232).with(3, record("x", 65_000, CLASS_IN, 0, b"abc"));
    assert_eq!(Udp::to(server.address(Transport::Udp)).ask(&query).answer.len(), 2);
}
