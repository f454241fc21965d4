//! Health as an explanation supposes it.

use crate::control::knowledge::{self, Now, words};
use crate::control::overrides::target::{self, Wanted};
use crate::director::{Hearing, VipTruth};
use crate::health::overrides::{Override, Overrides, Pin};
use crate::health::table::Table;
use crate::health::{Standing, Verdict, status};
use crate::report::{Finding, Report};
use crate::snapshot::{Catalog, Standings};
use crate::steer::director::Director;
use crate::steer::model::{Endpoint, Pool};
use crate::steer::pool::{Family, Weight};
use jiff::Timestamp;

/// Why no feed of a director counts here.
const FEED_NOT_ASKED: &str = "only the running server asks it";

/// What is supposed of endpoints: verdicts that a server has kept, overrides, and a failure or two for the sake of the
/// argument. What has no verdict is taken for up, also behind directors, whose feeds are not asked. Nothing is coming
/// back, and no load is known.
#[derive(Default)]
pub struct Supposed {
    /// Verdicts known.
    pub verdicts: Table,
    /// The operator's overrides.
    pub overrides: Overrides,
    /// Sites, pools and endpoints taken for down.
    pub down: Vec<Wanted>,
    /// The moment supposed.
    pub at: Timestamp,
}

impl Supposed {
    /// An error for each of the names in `down` that is nothing that is served.
    pub fn check(&self, catalog: &Catalog) -> Report {
        let unknown = self.down.iter().filter_map(|wanted| target::check(catalog, wanted));
        Report { findings: unknown.map(Finding::from).collect() }
    }

    fn is_down(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        self.down.iter().any(|wanted| wanted.aim(pool, endpoint).is_some())
    }

    fn pin(&self, pool: &Pool, endpoint: &Endpoint) -> Option<&Override> {
        let subject = pool.subject(endpoint);
        self.overrides.pin_for(&subject, self.at)
    }

    fn is_pinned_up(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        self.pin(pool, endpoint).and_then(Override::pin) == Some(Pin::Up)
    }

    /// What stands behind an endpoint, by the verdicts alone.
    fn behind(&self, endpoint: &Endpoint) -> Option<VipTruth> {
        let vip = endpoint.vip.as_ref()?;
        let hearing = |director: &Director| match director.feed {
            None => Hearing::Mute,
            Some(_) => Hearing::lost(FEED_NOT_ASKED),
        };
        Some(VipTruth::new(vip, hearing, |probe| match self.verdicts.verdict(probe) {
            Verdict::Unknown => Verdict::Up,
            verdict => verdict,
        }))
    }

    /// Whether its own check, as far as it has a verdict, takes an address for dead.
    fn is_dead(&self, endpoint: &Endpoint, family: Family) -> bool {
        let verdict = family.probe(endpoint).map(|probe| self.verdicts.verdict(probe));
        verdict == Some(Verdict::Down)
    }
}

/// Health with its reasons, as an explanation tells it.
pub trait Reasons: Standings {
    /// Why an endpoint stands as it does, and since when, for people.
    fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String;
    /// All that makes it weigh otherwise than configured, each since when and until when, for people.
    fn weight_because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Vec<String>;
}

impl Reasons for Supposed {
    fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String {
        if self.is_down(pool, endpoint) {
            return "supposed down".to_owned();
        }
        if let Some(pinned) = self.pin(pool, endpoint) {
            return knowledge::by_pin(pinned);
        }
        if let Some(truth) = self.behind(endpoint).filter(|_| !self.is_dead(endpoint, family))
            && let Some(because) = words::behind(&truth, endpoint, family)
        {
            return because;
        }
        let Some(probe) = family.probe(endpoint) else {
            return knowledge::UNCHECKED.to_owned();
        };
        let row = self.verdicts.row(probe);
        knowledge::by_row(probe, row)
            .map(|cause| cause + &knowledge::since(row))
            .unwrap_or_else(|| format!("check {}: no verdict here, taken for up", probe.check.name))
    }

    fn weight_because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Vec<String> {
        let planned = self.overrides.weight_for(&pool.subject(endpoint), self.at);
        let planned = planned.and_then(|plan| words::plan(plan, endpoint.weight, self.at));
        let is_pinned_up = self.is_pinned_up(pool, endpoint);
        let behind = self.behind(endpoint).filter(|_| !is_pinned_up);
        let live = behind.and_then(|truth| words::live(&truth, family, self.at));
        planned.into_iter().chain(live).collect()
    }
}

impl Reasons for Now<'_> {
    fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String {
        let because = Now::because(self, pool, endpoint, family);
        let row = self.row(endpoint, family);
        // Since when the verdict holds, where it is the verdict that decides.
        let standing = row.map(|row| status::standing(Some(row.state.verdict), None));
        match (self.pin(pool, endpoint), standing) {
            (None, Some(by_row)) if by_row == self.standing(pool, endpoint, family) => {
                because + &knowledge::since(row)
            }
            _ => because,
        }
    }

    fn weight_because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Vec<String> {
        Now::weight_because(self, pool, endpoint, family)
    }
}

impl Standings for Supposed {
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Standing {
        if self.is_down(pool, endpoint) {
            return Standing::Down;
        }
        if let Some(pin) = self.pin(pool, endpoint).and_then(Override::pin) {
            return status::standing(None, Some(pin));
        }
        match self.behind(endpoint).map(|truth| truth.of(family)) {
            Some(truth) if truth.is_maintenance => Standing::Drained,
            _ if self.is_dead(endpoint, family) => Standing::Down,
            Some(truth) if !truth.is_enough => Standing::Down,
            _ => Standing::Up,
        }
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        true
    }

    fn weight(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Weight {
        let nominal = self.overrides.weighed(&pool.subject(endpoint), endpoint.weight, self.at);
        let is_pinned_up = self.is_pinned_up(pool, endpoint);
        let behind = self.behind(endpoint).filter(|_| !is_pinned_up);
        let (live, healthy) = behind.map_or((1.0, 1.0), |truth| truth.of(family).dealt());
        Weight { nominal, live, healthy, ..Weight::full(endpoint.weight) }
    }
}
