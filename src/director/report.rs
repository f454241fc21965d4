//! What a director says of itself, whatever the way it came by.

use crate::steer::director::Protocol;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// What a feed said, before it is known for which director: see [`FeedReport::of`].
#[derive(Clone, Debug, PartialEq)]
pub enum FeedReport {
    /// Of the one backend that it was asked for.
    One(Report),
    /// Of all services of a host.
    Services {
        /// Whether the host is being taken out.
        is_maintenance: bool,
        /// Each protocol, address and port once.
        services: Vec<ServiceReport>,
    },
}

/// One service of a host that has several.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceReport {
    /// Transport.
    pub protocol: Protocol,
    /// The virtual address.
    pub address: IpAddr,
    /// The virtual port.
    pub port: u16,
    /// What stands behind it.
    pub report: Report,
}

/// What one feed said at one moment, checked for what cannot be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The servers behind it, each once.
    pub reals: Vec<RealReport>,
    /// Sessions at this moment, of all reals.
    pub sessions: Option<u64>,
    /// How long requests take, in milliseconds.
    pub response_ms: Option<f64>,
    /// Whether the director itself is being taken out.
    pub is_maintenance: bool,
}

/// One real server as its director sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct RealReport {
    /// Its name there; none where it has none (IPVS).
    pub name: Option<String>,
    /// Where it listens, as far as the director tells.
    pub address: Option<SocketAddr>,
    /// What the director does with it.
    pub state: RealState,
    /// Its weight there.
    pub weight: u32,
    /// Sessions at this moment.
    pub sessions: Option<u64>,
    /// Whether it only stands in for others.
    pub is_backup: bool,
}

/// What a director does with a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RealState {
    /// It gets new sessions.
    Up,
    /// It keeps what it has and gets nothing new.
    Draining,
    /// It stands in for others, and is not needed.
    Standby,
    /// It was taken out on purpose.
    Maintenance,
    /// It is taken for dead.
    Down,
}

impl RealState {
    /// Every state with its word.
    pub const ALL: [(&str, Self); 5] = [
        ("up", Self::Up),
        ("draining", Self::Draining),
        ("standby", Self::Standby),
        ("maintenance", Self::Maintenance),
        ("down", Self::Down),
    ];
}

impl fmt::Display for RealState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(_, state)| state == self).map_or("", |(word, _)| word))
    }
}
