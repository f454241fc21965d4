//! What is known of endpoints: verdicts, the operator's pins, and who was up last.
//!
//! The publisher owns one and deals by it; whoever asks gets a clone, to look at or to suppose something else with.
//! [`Knowledge::at`] lays the pins over the verdicts as they are at one moment, and says why in words
//! ([`because`](Now::because) of a standing, [`weight_because`](Now::weight_because) of a weight).

pub(super) mod words;

pub(super) use words::{UNCHECKED, by_pin, by_row, since};

use super::motion::Motion;
use crate::director::{Source, Tier, Turned, VipTruth};
use crate::health::comeback::Phase;
use crate::health::overrides::{Override, Overrides, Pin};
use crate::health::status::standing;
use crate::health::table::{Row, Table};
use crate::health::{Standing, Verdict};
use crate::snapshot::{Catalog, Standings};
use crate::steer::model::{Endpoint, Key, OnAllDown, Pool, Site};
use crate::steer::pool::{Family, Roster, Weight};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What is known of endpoints.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// What the probes say.
    pub verdicts: Table,
    /// What the operator says.
    pub overrides: Overrides,
    /// Who was up last, where a pool goes by that.
    pub last_good: LastGood,
    /// What stands behind VIPs.
    pub directors: Tier,
    /// What moves by itself.
    pub motion: Motion,
}

/// What a step has changed.
#[derive(Debug, Default)]
pub struct Stepped {
    /// The rosters to be dealt anew.
    pub rosters: BTreeSet<usize>,
    /// VIPs behind which something has changed.
    pub turned: Vec<Turned>,
}

/// A pool, a site of it and a family.
type GoodKey = (Key, String, Family);

/// For pools that answer with what was up last: the endpoints of each pool, site and family that were.
#[derive(Clone, Debug, Default)]
pub struct LastGood(HashMap<GoodKey, HashSet<String>>);

/// Knowledge as it is at one moment.
#[derive(Clone, Copy)]
pub struct Now<'a> {
    knowledge: &'a Knowledge,
    motion: &'a Motion,
    at: Timestamp,
}

impl Knowledge {
    /// What is known, with the pins that hold at this moment.
    pub fn at(&self, at: Timestamp) -> Now<'_> {
        Now { knowledge: self, motion: &self.motion, at }
    }

    /// Brings what moves by itself up to this moment, and what depends on it in `catalog`.
    pub fn step(&mut self, catalog: &Catalog, at: Timestamp) -> Stepped {
        let turned = self.directors.judge(&self.verdicts, at);
        // Aside for a while: it moves by what is known without it.
        let mut motion = std::mem::take(&mut self.motion);
        let mut rosters = motion.step(catalog, &self.at(at));
        self.motion = motion;
        for turned in turned.iter().filter(|turned| turned.changes_answers(&self.directors)) {
            rosters.extend(catalog.pools().rosters_of_vip(&turned.vip));
        }
        Stepped { rosters, turned }
    }

    /// When the next step is due though nothing has happened.
    pub fn next_step(&self, at: Timestamp) -> Option<Timestamp> {
        let stale = self.directors.hearings.next_stale(at);
        [stale, self.motion.next_step(), self.overrides.next_change(at)].into_iter().flatten().min()
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

fn good_key(pool: &Pool, endpoint: &Endpoint, family: Family) -> GoodKey {
    (pool.key(), endpoint.site.name.clone(), family)
}

impl<'a> Now<'a> {
    /// What is known.
    pub fn knowledge(&self) -> &'a Knowledge {
        self.knowledge
    }

    /// The same with something else that moves.
    pub(super) fn with_motion<'b>(&self, motion: &'b Motion) -> Now<'b>
    where
        'a: 'b,
    {
        Now { knowledge: self.knowledge, motion, at: self.at }
    }

    /// The moment.
    pub fn moment(&self) -> Timestamp {
        self.at
    }

    /// The pin that holds for an endpoint.
    pub fn pin(&self, pool: &Pool, endpoint: &Endpoint) -> Option<&'a Override> {
        self.knowledge.overrides.pin_for(&pool.subject(endpoint), self.at)
    }

    /// Whether it is up by the operator's word: whole, whatever is known of what stands behind it or has not come back.
    fn is_pinned_up(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        self.pin(pool, endpoint).and_then(Override::pin) == Some(Pin::Up)
    }

    /// What the probes of an endpoint's address have found; none where nothing probes it.
    pub fn row(&self, endpoint: &Endpoint, family: Family) -> Option<&'a Row> {
        self.knowledge.verdicts.row(family.probe(endpoint)?)
    }

    /// What stands behind an endpoint; none where it is a server itself, or before it was judged.
    pub fn behind(&self, endpoint: &Endpoint) -> Option<&'a VipTruth> {
        self.knowledge.directors.truth(endpoint.vip.as_ref()?)
    }

    /// How far an address of an endpoint has come back; none where it comes back at once.
    pub fn phase(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Option<Phase> {
        self.motion.phase(pool, endpoint, family)
    }

    /// Sessions of a site over what it carries well as it is; none where one of them is not known.
    pub fn utilisation(&self, pool: &Pool, site: &Site) -> Option<f64> {
        self.motion.utilisation(pool, site)
    }

    /// The operator's plan for the weight of an endpoint.
    pub fn plan(&self, pool: &Pool, endpoint: &Endpoint) -> Option<&'a Override> {
        self.knowledge.overrides.weight_for(&pool.subject(endpoint), self.at)
    }

    /// What an endpoint weighs by configuration or plan.
    pub fn nominal(&self, pool: &Pool, endpoint: &Endpoint) -> f64 {
        let overrides = &self.knowledge.overrides;
        overrides.weighed(&pool.subject(endpoint), endpoint.weight, self.at)
    }

    /// Whether an address is alive, whatever was pinned; none where that is not known yet.
    pub fn is_alive(&self, endpoint: &Endpoint, family: Family) -> Option<bool> {
        let verdict = family.probe(endpoint).map(|probe| self.knowledge.verdicts.verdict(probe));
        match (verdict, self.behind(endpoint)) {
            (Some(Verdict::Unknown), _) => None,
            (Some(Verdict::Down), _) => Some(false),
            (Some(Verdict::Up) | None, behind) => {
                Some(behind.is_none_or(|truth| truth.of(family).is_enough))
            }
        }
    }

    /// Whether nobody at all says that a VIP is alive: its feed is lost, own probes see no real server behind it, and
    /// nothing checks the VIP itself. It is handed out where nothing else is.
    fn is_unvouched(&self, endpoint: &Endpoint, family: Family) -> bool {
        let behind = self.behind(endpoint).map(|truth| truth.of(family));
        family.probe(endpoint).is_none()
            && behind.is_some_and(|truth| truth.source == Source::Check)
    }

    /// Since when an endpoint stands as it does, as far as that is known; none where a pin holds, which says not when
    /// it was set.
    pub fn stands_since(
        &self,
        pool: &Pool,
        endpoint: &Endpoint,
        family: Family,
    ) -> Option<Timestamp> {
        if self.pin(pool, endpoint).is_some() {
            return None;
        }
        let row = self.row(endpoint, family).filter(|row| row.state.verdict != Verdict::Unknown);
        let by_check = row.and_then(|row| row.state.since);
        let directors = &self.knowledge.directors;
        let by_director = endpoint.vip.as_ref().and_then(|vip| directors.since(vip, family));
        match self.standing(pool, endpoint, family) {
            Standing::Unknown => None,
            Standing::Drained => by_director,
            Standing::Down if row.is_some_and(|row| row.state.verdict == Verdict::Down) => by_check,
            Standing::Down => by_director,
            Standing::Held => match self.phase(pool, endpoint, family) {
                Some(Phase::Held { since, .. }) => Some(since),
                _ => by_director,
            },
            // It takes both. How far it has come back since then is told beside.
            Standing::Up => by_check.max(by_director),
        }
    }

    /// Why an endpoint stands as it does, for people.
    pub fn because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> String {
        if let Some(pinned) = self.pin(pool, endpoint) {
            return by_pin(pinned);
        }
        let verdict = family.probe(endpoint).map(|probe| self.knowledge.verdicts.verdict(probe));
        if let (Some(truth), None | Some(Verdict::Up)) = (self.behind(endpoint), verdict)
            && let Some(because) = words::behind(truth, endpoint, family)
        {
            return because;
        }
        if self.is_unvouched(endpoint, family) {
            return words::UNVOUCHED.to_owned();
        }
        if let Some(Phase::Held { .. }) = self.phase(pool, endpoint, family)
            && self.is_alive(endpoint, family) == Some(true)
        {
            return self.weight_because(pool, endpoint, family).join("; ");
        }
        let Some(probe) = family.probe(endpoint) else {
            return UNCHECKED.to_owned();
        };
        by_row(probe, self.row(endpoint, family)).unwrap_or_else(|| {
            format!("check {}: no verdict yet, not handed out", probe.check.name)
        })
    }

    /// All that makes an endpoint weigh otherwise than configured, each since when and until when, for people.
    pub fn weight_because(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Vec<String> {
        let planned =
            self.plan(pool, endpoint).and_then(|it| words::plan(it, endpoint.weight, self.at));
        let is_pinned_up = self.is_pinned_up(pool, endpoint);
        let behind = self.behind(endpoint).filter(|_| !is_pinned_up);
        let live = behind.and_then(|truth| words::live(truth, family, self.at));
        let phase = self.phase(pool, endpoint, family).filter(|_| !is_pinned_up);
        let back = phase.and_then(|phase| words::phase(phase, self.at));
        let favour = self.motion.favour(pool, endpoint).and_then(words::favour);
        [planned, live, back, favour].into_iter().flatten().collect()
    }
}

impl Standings for Now<'_> {
    fn standing(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Standing {
        if let Some(pinned) = self.pin(pool, endpoint).and_then(Override::pin) {
            return standing(None, Some(pinned));
        }
        if self.behind(endpoint).is_some_and(|truth| truth.of(family).is_maintenance) {
            return Standing::Drained;
        }
        match self.is_alive(endpoint, family) {
            None => Standing::Unknown,
            Some(false) => Standing::Down,
            Some(true) => match self.phase(pool, endpoint, family) {
                Some(Phase::Held { .. }) => Standing::Held,
                _ if self.is_unvouched(endpoint, family) => Standing::Held,
                _ => Standing::Up,
            },
        }
    }

    fn was_good(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> bool {
        let good = self.knowledge.last_good.0.get(&good_key(pool, endpoint, family));
        good.is_some_and(|names| names.contains(&endpoint.name))
    }

    fn weight(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Weight {
        let is_pinned_up = self.is_pinned_up(pool, endpoint);
        let behind = self.behind(endpoint).filter(|_| !is_pinned_up);
        let (live, healthy) = behind.map_or((1.0, 1.0), |truth| truth.of(family).dealt());
        Weight {
            nominal: self.nominal(pool, endpoint),
            live,
            healthy,
            ramp: match self.phase(pool, endpoint, family) {
                Some(Phase::Ramping { share, .. }) if !is_pinned_up => share,
                _ => 1.0,
            },
            favour: self.motion.favour(pool, endpoint).map_or(1.0, |told| told.favour),
        }
    }

    fn admission(&self, pool: &Pool, site: &Site, _: Family) -> f64 {
        self.motion.intake(pool, site)
    }
}

#[cfg(test)]
mod tests;
