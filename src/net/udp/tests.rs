use super::*;
use crate::answer::Transport;
use crate::net::testing::{BIG, Echo, NOTHING, PANIC, answer, query};
use std::collections::BTreeSet;
use std::net::SocketAddr;

type Prepare = fn(&UdpSocket) -> io::Result<()>;
type Run = fn(Seat<Echo>);

/// Every loop that this system can run.
const LOOPS: &[(Prepare, Run)] = &[(prepare, run), (plain::prepare, plain::run)];

struct Server {
    address: SocketAddr,
    counters: Arc<NetCounters>,
    _workers: UdpWorkers,
}

fn serve(address: &str, (prepare, run): (Prepare, Run)) -> Server {
    let socket = crate::net::bind::datagram(address.parse().unwrap(), Transport::Udp).unwrap();
    let address = socket.local_addr().unwrap();
    let counters = Arc::default();
    let workers = start_with(vec![socket], &Echo, &counters, prepare, run).unwrap();
    Server { address, counters, _workers: workers }
}

fn client(server: SocketAddr) -> UdpSocket {
    let local = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let client = UdpSocket::bind(local).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
}

fn receive(client: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 8192];
    let (bytes, source) = client.recv_from(&mut buffer).unwrap();
    (buffer[..bytes].to_vec(), source)
}

#[test]
fn answers_in_both_families() {
    for &served in LOOPS {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let server = serve(address, served);
            let client = client(server.address);
            for (id, rest) in [(1, vec![]), (2, vec![b'x'; 40]), (3, vec![b'y'; 4000])] {
                client.send_to(&query(id, &rest), server.address).unwrap();
                let expected = answer(id, &rest, Transport::Udp);
                assert_eq!(receive(&client), (expected, server.address));
            }
        }
    }
}

#[test]
fn a_burst_with_silence_and_panics_in_it_is_answered() {
    // As many answers as fit the default receive buffer of the client.
    const QUERIES: u16 = 200;
    const PANICS: u64 = 2;
    for &served in LOOPS {
        let server = serve("127.0.0.1:0", served);
        let client = client(server.address);
        let mut expected = BTreeSet::new();
        for id in 0..QUERIES {
            let command = match id % 100 {
                7 => PANIC,
                8..20 => NOTHING,
                _ => b'x',
            };
            client.send_to(&query(id, &[command]), server.address).unwrap();
            if command == b'x' {
                expected.insert(id);
            }
        }
        while !expected.is_empty() {
            let (bytes, _) = receive(&client);
            let id = u16::from_be_bytes([bytes[0], bytes[1]]);
            assert_eq!(bytes, answer(id, b"x", Transport::Udp));
            assert!(expected.remove(&id), "{id} was answered twice or not to be");
        }
        assert_eq!(server.counters.panics.load(Ordering::Relaxed), PANICS);
    }
}

#[test]
fn answers_longer_than_there_is_room_are_cut_and_not_sent_beyond() {
    for &served in LOOPS {
        let server = serve("127.0.0.1:0", served);
        let client = client(server.address);
        client.send_to(&query(1, &[BIG]), server.address).unwrap();
        assert_eq!(receive(&client).0.len(), ANSWER_BYTES_MAX);
    }
}

/// Every address of 127.0.0.0/8 is this machine's, so a wildcard socket can be asked at several.
#[cfg(target_os = "linux")]
#[test]
fn a_wildcard_socket_answers_from_the_address_that_was_asked() {
    let check = |wildcard, asked: &str| {
        let server = serve(wildcard, (prepare, run));
        let asked = SocketAddr::new(asked.parse().unwrap(), server.address.port());
        let client = client(asked);
        for id in 0..3 {
            client.send_to(&query(id, b"x"), asked).unwrap();
            assert_eq!(receive(&client), (answer(id, b"x", Transport::Udp), asked));
        }
    };
    check("0.0.0.0:0", "127.0.0.1");
    check("0.0.0.0:0", "127.0.0.2");
    check("0.0.0.0:0", "127.255.1.2");
    check("[::]:0", "::1");
}

#[test]
fn dropping_the_workers_frees_the_port() {
    for &served in LOOPS {
        // An address of its own: nobody else can draw the port once it is free.
        let server = serve("127.0.77.2:0", served);
        let address = server.address;
        assert!(UdpSocket::bind(address).is_err());
        drop(server);
        UdpSocket::bind(address).unwrap();
    }
}

/// A socket that is shut for sending refuses every message: each is counted, and the batch comes to its end.
#[cfg(target_os = "linux")]
#[test]
fn messages_that_cannot_be_sent_are_counted_one_by_one() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let client = client(address);
    for id in 0..3 {
        client.send_to(&query(id, b"x"), address).unwrap();
    }
    let mut batch = batch::Batch::new(false);
    let received = batch.receive(&socket).unwrap();
    assert_eq!(received, 3);
    for number in 0..received {
        batch.answer(number, |query, way, out| {
            assert_eq!(way, (client.local_addr().unwrap(), None));
            out[..query.len()].copy_from_slice(query);
            query.len()
        });
    }
    let _ = SockRef::from(&socket).shutdown(Shutdown::Write);
    let mut failed = 0;
    batch.send(&socket, || failed += 1);
    assert_eq!(failed, 3);
}
