//! DNS over QUIC (RFC 9250): one query per stream, id 0, two octets of length.

use super::client::framed;
use super::{PATIENCE, Query, Reply, TestCertificate};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, Endpoint};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Largest message on a stream, its length included.
const MESSAGE_BYTES_MAX: usize = 65_537;

/// A QUIC connection.
pub struct Quic {
    runtime: Runtime,
    endpoint: Endpoint,
    connection: Connection,
}

impl Quic {
    /// Connects, trusting `certificate` alone.
    pub fn to(server: SocketAddr, certificate: &TestCertificate) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let tls = QuicClientConfig::try_from(certificate.client(&[b"doq"])).expect("TLS 1.3");
        let config = quinn::ClientConfig::new(Arc::new(tls));
        let (endpoint, connection) = runtime.block_on(async {
            let local = match server {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            let endpoint = Endpoint::client(SocketAddr::new(local, 0)).expect("a UDP socket");
            let name = server.ip().to_string();
            let connecting = endpoint.connect_with(config, server, &name).expect("a good address");
            let connection = tokio::time::timeout(PATIENCE, connecting).await.expect("in time");
            (endpoint, connection.expect("a QUIC connection"))
        });
        Self { runtime, endpoint, connection }
    }

    /// Sends a query with id 0, as RFC 9250 §4.2.1 wants it, and takes its reply apart.
    pub fn ask(&self, query: &Query) -> Reply {
        let bytes = self.exchange(&framed(&query.clone().id(0).bytes()));
        let bytes = bytes.expect("a reply on the stream");
        let (length, message) = bytes.split_at(2);
        assert_eq!(usize::from(length[0]) << 8 | usize::from(length[1]), message.len());
        let reply = Reply::of(message);
        assert_eq!(reply.id, 0, "id of {reply:?}");
        reply
    }

    /// Sends any bytes on a stream of their own, ends it, and takes all that comes back; the error where the server
    /// resets the stream or closes the connection instead.
    pub fn exchange(&self, bytes: &[u8]) -> Result<Vec<u8>, quinn::ReadToEndError> {
        self.runtime.block_on(async {
            let (mut send, mut receive) = self.connection.open_bi().await.expect("a stream");
            send.write_all(bytes).await.expect("bytes written");
            send.finish().expect("a stream still open");
            let reading = receive.read_to_end(MESSAGE_BYTES_MAX);
            tokio::time::timeout(PATIENCE, reading).await.expect("a reply in time")
        })
    }

    /// Waits until the server closes the connection; the error code that it gives (RFC 9250 §8.4).
    pub fn close_code(&self) -> u64 {
        let closed = async { tokio::time::timeout(PATIENCE, self.connection.closed()).await };
        match self.runtime.block_on(closed).expect("a closed connection in time") {
            quinn::ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            other => panic!("not closed by the server: {other}"),
        }
    }
}

impl Drop for Quic {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            self.connection.close(0u32.into(), b"");
            // What was said must leave before the runtime goes; a server that is gone may leave this waiting.
            let _ = tokio::time::timeout(PATIENCE, self.endpoint.wait_idle()).await;
        });
    }
}
