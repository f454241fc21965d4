//! Failures, drains and weights that are supposed for the sake of the argument.

use crate::health::overrides::Pin;
use crate::report::{Finding, Report, nearest};
use crate::snapshot::Catalog;
use crate::steer::model::{Endpoint, Pool};
use crate::steer::pool::{Roster, RosterTier};
use std::sync::Arc;

/// What is supposed of sites and endpoints. Names mean what they mean to `explain`: a site, an endpoint, or
/// `POOL/ENDPOINT`.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Up, down or drained. What names an endpoint wins over what names its site; of equals the worst counts.
    pub pins: Vec<(String, Pin)>,
    /// Other weights; the last that names an endpoint counts.
    pub weights: Vec<EndpointWeight>,
}

/// Another weight for an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointWeight {
    /// `ENDPOINT` or `POOL/ENDPOINT`.
    pub endpoint: String,
    /// In place of the configured one.
    pub weight: u32,
}

impl Changes {
    /// An error for each name that is nothing that is served.
    pub fn check(&self, catalog: &Catalog) -> Report {
        let tiers = catalog.rosters().iter().flat_map(|roster| &roster.tiers);
        let seats: Vec<(&Pool, &Endpoint)> = tiers
            .flat_map(|tier| tier.pool.endpoints.iter().map(|seat| (&*tier.pool, &**seat)))
            .collect();
        let sites = || seats.iter().map(|(_, endpoint)| endpoint.site.name.as_str());
        let endpoints = || seats.iter().map(|(_, endpoint)| endpoint.name.as_str());
        let mut report = Report::default();
        let mut push = |message: String, near: Option<&str>, help: &str| {
            let help = near.map_or(help.to_owned(), |near| format!("did you mean {near:?}?"));
            report.push(Finding::error(message).help(help));
        };
        for (name, _) in &self.pins {
            if !seats.iter().any(|(pool, endpoint)| aim(name, pool, endpoint).is_some()) {
                let near = nearest(name, sites().chain(endpoints()));
                let help = "name a site, an endpoint, or POOL/ENDPOINT";
                push(format!("no site and no endpoint is called {name:?}"), near, help);
            }
        }
        for EndpointWeight { endpoint: name, .. } in &self.weights {
            let is_meant = |(pool, endpoint): &(&Pool, &Endpoint)| {
                aim(name, pool, endpoint) == Some(Aim::Endpoint)
            };
            if !seats.iter().any(is_meant) {
                let help = "name an endpoint, or POOL/ENDPOINT";
                push(format!("no endpoint is called {name:?}"), nearest(name, endpoints()), help);
            }
        }
        report
    }

    /// What is supposed of an endpoint, if anything is.
    pub(super) fn pin(&self, pool: &Pool, endpoint: &Endpoint) -> Option<Pin> {
        let aimed = |(name, pin): &(String, Pin)| Some((aim(name, pool, endpoint)?, *pin));
        self.pins.iter().filter_map(aimed).max().map(|(_, pin)| pin)
    }

    /// Whether another weight is supposed of an endpoint.
    pub(super) fn reweighs(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        self.weight(pool, endpoint).is_some()
    }

    fn weight(&self, pool: &Pool, endpoint: &Endpoint) -> Option<u32> {
        let aimed =
            |other: &&EndpointWeight| aim(&other.endpoint, pool, endpoint) == Some(Aim::Endpoint);
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

/// What a name means of an endpoint, the closer the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Aim {
    Site,
    Endpoint,
}

fn aim(name: &str, pool: &Pool, endpoint: &Endpoint) -> Option<Aim> {
    let is_endpoint = match name.split_once('/') {
        Some((in_pool, name)) => in_pool == pool.name && name == endpoint.name,
        None => name == endpoint.name,
    };
    match () {
        () if is_endpoint => Some(Aim::Endpoint),
        () if name == endpoint.site.name => Some(Aim::Site),
        () => None,
    }
}
