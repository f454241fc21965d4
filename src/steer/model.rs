//! Sites, pools, routes and steered names as configured: checked, resolved, self-contained.
//!
//! A steered name holds its pool, a pool its endpoints, an endpoint its site, by shared pointers and not by index, so
//! that a zone's last good version stays whole whatever becomes of the files around it. Compilation interns them.

use super::director::Vip;
use crate::geo::{Coordinates, GeoCode};
use crate::health::{Comeback, Probe, Subject};
use crate::wire::Name;
use ipnet::IpNet;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// A place and failure domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The zone whose file defines it; none for the server's own.
    pub zone: Option<Name>,
    /// Its name, e.g. `fra`.
    pub name: String,
    /// Its name for people, e.g. `Frankfurt`; the name where none is given.
    pub title: String,
    /// Geo code, if given.
    pub location: Option<GeoCode>,
    /// Given, or the centroid of `location`.
    pub coordinates: Option<Coordinates>,
}

/// What a site, a pool or a director is known by. Outlives reloads: what has the same key there is the same, changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The zone whose file defines it; none for the server's own.
    pub zone: Option<Name>,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of what this zone's file calls so.
    pub fn new(zone: Option<&Name>, name: &str) -> Self {
        Self { zone: zone.cloned(), name: name.to_owned() }
    }
}

/// One backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Unique in its pool; `SITE-N` (counted from 1 per site) where none is given.
    pub name: String,
    /// Where it stands.
    pub site: Arc<Site>,
    /// IPv4 address handed out.
    pub a: Option<Ipv4Addr>,
    /// IPv6 address handed out.
    pub aaaa: Option<Ipv6Addr>,
    /// Its part of the traffic, relative to the pool's others. 0 = never chosen unless nothing else is.
    pub weight: u32,
    /// How the IPv4 address is probed; none = taken for up.
    pub probe_a: Option<Arc<Probe>>,
    /// How the IPv6 address is probed; none = taken for up.
    pub probe_aaaa: Option<Arc<Probe>>,
    /// The directors that hold its addresses; none for an endpoint that is a server itself.
    pub vip: Option<Arc<Vip>>,
}

/// How the endpoints of a site are chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// In proportion to weights, drawn per query.
    Weighted,
    /// Each in turn, weights ignored.
    RoundRobin,
    /// Drawn per query, weights ignored.
    Random,
    /// Weighted rendezvous on the client's network.
    Hash,
    /// Drawn per query, in shares that even out the sessions.
    LeastConnections,
    /// Drawn per query, in shares that bring the sessions into proportion to weights.
    WeightedLeastConnections,
    /// Drawn per query, the more the faster it answers.
    LeastResponseTime,
    /// As if two were drawn by weight, and the less loaded of them handed out.
    PowerOfTwo,
}

/// What to answer when no endpoint of a pool is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnAllDown {
    /// As if all were up.
    All,
    /// What the `fallback` pool gives.
    Fallback,
    /// What was up last.
    LastGood,
    /// NOERROR without records.
    Nodata,
    /// SERVFAIL.
    Servfail,
}

/// The endpoints that serve one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// The zone whose file defines it; none for the server's own.
    pub zone: Option<Name>,
    /// Its name.
    pub name: String,
    /// How many endpoints an answer hands out, at least 1.
    pub answers: usize,
    /// How they are chosen.
    pub method: Method,
    /// Share of a site's weight that must be up for the site to be trusted, 0.0 to 1.0.
    pub min_up: f64,
    /// What to do when nothing is up.
    pub on_all_down: OnAllDown,
    /// The pool that serves when this one is all down and says so; chains end, that is checked.
    pub fallback: Option<Arc<Pool>>,
    /// How what has recovered comes back.
    pub comeback: Comeback,
    /// How much its sites take.
    pub capacity: Vec<SiteCapacity>,
    /// Over what time load is evened out; none: as [`crate::steer::balance`] has it for the TTLs of its names.
    pub damping: Option<Duration>,
    /// At least one.
    pub endpoints: Vec<Arc<Endpoint>>,
}

/// What a site takes of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteCapacity {
    /// The site.
    pub site: Arc<Site>,
    /// Sessions that it carries well with all of its endpoints up.
    pub sessions: u64,
}

impl Site {
    /// What it is known by.
    pub fn key(&self) -> Key {
        Key::new(self.zone.as_ref(), &self.name)
    }
}

impl Endpoint {
    /// How its addresses are probed, as far as they are.
    pub fn probes(&self) -> impl Iterator<Item = &Arc<Probe>> {
        [&self.probe_a, &self.probe_aaaa].into_iter().flatten()
    }
}

impl Method {
    /// A weight as the method counts it among others of a site: those that pass over weights see only who is out, and
    /// who is on the way from there.
    pub fn counted(self, weight: f64) -> f64 {
        match self {
            Self::LeastConnections | Self::RoundRobin | Self::Random => weight.min(1.0),
            _ => weight,
        }
    }

    /// Whether shares follow the load of the endpoints.
    pub fn is_by_load(self) -> bool {
        matches!(
            self,
            Self::LeastConnections
                | Self::WeightedLeastConnections
                | Self::LeastResponseTime
                | Self::PowerOfTwo
        )
    }
}

impl Pool {
    /// What it is known by. While a zone is kept as it was last good, two pools of the server can have the same key.
    pub fn key(&self) -> Key {
        Key::new(self.zone.as_ref(), &self.name)
    }

    /// Whether its sites may take a part of their clients only, the others' networks going on to the next site. A
    /// matter of configuration and not of health, as the scope of answers depends on it.
    pub fn sheds(&self) -> bool {
        !self.capacity.is_empty()
            || !self.comeback.slow_start.is_zero()
            || self.endpoints.iter().any(|endpoint| endpoint.vip.is_some())
    }

    /// What all of its endpoints at a site weigh, as configured.
    pub fn weight_at(&self, site: &Site) -> u64 {
        self.at(site).map(|endpoint| u64::from(endpoint.weight)).sum()
    }

    /// How large a site is beside the pool's others: in sessions where all of them say how many, else in weight.
    pub fn size_of(&self, site: &Site) -> f64 {
        let has_capacity = |endpoint: &Arc<Endpoint>| self.capacity_at(&endpoint.site).is_some();
        let sessions = self.capacity_at(site).filter(|_| self.endpoints.iter().all(has_capacity));
        sessions.unwrap_or_else(|| self.weight_at(site)) as f64
    }

    /// Sessions that a site carries well with all of its endpoints up: as the pool says, or as its directors do; none
    /// where nobody does.
    pub fn capacity_at(&self, site: &Site) -> Option<u64> {
        let own = self.capacity.iter().find(|capacity| *capacity.site == *site);
        own.map(|capacity| capacity.sessions).or_else(|| {
            let capacities = self.at(site).map(|endpoint| endpoint.vip.as_ref()?.capacity());
            capacities.sum::<Option<u64>>().filter(|sessions| *sessions > 0)
        })
    }

    fn at(&self, site: &Site) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.endpoints.iter().filter(move |endpoint| *endpoint.site == *site)
    }

    /// This pool, its fallback, that one's, and so on.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |pool| pool.fallback.as_deref())
    }

    /// One of its endpoints as overrides see it.
    pub fn subject<'a>(&'a self, endpoint: &'a Endpoint) -> Subject<'a> {
        Subject {
            site_zone: endpoint.site.zone.as_ref(),
            site: &endpoint.site.name,
            pool_zone: self.zone.as_ref(),
            pool: &self.name,
            endpoint: &endpoint.name,
        }
    }
}

/// One rule of a route.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Clients in these networks, longest prefix first.
    Subnets {
        /// The networks.
        nets: Vec<IpNet>,
        /// Sites in order of preference.
        sites: Vec<Arc<Site>>,
    },
    /// Clients at these places, most specific code first.
    Geo {
        /// The codes.
        codes: Vec<GeoCode>,
        /// Sites in order of preference.
        sites: Vec<Arc<Site>>,
    },
    /// Sites by distance, for every client whose coordinates are known.
    Nearest,
}

/// How clients' networks order the sites.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// In the order written.
    pub rules: Vec<Rule>,
    /// Whether sites that the matching rule does not name stay out (a geofence).
    pub strict: bool,
}

/// An owner name whose A and AAAA come from a pool by a route.
#[derive(Clone, Debug, PartialEq)]
pub struct SteeredName {
    /// The owner, may be a wildcard or the apex.
    pub owner: Name,
    /// Where the addresses come from.
    pub pool: Arc<Pool>,
    /// TTL of the answers, in seconds.
    pub ttl_s: u32,
    /// Which sites come first for whom.
    pub route: Arc<Route>,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Weighted => "weighted",
            Self::RoundRobin => "round-robin",
            Self::Random => "random",
            Self::Hash => "hash",
            Self::LeastConnections => "least-connections",
            Self::WeightedLeastConnections => "weighted-least-connections",
            Self::LeastResponseTime => "least-response-time",
            Self::PowerOfTwo => "power-of-two",
        })
    }
}

impl fmt::Display for OnAllDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::All => "all",
            Self::Fallback => "fallback",
            Self::LastGood => "last-good",
            Self::Nodata => "nodata",
            Self::Servfail => "servfail",
        })
    }
}
