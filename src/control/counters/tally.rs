//! Sums by name, which go on over reloads.

use super::catalog::{CatalogCounters, QTYPES, RCODES_COUNTED};
use crate::answer::Transport;
use crate::steer::model::{Endpoint, Pool};
use crate::steer::pool::Family;
use crate::wire::Name;
use std::collections::HashMap;
use std::sync::Arc;

/// An endpoint in a family, by names. Those of a pool that two zones' files define are two.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointKey {
    /// The zone whose file defines the pool; none for the server's own.
    pub zone: Option<Name>,
    /// The pool.
    pub pool: String,
    /// The site that it stands at.
    pub site: String,
    /// The endpoint.
    pub endpoint: String,
    /// In which family.
    pub family: Family,
}

impl EndpointKey {
    /// The key of a pool's endpoint.
    pub fn of(pool: &Pool, endpoint: &Endpoint, family: Family) -> Self {
        Self {
            zone: pool.zone.clone(),
            pool: pool.name.clone(),
            site: endpoint.site.name.clone(),
            endpoint: endpoint.name.clone(),
            family,
        }
    }
}

/// Queries by type and code.
type Queries = [[u64; RCODES_COUNTED.len()]; QTYPES];

/// What was asked of which zone, and whose addresses were handed out, since the start.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    queries: HashMap<(Transport, Option<Name>), Box<Queries>>,
    handed_out: HandedOut,
}

/// How many answers have listed the address of each endpoint; those of which none has are not in it.
#[derive(Clone, Debug, Default)]
pub struct HandedOut(HashMap<Arc<EndpointKey>, u64>);

impl Tally {
    /// Whose addresses were handed out.
    pub fn handed_out(&self) -> HandedOut {
        self.handed_out.clone()
    }

    /// Queries answered: transport, zone (none: outside of all zones), number of the type, code, how many; only what
    /// has occurred, in no order.
    pub fn queries(&self) -> impl Iterator<Item = (Transport, Option<&Name>, usize, u16, u64)> {
        self.queries.iter().flat_map(|((transport, zone), queries)| {
            let cells = queries.iter().enumerate().flat_map(|(qtype, codes)| {
                codes.iter().zip(RCODES_COUNTED).map(move |(&count, code)| (qtype, code, count))
            });
            cells
                .filter(|(_, _, count)| *count > 0)
                .map(move |(qtype, code, count)| (*transport, zone.as_ref(), qtype, code, count))
        })
    }

    /// Adds what a block has counted.
    pub(super) fn add(&mut self, block: &CatalogCounters) {
        let catalog = block.catalog();
        let zones = catalog.zones().zones();
        for transport in Transport::ALL {
            for place in (0..zones.len()).map(Some).chain([None]) {
                let name = || place.map(|place| zones[place].zone.apex().clone());
                for (qtype, code, count) in block.queries(transport, place) {
                    if count > 0 {
                        let queries = self.queries.entry((transport, name())).or_default();
                        queries[qtype][code] += count;
                    }
                }
            }
        }
        self.handed_out.add(block);
    }
}

impl HandedOut {
    /// How many answers have listed an endpoint.
    pub fn get(&self, endpoint: &EndpointKey) -> u64 {
        self.0.get(endpoint).copied().unwrap_or(0)
    }

    /// Adds what a block has counted.
    pub(super) fn add(&mut self, block: &CatalogCounters) {
        for roster in block.catalog().rosters() {
            for tier in &roster.tiers {
                for &at in tier.seats.iter().flatten() {
                    let count = block.handed_out(tier.first_slot + at);
                    if count > 0 {
                        let endpoint = &tier.pool.endpoints[at];
                        let key = EndpointKey::of(&tier.pool, endpoint, roster.family);
                        *self.0.entry(Arc::new(key)).or_default() += count;
                    }
                }
            }
        }
    }
}
