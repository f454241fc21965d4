//! Health as an explanation supposes it.

use crate::control::knowledge::{self, Now};
use crate::health::overrides::{Override, Overrides};
use crate::health::table::Table;
use crate::health::{Standing, Verdict, status};
use crate::snapshot::{Catalog, Standings};
use crate::steer::model::{Endpoint, Pool};
use crate::steer::pool::{Family, Weight};
use jiff::Timestamp;

/// What is supposed of endpoints: verdicts that a server has kept, overrides, and a failure or two for the sake of the
/// argument. What has no verdict is taken for up.
#[derive(Default)]
pub struct Supposed {
    /// Verdicts known.
    pub verdicts: Table,
    /// The operator's overrides.
    pub overrides: Overrides,
    /// Sites, endpoints or `pool/endpoint`s taken for down.
    pub down: Vec<String>,
    /// The moment supposed.
    pub at: Timestamp,
}

impl Supposed {
    /// Which of the names in `down` are nothing that is served.
    pub fn unknown_names(&self, catalog: &Catalog) -> Vec<String> {
        let mut unknown = self.down.clone();
        for tier in catalog.rosters().iter().flat_map(|roster| &roster.tiers) {
            for endpoint in &tier.pool.endpoints {
                unknown.retain(|name| !names(name, &tier.pool, endpoint));
            }
        }
        unknown
    }

    fn is_down(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        self.down.iter().any(|name| names(name, pool, endpoint))
    }

    fn pin(&self, pool: &Pool, endpoint: &Endpoint) -> Option<&Override> {
        let subject = pool.subject(endpoint);
        self.overrides.pin_for(&subject, self.at)
    }
}

/// Health with its reasons, as an explanation tells it.
pub trait Reasons: Standings {
    /// Why an endpoint stands as it does, and since when, for people.
    fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String;
}

impl Reasons for Supposed {
    fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String {
        if self.is_down(pool, endpoint) {
            return "supposed down".to_owned();
        }
        if let Some(pinned) = self.pin(pool, endpoint) {
            return knowledge::by_pin(pinned);
        }
        let Some(probe) = family.probe(endpoint) else {
            return knowledge::UNCHECKED.to_owned();
        };
        let row = self.verdicts.row(probe);
        knowledge::by_row(probe, row)
            .map(|cause| cause + &knowledge::since(row))
            .unwrap_or_else(|| format!("check {}: no verdict here, taken for up", probe.check.name))
    }
}

impl Reasons for Now<'_> {
    fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String {
        let because = Now::because(self, pool, endpoint, family);
        match self.pin(pool, endpoint) {
            Some(_) => because,
            None => because + &knowledge::since(self.row(endpoint, family)),
        }
    }
}

/// Whether a name given on a command line means this endpoint: by its site, its own name, or pool and name.
fn names(name: &str, pool: &Pool, endpoint: &Endpoint) -> bool {
    match name.split_once('/') {
        Some((in_pool, name)) => in_pool == pool.name && name == endpoint.name,
        None => name == endpoint.site.name || name == endpoint.name,
    }
}

impl Standings for Supposed {
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Standing {
        if self.is_down(pool, endpoint) {
            return Standing::Down;
        }
        let verdict = family.probe(endpoint).map(|probe| self.verdicts.verdict(probe));
        let known = verdict.filter(|verdict| *verdict != Verdict::Unknown);
        status::standing(known, self.pin(pool, endpoint).and_then(Override::pin))
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        true
    }

    fn weight(&self, pool: &Pool, endpoint: &Endpoint, _: Family) -> Weight {
        let nominal = self.overrides.weighed(&pool.subject(endpoint), endpoint.weight, self.at);
        Weight { nominal, ..Weight::full(endpoint.weight) }
    }
}
