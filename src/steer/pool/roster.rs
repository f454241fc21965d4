//! Who sits where: a pool, and behind it its fallbacks, in one address family.

use crate::health::Probe;
use crate::steer::model::{Endpoint, Method, Pool, Site};
use crate::wire::Rtype;
use std::net::IpAddr;
use std::sync::Arc;

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

impl Family {
    /// Both, in the order of their numbers.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family that a query type asks for.
    pub fn of(rtype: Rtype) -> Option<Self> {
        match rtype {
            Rtype::A => Some(Self::V4),
            Rtype::AAAA => Some(Self::V6),
            _ => None,
        }
    }

    /// The record type of its addresses.
    pub fn rtype(self) -> Rtype {
        match self {
            Self::V4 => Rtype::A,
            Self::V6 => Rtype::AAAA,
        }
    }

    /// How the address of an endpoint in this family is probed; none where it is taken for up.
    pub fn probe(self, endpoint: &Endpoint) -> Option<&Arc<Probe>> {
        match self {
            Self::V4 => endpoint.probe_a.as_ref(),
            Self::V6 => endpoint.probe_aaaa.as_ref(),
        }
    }

    /// The address of an endpoint in this family.
    pub fn address(self, endpoint: &Endpoint) -> Option<IpAddr> {
        match self {
            Self::V4 => endpoint.a.map(IpAddr::from),
            Self::V6 => endpoint.aaaa.map(IpAddr::from),
        }
    }
}

/// Who sits where: a pool, and behind it its fallbacks, in one family.
#[derive(Debug)]
pub struct Roster {
    /// The family.
    pub family: Family,
    /// Every site that any of the tiers has an endpoint at, in the order of their first mention.
    pub sites: Vec<Arc<Site>>,
    /// The pool, then its fallback, then that one's.
    pub tiers: Vec<RosterTier>,
}

/// One pool of a roster.
#[derive(Debug)]
pub struct RosterTier {
    /// The pool.
    pub pool: Arc<Pool>,
    /// By site of the roster: places in `pool.endpoints`.
    pub seats: Vec<Vec<usize>>,
    /// The number under which its first endpoint is counted; the others follow.
    pub first_slot: usize,
}

impl Roster {
    /// The roster of a pool; none if neither it nor a fallback has an address in the family.
    pub fn new(pool: &Arc<Pool>, family: Family) -> Option<Self> {
        let chain: Vec<&Arc<Pool>> =
            std::iter::successors(Some(pool), |pool| pool.fallback.as_ref()).collect();
        let mut sites: Vec<Arc<Site>> = Vec::new();
        let seated = |pool: &Arc<Pool>| {
            let pool = pool.clone();
            (0..pool.endpoints.len())
                .filter(move |&at| family.address(&pool.endpoints[at]).is_some())
        };
        for pool in &chain {
            for at in seated(pool) {
                let site = &pool.endpoints[at].site;
                if !sites.contains(site) {
                    sites.push(site.clone());
                }
            }
        }
        let tier = |pool: &&Arc<Pool>| {
            let mut seats = vec![Vec::new(); sites.len()];
            for at in seated(pool) {
                if let Some(site) = sites.iter().position(|site| *site == pool.endpoints[at].site) {
                    seats[site].push(at);
                }
            }
            RosterTier { pool: (*pool).clone(), seats, first_slot: 0 }
        };
        let tiers = chain.iter().map(tier).collect();
        (!sites.is_empty()).then_some(Self { family, sites, tiers })
    }

    /// Numbers its endpoints for counting, from `next` on; where the next roster begins.
    pub fn number_slots(&mut self, mut next: usize) -> usize {
        for tier in &mut self.tiers {
            tier.first_slot = next;
            next += tier.pool.endpoints.len();
        }
        next
    }

    /// Whether what a client gets can depend on its very network, and not on its class alone.
    pub fn is_by_network(&self) -> bool {
        self.tiers.iter().any(|tier| {
            let sites = tier.seats.iter().filter(|seats| !seats.is_empty()).count();
            let is_spread = tier.seats.iter().any(|seats| seats.len() > 1);
            tier.pool.method == Method::Hash && is_spread || tier.pool.sheds() && sites > 1
        })
    }
}
