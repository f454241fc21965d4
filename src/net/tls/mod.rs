//! DNS over TLS (RFC 7858): a handshake, then the same stream of messages as TCP.
//!
//! Why not hickory-server's listener, like those of HTTPS and QUIC beside it (0.26.3): it ends for good when
//! `accept` reports an aborted connection, spins when descriptors run out, holds no limit on connections, logs as
//! warnings what any client can cause, and answers what it cannot parse itself, before the bytes reach the function
//! that every transport must answer from.

mod certificates;

pub use certificates::Certificates;
pub(super) use certificates::{QUIC_VERSIONS, STREAM_VERSIONS};

use super::accept::{Incoming, accept_loop};
use super::counters::count;
use super::lane::Lane;
use super::service::Service;
use super::tcp::serve_stream;
use crate::answer::Ends;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// Application protocol of DNS over TLS (as IANA has it, for RFC 7858). Clients that name none are
/// served too.
pub(super) const PROTOCOL: &[u8] = b"dot";

/// Serves connections of `listener` until told to stop.
pub(super) async fn serve<S: Service>(
    listener: impl Incoming<Stream = TcpStream>,
    config: Arc<ServerConfig>,
    lane: Lane<S>,
) {
    let acceptor = TlsAcceptor::from(config);
    let connections = lane.clone();
    accept_loop(listener, lane, move |stream: TcpStream, client: SocketAddr| {
        let (lane, acceptor) = (connections.clone(), acceptor.clone());
        let ends = Ends::new(client, stream.local_addr().ok());
        async move {
            if let Some(stream) = handshake(&acceptor, stream, &lane).await {
                serve_stream(stream, ends, &lane).await;
            }
        }
    })
    .await;
}

/// Agrees on TLS within the time for it, or counts the failure.
pub(super) async fn handshake<IO, S>(
    acceptor: &TlsAcceptor,
    stream: IO,
    lane: &Lane<S>,
) -> Option<TlsStream<IO>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    S: Service,
{
    let mut stop = lane.stop.clone();
    let agreed = tokio::select! {
        agreed = timeout(lane.limits.handshake_timeout, acceptor.accept(stream)) => agreed,
        () = stop.stopped() => return None,
    };
    match agreed {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => debug!(%error, transport = ?lane.transport, "TLS handshake failed"),
        Err(_) => debug!(transport = ?lane.transport, "TLS handshake timed out"),
    }
    count(&lane.connections().handshake_failures);
    None
}

#[cfg(test)]
mod tests;
