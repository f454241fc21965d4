//! What moves by itself between two changes: weights that ramp, sites that fill, loads that are evened out.
//!
//! ```text
//! standings ─► comebacks: held, ramping, whole ──┐
//! overrides ─► planned weights ──────────────────┼─► weight and admission of every endpoint and site
//! sessions, latencies ─► favours and intakes ────┘
//! ```
//!
//! The publisher steps it when something has happened or its next step is due; only pools that can move are looked at.
//! The laws are elsewhere, and pure: [`Return`] says how what has recovered comes back, [`balance`] how shares follow
//! load. Here is who is looked at, when, and what the laws are fed.

use super::knowledge::Now;
use crate::health::Standing;
use crate::health::comeback::{Phase, Return, ReturnKey};
use crate::snapshot::{Catalog, ServedPool, Standings};
use crate::steer::balance::{self, FavourTold, Favours, Filled, Intakes, Observed};
use crate::steer::model::{Endpoint, Key, Method, Pool, Site};
use crate::steer::pool::Family;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// From step to step of what follows load: as often as feeds are asked by default.
const BALANCE_INTERVAL: Duration = Duration::from_secs(2);

/// The longest time that one step stands for.
const BALANCE_GAP_MAX: Duration = Duration::from_secs(10);

/// An endpoint of a pool in a family.
type SeatKey = (Key, String, Family);

/// What moves by itself.
#[derive(Clone, Debug, Default)]
pub struct Motion {
    returns: HashMap<SeatKey, Returning>,
    /// Of an earlier run, until its endpoint is first looked at.
    kept: HashMap<ReturnKey, Return>,
    /// Weights by plan, as they were last dealt.
    planned: HashMap<(Key, String), f64>,
    /// By pool and site.
    favours: HashMap<(Key, String), Favours>,
    intakes: HashMap<Key, Intakes>,
    balanced_at: Option<Timestamp>,
    next_step: Option<Timestamp>,
}

/// How far an address has come back.
#[derive(Clone, Copy, Debug)]
struct Returning {
    state: Return,
    /// As it was last dealt.
    phase: Phase,
}

impl Motion {
    /// Brings everything up to the moment of `now`, which knows nothing of it yet; the rosters to be dealt anew.
    pub fn step(&mut self, catalog: &Catalog, now: &Now<'_>) -> BTreeSet<usize> {
        let at = now.moment();
        let since = self.balanced_at.map_or(SignedDuration::MAX, |then| at.duration_since(then));
        // A clock that was set back begins anew, and what was slept through was not measured.
        let is_due = since.is_negative() || since.unsigned_abs() >= BALANCE_INTERVAL;
        let dt = since.unsigned_abs().clamp(BALANCE_INTERVAL, BALANCE_GAP_MAX);
        let has_plans = now.knowledge().overrides.list.iter().any(|one| one.plan().is_some())
            || !self.planned.is_empty();
        let balance = is_due.then_some(dt);
        let mut step = Step { motion: self, now, balance, has_plans, next: None };
        let mut rosters = BTreeSet::new();
        let mut is_by_load = false;
        // A zone that is kept as it was last good may hold an older pool of the same name: the first moves for both.
        let mut moved: HashMap<Key, bool> = HashMap::new();
        for served in catalog.pools().all() {
            if !step.moves(&served.pool) {
                continue;
            }
            is_by_load |= follows_load(&served.pool);
            let key = served.pool.key();
            if *moved.entry(key).or_insert_with(|| step.pool(served)) {
                rosters.extend(served.rosters());
            }
        }
        let next = step.next;
        if is_due {
            self.balanced_at = Some(at);
        }
        let balanced_at = self.balanced_at.filter(|_| is_by_load);
        let balance = balanced_at.and_then(|then| then.checked_add(BALANCE_INTERVAL).ok());
        self.next_step = [next, balance].into_iter().flatten().min();
        rosters
    }

    /// Forgets what a new catalog does not have.
    pub fn follow(&mut self, catalog: &Catalog) {
        let mut pools = BTreeSet::new();
        let mut seats = BTreeSet::new();
        let mut gentle = BTreeSet::new();
        for pool in catalog.pools().all().iter().map(|served| &served.pool) {
            pools.insert(pool.key());
            seats.extend(pool.endpoints.iter().map(|endpoint| (pool.key(), endpoint.name.clone())));
            if pool.comeback.is_gentle() {
                gentle.insert(pool.key());
            }
        }
        self.returns.retain(|(pool, name, _), _| {
            gentle.contains(pool) && seats.contains(&(pool.clone(), name.clone()))
        });
        if !self.kept.is_empty() {
            let gentle = |(pool, _): &&(Key, String)| gentle.contains(pool);
            let both = seats.iter().filter(gentle).flat_map(|(pool, name)| {
                Family::BOTH.map(|family| kept_key(&(pool.clone(), name.clone(), family)))
            });
            let both: HashSet<ReturnKey> = both.collect();
            self.kept.retain(|key, _| both.contains(key));
        }
        self.planned.retain(|seat, _| seats.contains(seat));
        self.favours.retain(|(pool, _), _| pools.contains(pool));
        self.intakes.retain(|pool, _| pools.contains(pool));
    }

    /// How far everything has come back, to be kept over a restart.
    pub fn returns(&self) -> impl Iterator<Item = (ReturnKey, Return)> {
        let kept = self.kept.iter().map(|(key, state)| (key.clone(), *state));
        self.returns.iter().map(|(key, found)| (kept_key(key), found.state)).chain(kept)
    }

    /// Goes on where an earlier run ended.
    pub fn restore(&mut self, kept: HashMap<ReturnKey, Return>) {
        self.kept = kept;
    }

    /// When the next step is due.
    pub fn next_step(&self) -> Option<Timestamp> {
        self.next_step
    }

    /// How far an address has come back; none where it comes back at once.
    pub fn phase(&self, pool: &Pool, endpoint: &Endpoint, family: Family) -> Option<Phase> {
        let is_gentle = pool.comeback.is_gentle();
        let found = is_gentle.then(|| self.returns.get(&seat_key(pool, endpoint, family)))??;
        Some(found.phase)
    }

    /// How much more or less than its due an endpoint gets; none where shares do not follow load.
    pub fn favour(&self, pool: &Pool, endpoint: &Endpoint) -> Option<FavourTold> {
        let site = || (pool.key(), endpoint.site.name.clone());
        let found = pool.method.is_by_load().then(|| self.favours.get(&site()))??;
        found.told(&endpoint.name)
    }

    /// Load over capacity of a site; none where one of them is not known.
    pub fn utilisation(&self, pool: &Pool, site: &Site) -> Option<f64> {
        self.intakes.get(&pool.key()).filter(|_| fills(pool))?.told(&site.name)?.utilisation
    }

    /// The part of its networks that a site takes as far as its load goes.
    pub fn intake(&self, pool: &Pool, site: &Site) -> f64 {
        if !fills(pool) {
            return 1.0;
        }
        self.intakes.get(&pool.key()).map_or(1.0, |intakes| intakes.of(&site.name))
    }
}

fn seat_key(pool: &Pool, endpoint: &Endpoint, family: Family) -> SeatKey {
    (pool.key(), endpoint.name.clone(), family)
}

fn kept_key((Key { zone, name: pool }, endpoint, family): &SeatKey) -> ReturnKey {
    ReturnKey {
        zone: zone.as_ref().map(ToString::to_string),
        pool: pool.clone(),
        endpoint: endpoint.clone(),
        family: family.rtype().to_string(),
    }
}

/// Whether any site of the pool has a capacity.
pub(super) fn fills(pool: &Pool) -> bool {
    let capacity = |endpoint: &Endpoint| endpoint.vip.as_ref().and_then(|vip| vip.capacity());
    !pool.capacity.is_empty() || pool.endpoints.iter().any(|endpoint| capacity(endpoint).is_some())
}

fn follows_load(pool: &Pool) -> bool {
    pool.method.is_by_load() || fills(pool)
}

/// One step.
struct Step<'m, 'a> {
    motion: &'m mut Motion,
    now: &'m Now<'a>,
    /// The time since the last balancing, if one is due.
    balance: Option<Duration>,
    /// Whether any weight is planned.
    has_plans: bool,
    /// When something moves next.
    next: Option<Timestamp>,
}

impl Step<'_, '_> {
    /// Whether anything of a pool can move by itself at all.
    fn moves(&self, pool: &Pool) -> bool {
        pool.comeback.is_gentle() || follows_load(pool) || self.has_plans
    }

    /// Whether anything of the pool must be dealt anew.
    fn pool(&mut self, served: &ServedPool) -> bool {
        let pool = &*served.pool;
        let mut moved = false;
        if pool.comeback.is_gentle() {
            for endpoint in &pool.endpoints {
                for family in seated(endpoint) {
                    moved |= self.come_back(pool, endpoint, family);
                }
            }
        }
        if self.has_plans {
            for endpoint in &pool.endpoints {
                moved |= self.plan(pool, endpoint);
            }
        }
        if let Some(dt) = self.balance.filter(|_| follows_load(pool)) {
            let lag = pool.damping.unwrap_or_else(|| {
                let ttl = Duration::from_secs(served.ttl_max_s.into());
                balance::lag(ttl, BALANCE_INTERVAL)
            });
            moved |= pool.method.is_by_load() && self.favour(pool, dt, lag);
            moved |= fills(pool) && self.fill(pool, dt, lag);
        }
        moved
    }

    fn come_back(&mut self, pool: &Pool, endpoint: &Endpoint, family: Family) -> bool {
        let at = self.now.moment();
        let key = seat_key(pool, endpoint, family);
        let before = self.motion.returns.get(&key).copied();
        let kept = || self.motion.kept.remove(&kept_key(&key)).unwrap_or_default();
        let mut state = before.map_or_else(kept, |before| before.state);
        if let Some(is_alive) = self.now.is_alive(endpoint, family) {
            state = state.step(is_alive, &pool.comeback, at);
        }
        let phase = state.phase(&pool.comeback, at);
        self.wake_at(state.next_change(&pool.comeback, at));
        self.motion.returns.insert(key, Returning { state, phase });
        before.is_none_or(|before| before.phase != phase)
    }

    fn plan(&mut self, pool: &Pool, endpoint: &Endpoint) -> bool {
        let key = (pool.key(), endpoint.name.clone());
        let Some(_) = self.now.plan(pool, endpoint) else {
            return self.motion.planned.remove(&key).is_some();
        };
        let weight = self.now.nominal(pool, endpoint);
        self.motion.planned.insert(key, weight) != Some(weight)
    }

    /// Evens out the load of each site's endpoints.
    fn favour(&mut self, pool: &Pool, dt: Duration, lag: Duration) -> bool {
        let mut moved = false;
        for site in sites(pool) {
            let of_site = pool.endpoints.iter().filter(|endpoint| *endpoint.site == *site);
            let observed: Vec<Observed> = of_site
                .filter(|endpoint| self.is_up(pool, endpoint))
                .map(|endpoint| Observed {
                    name: &endpoint.name,
                    nominal: self.now.nominal(pool, endpoint),
                    part: self.part(pool, endpoint),
                    load: self.load(pool, endpoint),
                })
                .collect();
            let favours = self.motion.favours.entry((pool.key(), site.name.clone())).or_default();
            moved |= favours.step(pool.method, &observed, dt, lag);
        }
        moved
    }

    /// Lets sites take what they have capacity for.
    fn fill(&mut self, pool: &Pool, dt: Duration, lag: Duration) -> bool {
        let loads: Vec<Filled> = sites(pool)
            .into_iter()
            .filter_map(|site| {
                let there = || pool.endpoints.iter().filter(|endpoint| *endpoint.site == *site);
                let up = || there().filter(|endpoint| self.is_up(pool, endpoint));
                // A capacity is that of the weights as configured: planned ones take from it, and add nothing.
                let configured = |endpoint: &Endpoint| f64::from(endpoint.weight);
                let carried = |endpoint: &Endpoint| {
                    let weight = self.now.nominal(pool, endpoint).min(configured(endpoint));
                    weight * self.part(pool, endpoint)
                };
                let carried: f64 = up().map(|endpoint| carried(endpoint)).sum();
                let whole: f64 = there().map(|endpoint| configured(endpoint)).sum();
                let live = if whole > 0.0 { (carried / whole).min(1.0) } else { 1.0 };
                // Who is phased out carries nothing more; what is left there is no load of the others.
                let carries = |endpoint: &&Arc<Endpoint>| {
                    endpoint.weight == 0 || self.now.nominal(pool, endpoint) > 0.0
                };
                let carrying = up().filter(carries);
                let sessions = carrying.map(|it| self.sessions(it)).sum::<Option<f64>>();
                let is_there = up().next().is_some();
                let capacity = pool.capacity_at(site);
                // A site that is out has no room, and keeps its part for when it is back.
                (is_there || capacity.is_some()).then(|| Filled {
                    site: &site.name,
                    capacity: capacity.map(|sessions| sessions as f64 * live),
                    load: sessions.filter(|_| is_there),
                })
            })
            .collect();
        self.motion.intakes.entry(pool.key()).or_default().step(&loads, dt, lag)
    }

    fn is_up(&self, pool: &Pool, endpoint: &Endpoint) -> bool {
        let now = self.now.with_motion(self.motion);
        seated(endpoint).any(|family| now.standing(pool, endpoint, family) == Standing::Up)
    }

    /// What part of its weight an endpoint is trusted to carry: of two families that which has come back further.
    fn part(&self, pool: &Pool, endpoint: &Endpoint) -> f64 {
        let now = self.now.with_motion(self.motion);
        let weights = seated(endpoint).map(|family| now.weight(pool, endpoint, family));
        weights.map(|weight| weight.live * weight.ramp).fold(0.0, f64::max)
    }

    fn load(&self, pool: &Pool, endpoint: &Endpoint) -> Option<f64> {
        match pool.method {
            Method::LeastResponseTime => self.response_ms(endpoint),
            _ => self.sessions(endpoint),
        }
    }

    fn sessions(&self, endpoint: &Endpoint) -> Option<f64> {
        self.now.behind(endpoint)?.sessions.map(|sessions| sessions as f64)
    }

    /// As the director reports it, else of the probes, the faster family's.
    fn response_ms(&self, endpoint: &Endpoint) -> Option<f64> {
        let reported = self.now.behind(endpoint).and_then(|truth| truth.response_ms);
        let probed = |family| {
            let last = self.now.row(endpoint, family)?.last.as_ref()?;
            let is_answer = last.outcome == crate::health::Outcome::Success;
            is_answer.then_some(last.latency.as_secs_f64() * 1000.0)
        };
        reported.or_else(|| Family::BOTH.into_iter().filter_map(probed).min_by(f64::total_cmp))
    }

    fn wake_at(&mut self, at: Option<Timestamp>) {
        self.next = [self.next, at].into_iter().flatten().min();
    }
}

/// The families that an endpoint has an address in.
fn seated(endpoint: &Endpoint) -> impl Iterator<Item = Family> {
    Family::BOTH.into_iter().filter(|family| family.address(endpoint).is_some())
}

/// The sites of a pool, each once.
pub(super) fn sites(pool: &Pool) -> Vec<&Site> {
    let mut sites: Vec<&Site> = Vec::new();
    for endpoint in &pool.endpoints {
        if !sites.contains(&&*endpoint.site) {
            sites.push(&endpoint.site);
        }
    }
    sites
}
