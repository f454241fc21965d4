//! The kit held against things known, so that a failing test speaks of the server and not of its tools.

mod kit;

use hickory_proto::op::{Message, MessageType, OpCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use kit::types::{A, AA, CLASS_IN, QR, RD, TXT};
use kit::*;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

/// A reply to `query` with one A record whose owner points at the question.
fn reply_bytes(query: &Query) -> Vec<u8> {
    let header = [query.id_sent(), QR | AA, 1, 1, 0, 0];
    let mut bytes: Vec<u8> = header.iter().flat_map(|field| field.to_be_bytes()).collect();
    bytes.extend(query.question_bytes());
    bytes.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01");
    bytes
}

#[test]
fn queries_are_what_hickory_reads() {
    let query = Query::new("wWw.Example.COM", A).flags(RD).edns(4096).dnssec_ok().nsid();
    let query = query.ecs("198.51.100.0/24").cookie(b"12345678");
    let read = Message::from_vec(&query.bytes()).expect("a good query");
    assert_eq!(read.metadata.id, query.id_sent());
    assert_eq!(read.metadata.message_type, MessageType::Query);
    assert_eq!(read.metadata.op_code, OpCode::Query);
    assert!(read.metadata.recursion_desired);
    assert_eq!(read.queries[0].name().to_string(), "wWw.Example.COM.");
    let edns = read.edns.as_ref().expect("EDNS");
    assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (4096, true));
    let Some(EdnsOption::Subnet(subnet)) = edns.option(EdnsCode::Subnet) else { panic!("no ECS") };
    assert_eq!((subnet.addr(), subnet.source_prefix()), ([198, 51, 100, 0].into(), 24));
    assert!(edns.option(EdnsCode::Cookie).is_some() && edns.option(EdnsCode::NSID).is_some());
}

#[test]
fn queries_are_wrong_where_asked() {
    let plain = Query::new("a.b", A).id(0x0102);
    assert_eq!(plain.bytes(), b"\x01\x02\0\0\0\x01\0\0\0\0\0\0\x01a\x01b\0\0\x01\0\x01");
    assert_eq!(Query::new(r"a\.b\200", A).question_bytes(), b"\x04a.b\xc8\0\0\x01\0\x01");
    let odd = plain.opcode(5).count(0, 7).also_ask("", TXT).class(3).tail(b"!").bytes();
    assert_eq!(odd, b"\x01\x02\x28\0\0\x07\0\0\0\0\0\0\x01a\x01b\0\0\x01\0\x03\0\0\x10\0\x01!");
    let ecs = Query::new("", A).id(0).ecs("2001:db8:8000::/33").bytes();
    assert!(ecs.ends_with(b"\x00\x08\x00\x09\x00\x02\x21\x00\x20\x01\x0d\xb8\x80"), "{ecs:?}");
}

#[test]
fn replies_are_read_to_the_last_bit() {
    let query = Query::new("wWw.Example.com", A);
    let bytes = reply_bytes(&query);
    let reply = Reply::of(&bytes);
    assert_eq!((reply.id, reply.flags, reply.rcode()), (query.id_sent(), QR | AA, 0));
    assert_eq!(reply.question, query.question_bytes());
    assert_eq!(reply.answer[0].owner, "wWw.Example.com.");
    assert_eq!(reply.answer[0].owner_bytes, 2);
    assert_eq!(reply::lines(&reply.answer), ["www.example.com. 300 A 192.0.2.1"]);
    for cut in 0..bytes.len() {
        assert!(Reply::decode_alone(&bytes[..cut]).is_err(), "cut to {cut} octets");
    }
}

#[test]
fn faulty_replies_are_refused() {
    let query = Query::new("a", A);
    let good = reply_bytes(&query);
    let question_ends = 12 + query.question_bytes().len();
    let check = |why: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        let error = Reply::decode_alone(&bytes).expect_err(why);
        assert!(error.contains(why), "{error} does not say {why}");
    };
    check("after the last record", &|bytes| bytes.push(0));
    check("forward", &|bytes| bytes[question_ends + 1] = u8::try_from(question_ends).unwrap());
    check("after the RDATA", &|bytes| {
        bytes.push(0);
        bytes[question_ends + 11] = 5;
    });
    check("label type", &|bytes| bytes[12] = 0x40);
    check("misplaced", &|bytes| bytes[question_ends + 3] = 41);
    let mut srv = good[..question_ends].to_vec();
    srv.extend(b"\xc0\x0c\0\x21\0\x01\0\0\0\0\0\x08\0\0\0\0\0\0\xc0\x0c");
    let error = Reply::decode_alone(&srv).expect_err("a compressed SRV target");
    assert!(error.contains("forbids"), "{error}");
}

#[test]
fn record_data_reads_as_written() {
    let check = |rtype, rdata: &[u8], expected: &str| {
        assert_eq!(rdata::text(rdata, rtype, 0, rdata.len()).as_deref(), Ok(expected));
    };
    check(types::MX, b"\0\x0a\x02mx\0", "10 mx.");
    check(types::TXT, b"\x03a b\x01\"", r#""a b" "\"""#);
    check(types::CAA, b"\0\x05issueca.net", "0 issue \"ca.net\"");
    check(types::HTTPS, b"\0\x01\0\0\x01\0\x03\x02h2", "1 . 00010003026832");
    check(65_534, b"\x01\xff", "\\# 2 01ff");
    check(65_534, b"", "\\# 0");
    assert_eq!(https::base64url(b""), "");
    assert_eq!(https::base64url(b"\xfb\xff"), "-_8");
    assert_eq!(https::base64url(b"abc"), "YWJj");
    assert_eq!(query::record("a", 1, CLASS_IN, 2, b"x"), b"\x01a\0\0\x01\0\x01\0\0\0\x02\0\x01x");
}

fn get(backend: &Backend) -> String {
    let mut text = String::new();
    let Ok(mut stream) = TcpStream::connect(backend.address()) else {
        return "refused".to_owned();
    };
    let sent = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    let _ = sent.and_then(|()| stream.read_to_string(&mut text));
    text
}

#[test]
fn backends_do_as_told_and_count() {
    let mut backend = Backend::http(Ipv4Addr::new(127, 8, 8, 8).into(), 0);
    assert!(get(&backend).starts_with("HTTP/1.1 200 "));
    backend.set(Mode::down());
    assert!(get(&backend).ends_with("going away\n"));
    backend.set(Mode::Cut);
    assert!(get(&backend).ends_with("half"));
    backend.set(Mode::Close);
    assert_eq!(get(&backend), "");
    assert_eq!((backend.connections(), backend.requests()), (4, 3));
    assert!(backend.last_head().unwrap().starts_with("GET /healthz HTTP/1.1\r\nHost: h"));
    backend.stop();
    assert_eq!(get(&backend), "refused");
    backend.restart();
    backend.set(Mode::up());
    assert!(get(&backend).ends_with("alive\n"));
    backend.wait_for_requests(4);
}
