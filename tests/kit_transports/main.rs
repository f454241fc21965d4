//! The kit's clients, each against a server of a few lines that answers every query with one A record.

#[path = "../kit/mod.rs"]
mod kit;
mod toy;

use kit::types::A;
use kit::*;
use toy::Toy;

fn check(reply: &Reply) {
    assert_eq!(reply::lines(&reply.answer), ["www.example.com. 300 A 192.0.2.1"]);
}

#[test]
fn udp_from_a_chosen_address_and_silence() {
    let toy = Toy::start();
    let udp = Udp::from([127, 3, 3, 3].into(), toy.udp);
    let query = Query::new("www.example.com", A);
    check(&udp.ask(&query));
    assert!(udp.is_dropped(b"rubbish", &query));
    assert!(!udp.is_dropped(&Query::new("www.example.com", A).bytes(), &query));
}

#[test]
fn streams_pipelined_and_dribbled() {
    let toy = Toy::start();
    let queries: Vec<Query> = (0..50).map(|_| Query::new("www.example.com", A)).collect();
    let mut tcp = tcp(toy.tcp, Some([127, 3, 3, 4].into()));
    tcp.ask_all(&queries).iter().for_each(check);
    check(&tcp.ask_dribbled(&queries[0]));
    tcp.send(b"rubbish");
    assert_eq!(tcp.receive(), None);
    let mut tls = tls(toy.tls, &toy.certificate);
    tls.ask_all(&queries).iter().for_each(check);
}

#[test]
fn https_by_both_methods() {
    let toy = Toy::start();
    let https = Https::to(toy.https, "/dns-query", &toy.certificate);
    let query = Query::new("www.example.com", A);
    check(&https.ask(&query, Method::Post));
    check(&https.ask(&query, Method::Get));
    let reply = https.exchange(&query.bytes(), Method::Post);
    assert_eq!((reply.status, &reply.version[..]), (200, "HTTP/2.0"));
    assert_eq!(https.get("?dns=AAAA").status, 400);
}

#[test]
fn quic_a_stream_for_each_query() {
    let toy = Toy::start();
    let quic = Quic::to(toy.quic, &toy.certificate);
    for _ in 0..3 {
        check(&quic.ask(&Query::new("www.example.com", A)));
    }
    assert!(quic.exchange(b"\0\x07rubbish").is_ok_and(|bytes| bytes.is_empty()));
}
