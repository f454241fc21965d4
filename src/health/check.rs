//! A check (how to probe) and a probe (a check at one address).
//!
//! Both are values: equal probes are the same probe, however many endpoints and pools ask for it.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How to find out whether something is alive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// The name that it has in the configuration, for people; equal checks of different names are different checks.
    pub name: String,
    /// What is spoken.
    pub kind: CheckKind,
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// How long a probe may take, connecting included.
    pub timeout: Duration,
    /// Failures in a row that turn up into down.
    pub fall: u32,
    /// Successes in a row that turn down into up.
    pub rise: u32,
    /// The local address to probe from, if not the system's choice.
    pub source: Option<IpAddr>,
}

/// The protocol of a check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// A connection is accepted.
    Tcp,
    /// A request is answered as expected.
    Http(HttpCheck),
}

/// What an HTTP or HTTPS probe asks and expects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpCheck {
    /// The method, e.g. `GET`.
    pub method: String,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// The Host header; the probed address and port where none is given.
    pub host: Option<String>,
    /// Statuses that count as alive.
    pub expect: Vec<RangeInclusive<u16>>,
    /// A text that the body must hold (within its first [`BODY_BYTES_MAX`] bytes).
    pub body: Option<String>,
    /// TLS, if the scheme is `https`.
    pub tls: Option<TlsCheck>,
}

/// How the certificate of an HTTPS probe is judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsCheck {
    /// The name in SNI that the certificate must bear; the `host` of the check or else the address where none is given.
    pub server_name: Option<String>,
    /// A PEM file of roots to trust in place of the system's.
    pub roots: Option<std::path::PathBuf>,
    /// Whether chain and name are verified.
    pub verify: bool,
}

/// How much of a body is read to look for a text.
pub const BODY_BYTES_MAX: usize = 65_536;

/// A check at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// How.
    pub check: Check,
    /// Where.
    pub target: SocketAddr,
}
