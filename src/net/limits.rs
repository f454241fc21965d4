//! Every bound of the listeners, by name, with its unit and its reason.

use std::time::Duration;

/// Length of the fixed part of a DNS message (RFC 1035 §4.1.1). Nothing shorter is a message.
pub(super) const HEADER_BYTES: usize = 12;

/// Length of the longest message that a two-byte length can announce (RFC 1035 §4.2.2).
pub(super) const MESSAGE_BYTES_MAX: usize = u16::MAX as usize;

/// Length of the two bytes before each message on a stream.
pub(super) const PREFIX_BYTES: usize = 2;

/// Clients of one IPv4 network of this length share a limit: it is the longest that is announced between networks.
pub(super) const NETWORK_PREFIX_V4: u8 = 24;

/// The same for IPv6, where one site is commonly given a /48.
pub(super) const NETWORK_PREFIX_V6: u8 = 48;

/// How long what is already answered may take to go out once a connection is to be closed.
pub(super) const DRAIN: Duration = Duration::from_secs(2);

/// Limits of each connection transport, held separately by each: a flood over one does not close the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time. Whoever comes when they are taken is turned away.
    pub connections_max: usize,
    /// Connections at one time from one network (/24, /48).
    pub connections_per_network_max: usize,
    /// A connection that brings no whole message for this long is closed, be it silent or slow.
    pub idle_timeout: Duration,
    /// A connection older than this is closed; the client opens another.
    pub lifetime_max: Duration,
    /// TLS and QUIC must be agreed upon within this.
    pub handshake_timeout: Duration,
    /// HTTP/2 and QUIC streams open at one time on one connection.
    pub streams_max: u32,
}

/// The defaults: 1024 connections fit beside everything else under the common limit of file descriptors when raised
/// to 8192, 128 are more than a resolver farm opens from one network, 10 s is what other authoritative servers
/// grant an idle client, and 100 streams is the least that RFC 9113 §6.5.2 recommends.
impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_per_network_max: 128,
            idle_timeout: Duration::from_secs(10),
            lifetime_max: Duration::from_secs(600),
            handshake_timeout: Duration::from_secs(5),
            streams_max: 100,
        }
    }
}
