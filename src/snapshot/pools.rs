//! Every pool that is served, once.
//!
//! A pool can sit in several rosters: one for each family, and as the fallback of others. Zones that were read at
//! different times hold pools of their own that mean the same: they are one here. What a zone holds that is kept as it
//! was last good may differ from its namesake; then both are here.

use super::ServedZone;
use crate::steer::director::{Vip, VipKey};
use crate::steer::model::Pool;
use crate::steer::pool::Roster;
use crate::wire::Name;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A pool, and where it sits.
#[derive(Debug)]
pub struct ServedPool {
    /// The pool.
    pub pool: Arc<Pool>,
    /// Rosters and their tiers that it sits in.
    pub places: Vec<(usize, usize)>,
    /// The longest TTL of the names that it serves, in seconds.
    pub ttl_max_s: u32,
}

impl ServedPool {
    /// The rosters that it sits in.
    pub fn rosters(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|&(roster, _)| roster)
    }
}

/// All pools, found by what they are.
#[derive(Debug, Default)]
pub struct ServedPools {
    all: Vec<ServedPool>,
    /// By address; rosters keep the pools alive.
    known: HashMap<usize, usize>,
    by_name: HashMap<(Option<Name>, String), Vec<usize>>,
    /// Rosters by the VIPs that endpoints stand for.
    by_vip: HashMap<VipKey, BTreeSet<usize>>,
}

impl ServedPools {
    /// Those of these rosters, in the order of their first mention.
    pub(super) fn new(rosters: &[Roster], zones: &[ServedZone]) -> Self {
        let mut pools = Self::default();
        for (number, roster) in rosters.iter().enumerate() {
            for (at, tier) in roster.tiers.iter().enumerate() {
                pools.enter(&tier.pool).places.push((number, at));
            }
        }
        let Self { all, by_vip, .. } = &mut pools;
        for served in all {
            let vips = served.pool.endpoints.iter().filter_map(|endpoint| endpoint.vip.as_ref());
            for key in vips.map(|vip| vip.key()) {
                by_vip.entry(key).or_default().extend(served.rosters());
            }
        }
        for name in zones.iter().flat_map(|zone| &zone.names).map(|plan| &plan.name) {
            let chain = std::iter::successors(Some(&name.pool), |pool| pool.fallback.as_ref());
            for pool in chain {
                if let Some(number) = pools.number(pool) {
                    let ttl_s = &mut pools.all[number].ttl_max_s;
                    *ttl_s = (*ttl_s).max(name.ttl_s);
                }
            }
        }
        pools
    }

    /// All of them.
    pub fn all(&self) -> &[ServedPool] {
        &self.all
    }

    /// The VIPs that endpoints stand for; one that stands in several pools comes several times.
    pub fn vips(&self) -> impl Iterator<Item = &Arc<Vip>> {
        let endpoints = self.all.iter().flat_map(|served| &served.pool.endpoints);
        endpoints.filter_map(|endpoint| endpoint.vip.as_ref())
    }

    /// The rosters in which an endpoint stands for a VIP.
    pub fn rosters_of_vip(&self, vip: &Vip) -> impl Iterator<Item = usize> {
        self.by_vip.get(&vip.key()).into_iter().flatten().copied()
    }

    /// The number of a pool, which must be one that a name or a roster of the catalog holds.
    pub fn number(&self, pool: &Pool) -> Option<usize> {
        self.known.get(&address(pool)).copied()
    }

    fn enter(&mut self, pool: &Arc<Pool>) -> &mut ServedPool {
        let Self { all, known, by_name, .. } = self;
        let number = *known.entry(address(pool)).or_insert_with(|| {
            let namesakes = by_name.entry((pool.zone.clone(), pool.name.clone())).or_default();
            let same = namesakes.iter().copied().find(|&number| *all[number].pool == **pool);
            same.unwrap_or_else(|| {
                namesakes.push(all.len());
                all.push(ServedPool { pool: pool.clone(), places: Vec::new(), ttl_max_s: 0 });
                all.len() - 1
            })
        });
        &mut all[number]
    }
}

fn address(pool: &Pool) -> usize {
    std::ptr::from_ref(pool) as usize
}
