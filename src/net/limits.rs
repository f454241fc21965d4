//! Every bound of the listeners, by name, with its unit and its reason.

use crate::config::defaults;
use std::time::Duration;

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

/// Those of a configuration that says nothing; 5 s for a handshake is several round trips around the world.
impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: defaults::TCP_CONNECTIONS_MAX,
            connections_per_network_max: defaults::TCP_CONNECTIONS_PER_NETWORK_MAX,
            idle_timeout: defaults::TCP_IDLE_TIMEOUT,
            lifetime_max: defaults::TCP_LIFETIME_MAX,
            handshake_timeout: Duration::from_secs(5),
            streams_max: defaults::TCP_QUERIES_IN_FLIGHT_MAX as u32,
        }
    }
}
