//! Failures, drains and weights that are supposed for the sake of the argument.

use crate::control::overrides::target::{self, Kind, Wanted};
use crate::health::overrides::Pin;
use crate::report::{Finding, Report};
use crate::snapshot::Catalog;
use crate::steer::model::{Endpoint, Pool};
use crate::steer::pool::{Roster, RosterTier};
use std::sync::Arc;

/// What is supposed of sites, pools and endpoints.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Up, down or drained. What names an endpoint wins over what names its pool, and that over what names its site; of
    /// equals the worst counts.
    pub pins: Vec<(Wanted, Pin)>,
    /// Other weights; the last that names an endpoint counts.
    pub weights: Vec<EndpointWeight>,
}

/// Another weight for an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointWeight {
    /// Whose: all endpoints that this could mean.
    pub endpoint: Wanted,
    /// In place of the configured one.
    pub weight: u32,
}

impl Changes {
    /// An error for each name that is nothing that is served.
    pub fn check(&self, catalog: &Catalog) -> Report {
        let pinned = self.pins.iter().filter_map(|(wanted, _)| target::check(catalog, wanted));
        let weighed = self.weights.iter();
        let weighed = weighed.filter_map(|other| target::check_weighing(catalog, &other.endpoint));
        Report { findings: pinned.chain(weighed).map(Finding::from).collect() }
    }

    /// What is supposed of an endpoint, if anything is.
    pub(super) fn pin(&self, pool: &Pool, endpoint: &Endpoint) -> Option<Pin> {
        let aimed = |(wanted, pin): &(Wanted, Pin)| Some((wanted.aim(pool, endpoint)?, *pin));
        self.pins.iter().filter_map(aimed).max().map(|(_, pin)| pin)
    }

    /// Whether another weight is supposed of an endpoint.
    pub(super) fn reweighs(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        self.weight(pool, endpoint).is_some()
    }

    fn weight(&self, pool: &Pool, endpoint: &Endpoint) -> Option<u32> {
        let aimed =
            |other: &&EndpointWeight| other.endpoint.aim(pool, endpoint) == Some(Kind::Endpoint);
        self.weights.iter().rfind(aimed).map(|other| other.weight)
    }

    /// A roster with the other weights.
    pub(super) fn reweigh(&self, roster: &Roster) -> Roster {
        let tier = |tier: &RosterTier| RosterTier {
            pool: self.reweigh_pool(&tier.pool),
            seats: tier.seats.clone(),
            first_slot: tier.first_slot,
        };
        Roster {
            family: roster.family,
            sites: roster.sites.clone(),
            tiers: roster.tiers.iter().map(tier).collect(),
        }
    }

    fn reweigh_pool(&self, pool: &Arc<Pool>) -> Arc<Pool> {
        let weight = |endpoint: &Endpoint| self.weight(pool, endpoint);
        if pool.endpoints.iter().all(|endpoint| weight(endpoint).is_none()) {
            return pool.clone();
        }
        let endpoints = pool.endpoints.iter().map(|endpoint| match weight(endpoint) {
            Some(weight) => Arc::new(Endpoint { weight, ..Endpoint::clone(endpoint) }),
            None => endpoint.clone(),
        });
        Arc::new(Pool { endpoints: endpoints.collect(), ..Pool::clone(pool) })
    }
}
