//! One side of a comparison: what is served, and what is taken for up.

use super::changes::Changes;
use crate::control::explain::Supposed;
use crate::health::overrides::Pin;
use crate::health::{Standing, status};
use crate::snapshot::{Catalog, Standings};
use crate::steer::model::{Endpoint, Pool};
use crate::steer::pool::{Dealt, Family, Roster, Weight};
use std::sync::Arc;

/// What is known of endpoints before anything is supposed.
#[derive(Clone, Copy)]
pub enum Health<'a> {
    /// All are up and nobody has pinned anything: the same result wherever it is computed.
    AllUp,
    /// Verdicts and overrides of a server.
    AsIs(&'a Supposed),
}

/// A catalog, dealt.
pub struct Side {
    pub(super) catalog: Arc<Catalog>,
    /// The catalog's, with other weights where these are supposed.
    pub(super) rosters: Vec<Roster>,
    pub(super) dealt: Vec<Dealt>,
}

impl Side {
    /// Deals a catalog with changes laid over what is known.
    pub fn new(catalog: &Arc<Catalog>, health: Health<'_>, changes: &Changes) -> Self {
        let rosters: Vec<Roster> =
            catalog.rosters().iter().map(|roster| changes.reweigh(roster)).collect();
        let assumed = Assumed { health, changes };
        let dealt = rosters.iter().map(|roster| Dealt::deal(roster, &assumed)).collect();
        Self { catalog: catalog.clone(), rosters, dealt }
    }
}

/// Standings with the supposed ones over them.
pub(super) struct Assumed<'a> {
    pub(super) health: Health<'a>,
    pub(super) changes: &'a Changes,
}

impl Standings for Assumed<'_> {
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Standing {
        match (self.changes.pin(pool, endpoint), self.health) {
            (Some(pin), _) => status::standing(None, Some(pin)),
            (None, Health::AllUp) => Standing::Up,
            (None, Health::AsIs(known)) => known.standing(pool, endpoint, family),
        }
    }

    fn was_good(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> bool {
        match self.health {
            Health::AllUp => true,
            Health::AsIs(known) => known.was_good(pool, endpoint, family),
        }
    }

    fn weight(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Weight {
        match self.health {
            Health::AllUp => Weight::full(endpoint.weight),
            Health::AsIs(known) => {
                let weight = known.weight(pool, endpoint, family);
                // What is supposed of its weight stands in the endpoint itself.
                let nominal = self.changes.reweighs(pool, endpoint).then_some(endpoint.weight);
                let nominal = nominal.map_or(weight.nominal, f64::from);
                // What is up by somebody's word is so as a whole.
                if self.changes.pin(pool, endpoint) == Some(Pin::Up) {
                    return Weight { nominal, ..Weight::full(endpoint.weight) };
                }
                Weight { nominal, ..weight }
            }
        }
    }
}
