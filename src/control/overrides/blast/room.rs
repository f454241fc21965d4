//! Whether what remains of a pool carries what it has: its capacity against its sessions, where both are known.

use super::Change;
use crate::health::Standing;
use crate::snapshot::Standings;
use crate::steer::model::{Endpoint, Pool, Site};
use crate::steer::pool::Family;
use std::sync::Arc;

/// Sessions that a pool has, and how many it would carry well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Room {
    pub(super) sessions: f64,
    pub(super) capacity: f64,
}

/// What there is too little of after a change that takes some of it; none where there is enough, or that is not known.
pub(super) fn lacking(pool: &Pool, family: Family, change: Change<'_>) -> Option<Room> {
    let up = |by: &dyn Standings, endpoint: &Endpoint| {
        by.standing(pool, endpoint, family) == Standing::Up
    };
    let before = pool.endpoints.iter().filter(|endpoint| up(change.before, endpoint));
    let sessions: u64 = before.map(|endpoint| (change.sessions)(endpoint)).sum::<Option<u64>>()?;
    let capacity = |by: &dyn Standings| {
        let there = pool.endpoints.iter().filter(|endpoint| family.address(endpoint).is_some());
        let mut sites: Vec<&Arc<Site>> = Vec::new();
        for endpoint in there.filter(|endpoint| up(by, endpoint)) {
            if !sites.contains(&&endpoint.site) {
                sites.push(&endpoint.site);
            }
        }
        let of_site = |site| Some(pool.capacity_at(site)? as f64 * live(pool, site, family, by));
        sites.into_iter().map(|site| of_site(site)).sum::<Option<f64>>()
    };
    let (then, sessions) = (capacity(change.after)?, sessions as f64);
    // A site whose capacity nobody knows may well go.
    let is_less = capacity(change.before).is_none_or(|now| then < now);
    (is_less && then < sessions).then_some(Room { sessions, capacity: then })
}

/// The part of the weight at a site, as configured, that is there. Planned weights take from it, and add nothing.
fn live(pool: &Pool, site: &Site, family: Family, by: &dyn Standings) -> f64 {
    let there = || {
        pool.endpoints
            .iter()
            .filter(|endpoint| *endpoint.site == *site && family.address(endpoint).is_some())
    };
    let configured = |endpoint: &Arc<Endpoint>| f64::from(endpoint.weight);
    let present = |endpoint: &Arc<Endpoint>| {
        let weight = by.weight(pool, endpoint, family);
        weight.nominal.min(configured(endpoint)) * weight.live
    };
    let whole: f64 = there().map(configured).sum();
    let up = there().filter(|endpoint| by.standing(pool, endpoint, family) == Standing::Up);
    let present: f64 = up.map(present).sum();
    if whole > 0.0 { (present / whole).min(1.0) } else { 1.0 }
}
