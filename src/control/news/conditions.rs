//! Pools and sites that get worse or better, from one look to the next.

use crate::control::events::{Event, Kind, Severity};
use crate::control::knowledge::Now;
use crate::control::outlook::{Condition, Outlook, SiteLevel};
use crate::health::Standing;
use crate::snapshot::{Catalog, Snapshot, Standings};
use crate::steer::model::Key;
use crate::steer::pool::Family;
use jiff::SignedDuration;
use std::collections::{HashMap, HashSet};

/// An override says not when it was set: it is taken for the cause unless a verdict turned in this time.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(5);

/// How every pool was found at the last look.
#[derive(Default)]
pub(in crate::control) struct Conditions {
    seen: HashMap<PoolKey, Seen>,
    /// Which pool a roster is looked at for, by the numbers of the catalog.
    keys: Vec<Option<PoolKey>>,
}

/// A pool in a family.
type PoolKey = (Key, Family);

struct Seen {
    condition: Condition,
    /// Sites with which something is wrong.
    weak: HashSet<Key>,
}

/// What a pool is taken for before the first look at it.
impl Default for Seen {
    fn default() -> Self {
        Self { condition: Condition::Whole, weak: HashSet::new() }
    }
}

impl Conditions {
    /// Follows a new catalog: pools that it does not have are forgotten, without news.
    pub(in crate::control) fn follow(&mut self, catalog: &Catalog) {
        let mut known = HashSet::new();
        let rosters = catalog.rosters();
        self.keys = vec![None; rosters.len()];
        for served in catalog.pools().all() {
            for family in Family::BOTH {
                // What only stands behind others is told of as theirs.
                let Some((number, 0)) = served.place(rosters, family) else { continue };
                let key = (served.pool.key(), family);
                // A pool without addresses in the family is its fallback by intent. A zone that stays as it was last
                // good may hold an older pool of the same name: the first one is looked at.
                let is_seated =
                    rosters[number].tiers[0].seats.iter().any(|seats| !seats.is_empty());
                if is_seated && known.insert(key.clone()) {
                    self.keys[number] = Some(key);
                }
            }
        }
        self.seen.retain(|key, _| known.contains(key));
    }

    /// Looks at some rosters of the catalog followed; what has changed since the last look.
    pub(in crate::control) fn look(
        &mut self,
        snapshot: &Snapshot,
        rosters: &[usize],
        now: &Now<'_>,
    ) -> Vec<Event> {
        let mut news = Vec::new();
        for &number in rosters {
            let Some(key) = &self.keys[number] else { continue };
            let roster = &snapshot.catalog().rosters()[number];
            let look = Look {
                outlook: Outlook { roster, dealt: snapshot.dealt(number), standings: now },
                now,
            };
            let seen = self.seen.entry(key.clone()).or_default();
            look.compare(seen, &mut news);
        }
        news
    }
}

/// One look at one roster.
struct Look<'a> {
    outlook: Outlook<'a>,
    now: &'a Now<'a>,
}

impl Look<'_> {
    fn compare(&self, seen: &mut Seen, news: &mut Vec<Event>) {
        let condition = self.outlook.condition(0);
        let before = std::mem::replace(&mut seen.condition, condition);
        let recovered = before.is_all_down() && !condition.is_all_down();
        if let Some(severity) = condition.severity().filter(|_| condition != before) {
            news.push(self.all_down(condition, severity));
        } else if recovered {
            let what = format!("{} has something up again", self.pool());
            news.push(self.event(Kind::Recovered, Severity::Info, what, None));
        }
        for site in self.outlook.seated_sites(0) {
            let level = self.outlook.level(0, site);
            let at = &self.outlook.roster.sites[site];
            let key = at.key();
            let is_trusted = level == SiteLevel::Trusted;
            let severity = level.severity();
            let changed = match severity {
                Some(_) => seen.weak.insert(key),
                None => seen.weak.remove(&key),
            };
            // Where the whole pool has news, its sites' are a part of it.
            if !changed || condition.is_all_down() || (recovered && is_trusted) {
                continue;
            }
            if let Some(severity) = severity {
                let what = format!("site {} of {} is {}", at.name, self.pool(), level.told());
                news.push(self.event(Kind::Degraded, severity, what, Some(site)));
            } else if is_trusted {
                let what = format!("site {} of {} is trusted again", at.name, self.pool());
                news.push(self.event(Kind::Recovered, Severity::Info, what, Some(site)));
            }
        }
    }

    fn all_down(&self, condition: Condition, severity: Severity) -> Event {
        let kind = match condition {
            Condition::Fallback => Kind::Fallback,
            _ => Kind::FailOpen,
        };
        let fallback = self.outlook.roster.tiers.get(1).map(|tier| &*tier.pool.name);
        let what = format!("{} is all down; {}", self.pool(), condition.instead(fallback));
        self.event(kind, severity, what, None)
    }

    /// `pool web (A)`
    fn pool(&self) -> String {
        let roster = self.outlook.roster;
        format!("pool {} ({})", roster.tiers[0].pool.name, roster.family.rtype())
    }

    fn event(&self, kind: Kind, severity: Severity, what: String, site: Option<usize>) -> Event {
        let roster = self.outlook.roster;
        let is_good = kind == Kind::Recovered;
        let mut event =
            Event::new(self.now.moment(), kind, severity, what, self.cause(site, is_good));
        let pool = &roster.tiers[0].pool;
        event.zone = pool.zone.as_ref().map(ToString::to_string);
        event.pool = Some(pool.name.clone());
        event.site = site.map(|site| roster.sites[site].name.clone());
        event
    }

    /// The newest reason among the endpoints that are up, or among those that are not, of a site or of all.
    fn cause(&self, site: Option<usize>, of_those_up: bool) -> String {
        let roster = self.outlook.roster;
        let tier = &roster.tiers[0];
        let seats = tier.seats.iter().enumerate();
        let concerned = seats
            .filter(|(at, _)| site.is_none_or(|site| site == *at))
            .flat_map(|(_, seats)| seats)
            .map(|&at| &tier.pool.endpoints[at])
            .filter(|endpoint| {
                let standing = self.now.standing(&tier.pool, endpoint, roster.family);
                (standing == Standing::Up) == of_those_up
            });
        let newest = concerned.max_by_key(|endpoint| match self.now.pin(&tier.pool, endpoint) {
            Some(_) => self.now.moment().checked_sub(JUST_NOW).ok(),
            None => self.now.row(endpoint, roster.family).and_then(|row| row.state.since),
        });
        newest.map_or_else(String::new, |endpoint| {
            let because = self.now.because(&tier.pool, endpoint, roster.family);
            format!("{}: {because}", endpoint.name)
        })
    }
}
