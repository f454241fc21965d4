use super::*;
use crate::answer::Transport;
use crate::net::testing::{BIG, Echo, Identity, NOTHING, PANIC, answer, any, framed, query};
use crate::net::{Endpoints, Listeners, Running};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, ReadToEndError};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use tokio::runtime::Handle;

fn serve(identity: &Identity, limits: Limits) -> (Running, SocketAddr) {
    let endpoints = Endpoints { doq: vec![any()], limits, ..Endpoints::default() };
    let listeners = Listeners::bind(&endpoints, Some(&identity.certificates())).unwrap();
    let address = listeners.local_addresses()[0].1;
    (listeners.start(Echo, &Handle::current()).unwrap(), address)
}

fn client(identity: &Identity, protocol: &[u8]) -> Endpoint {
    let config = QuicClientConfig::try_from(identity.client(&[protocol])).unwrap();
    let mut endpoint = Endpoint::client(any()).unwrap();
    endpoint.set_default_client_config(ClientConfig::new(Arc::new(config)));
    endpoint
}

async fn connect(identity: &Identity, address: SocketAddr) -> (Endpoint, Connection) {
    let endpoint = client(identity, PROTOCOL);
    let connection = endpoint.connect(address, "localhost").unwrap().await.unwrap();
    (endpoint, connection)
}

async fn ask(connection: &Connection, stream: &[u8]) -> Result<Vec<u8>, ReadToEndError> {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(stream).await.unwrap();
    send.finish().unwrap();
    receive.read_to_end(1 << 20).await
}

#[tokio::test]
async fn each_stream_has_its_answer() {
    let identity = Identity::new();
    let (running, address) = serve(&identity, Limits::default());
    let (_endpoint, connection) = connect(&identity, address).await;
    // A stream that is never finished holds up no other.
    let (mut unfinished, _receive) = connection.open_bi().await.unwrap();
    unfinished.write_all(&[0]).await.unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..300_u32 {
        let connection = connection.clone();
        asked.spawn(async move {
            let rest = if number % 50 == 0 { vec![BIG] } else { format!("x{number}").into_bytes() };
            let answered = ask(&connection, &framed(&query(0, &rest))).await.unwrap();
            assert_eq!(answered, framed(&answer(0, &rest, Transport::Quic)));
        });
    }
    while let Some(answered) = asked.join_next().await {
        answered.unwrap();
    }
    assert!(running.shutdown().await);
    let ConnectionError::ApplicationClosed(closed) = connection.closed().await else {
        panic!("not closed by the application");
    };
    assert_eq!(closed.error_code, connection::NO_ERROR);
}

#[tokio::test]
async fn what_rfc_9250_forbids_closes_the_connection() {
    let identity = Identity::new();
    let (running, address) = serve(&identity, Limits::default());
    let cases = [
        framed(&query(7, b"x")),
        [framed(&query(0, b"x")), framed(&query(0, b"y"))].concat(),
        framed(&query(0, b"x"))[..10].to_vec(),
        vec![0; 70_000],
    ];
    let forbidden = cases.len() as u64;
    for stream in cases {
        let (_endpoint, connection) = connect(&identity, address).await;
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        // The server may close before it has read all.
        let _ = send.write_all(&stream).await;
        let _ = send.finish();
        let ConnectionError::ApplicationClosed(closed) = connection.closed().await else {
            panic!("not closed by the application");
        };
        assert_eq!(closed.error_code.into_inner(), 2);
    }
    let errors = &running.counters().of(Transport::Quic).protocol_errors;
    assert_eq!(errors.load(Ordering::Relaxed), forbidden);
}

#[tokio::test]
async fn a_query_without_an_answer_ends_its_stream_only() {
    let identity = Identity::new();
    let (running, address) = serve(&identity, Limits::default());
    let (_endpoint, connection) = connect(&identity, address).await;
    for (command, code) in [(NOTHING, 2), (PANIC, 1)] {
        let ended = ask(&connection, &framed(&query(0, &[command]))).await.unwrap_err();
        let ReadToEndError::Read(quinn::ReadError::Reset(reset)) = ended else {
            panic!("not reset: {ended:?}");
        };
        assert_eq!(reset.into_inner(), code);
    }
    assert!(ask(&connection, &framed(&query(0, b"x"))).await.is_ok());
    assert_eq!(running.counters().panics.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused() {
    let identity = Identity::new();
    let limits = Limits { connections_per_network_max: 2, ..Limits::default() };
    let (running, address) = serve(&identity, limits);
    let _first = connect(&identity, address).await;
    let _second = connect(&identity, address).await;
    let endpoint = client(&identity, PROTOCOL);
    assert!(endpoint.connect(address, "localhost").unwrap().await.is_err());
    let counters = running.counters().of(Transport::Quic);
    assert_eq!(counters.refused.load(Ordering::Relaxed), 1);
    assert_eq!(counters.open.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn another_protocol_is_not_agreed_on() {
    let identity = Identity::new();
    let (running, address) = serve(&identity, Limits::default());
    let endpoint = client(&identity, b"h3");
    assert!(endpoint.connect(address, "localhost").unwrap().await.is_err());
    assert!(running.shutdown().await);
}

/// With one connection allowed for each network, no handshake may begin before its address is proven.
#[tokio::test]
async fn clients_prove_their_address_when_handshakes_are_many() {
    let identity = Identity::new();
    let limits = Limits { connections_per_network_max: 1, ..Limits::default() };
    let (running, address) = serve(&identity, limits);
    let (_endpoint, connection) = connect(&identity, address).await;
    assert!(ask(&connection, &framed(&query(0, b"x"))).await.is_ok());
    assert_eq!(running.counters().quic_retries.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let identity = Identity::new();
    let limits = Limits { idle_timeout: Duration::from_secs(1), ..Limits::default() };
    let (_running, address) = serve(&identity, limits);
    let (_endpoint, connection) = connect(&identity, address).await;
    connection.closed().await;
}
