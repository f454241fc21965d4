//! A server on all transports that knows one answer. It closes, refuses or stays silent on what is no query.

use crate::kit::TestCertificate;
use crate::kit::https::DNS_MESSAGE;
use crate::kit::types::{AA, QR};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

const LOOPBACK: (&str, u16) = ("127.0.0.1", 0);

/// Where it listens; stops when dropped.
pub struct Toy {
    pub certificate: TestCertificate,
    pub udp: SocketAddr,
    pub tcp: SocketAddr,
    pub tls: SocketAddr,
    pub https: SocketAddr,
    pub quic: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Toy {
    pub fn start() -> Self {
        let certificate = TestCertificate::loopback();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let (udp, tcp, tls, https, quic) = runtime.block_on(async {
            let udp = UdpSocket::bind(LOOPBACK).await.expect("a UDP socket");
            let listen = || async { TcpListener::bind(LOOPBACK).await.expect("a TCP socket") };
            let (tcp, tls, https) = (listen().await, listen().await, listen().await);
            let quic = quic_endpoint(&certificate);
            let at = |listener: &TcpListener| listener.local_addr().expect("a bound socket");
            let addresses = (
                udp.local_addr().expect("a bound socket"),
                at(&tcp),
                at(&tls),
                at(&https),
                quic.local_addr().expect("a bound socket"),
            );
            tokio::spawn(serve_udp(udp));
            tokio::spawn(serve_tcp(tcp));
            tokio::spawn(serve_tls(
                tls,
                TlsAcceptor::from(Arc::new(certificate.server(&[b"dot"]))),
            ));
            tokio::spawn(serve_https(
                https,
                TlsAcceptor::from(Arc::new(certificate.server(&[b"h2"]))),
            ));
            tokio::spawn(serve_quic(quic));
            addresses
        });
        Self { certificate, udp, tcp, tls, https, quic, _runtime: runtime }
    }
}

fn reply(query: &[u8]) -> Option<Vec<u8>> {
    let (id, question) = (query.get(..2)?, query.get(12..)?);
    let counts = [QR | AA, 1, 1, 0, 0].map(u16::to_be_bytes).concat();
    let record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01";
    Some([id, &counts, question, record].concat())
}

async fn serve_udp(socket: UdpSocket) {
    let mut buffer = [0; 512];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        if let Some(reply) = reply(&buffer[..length]) {
            let _ = socket.send_to(&reply, peer).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_stream(stream));
    }
}

async fn serve_tls(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        if let Ok(stream) = acceptor.accept(stream).await {
            tokio::spawn(serve_stream(stream));
        }
    }
}

async fn serve_stream(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
    loop {
        let mut query = vec![0; usize::from(stream.read_u16().await.ok()?)];
        stream.read_exact(&mut query).await.ok()?;
        let reply = reply(&query)?;
        stream.write_u16(u16::try_from(reply.len()).ok()?).await.ok()?;
        stream.write_all(&reply).await.ok()?;
        stream.flush().await.ok()?;
    }
}

async fn serve_https(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let stream = TokioIo::new(acceptor.accept(stream).await.ok()?);
            let service = hyper::service::service_fn(respond);
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            server.serve_connection(stream, service).await.ok()
        });
    }
}

async fn respond(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let query = match *request.method() {
        Method::POST => request.into_body().collect().await?.to_bytes().to_vec(),
        _ => {
            let parameter = request.uri().query().and_then(|query| query.strip_prefix("dns="));
            base64url_to_bytes(parameter.unwrap_or_default())
        }
    };
    let response = Response::builder().header("content-type", DNS_MESSAGE);
    Ok(match reply(&query) {
        Some(reply) => response.body(Full::from(reply)),
        None => response.status(400).body(Full::default()),
    }
    .expect("a good response"))
}

fn base64url_to_bytes(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let bits: Vec<u8> =
        text.bytes().flat_map(|byte| (0..6).rev().map(move |bit| digit(byte) >> bit & 1)).collect();
    bits.chunks_exact(8).map(|octet| octet.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}

fn quic_endpoint(certificate: &TestCertificate) -> quinn::Endpoint {
    let tls = quinn::crypto::rustls::QuicServerConfig::try_from(certificate.server(&[b"doq"]));
    let config = quinn::ServerConfig::with_crypto(Arc::new(tls.expect("TLS 1.3")));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    quinn::Endpoint::server(config, any).expect("a QUIC socket")
}

async fn serve_quic(endpoint: quinn::Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(serve_quic_connection(incoming));
    }
}

async fn serve_quic_connection(incoming: quinn::Incoming) -> Option<()> {
    let connection = incoming.await.ok()?;
    loop {
        let (mut send, mut receive) = connection.accept_bi().await.ok()?;
        let query = receive.read_to_end(65_537).await.ok()?;
        if let Some(reply) = query.get(2..).and_then(reply) {
            send.write_all(&(reply.len() as u16).to_be_bytes()).await.ok()?;
            send.write_all(&reply).await.ok()?;
        }
        send.finish().ok()?;
    }
}
