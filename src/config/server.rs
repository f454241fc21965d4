//! What `fingerpost.toml` says of the server itself, checked and with every default filled in.
//!
//! Paths are joined to the directory of the file. How the tables are read is in [`super::server_tables`].

use super::admin::Admin;
use super::library::Library;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The server's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Where UDP and TCP queries are taken.
    pub listen: Vec<SocketAddr>,
    /// UDP threads; 0 = one per core.
    pub udp_workers: usize,
    /// The directory of `ORIGIN.zone` and `ORIGIN.toml`.
    pub zones: PathBuf,
    /// The identity sent to those who ask for it (RFC 5001).
    pub nsid: Option<String>,
    /// The directory of what survives a restart; need not exist yet.
    pub state: PathBuf,
    /// Persisted verdicts older than this are not taken up again.
    pub verdicts_max_age: Duration,
    /// The file of overrides; need not exist.
    pub overrides: PathBuf,
    /// Longest UDP answer, whatever a client offers.
    pub udp_payload_bytes_max: u16,
    /// What is told in class CHAOS.
    pub chaos: Chaos,
    /// Limits of TCP, and of the streams of encrypted transports.
    pub tcp: Tcp,
    /// Resolvers whose Client Subnet option is believed.
    pub ecs_trust: Vec<IpNet>,
    /// MaxMind-format databases, asked in this order.
    pub databases: Vec<PathBuf>,
    /// The file of the user's own networks; need not exist.
    pub networks: PathBuf,
    /// Encrypted transports, if any.
    pub tls: Option<Tls>,
    /// The operator's API and metrics, if they are served at all.
    pub admin: Option<Admin>,
    /// Probes under way at once.
    pub probes_concurrency_max: usize,
    /// What is logged.
    pub log: Log,
    /// What zones share.
    pub library: Arc<Library>,
}

/// Answers to class CHAOS TXT questions; each refused unless set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chaos {
    /// `version.bind` and `version.server`.
    pub version: Option<String>,
    /// `hostname.bind`.
    pub hostname: Option<String>,
    /// `id.server`.
    pub id: Option<String>,
}

/// Limits of TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Connections at once.
    pub connections_max: usize,
    /// Connections at once of one client network (an IPv4 /24, an IPv6 /48).
    pub connections_per_network_max: usize,
    /// Silence after which a connection is closed.
    pub idle_timeout: Duration,
    /// Age after which a connection is closed.
    pub lifetime_max: Duration,
    /// Queries of one HTTP/2 or QUIC connection answered at once; TCP and TLS take them one after the other.
    pub queries_in_flight_max: usize,
}

/// Encrypted transports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Where DNS over TLS is spoken (RFC 7858).
    pub dot: Vec<SocketAddr>,
    /// Where DNS over HTTPS is spoken (RFC 8484).
    pub doh: Vec<SocketAddr>,
    /// The path of DNS over HTTPS.
    pub doh_path: String,
    /// Where DNS over QUIC is spoken (RFC 9250).
    pub doq: Vec<SocketAddr>,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
    /// The least important that is logged.
    pub level: tracing::Level,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}
