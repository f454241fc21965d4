//! What a change of the overrides would do, before it is made: its blast radius.
//!
//! A pure function of what is served and of the standings before and after. Each pool is dealt twice, by the very code
//! that deals what is answered from, so what is foretold is what will be. Refused, unless somebody insists, is what
//! takes away more than was said: the last site of a pool that has anything up, or so much of a site that what is left
//! of it falls under `min_up`. Taking out a site as a whole is what overrides are for, as long as another remains.
//! Where what remains carries fewer sessions well than there are, that is warned of, as far as both are known. Who
//! could not reach the other site is not known here.

mod room;
#[cfg(test)]
mod tests;

use crate::control::outlook::{Condition, Outlook, SiteLevel};
use crate::health::Standing;
use crate::report::{count, listed};
use crate::snapshot::{Catalog, Standings};
use crate::steer::model::{Endpoint, OnAllDown, Pool};
use crate::steer::pool::{Dealt, Family, Roster};
use room::Room;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// So many endpoints are named in a reason; the rest are counted.
const NAMED_MAX: usize = 4;

/// What a change would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Every pool and family that it touches, those first in which it is refused, then those warned of.
    pub pools: Vec<PoolEffect>,
    /// How many endpoints would stand or weigh otherwise than now, in any family.
    pub endpoints: usize,
    /// The steered names that those pools serve, in order.
    pub names: Vec<String>,
    /// Whether it is refused in any pool.
    pub refused: bool,
}

/// What a change would do to a pool in one family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolEffect {
    /// The zone whose file defines the pool; none for the server's own.
    pub zone: Option<String>,
    /// Its name.
    pub pool: String,
    /// `A` or `AAAA`.
    pub family: String,
    /// Its sites.
    pub sites: Vec<SiteEffect>,
    /// What its clients get now.
    pub before: Condition,
    /// What they would get.
    pub after: Condition,
    /// Whether that may be.
    pub verdict: Judgement,
    /// Why, in words.
    pub why: String,
}

/// What a change would do to a site of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteEffect {
    /// The site.
    pub site: String,
    /// How far it can be relied on now.
    pub before: SiteLevel,
    /// How far it could be.
    pub after: SiteLevel,
}

/// Whether a change may be, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// Only if somebody insists.
    Refused,
    /// It may, but look.
    Warned,
    /// Nothing to say against it.
    Fine,
}

impl Effect {
    /// The effect in one line: `refused: web A (…)`, or what there is to say of the gravest pool.
    pub fn in_short(&self) -> String {
        let endpoints = count(self.endpoints, "endpoint");
        match self.pools.first() {
            None => format!("{endpoints}, no pool touched"),
            Some(PoolEffect { pool, family, why, before, after, .. }) => {
                format!("{endpoints}; {pool} {family} {before} → {after}: {why}")
            }
        }
    }
}

impl Effect {
    /// The same of a change that may be in any case: what would be refused is warned of.
    pub(super) fn tolerated(mut self) -> Self {
        self.refused = false;
        for pool in &mut self.pools {
            pool.verdict = pool.verdict.max(Judgement::Warned);
        }
        self
    }
}

/// A change, as far as it shows in how endpoints stand.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// As they stand now.
    pub before: &'a dyn Standings,
    /// As they would stand.
    pub after: &'a dyn Standings,
    /// As they would stand by their probes alone.
    pub probed: &'a dyn Standings,
    /// Sessions that each has now, where that is known.
    pub sessions: &'a dyn Fn(&Endpoint) -> Option<u64>,
}

/// What a change would do.
pub fn effect(catalog: &Catalog, change: Change<'_>) -> Effect {
    let mut effect = Effect::default();
    let mut touched = HashSet::new();
    let mut moved = HashSet::new();
    let pools = catalog.pools();
    let key = |pool: &Pool, family: Family| (pools.number(pool), family);
    for (number, pool) in pools.all().iter().map(|served| &served.pool).enumerate() {
        for family in Family::BOTH {
            let places: Vec<usize> = moved_in(pool, family, change).collect();
            if !places.is_empty() {
                touched.insert(key(pool, family));
                moved.extend(places.into_iter().map(|at| (number, at)));
            }
        }
    }
    effect.endpoints = moved.len();
    let mut listed = HashSet::new();
    for pool in pools.all().iter().map(|served| &served.pool) {
        for family in Family::BOTH {
            if !pool.chain().any(|tier| touched.contains(&key(tier, family))) {
                continue;
            }
            let Some(roster) = Roster::new(pool, family) else { continue };
            let own = touched.contains(&key(pool, family));
            if let Some(of_pool) = Comparison::new(&roster, change).told(own) {
                effect.pools.push(of_pool);
                listed.insert(pools.number(pool));
            }
        }
    }
    effect.pools.sort_by_key(|pool| pool.verdict);
    effect.refused = effect.pools.iter().any(|pool| pool.verdict == Judgement::Refused);
    let plans = catalog.zones().zones().iter().flat_map(|zone| &zone.names);
    let served = plans.filter(|plan| listed.contains(&pools.number(&plan.name.pool)));
    effect.names = served.map(|plan| plan.name.owner.to_string()).collect();
    effect.names.sort_unstable();
    effect.names.dedup();
    effect
}

/// The endpoints of a pool that would stand or weigh otherwise in a family, by their places.
fn moved_in<'a>(
    pool: &'a Pool,
    family: Family,
    change: Change<'a>,
) -> impl Iterator<Item = usize> + 'a {
    (0..pool.endpoints.len()).filter(move |&at| {
        let endpoint = &pool.endpoints[at];
        let known = |by: &dyn Standings| {
            (by.standing(pool, endpoint, family), by.weight(pool, endpoint, family).nominal)
        };
        family.address(endpoint).is_some() && known(change.before) != known(change.after)
    })
}

/// A pool in one family, as it is and as it would be.
struct Comparison<'a> {
    roster: &'a Roster,
    pool: &'a Pool,
    change: Change<'a>,
    condition: [Condition; 2],
    sites: Vec<SiteEffect>,
}

impl<'a> Comparison<'a> {
    fn new(roster: &'a Roster, change: Change<'a>) -> Self {
        let standings = [change.before, change.after];
        let dealt = standings.map(|by| Dealt::deal(roster, by));
        let [before, after] =
            [0, 1].map(|at| Outlook { roster, dealt: &dealt[at], standings: standings[at] });
        let site = |site: usize| SiteEffect {
            site: roster.sites[site].name.clone(),
            before: before.level(0, site),
            after: after.level(0, site),
        };
        Self {
            roster,
            pool: &roster.tiers[0].pool,
            change,
            condition: [before.condition(0), after.condition(0)],
            sites: before.seated_sites(0).map(site).collect(),
        }
    }

    /// What there is to tell; `own`: whether endpoints of the pool itself are touched, and not of a fallback only.
    fn told(&self, own: bool) -> Option<PoolEffect> {
        let [before, after] = self.condition;
        let (verdict, why) = match own {
            true => self.with_room(self.judged()),
            false => self.judged_by_fallback()?,
        };
        let Pool { zone, name, .. } = self.pool;
        Some(PoolEffect {
            zone: zone.as_ref().map(ToString::to_string),
            pool: name.clone(),
            family: self.roster.family.rtype().to_string(),
            sites: self.sites.clone(),
            before,
            after,
            verdict,
            why,
        })
    }

    /// Who does not carry all that there is is warned of, whatever else there is to say.
    fn with_room(&self, (verdict, why): (Judgement, String)) -> (Judgement, String) {
        // Where nothing remains that says enough.
        let remains = self.sites.iter().any(|site| is_alive(site.after));
        let lacking = || room::lacking(self.pool, self.roster.family, self.change);
        match remains.then(lacking).flatten() {
            None => (verdict, why),
            Some(Room { sessions, capacity }) => {
                let lacks = format!(
                    "what remains carries {capacity:.0} sessions well, and there are {sessions:.0}"
                );
                (verdict.min(Judgement::Warned), format!("{why}; {lacks}"))
            }
        }
    }

    fn judged(&self) -> (Judgement, String) {
        let names = |wanted: &dyn Fn(&SiteEffect) -> bool| -> Vec<&str> {
            self.sites.iter().filter(|site| wanted(site)).map(|site| &*site.site).collect()
        };
        let gone = names(&|site| is_alive(site.before) && !is_alive(site.after));
        let left = names(&|site| is_alive(site.after));
        let trusted = names(&|site| site.after == SiteLevel::Trusted);
        let sunk = |to: SiteLevel| {
            names(&|site| is_alive(site.before) && site.before != to && site.after == to)
        };
        let fallen = names(&|site| {
            site.before == SiteLevel::Trusted
                && matches!(
                    site.after,
                    SiteLevel::Degraded | SiteLevel::LastResort | SiteLevel::Held
                )
        });
        if !gone.is_empty() && left.is_empty() {
            return (Judgement::Refused, format!("nothing of it would be up; {}", self.instead()));
        }
        if let Some(site) = fallen.first() {
            let min_up = self.pool.min_up;
            let why = match sunk(SiteLevel::LastResort).contains(site) {
                true => format!("only endpoints of weight 0 would be left of site {site}"),
                false => format!("what is left of site {site} would fall under min_up = {min_up}"),
            };
            return (Judgement::Refused, why);
        }
        if !gone.is_empty() {
            return went(&gone, &left, &trusted);
        }
        if let Some(site) = sunk(SiteLevel::LastResort).first() {
            let why = format!("only endpoints of weight 0 would be left of site {site}");
            return (Judgement::Warned, why);
        }
        if left.is_empty() {
            let why = format!("nothing of it is up, and would not be; {}", self.instead());
            return (Judgement::Warned, why);
        }
        let revived = self.revived();
        if !revived.is_empty() {
            let shown = listed(&revived, NAMED_MAX);
            return (
                Judgement::Warned,
                format!("handed out though no probe finds them up: {shown}"),
            );
        }
        match self.sites.iter().find(|site| site.before != site.after) {
            Some(SiteEffect { site, before, after }) => {
                (Judgement::Fine, format!("site {site} goes from {before} to {after}"))
            }
            None => {
                (Judgement::Fine, "every site stays as far to be relied on as it is".to_owned())
            }
        }
    }

    /// What there is to tell of a pool when a fallback of it is touched: nothing while it does not need it.
    fn judged_by_fallback(&self) -> Option<(Judgement, String)> {
        let [before, after] = self.condition;
        match (before, after) {
            (Condition::Fallback, Condition::Fallback) => {
                Some((Judgement::Fine, "its fallback goes on serving".to_owned()))
            }
            (Condition::Fallback, _) => {
                let why = format!("its fallback serves now, and would have nothing up: {after}");
                Some((Judgement::Refused, why))
            }
            _ if before == after => None,
            _ => Some((Judgement::Fine, format!("its fallback makes it {after}"))),
        }
    }

    /// Endpoints that would be handed out by the operator's word against their probes'.
    fn revived(&self) -> Vec<&str> {
        let (pool, family, change) = (self.pool, self.roster.family, self.change);
        let revived = moved_in(pool, family, change).filter(|&at| {
            let endpoint = &pool.endpoints[at];
            change.after.standing(pool, endpoint, family) == Standing::Up
                && change.probed.standing(pool, endpoint, family) != Standing::Up
        });
        revived.map(|at| &*pool.endpoints[at].name).collect()
    }

    /// What clients get when nothing of the pool is up.
    fn instead(&self) -> String {
        let on_all_down = self.pool.on_all_down;
        match (self.condition[1], on_all_down, &self.pool.fallback) {
            (Condition::Fallback, _, Some(fallback)) => {
                format!("pool {} would serve", fallback.name)
            }
            (Condition::Nodata, ..) => "answers would be empty".to_owned(),
            (Condition::Servfail, ..) => "queries would fail".to_owned(),
            (_, OnAllDown::Fallback, Some(fallback)) => {
                format!("nor is anything of its fallback {}", fallback.name)
            }
            _ => {
                format!("addresses would be handed out all the same (on_all_down = {on_all_down})")
            }
        }
    }
}

fn is_alive(level: SiteLevel) -> bool {
    !matches!(level, SiteLevel::Dead | SiteLevel::Drained)
}

/// Sites go, and others remain.
fn went(gone: &[&str], left: &[&str], trusted: &[&str]) -> (Judgement, String) {
    let shown = listed(gone, NAMED_MAX);
    let word = if gone.len() == 1 { "site" } else { "sites" };
    match (trusted, left) {
        ([], _) => {
            let left = listed(left, NAMED_MAX);
            (
                Judgement::Warned,
                format!("{word} {shown} would go; what remains is under min_up: {left}"),
            )
        }
        (_, [last]) => {
            (Judgement::Warned, format!("{word} {shown} would go; only {last} would remain"))
        }
        _ => {
            let left = listed(left, NAMED_MAX);
            (Judgement::Fine, format!("{word} {shown} would go; there remain {left}"))
        }
    }
}
