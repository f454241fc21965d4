use super::*;
use crate::net::testing::{Echo, Identity, answer, any, ask, query};
use std::net::UdpSocket as StdUdpSocket;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

fn bind(limits: Limits) -> Listeners {
    let endpoints = Endpoints { udp_and_tcp: vec![any()], limits, ..Endpoints::default() };
    Listeners::bind(&endpoints, None).unwrap()
}

#[test]
fn all_bind_errors_come_at_once() {
    let held = bind(Limits::default());
    let taken = held.local_addresses()[0].1;
    let foreign = "192.0.2.77:0".parse().unwrap();
    let endpoints = Endpoints {
        udp_and_tcp: vec![taken, foreign, any()],
        dot: vec![any()],
        doh: vec![foreign],
        doq: vec![any()],
        ..Endpoints::default()
    };
    let check = |certificates: Option<&Certificates>, expected: &[(SocketAddr, Transport)]| {
        let errors = Listeners::bind(&endpoints, certificates).unwrap_err();
        let errors: Vec<_> = errors.iter().map(|error| (error.address, error.transport)).collect();
        assert_eq!(errors, expected);
    };
    let plain = [(taken, Transport::Tcp), (foreign, Transport::Tcp)];
    let https = (foreign, Transport::Https);
    check(Some(&Identity::new().certificates()), &[plain[0], plain[1], https]);
    let without = [(any(), Transport::Tls), https, (any(), Transport::Quic)];
    check(None, &[&plain[..], &without].concat());
    let error = Listeners::bind(&endpoints, None).unwrap_err().pop().unwrap().to_string();
    assert!(error.contains("needs a certificate (configure"), "{error}");
}

#[tokio::test]
async fn udp_and_tcp_answer_on_one_port_in_both_families() {
    let endpoints = Endpoints {
        // An address of its own: nobody else can draw the port once it is free.
        udp_and_tcp: vec!["127.0.77.3:0".parse().unwrap(), "[::1]:0".parse().unwrap()],
        udp_workers: 2,
        ..Endpoints::default()
    };
    let listeners = Listeners::bind(&endpoints, None).unwrap();
    let addresses = listeners.local_addresses().to_vec();
    let running = listeners.start(Echo, &Handle::current()).unwrap();
    assert_eq!(addresses.len(), 4);
    for pair in addresses.chunks(2) {
        let address = pair[0].1;
        assert_eq!(pair, [(Transport::Udp, address), (Transport::Tcp, address)]);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let answered = ask(&mut stream, &query(1, b"x")).await;
        assert_eq!(answered, Some(answer(1, b"x", Transport::Tcp)));
        let local = SocketAddr::new(address.ip(), 0);
        let socket = tokio::net::UdpSocket::bind(local).await.unwrap();
        socket.send_to(&query(2, b"x"), address).await.unwrap();
        let mut buffer = [0; 512];
        let (bytes, source) = socket.recv_from(&mut buffer).await.unwrap();
        assert_eq!(buffer[..bytes], answer(2, b"x", Transport::Udp));
        assert_eq!(source, address);
    }
    assert!(running.shutdown().await);
    // Nothing of it listens any more.
    let address = addresses[0].1;
    assert!(TcpStream::connect(address).await.is_err());
    StdUdpSocket::bind(address).unwrap();
}

async fn connect_from(local: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{local}:0").parse().unwrap()).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test]
async fn connections_are_limited_in_all_and_by_network() {
    let limits = Limits { connections_max: 3, connections_per_network_max: 2, ..Limits::default() };
    let listeners = bind(limits);
    let address = listeners.local_addresses()[1].1;
    let running = listeners.start(Echo, &Handle::current()).unwrap();
    let mut open = Vec::new();
    for (local, let_in) in [
        ("127.0.0.1", true),
        ("127.0.0.2", true),
        ("127.0.0.3", false),
        ("127.0.1.1", true),
        ("127.0.2.1", false),
    ] {
        let mut stream = connect_from(local, address).await;
        assert_eq!(ask(&mut stream, &query(1, b"x")).await.is_some(), let_in, "{local}");
        if let_in {
            open.push(stream);
        }
    }
    let counters = running.counters().clone();
    let tcp = counters.of(Transport::Tcp);
    assert_eq!(tcp.refused.load(Ordering::Relaxed), 2);
    // A slot is free again once the server has seen its client go.
    drop(open.remove(0));
    while ask(&mut connect_from("127.0.0.3", address).await, &query(1, b"x")).await.is_none() {}
    assert!(running.shutdown().await);
    assert_eq!(tcp.open.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn dropping_it_stops_it() {
    let listeners = bind(Limits::default());
    let address = listeners.local_addresses()[1].1;
    let running = listeners.start(Echo, &Handle::current()).unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut stream, &query(1, b"x")).await.is_some());
    drop(running);
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut [0])).await.unwrap();
    assert_eq!(ended.unwrap(), 0);
}
