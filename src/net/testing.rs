//! What the tests of all transports share: a service that echoes, a self-signed identity, and raw clients.

use super::admission::Admission;
use super::lane::Lane;
use super::limits::Limits;
use super::responder::Responders;
use super::service::{Service, Worker};
use super::stop::{self, StopSender};
use super::tls::Certificates;
use crate::answer::{Client, Ends, Transport};
use crate::wire::query::HEADER_BYTES;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, crypto::ring, version};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Sends each message back as a response that names its transport in the fourth byte. The first byte after the
/// header can ask for something else: one of the constants below.
#[derive(Clone)]
pub(super) struct Echo;

/// Asks for no answer.
pub(super) const NOTHING: u8 = b'N';
/// Asks for a panic.
pub(super) const PANIC: u8 = b'P';
/// Asks for an answer of [`BIG_BYTES`].
pub(super) const BIG: u8 = b'B';
/// The length of a big answer.
pub(super) const BIG_BYTES: usize = 60_000;

impl Service for Echo {
    type Worker = Self;

    fn worker(&self) -> Self {
        self.clone()
    }
}

impl Worker for Echo {
    fn begin_batch(&mut self) {}

    fn respond(&mut self, query: &[u8], client: &Client, ends: &Ends, out: &mut [u8]) -> usize {
        assert!(client.address.is_loopback(), "tests run on loopback");
        assert_eq!(ends.client, client.address);
        assert_ne!(ends.client_port, 0);
        assert!(ends.server.is_some_and(|server| server.is_loopback()), "{ends:?}");
        assert_ne!(ends.server_port, 0);
        let command = query.get(HEADER_BYTES).copied();
        let bytes = match command {
            Some(NOTHING) => return 0,
            Some(PANIC) => panic!("asked for"),
            Some(BIG) => BIG_BYTES,
            _ => query.len(),
        };
        // What an earlier answer left there must not show.
        out.fill(0);
        out[..query.len()].copy_from_slice(query);
        out[2] |= 0x80;
        out[3] = client.transport as u8;
        bytes
    }
}

/// A query: its ID, and what stands after its header.
pub(super) fn query(id: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..2].copy_from_slice(&id.to_be_bytes());
    bytes.extend(rest);
    bytes
}

/// What [`Echo`] answers to it.
pub(super) fn answer(id: u16, rest: &[u8], transport: Transport) -> Vec<u8> {
    let mut bytes = query(id, rest);
    bytes[2] = 0x80;
    bytes[3] = transport as u8;
    if rest.first() == Some(&BIG) {
        bytes.resize(BIG_BYTES, 0);
    }
    bytes
}

/// A message as it stands on a stream.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

/// A TCP lane with default limits.
pub(super) fn lane<S: Service>(service: S) -> (Lane<S>, StopSender) {
    lane_of(service, Transport::Tcp, Limits::default())
}

pub(super) fn lane_of<S: Service>(
    service: S,
    transport: Transport,
    limits: Limits,
) -> (Lane<S>, StopSender) {
    let (sender, stop) = stop::channel();
    let counters = Arc::default();
    let lane = Lane {
        transport,
        responders: Responders::new(service, Arc::clone(&counters)),
        admission: Admission::new(transport, &limits, counters.clone()),
        limits: Arc::new(limits),
        counters,
        stop,
    };
    (lane, sender)
}

/// A self-signed certificate for localhost, and its key.
pub(super) struct Identity {
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
}

impl Identity {
    pub(super) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { certificate_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem() }
    }

    pub(super) fn certificates(&self) -> Certificates {
        Certificates::load(self.certificate_pem.as_bytes(), self.key_pem.as_bytes()).unwrap()
    }

    /// A client that trusts this certificate alone.
    pub(super) fn client(&self, protocols: &[&[u8]]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).unwrap())
            .unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        config
    }
}

/// Ends of a connection that no socket carries.
pub(super) fn ends() -> Ends {
    let end = |port| SocketAddr::from(([127, 0, 0, 1], port));
    Ends::new(end(50_000), Some(end(53)))
}

/// The address of port 0 on 127.0.0.1.
pub(super) fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Reads one message off a stream; `None` where the stream ends before it.
pub(super) async fn read_message(io: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let bytes = io.read_u16().await.ok()?;
    let mut message = vec![0; bytes.into()];
    io.read_exact(&mut message).await.ok()?;
    Some(message)
}

/// Sends one query over a stream and reads the answer.
pub(super) async fn ask(
    io: &mut (impl AsyncRead + AsyncWrite + Unpin),
    query: &[u8],
) -> Option<Vec<u8>> {
    io.write_all(&framed(query)).await.ok()?;
    io.flush().await.ok()?;
    read_message(io).await
}
