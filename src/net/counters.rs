//! What the listeners themselves count; what became of queries is counted by who answers them.
//!
//! A packet can move every one of these, so they are counters and not log lines. None is on the way of a query that
//! is answered in good order: they are touched once for each connection and each failure.

use crate::answer::Transport;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of all listeners; they grow from 0 at the start.
#[derive(Debug, Default)]
pub struct NetCounters {
    /// Panics caught while answering. The query that caused one got no answer; its neighbours did.
    pub panics: AtomicU64,
    /// Calls of `accept` that failed, of all connection listeners.
    pub accept_errors: AtomicU64,
    /// Calls to receive datagrams that failed for another reason than having none.
    pub udp_receive_errors: AtomicU64,
    /// Answers over UDP that the system refused to send.
    pub udp_send_errors: AtomicU64,
    /// QUIC clients that were asked to prove their address first (RFC 9000 §8.1.2).
    pub quic_retries: AtomicU64,
    connections: [ConnectionCounters; Transport::ALL.len()],
}

/// Counters of the connections of one transport.
#[derive(Debug, Default)]
pub struct ConnectionCounters {
    /// Open now; the only one that also falls.
    pub open: AtomicU64,
    /// Let in.
    pub accepted: AtomicU64,
    /// Turned away because a limit was reached, in all or of the client's network.
    pub refused: AtomicU64,
    /// Let in, but gone before TLS or QUIC was agreed upon.
    pub handshake_failures: AtomicU64,
    /// Closed by us for being idle or old.
    pub timed_out: AtomicU64,
    /// Closed by us, or a request turned down, for breaking the rules of the transport.
    pub protocol_errors: AtomicU64,
}

impl NetCounters {
    /// The connections of one transport; all zero for UDP.
    pub fn of(&self, transport: Transport) -> &ConnectionCounters {
        &self.connections[transport as usize]
    }
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
