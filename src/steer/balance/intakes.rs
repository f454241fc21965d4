//! The part of its clients' networks that a site takes, so that it is filled to its capacity and not beyond.
//!
//! What a site is to carry is its capacity; where all sites together have more than all can carry, each is to be
//! equally far beyond it. A site below that takes everybody who comes, and the further sites see only what it does not
//! take.

use super::item::{Item, Pace, SMOOTHING_SESSIONS, is_news, sound};
use std::collections::BTreeMap;
use std::f64::consts::LN_2;
use std::time::Duration;

/// The least part that a site takes: below this, who still comes is no load worth shedding.
const PART_MIN: f64 = 1.0 / 64.0;
/// Errors beyond this are no larger to us.
const ERROR_MAX: f64 = LN_2;
/// What is learnt of an error in one moment at most. More than of an endpoint's: a site that is far too full must shed
/// whatever it takes, and what it sheds too much is served elsewhere meanwhile.
const INFLUENCE_MAX: f64 = 0.3;

/// What the sites of one pool take by their load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intakes {
    sites: BTreeMap<String, State>,
    since_dealt_s: f64,
}

/// A site that is alive, what it carries well as it is, and what it carries.
#[derive(Clone, Copy, Debug)]
pub struct Filled<'a> {
    /// Its name, by which it is known from step to step.
    pub site: &'a str,
    /// Sessions that what is alive of it carries well; none: any number.
    pub capacity: Option<f64>,
    /// Sessions that it has; none where that is not known, or not any more.
    pub load: Option<f64>,
}

/// What is known of a site, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntakeTold {
    /// Of the networks that come to it, the part that it takes.
    pub part: f64,
    /// Load over capacity; none where one of them is not known.
    pub utilisation: Option<f64>,
    /// What utilisation it is held to; 1 unless all are full.
    pub aim: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct State {
    item: Item,
    /// As it is dealt.
    part: f64,
    /// As it is to be dealt.
    next: f64,
    utilisation: Option<f64>,
    aim: f64,
}

impl Intakes {
    /// Takes in what was measured, `dt` after the last step. Sites that are not among `sites` are forgotten. Whether a
    /// part has moved so far that dealing again is worth it.
    pub fn step(&mut self, sites: &[Filled<'_>], dt: Duration, lag: Duration) -> bool {
        let pace = Pace::new(dt, lag);
        self.sites.retain(|name, _| sites.iter().any(|site| site.site == name));
        let measured = |site: &Filled<'_>| {
            let capacity = site.capacity.and_then(sound).filter(|capacity| *capacity >= 1.0)?;
            Some((site.load.and_then(sound)?, capacity))
        };
        let all = sites.iter().filter_map(measured);
        let (load, capacity) = all.fold((0.0, 0.0), |sums, one| (sums.0 + one.0, sums.1 + one.1));
        // A site without a capacity carries whatever comes: as long as it is there, not all can be full.
        let has_room = sites.iter().any(|site| site.capacity.is_none());
        let aim = if capacity > 0.0 && !has_room { (load / capacity).max(1.0) } else { 1.0 };
        let mut is_news_of_any = false;
        for site in sites {
            let state = self.sites.entry(site.site.to_owned()).or_default();
            let utilisation = measured(site).map(|(load, capacity)| load / capacity);
            (state.utilisation, state.aim) = (utilisation, aim);
            state.next = state.next(pace);
            // All is told exactly: a site at 99 % would send away a few for ever.
            let is_whole_again = state.next == 1.0 && state.part < 1.0;
            is_news_of_any |= is_whole_again || is_news(state.next, state.part);
        }
        self.since_dealt_s += pace.dt_s;
        let is_worth_dealing = is_news_of_any && pace.is_due(self.since_dealt_s);
        if is_worth_dealing {
            self.since_dealt_s = 0.0;
            self.sites.values_mut().for_each(|state| state.part = state.next);
        }
        is_worth_dealing
    }

    /// The part of the networks that come to a site which it takes; all for one that was in no step.
    pub fn of(&self, site: &str) -> f64 {
        self.sites.get(site).map_or(1.0, |state| state.part)
    }

    /// What is known of a site; none if it was not in the last step.
    pub fn told(&self, site: &str) -> Option<IntakeTold> {
        self.sites.get(site).map(|&State { part, utilisation, aim, .. }| IntakeTold {
            part,
            utilisation,
            aim,
        })
    }
}

impl State {
    /// What it should take, by what was just measured.
    fn next(&mut self, pace: Pace) -> f64 {
        let error = self.utilisation.map(|now| (now / self.aim).ln().clamp(-ERROR_MAX, ERROR_MAX));
        self.item.observe(error, SMOOTHING_SESSIONS, pace);
        self.item.learn(|error| error.clamp(-INFLUENCE_MAX, INFLUENCE_MAX), pace);
        // More than everybody cannot come, and so nothing is learnt from their staying away.
        self.item.learnt = self.item.learnt.clamp(PART_MIN.ln(), 0.0);
        self.item.response().exp().clamp(PART_MIN, 1.0)
    }
}

impl Default for State {
    fn default() -> Self {
        Self { item: Item::default(), part: 1.0, next: 1.0, utilisation: None, aim: 1.0 }
    }
}
