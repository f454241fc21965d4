use super::*;
use crate::answer::Transport;
use crate::net::limits::Limits;
use crate::net::testing::{BIG, Echo, Identity, answer, any, ask, lane_of, query};
use crate::net::{Endpoints, Listeners, Running};
use rustls::pki_types::ServerName;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_rustls::{TlsConnector, client};

fn serve(certificates: &Certificates) -> (Running, SocketAddr) {
    let endpoints = Endpoints { dot: vec![any()], ..Endpoints::default() };
    let listeners = Listeners::bind(&endpoints, Some(certificates)).unwrap();
    let address = listeners.local_addresses()[0].1;
    (listeners.start(Echo, &Handle::current()).unwrap(), address)
}

async fn connect(
    identity: &Identity,
    protocols: &[&[u8]],
    address: SocketAddr,
) -> std::io::Result<client::TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::new(identity.client(protocols)));
    let stream = TcpStream::connect(address).await?;
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test]
async fn queries_are_answered_on_agreed_streams() {
    let identity = Identity::new();
    let (running, address) = serve(&identity.certificates());
    for protocols in [&[PROTOCOL][..], &[]] {
        let mut stream = connect(&identity, protocols, address).await.unwrap();
        for rest in [&b"x"[..], &[BIG], b"y"] {
            let expected = answer(9, rest, Transport::Tls);
            assert_eq!(ask(&mut stream, &query(9, rest)).await, Some(expected));
        }
    }
    assert!(connect(&identity, &[b"h2"], address).await.is_err());
    assert!(running.shutdown().await);
}

#[tokio::test]
async fn a_swapped_certificate_drops_no_connection() {
    let (old, new) = (Identity::new(), Identity::new());
    let certificates = old.certificates();
    let (_running, address) = serve(&certificates);
    let mut stands = connect(&old, &[PROTOCOL], address).await.unwrap();
    assert!(ask(&mut stands, &query(1, b"x")).await.is_some());

    certificates.replace(new.certificate_pem.as_bytes(), new.key_pem.as_bytes()).unwrap();
    assert!(ask(&mut stands, &query(2, b"x")).await.is_some());
    assert!(connect(&old, &[PROTOCOL], address).await.is_err());
    let mut fresh = connect(&new, &[PROTOCOL], address).await.unwrap();
    assert!(ask(&mut fresh, &query(3, b"x")).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn handshakes_fail_in_bounded_time() {
    let config = Identity::new().certificates().server_config(&[PROTOCOL], STREAM_VERSIONS);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (lane, _stop) = lane_of(Echo, Transport::Tls, Limits::default());
    let patience = lane.limits.handshake_timeout;

    let (_silent, io) = tokio::io::duplex(1024);
    let started = Instant::now();
    assert!(handshake(&acceptor, io, &lane).await.is_none());
    assert!(started.elapsed() >= patience && started.elapsed() < patience + Duration::from_secs(1));

    let (mut babbling, io) = tokio::io::duplex(1024);
    babbling.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(handshake(&acceptor, io, &lane).await.is_none());
    assert_eq!(lane.connections().handshake_failures.load(Ordering::Relaxed), 2);
}
