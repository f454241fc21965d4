//! DNS over QUIC (RFC 9250): one query on each stream.
//!
//! Why not hickory-server's listener (0.26.3), beside what [`tls`](super::tls) says of all of its listeners: it
//! waits for each handshake before it takes the next, so one client that never finishes its own holds up everyone
//! for five seconds; it answers the streams of a connection one after the other; and it closes a connection after
//! 100 queries.
//!
//! Here a handshake is a task of its own, and a slot under the same limits as a TCP connection. While many are
//! pending, clients must first prove that they receive at their address (RFC 9000 §8.1.2): forged source addresses
//! then cost one small packet each, and no slot. 0-RTT stays off. What happens on a connection is [`connection`]'s
//! part.

mod connection;

use self::connection::serve_connection;
use super::counters::count;
use super::lane::Lane;
use super::limits::{DRAIN, Limits, PREFIX_BYTES};
use super::service::Service;
use crate::answer::MESSAGE_BYTES_MAX;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig, VarInt};
use rustls::ServerConfig;
use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::debug;

/// Application protocol of DNS over QUIC (RFC 9250 §4.1.1).
pub(super) const PROTOCOL: &[u8] = b"doq";

/// Handshakes at one time; whoever comes when they are taken is refused.
const HANDSHAKES_MAX: usize = 256;

/// Handshakes from which on clients must prove their address: well below what one network may hold, so that forging
/// a network's addresses cannot take its slots away.
const HANDSHAKES_UNPROVEN_MAX: usize = 16;

/// What may wait to be sent on one connection.
const SEND_WINDOW_BYTES: u64 = 256 << 10;

/// What a client may send on all streams of a connection before we have read it.
const RECEIVE_WINDOW_BYTES: u32 = 256 << 10;

/// What a client may send on one stream: the longest message and its length.
const STREAM_WINDOW_BYTES: u32 = (PREFIX_BYTES + MESSAGE_BYTES_MAX) as u32;

/// Makes a QUIC endpoint of a socket. Needs the context of a runtime.
pub(super) fn endpoint(
    socket: UdpSocket,
    tls: ServerConfig,
    limits: &Limits,
) -> io::Result<Endpoint> {
    let tls = QuicServerConfig::try_from(tls)
        .expect("ring has the cipher suite that QUIC begins with (RFC 9001 §5.2)");
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(Arc::new(transport(limits)));
    config.max_incoming(HANDSHAKES_MAX);
    Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))
}

fn transport(limits: &Limits) -> TransportConfig {
    let idle = IdleTimeout::try_from(limits.idle_timeout).unwrap_or(VarInt::MAX.into());
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(limits.streams_max.into())
        .max_concurrent_uni_streams(0_u32.into())
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(idle))
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(RECEIVE_WINDOW_BYTES.into())
        .send_window(SEND_WINDOW_BYTES);
    config
}

/// Serves connections of `endpoint` until told to stop.
pub(super) async fn serve<S: Service>(endpoint: Endpoint, lane: Lane<S>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let unproven_max = HANDSHAKES_UNPROVEN_MAX.min(lane.limits.connections_per_network_max / 2);
    let bound = endpoint.local_addr().ok();
    let mut stop = lane.stop.clone();
    loop {
        let incoming = tokio::select! {
            () = stop.stopped() => break,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { break };
        let pending = HANDSHAKES_MAX - handshakes.available_permits();
        if pending >= unproven_max && incoming.may_retry() {
            count(&lane.counters.quic_retries);
            // It may be retried, as was just asked.
            let _ = incoming.retry();
            continue;
        }
        let Ok(slot) = handshakes.clone().try_acquire_owned() else {
            count(&lane.connections().refused);
            incoming.refuse();
            continue;
        };
        let Some(permit) = lane.admission.admit(incoming.remote_address().ip()) else {
            incoming.refuse();
            continue;
        };
        let lane = lane.clone();
        tokio::spawn(async move {
            let agreed = handshake(incoming, lane.limits.handshake_timeout).await;
            drop(slot);
            match agreed {
                Some(connection) => serve_connection(connection, bound, &lane).await,
                None => count(&lane.connections().handshake_failures),
            }
            drop(permit);
        });
    }
    // Connections heard the word too and close themselves; here the endpoint only outlasts them.
    endpoint.set_server_config(None);
    if timeout(DRAIN + Duration::from_secs(1), endpoint.wait_idle()).await.is_err() {
        endpoint.close(connection::NO_ERROR, b"");
    }
}

async fn handshake(incoming: quinn::Incoming, patience: Duration) -> Option<quinn::Connection> {
    let agreed = match incoming.accept() {
        Ok(connecting) => timeout(patience, connecting).await,
        Err(error) => Ok(Err(error)),
    };
    match agreed {
        Ok(Ok(connection)) => return Some(connection),
        Ok(Err(error)) => debug!(%error, "QUIC handshake failed"),
        Err(_) => debug!("QUIC handshake timed out"),
    }
    None
}

#[cfg(test)]
mod tests;
