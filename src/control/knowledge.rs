//! What is known of endpoints: verdicts, the operator's pins, and who was up last.
//!
//! The publisher owns one and deals by it; whoever asks gets a clone, to look at or to suppose something else with.
//! [`Knowledge::at`] lays the pins over the verdicts as they are at one moment, and says why in words.

use crate::health::overrides::{Action, Override, Overrides, Pin};
use crate::health::status::standing;
use crate::health::table::{Row, Table};
use crate::health::{Probe, Standing, Verdict};
use crate::snapshot::Standings;
use crate::steer::model::{Endpoint, OnAllDown, Pool};
use crate::steer::pool::{Family, Roster, Weight};
use crate::wire::Name;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// What is known of endpoints.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// What the probes say.
    pub verdicts: Table,
    /// What the operator says.
    pub overrides: Overrides,
    /// Who was up last, where a pool goes by that.
    pub last_good: LastGood,
}

/// For pools that answer with what was up last: the endpoints of each pool, site and family that were.
#[derive(Clone, Debug, Default)]
pub struct LastGood(HashMap<(Option<Name>, String, String, Family), HashSet<String>>);

/// Knowledge as it is at one moment.
#[derive(Clone, Copy)]
pub struct Now<'a> {
    knowledge: &'a Knowledge,
    at: Timestamp,
}

impl Knowledge {
    /// What is known, with the pins that hold at this moment.
    pub fn at(&self, at: Timestamp) -> Now<'_> {
        Now { knowledge: self, at }
    }

    /// Keeps who of a roster is up at this moment, of the pools that fall back to it.
    pub fn remember_good(&mut self, roster: &Roster, at: Timestamp) {
        let mut good = HashMap::new();
        let now = self.at(at);
        for tier in roster.tiers.iter().filter(|tier| tier.pool.on_all_down == OnAllDown::LastGood)
        {
            for endpoint in tier.seats.iter().flatten().map(|&at| &tier.pool.endpoints[at]) {
                if now.standing(&tier.pool, endpoint, roster.family) == Standing::Up {
                    let key = good_key(&tier.pool, endpoint, roster.family);
                    let names: &mut HashSet<String> = good.entry(key).or_default();
                    names.insert(endpoint.name.clone());
                }
            }
        }
        self.last_good.0.extend(good);
    }
}

fn good_key(
    pool: &Pool,
    endpoint: &Endpoint,
    family: Family,
) -> (Option<Name>, String, String, Family) {
    (pool.zone.clone(), pool.name.clone(), endpoint.site.name.clone(), family)
}

impl<'a> Now<'a> {
    /// What is known.
    pub fn knowledge(&self) -> &'a Knowledge {
        self.knowledge
    }

    /// The moment.
    pub fn moment(&self) -> Timestamp {
        self.at
    }

    /// The pin that holds for an endpoint.
    pub fn pin(&self, pool: &Pool, endpoint: &Endpoint) -> Option<&'a Override> {
        self.knowledge.overrides.pin_for(&pool.subject(endpoint), self.at)
    }

    /// What the probes of an endpoint's address have found; none where nothing probes it.
    pub fn row(&self, endpoint: &Endpoint, family: Family) -> Option<&'a Row> {
        self.knowledge.verdicts.row(family.probe(endpoint)?)
    }

    /// Why an endpoint stands as it does, for people; since when is in its [row](Self::row).
    pub fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String {
        if let Some(pinned) = self.pin(pool, endpoint) {
            return by_pin(pinned);
        }
        let Some(probe) = family.probe(endpoint) else {
            return UNCHECKED.to_owned();
        };
        by_row(probe, self.row(endpoint, family)).unwrap_or_else(|| {
            format!("check {}: no verdict yet, not handed out", probe.check.name)
        })
    }
}

impl Standings for Now<'_> {
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Standing {
        let verdict = family.probe(endpoint).map(|probe| self.knowledge.verdicts.verdict(probe));
        standing(verdict, self.pin(pool, endpoint).and_then(Override::pin))
    }

    fn was_good(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> bool {
        let good = self.knowledge.last_good.0.get(&good_key(pool, endpoint, family));
        good.is_some_and(|names| names.contains(&endpoint.name))
    }

    fn weight(&self, pool: &Pool, endpoint: &Endpoint, _: Family) -> Weight {
        let overrides = &self.knowledge.overrides;
        let nominal = overrides.weighed(&pool.subject(endpoint), endpoint.weight, self.at);
        Weight { nominal, ..Weight::full(endpoint.weight) }
    }
}

/// Why an address stands that nothing probes.
pub(super) const UNCHECKED: &str = "not checked, taken for up";

/// What a pin does, until when, by whom and why.
pub(super) fn by_pin(pinned: &Override) -> String {
    let word = match pinned.action {
        Action::Pin(Pin::Drain) => "drained".to_owned(),
        other => other.to_string(),
    };
    let until = pinned.until.map_or_else(String::new, |until| format!(" until {until:.0}"));
    let by = pinned.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let reason = &pinned.reason;
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("override: {word}{until}{by}{reason}")
}

/// What a check has found; none without a verdict.
pub(super) fn by_row(probe: &Probe, row: Option<&Row>) -> Option<String> {
    let row = row.filter(|row| row.state.verdict != Verdict::Unknown)?;
    Some(format!("check {} at {}: {}", probe.check.name, probe.target, row.cause))
}

/// Since when a verdict holds, as a supplement to why it does.
pub(super) fn since(row: Option<&Row>) -> String {
    let since = row.and_then(|row| row.state.since);
    since.map_or_else(String::new, |since| format!(" (since {since:.0})"))
}
