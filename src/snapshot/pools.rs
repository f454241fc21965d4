//! Every pool that is served, once.
//!
//! A pool can sit in several rosters: one for each family, and as the fallback of others. Zones that were read at
//! different times hold pools of their own that mean the same: they are one here. What a zone holds that is kept as it
//! was last good may differ from its namesake; then both are here.

use super::ServedZone;
use crate::steer::director::{Vip, VipKey};
use crate::steer::model::{Key, Pool};
use crate::steer::pool::{Family, Roster};
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
    /// Where it is looked at in a family, by roster and tier: as a name's own pool if it is one, else as a fallback.
    pub fn place(&self, rosters: &[Roster], family: Family) -> Option<(usize, usize)> {
        let of_family = |(roster, _): &(usize, usize)| rosters[*roster].family == family;
        self.places.iter().copied().filter(of_family).min_by_key(|&(_, tier)| tier)
    }

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
    by_name: HashMap<Key, Vec<usize>>,
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
            let namesakes = by_name.entry(pool.key()).or_default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::World;
    use crate::snapshot::{Catalog, Settings, ZoneInput};
    use crate::steer::classes::Atlas;
    use crate::steer::model::{OnAllDown, Route, SteeredName};
    use crate::steer::testing;
    use crate::wire::Name;
    use crate::zone::Zone;

    /// A pool of the server, as a zone got it when it was read: `front` falls back to one that has so much weight.
    fn front(weight: u32) -> Arc<Pool> {
        let endpoint = |name: &str, weight| {
            let site = Arc::new(testing::site("fra"));
            testing::endpoint(name.to_owned(), site, 1, weight)
        };
        let spare = testing::pool("spare", [endpoint("s", weight)]);
        Arc::new(Pool {
            on_all_down: OnAllDown::Fallback,
            fallback: Some(Arc::new(spare)),
            ..testing::pool("front", [endpoint("f", 1)])
        })
    }

    fn catalog(zones: &[(&str, u32, Arc<Pool>)]) -> Catalog {
        let zone = |(apex, ttl_s, pool): &(&str, u32, Arc<Pool>)| {
            let apex = Name::parse(apex, None).expect("a name");
            let owner = Name::parse("www", Some(&apex)).expect("a name");
            let zone = Zone::build(&apex, &[], std::slice::from_ref(&owner)).expect("small");
            let (pool, route, ttl_s) = (pool.clone(), Arc::new(Route::default()), *ttl_s);
            let names = [SteeredName { owner, pool, ttl_s, route }].into();
            ZoneInput { zone: Arc::new(zone), names }
        };
        let zones: Vec<ZoneInput> = zones.iter().map(zone).collect();
        let mut atlas = Atlas::new(Arc::new(World::unknown()));
        Catalog::compile(&zones, &mut atlas, Settings::default(), None)
    }

    #[test]
    fn pools_that_mean_the_same_are_one() {
        let catalog = catalog(&[
            ("a.example.", 30, front(1)),
            ("b.example.", 60, front(1)),
            ("c.example.", 10, front(2)),
        ]);
        let found: Vec<(&str, usize, u32)> = catalog
            .pools()
            .all()
            .iter()
            .map(|served| (&*served.pool.name, served.places.len(), served.ttl_max_s))
            .collect();
        // Each zone has its rosters. That of the third means something else by both names.
        assert_eq!(found, [("front", 2, 60), ("spare", 2, 60), ("front", 1, 10), ("spare", 1, 10)]);
        let place =
            |number: usize, family| catalog.pools().all()[number].place(catalog.rosters(), family);
        assert_eq!((place(0, Family::V4), place(1, Family::V4)), (Some((0, 0)), Some((0, 1))));
        assert_eq!(place(2, Family::V4), Some((2, 0)));
        assert_eq!(place(0, Family::V6), None);
        for plan in catalog.zones().zones().iter().flat_map(|zone| &zone.names) {
            let number = catalog.pools().number(&plan.name.pool).expect("it is served");
            assert_eq!(catalog.pools().all()[number].pool, plan.name.pool);
        }
    }
}
