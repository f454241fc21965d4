//! Directors as configured: the load balancers whose VIPs are handed out in place of the real servers behind them.
//!
//! A pool's endpoint names a director, or rather its [`Vip`]: directors that share an address (a VRRP pair) are one
//! failure domain and one endpoint. What a director reports, what it comes to, and what its own configuration looks
//! like is the part of [`crate::director`].

use super::model::{Key, Site};
use crate::health::Probe;
use crate::wire::Name;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct Director {
    /// The zone whose file defines it; none for the server's own.
    pub zone: Option<Name>,
    /// Its name, e.g. `lvs-fra`.
    pub name: String,
    /// Where it stands.
    pub site: Arc<Site>,
    /// IPv4 address handed out.
    pub a: Option<Ipv4Addr>,
    /// IPv6 address handed out.
    pub aaaa: Option<Ipv6Addr>,
    /// How packets get to the real servers.
    pub mode: Mode,
    /// How it chooses among them.
    pub scheduler: Scheduler,
    /// What it balances.
    pub service: Service,
    /// The real servers; empty only where a feed tells who they are.
    pub reals: Vec<Real>,
    /// Share of the reals' weight that must be up for the VIP to be handed out, 0.0 to 1.0.
    pub min_up: f64,
    /// Sessions that it carries well with all of its reals up.
    pub capacity: Option<u64>,
    /// Whether the operator has it in maintenance: it drains.
    pub maintenance: bool,
    /// Where it tells what stands behind it; none: the reals are probed.
    pub feed: Option<Arc<Feed>>,
}

/// A real server behind a director.
#[derive(Clone, Debug, PartialEq)]
pub struct Real {
    /// Its name for people; the address where none is given.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its part of the sessions, relative to the director's others.
    pub weight: u32,
    /// How it is probed from here; none where only the feed tells.
    pub probe: Option<Arc<Probe>>,
}

/// How packets get from the director to a real server, and back to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Addresses are rewritten; answers come back through the director.
    Nat,
    /// The frame goes to the real's link address; it has the VIP too, and answers by itself.
    Dr,
    /// The packet goes through an IP-in-IP tunnel; the real has the VIP too, and answers by itself.
    Tun,
    /// The director ends the connection and makes another.
    Proxy,
}

/// How a director chooses among its reals. Names are IPVS's; for a proxy they are translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheduler {
    /// Each in turn.
    Rr,
    /// Each in turn, by weight.
    Wrr,
    /// Fewest connections.
    Lc,
    /// Fewest connections for its weight.
    Wlc,
    /// By the client's address.
    Sh,
    /// By the client's address, consistently (Maglev).
    Mh,
    /// Shortest expected delay.
    Sed,
    /// An idle one, else shortest expected delay.
    Nq,
}

/// What a director balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// Transport.
    pub protocol: Protocol,
    /// Port of the VIP.
    pub port: u16,
}

/// Transport of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Where and how often a director is asked. One that several directors share is asked once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Feed {
    /// What is asked.
    pub source: FeedSource,
    /// From question to question.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The age at which the last good report counts no more.
    pub stale_after: Duration,
}

/// What is asked for what stands behind a director.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FeedSource {
    /// HAProxy's statistics as CSV.
    Haproxy {
        /// By which way.
        from: HaproxySource,
        /// The `backend` (or `listen`) section to read.
        backend: String,
    },
    /// The agent beside IPVS, see `fingerpost director agent`.
    Ipvs(HttpSource),
    /// A document of the shape that the README gives.
    Json(HttpSource),
}

/// How to come to HAProxy's statistics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HaproxySource {
    /// The statistics page, `;csv` included.
    Http(HttpSource),
    /// The runtime socket in the file system.
    Unix(PathBuf),
    /// The runtime socket over TCP.
    Tcp(SocketAddr),
}

/// A page and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpSource {
    /// `http://` or `https://`.
    pub url: String,
    /// A file with a bearer token, or with `user:password` for basic authentication; read at every question.
    pub auth: Option<HttpAuth>,
    /// The file of certificate roots by which `https://` is judged; none: the system's.
    pub roots: Option<PathBuf>,
}

/// What lets in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HttpAuth {
    /// A file whose first line is a bearer token.
    TokenFile(PathBuf),
    /// A file whose first line is `user:password`.
    BasicFile(PathBuf),
}

/// An address that is handed out, and every director that may hold it: one failure domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Vip {
    /// At least one, in the order written.
    pub directors: Vec<Arc<Director>>,
}

/// What a VIP is known by: its directors. Outlives reloads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VipKey(Vec<Key>);

impl Vip {
    /// What it is known by.
    pub fn key(&self) -> VipKey {
        VipKey(self.directors.iter().map(|director| director.key()).collect())
    }

    /// Sessions that it carries well: only one of its directors holds it at a time.
    pub fn capacity(&self) -> Option<u64> {
        self.directors.iter().filter_map(|director| director.capacity).max()
    }

    /// The probes of all reals behind it.
    pub fn probes(&self) -> impl Iterator<Item = &Arc<Probe>> {
        let reals = self.directors.iter().flat_map(|director| &director.reals);
        reals.filter_map(|real| real.probe.as_ref())
    }

    /// The feeds that tell of it.
    pub fn feeds(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.directors.iter().filter_map(|director| director.feed.as_ref())
    }
}

impl Director {
    /// What it is known by.
    pub fn key(&self) -> Key {
        Key::new(self.zone.as_ref(), &self.name)
    }

    /// Its VIPs.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.a.map(IpAddr::from).into_iter().chain(self.aaaa.map(IpAddr::from))
    }

    /// What all of its reals weigh.
    pub fn weight(&self) -> u64 {
        self.reals.iter().map(|real| u64::from(real.weight)).sum()
    }

    /// Whether it shares an address and a service with another, so that one may take over from the other.
    pub fn is_same_vip(&self, other: &Self) -> bool {
        self.service == other.service
            && self.addresses().any(|one| other.addresses().any(|two| one == two))
    }
}

impl Mode {
    /// Every mode with its word.
    pub const ALL: [(&str, Self); 4] =
        [("nat", Self::Nat), ("dr", Self::Dr), ("tun", Self::Tun), ("proxy", Self::Proxy)];
}

impl Scheduler {
    /// Every scheduler with its word.
    pub const ALL: [(&str, Self); 8] = [
        ("rr", Self::Rr),
        ("wrr", Self::Wrr),
        ("lc", Self::Lc),
        ("wlc", Self::Wlc),
        ("sh", Self::Sh),
        ("mh", Self::Mh),
        ("sed", Self::Sed),
        ("nq", Self::Nq),
    ];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(word(&Self::ALL, self))
    }
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(word(&Self::ALL, self))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// `tcp/80`.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.protocol, self.port)
    }
}

fn word<T: PartialEq>(all: &[(&'static str, T)], of: &T) -> &'static str {
    all.iter().find(|(_, one)| one == of).map_or("", |(word, _)| word)
}
