//! What moves by itself and is worth an event: VIPs with too little behind them, endpoints that come back, sites that
//! are full.
//!
//! Looked at after each step of [`Motion`](crate::control::motion::Motion), which may be every two seconds. So
//! everything is [rationed](super::ration): told is the first change at once, and of what goes on changing what it
//! has come to. What is not known at the moment (a real server that was not probed yet, a director in maintenance, an
//! endpoint that is pinned) is no change; what has failed is told by its verdict or its director.

use super::NAMED_MAX;
use super::ration::Ration;
use crate::config::shown_duration;
use crate::control::events::{Event, Kind, Severity};
use crate::control::knowledge::{Now, words};
use crate::control::motion;
use crate::director::VipTruth;
use crate::director::truth::NOT_PROBED;
use crate::health::comeback::Phase;
use crate::health::ramp::after;
use crate::report::{listed as names, percent};
use crate::snapshot::{Catalog, Standings};
use crate::steer::director::{Director, Vip, VipKey};
use crate::steer::model::{Endpoint, Pool, Site};
use crate::steer::pool::Family;
use crate::wire::Name;
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

/// A site that takes less than this part of its clients by its load is full; one that takes a little more may be at its
/// capacity just by chance.
const FULL_PART: f64 = 0.95;
/// So long a site must be full, or not, before that is told.
const FULL_AFTER: Duration = Duration::from_secs(30);

/// What was last told of everything that moves.
#[derive(Default)]
pub(in crate::control) struct Movements {
    /// Whether there is too little behind them, by family.
    vips: HashMap<VipKey, Told<[bool; 2]>>,
    /// What the feeds of their directors, by place, list beside what is configured.
    unconfigured: HashMap<(VipKey, usize), Told<BTreeSet<String>>>,
    /// How far they have come back, by family.
    endpoints: HashMap<(PoolKey, String), Told<[Stage; 2]>>,
    /// Whether they are full.
    sites: HashMap<(PoolKey, String), Told<bool>>,
    next_look: Option<Timestamp>,
}

/// A pool; outlives reloads.
type PoolKey = (Option<Name>, String);

/// What was told of one thing.
#[derive(Default)]
struct Told<T> {
    state: T,
    /// Since when it is otherwise, where that must last.
    differs_since: Option<Timestamp>,
    ration: Ration,
}

/// How far an address has come back, as far as that is told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Stage {
    Gone,
    Held {
        until: Timestamp,
        doublings: u32,
    },
    Ramping {
        until: Timestamp,
    },
    #[default]
    Whole,
}

impl Movements {
    /// Follows a new catalog: what it does not have is forgotten, without news.
    pub(in crate::control) fn follow(&mut self, catalog: &Catalog) {
        let vips: HashSet<VipKey> = catalog.pools().vips().map(|vip| vip.key()).collect();
        let (mut endpoints, mut sites) = (HashSet::new(), HashSet::new());
        for pool in catalog.pools().all().iter().map(|served| &served.pool) {
            for endpoint in pool.endpoints.iter().filter(|_| pool.comeback.is_gentle()) {
                endpoints.insert((key(pool), endpoint.name.clone()));
            }
            for site in motion::sites(pool).into_iter().filter(|_| motion::fills(pool)) {
                sites.insert((key(pool), site.name.clone()));
            }
        }
        self.vips.retain(|key, _| vips.contains(key));
        self.unconfigured.retain(|(key, _), _| vips.contains(key));
        self.endpoints.retain(|key, _| endpoints.contains(key));
        self.sites.retain(|key, _| sites.contains(key));
    }

    /// What has changed since the last look, in what `catalog` serves.
    pub(in crate::control) fn look(&mut self, catalog: &Catalog, now: &Now<'_>) -> Vec<Event> {
        self.next_look = None;
        let mut look = Look { told: self, now, news: Vec::new() };
        // Of several versions of a director the first one is looked at.
        let mut vips = HashSet::new();
        for vip in catalog.pools().vips().filter(|vip| vips.insert(vip.key())) {
            look.vip(vip);
            look.unconfigured(vip);
        }
        // A zone that is kept as it was last good may hold an older pool of the same name: the first one is looked at.
        let mut seen = HashSet::new();
        for pool in catalog.pools().all().iter().map(|served| &*served.pool) {
            let (is_gentle, fills) = (pool.comeback.is_gentle(), motion::fills(pool));
            if !(is_gentle || fills) || !seen.insert(key(pool)) {
                continue;
            }
            for endpoint in pool.endpoints.iter().filter(|_| is_gentle) {
                look.endpoint(pool, endpoint);
            }
            for site in motion::sites(pool).into_iter().filter(|_| fills) {
                look.site(pool, site);
            }
        }
        look.news
    }

    /// When to look again though nothing has happened: something was not told yet.
    pub(in crate::control) fn next_look(&self) -> Option<Timestamp> {
        self.next_look
    }
}

fn key(pool: &Pool) -> PoolKey {
    (pool.zone.clone(), pool.name.clone())
}

struct Look<'a> {
    told: &'a mut Movements,
    now: &'a Now<'a>,
    news: Vec<Event>,
}

impl Look<'_> {
    fn vip(&mut self, vip: &Vip) {
        let Some(truth) = self.now.knowledge().directors.truth(vip) else { return };
        let Some(director) = vip.directors.get(truth.speaker) else { return };
        let told = self.told.vips.entry(vip.key()).or_default();
        let seated = [director.a.is_some(), director.aaaa.is_some()];
        let lacks = Family::BOTH.map(|family| {
            let known = lacks(truth, family).filter(|_| seated[family as usize]);
            known.unwrap_or(told.state[family as usize])
        });
        let before = told.state;
        if before == lacks {
            return;
        }
        if let Err(at) = told.ration.take(self.now.moment()) {
            return self.look_at(at);
        }
        told.state = lacks;
        let turned = |family: &Family| before[*family as usize] != lacks[*family as usize];
        let turned: Vec<Family> = Family::BOTH.into_iter().filter(turned).collect();
        // What is the same in all families is told once.
        let is_all = turned.len() == seated.into_iter().filter(|seated| *seated).count()
            && turned.iter().all(|family| lacks[*family as usize] == lacks[turned[0] as usize]);
        for family in turned.into_iter().take(if is_all { 1 } else { 2 }) {
            let of = if is_all { String::new() } else { format!(" for {}", family.rtype()) };
            let (severity, what) = match lacks[family as usize] {
                true => (
                    Severity::Warning,
                    format!("has too few real servers live{of}: its VIP counts as down"),
                ),
                false => (Severity::Info, format!("has enough real servers live again{of}")),
            };
            let cause = words::against_min_up(truth, family, director);
            self.news.push(self.of_director(director, severity, &what, cause));
        }
    }

    fn unconfigured(&mut self, vip: &Vip) {
        let Some(truth) = self.now.knowledge().directors.truth(vip) else { return };
        for (place, (director, truth)) in vip.directors.iter().zip(&truth.directors).enumerate() {
            // Who is not heard says nothing.
            if !truth.is_heard() {
                continue;
            }
            let listed: BTreeSet<String> = truth.unconfigured.iter().cloned().collect();
            let told = self.told.unconfigured.entry((vip.key(), place)).or_default();
            if told.state == listed {
                continue;
            }
            if let Err(at) = told.ration.take(self.now.moment()) {
                self.look_at(at);
                continue;
            }
            let before = std::mem::replace(&mut told.state, listed.clone());
            let new: Vec<&String> = listed.difference(&before).collect();
            let event = match (&new[..], listed.len()) {
                ([], 0) => {
                    let what = "lists no real server any more that is not configured";
                    self.of_director(director, Severity::Info, what, String::new())
                }
                ([], _) => continue,
                (new, _) => {
                    let what = match new.len() {
                        1 => "lists a real server that is not configured",
                        _ => "lists real servers that are not configured",
                    };
                    let cause = format!("{}; {}", names(new, NAMED_MAX), words::UNCONFIGURED);
                    self.of_director(director, Severity::Warning, what, cause)
                }
            };
            self.news.push(event);
        }
    }

    fn of_director(
        &self,
        director: &Director,
        severity: Severity,
        what: &str,
        cause: String,
    ) -> Event {
        let what = format!("director {} {what}", director.name);
        let mut event = Event::new(self.now.moment(), Kind::Director, severity, what, cause);
        event.zone = director.zone.as_ref().map(ToString::to_string);
        event.site = Some(director.site.name.clone());
        event.endpoint = Some(director.name.clone());
        event
    }

    fn endpoint(&mut self, pool: &Pool, endpoint: &Endpoint) {
        let drains = |truth: &VipTruth| {
            Family::BOTH.into_iter().all(|family| truth.of(family).is_maintenance)
        };
        let is_taken_out = self.now.behind(endpoint).is_some_and(drains);
        if is_taken_out || self.now.pin(pool, endpoint).is_some() {
            return;
        }
        let told = self.told.endpoints.entry((key(pool), endpoint.name.clone())).or_default();
        let stages = Family::BOTH.map(|family| stage(self.now.phase(pool, endpoint, family)));
        let seated = Family::BOTH.iter().zip(told.state).zip(stages);
        let seated: Vec<_> = seated
            .filter(|((family, _), _)| family.address(endpoint).is_some())
            .map(|((family, before), stage)| (*family, before, stage))
            .collect();
        let is_news = |&(_, before, stage): &(Family, Stage, Stage)| worth_telling(before, stage);
        if seated.iter().any(is_news)
            && let Err(at) = told.ration.take(self.now.moment())
        {
            return self.look_at(at);
        }
        told.state = stages;
        let mut groups: Vec<(Stage, Stage, Vec<String>)> = Vec::new();
        for (family, before, stage) in seated.iter().filter(|one| is_news(one)) {
            let alike = |group: &&mut (Stage, Stage, Vec<String>)| {
                group.1 == *stage
                    && std::mem::discriminant(&group.0) == std::mem::discriminant(before)
            };
            let family = family.rtype().to_string();
            match groups.iter_mut().find(alike) {
                Some((.., families)) => families.push(family),
                None => groups.push((*before, *stage, vec![family])),
            }
        }
        for (before, stage, families) in groups {
            let is_all = families.len() == seated.len();
            let suffix = if is_all { String::new() } else { format!(" ({})", families.join(", ")) };
            let title = format!("{}/{}{suffix}", pool.name, endpoint.name);
            let event = self.came_back(pool, title, before, stage);
            self.news.push(Event {
                site: Some(endpoint.site.name.clone()),
                endpoint: Some(endpoint.name.clone()),
                ..event
            });
        }
    }

    fn came_back(&self, pool: &Pool, title: String, before: Stage, stage: Stage) -> Event {
        let comeback = &pool.comeback;
        let (what, cause, doublings) = match stage {
            Stage::Held { until, doublings } => {
                let delay = shown_duration(comeback.failback_delay);
                let again = match doublings {
                    0 => String::new(),
                    1 => ", twice as long since it failed again soon".to_owned(),
                    _ => format!(", doubled {doublings} times since it keeps failing"),
                };
                let what = format!("is up again, and held back until {until:.0}");
                (what, format!("failback_delay = {delay}{again}"), doublings)
            }
            Stage::Ramping { until } => {
                let over = shown_duration(comeback.slow_start);
                let what = format!("is in its slow start, with all of its weight at {until:.0}");
                (what, format!("slow_start = {over}"), 0)
            }
            Stage::Whole | Stage::Gone => {
                let what = match before {
                    Stage::Held { .. } => "is not held back any more",
                    _ => "has all of its weight again",
                };
                (what.to_owned(), String::new(), 0)
            }
        };
        let severity = if doublings > 0 { Severity::Warning } else { Severity::Info };
        self.of_pool(pool, Kind::Comeback, severity, format!("{title} {what}"), cause)
    }

    fn site(&mut self, pool: &Pool, site: &Site) {
        // By load it is the same in both families.
        let part = self.now.admission(pool, site, Family::V4);
        let used = self.now.utilisation(pool, site);
        let at = self.now.moment();
        let told = self.told.sites.entry((key(pool), site.name.clone())).or_default();
        let Some(is_full) = full(part, used).filter(|is_full| *is_full != told.state) else {
            told.differs_since = None;
            return;
        };
        let since = at.min(*told.differs_since.get_or_insert(at));
        told.differs_since = Some(since);
        let sure = after(since, FULL_AFTER);
        if at < sure {
            return self.look_at(sure);
        }
        if let Err(at) = told.ration.take(at) {
            return self.look_at(at);
        }
        (told.state, told.differs_since) = (is_full, None);
        let used = used.map(|used| format!(" ({} of its capacity)", percent(used)));
        let (severity, word, cause) = match is_full {
            true => (Severity::Warning, "full", words::full(part)),
            false => (
                Severity::Info,
                "not full any more",
                "all who come to it are sent there".to_owned(),
            ),
        };
        let used = used.unwrap_or_default();
        let what = format!("site {} of pool {} is {word}{used}", site.name, pool.name);
        let mut event = self.of_pool(pool, Kind::Capacity, severity, what, cause);
        event.site = Some(site.name.clone());
        self.news.push(event);
    }

    fn of_pool(
        &self,
        pool: &Pool,
        kind: Kind,
        severity: Severity,
        what: String,
        cause: String,
    ) -> Event {
        let mut event = Event::new(self.now.moment(), kind, severity, what, cause);
        event.zone = pool.zone.as_ref().map(ToString::to_string);
        event.pool = Some(pool.name.clone());
        event
    }

    fn look_at(&mut self, at: Timestamp) {
        self.told.next_look = [self.told.next_look, Some(at)].into_iter().flatten().min();
    }
}

/// Whether too little is live behind a VIP in a family; none where that cannot be said, or is so on purpose.
fn lacks(truth: &VipTruth, family: Family) -> Option<bool> {
    let is_probed = truth.spoken()?.reals.iter().all(|real| real.because != NOT_PROBED);
    let found = truth.of(family);
    (!found.is_maintenance && (found.is_enough || is_probed)).then_some(!found.is_enough)
}

fn stage(phase: Option<Phase>) -> Stage {
    match phase {
        None | Some(Phase::Whole) => Stage::Whole,
        Some(Phase::Down) => Stage::Gone,
        Some(Phase::Held { until, doublings, .. }) => Stage::Held { until, doublings },
        Some(Phase::Ramping { until, .. }) => Stage::Ramping { until },
    }
}

/// That it is gone its verdict tells, or its director; and who comes back from there at once, too.
fn worth_telling(before: Stage, stage: Stage) -> bool {
    before != stage && stage != Stage::Gone && (before, stage) != (Stage::Gone, Stage::Whole)
}

/// Whether a site is full that takes this part of its clients and has so much of its capacity in use; none between the
/// two.
fn full(part: f64, used: Option<f64>) -> Option<bool> {
    match used {
        _ if part < FULL_PART => Some(true),
        // Where all are full nobody is sent on.
        Some(used) if used > words::UTILISATION_TOLD_MIN => Some(true),
        Some(used) if used > 1.0 => None,
        _ => (part >= 1.0).then_some(false),
    }
}

#[cfg(test)]
mod tests;
