//! What a pool's endpoints are dealt by: how each stands, and what it weighs at the moment.

use super::Family;
use crate::health::Standing;
use crate::steer::model::{Endpoint, Pool, Site};

/// What is known of endpoints when they are dealt. Who knows nothing of weights goes by the configured ones.
pub trait Standings {
    /// Whether an endpoint may be handed out in a family, and if not, why.
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Standing;
    /// Whether it was among the last of its pool that were.
    fn was_good(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> bool;
    /// What it weighs.
    fn weight(&self, _pool: &Pool, endpoint: &Endpoint, _family: Family) -> Weight {
        Weight::full(endpoint.weight)
    }
    /// The part of its clients' networks that a site takes as far as its load goes, 0 to 1.
    fn admission(&self, _pool: &Pool, _site: &Site, _family: Family) -> f64 {
        1.0
    }
}

/// What an endpoint weighs at one moment, and what that is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// As configured, or as planned by the operator.
    pub nominal: f64,
    /// Of a director: the part of its reals that is live, above 0 to 1.
    pub live: f64,
    /// The same of those reals that are not out on purpose, above 0 to 1.
    pub healthy: f64,
    /// Of what has come back: how far it has, above 0 to 1.
    pub ramp: f64,
    /// Where shares follow load: how much more or less than its due it gets, around 1.
    pub favour: f64,
}

impl Weight {
    /// A weight that nothing takes from.
    pub fn full(nominal: u32) -> Self {
        Self { nominal: nominal.into(), live: 1.0, healthy: 1.0, ramp: 1.0, favour: 1.0 }
    }

    /// What there is of it, though it may not have come back yet.
    pub fn present(self) -> f64 {
        self.nominal * self.live
    }

    /// What there is of what should be there: what is out on purpose is not missed.
    pub fn sound(self) -> f64 {
        self.nominal * self.healthy
    }

    /// What it is trusted to carry.
    pub fn carried(self) -> f64 {
        self.present() * self.ramp
    }

    /// What it is dealt by, relative to the others of its site.
    pub fn dealt(self) -> f64 {
        self.carried() * self.favour
    }
}
