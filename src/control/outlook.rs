//! How far a pool can be relied on in one family: each of its sites, and the pool as a whole, in a word.
//!
//! The words are for people and programs that look on: status, events, explanations, and what an override would do.
//! What a query gets is decided by [`Dealt::choose`] from the order of its client; here all sites count, in no order.

use crate::health::Standing;
use crate::snapshot::Standings;
use crate::steer::model::OnAllDown;
use crate::steer::pool::{Dealt, Level, Roster};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How far a site of a pool can be relied on. Like [`Level`], but what the operator took out is not called dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteLevel {
    /// Enough of its weight is up.
    Trusted,
    /// Something is up, but less than `min_up` of its weight.
    Degraded,
    /// Only endpoints of weight 0 are up.
    #[serde(rename = "last resort")]
    LastResort,
    /// Only endpoints are alive that are held back for a while after they recovered.
    Held,
    /// Nothing is up.
    Dead,
    /// All of it is held back by the operator.
    Drained,
}

/// What clients of a pool get in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Every site that is not drained is trusted.
    Whole,
    /// Something is up, but a site is dead or under `min_up`.
    Degraded,
    /// Nothing is up, and a fallback serves.
    Fallback,
    /// Nothing is up, and addresses are handed out all the same.
    FailOpen,
    /// Nothing is up, and answers are empty.
    Nodata,
    /// Nothing is up, and answers are failures.
    Servfail,
}

impl Condition {
    /// Whether nothing of the pool itself is up.
    pub fn is_all_down(self) -> bool {
        !matches!(self, Self::Whole | Self::Degraded)
    }
}

/// A roster, its decks, and the standings that they were dealt by.
#[derive(Clone, Copy)]
pub struct Outlook<'a> {
    /// Who sits where.
    pub roster: &'a Roster,
    /// The decks.
    pub dealt: &'a Dealt,
    /// What is known of endpoints.
    pub standings: &'a dyn Standings,
}

impl Outlook<'_> {
    /// How far a site of a tier can be relied on.
    pub fn level(&self, tier: usize, site: usize) -> SiteLevel {
        let pool = &self.roster.tiers[tier].pool;
        let mut seated = self.roster.tiers[tier].seats[site].iter().map(|&at| &pool.endpoints[at]);
        match self.dealt.site(tier, site).level {
            Level::Trusted => SiteLevel::Trusted,
            Level::Degraded => SiteLevel::Degraded,
            Level::LastResort => SiteLevel::LastResort,
            Level::Held => SiteLevel::Held,
            Level::Dead => {
                let family = self.roster.family;
                let drained = seated.all(|endpoint| {
                    self.standings.standing(pool, endpoint, family) == Standing::Drained
                });
                if drained { SiteLevel::Drained } else { SiteLevel::Dead }
            }
        }
    }

    /// The sites at which a tier has endpoints, by their numbers in the roster.
    pub fn seated_sites(&self, tier: usize) -> impl Iterator<Item = usize> {
        let seats = self.roster.tiers[tier].seats.iter().enumerate();
        seats.filter(|(_, seats)| !seats.is_empty()).map(|(site, _)| site)
    }

    /// What clients get of the pool of this tier and the fallbacks behind it.
    pub fn condition(&self, tier: usize) -> Condition {
        let mut held = None;
        for at in tier..self.roster.tiers.len() {
            let level = |site| self.dealt.site(at, site).level;
            let up = |site| !matches!(level(site), Level::Dead | Level::Held);
            if self.seated_sites(at).any(up) {
                let sound =
                    |site| matches!(self.level(at, site), SiteLevel::Trusted | SiteLevel::Drained);
                return match () {
                    () if at > tier => Condition::Fallback,
                    () if self.seated_sites(at).all(sound) => Condition::Whole,
                    () => Condition::Degraded,
                };
            }
            // As `Dealt::choose` has it: what is held back comes after every fallback, and before anything worse.
            if self.seated_sites(at).any(|site| level(site) == Level::Held) {
                let condition = if at > tier { Condition::Fallback } else { Condition::Degraded };
                held = held.or(Some(condition));
            }
            let on_all_down = self.roster.tiers[at].pool.on_all_down;
            if let (Some(condition), true) = (held, on_all_down != OnAllDown::Fallback) {
                return condition;
            }
            match on_all_down {
                OnAllDown::Fallback => {}
                OnAllDown::Nodata => return Condition::Nodata,
                OnAllDown::Servfail => return Condition::Servfail,
                // As `Dealt::choose` has it: where nobody sits, nothing can be handed out.
                OnAllDown::All | OnAllDown::LastGood if self.seated_sites(at).next().is_none() => {
                    return Condition::Nodata;
                }
                OnAllDown::All | OnAllDown::LastGood => return Condition::FailOpen,
            }
        }
        // Only a chain whose last pool falls back to nothing comes here, which configuration refuses.
        held.unwrap_or(Condition::Servfail)
    }
}

impl fmt::Display for SiteLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Trusted => "trusted",
            Self::Degraded => "degraded",
            Self::LastResort => "last resort",
            Self::Held => "held",
            Self::Dead => "dead",
            Self::Drained => "drained",
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Whole => "whole",
            Self::Degraded => "degraded",
            Self::Fallback => "fallback",
            Self::FailOpen => "fail-open",
            Self::Nodata => "nodata",
            Self::Servfail => "servfail",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::testing::{Scene, at, on_site};
    use crate::health::Outcome;
    use crate::health::overrides::{Overrides, Pin};
    use crate::steer::pool::Choice;

    /// Every combination of what can be up in the small world: the word is what a client gets who may go anywhere.
    #[test]
    fn conditions_are_what_choosing_makes_of_them() {
        let endpoints = ["fra-1", "fra-2", "iad-1", "spare-1"];
        let mut seen = std::collections::HashSet::new();
        for bits in 0..1_u32 << (endpoints.len() + 2) {
            let is_set = |bit: usize| bits >> bit & 1 == 1;
            let mut scene = Scene::new();
            for (bit, endpoint) in endpoints.into_iter().enumerate() {
                let refused = Outcome::Failure("refused".to_owned());
                scene.probe(endpoint, if is_set(bit) { Outcome::Success } else { refused }, 1);
            }
            let sites = [("fra", endpoints.len()), ("iad", endpoints.len() + 1)];
            let drained = sites.into_iter().filter(|(_, bit)| is_set(*bit));
            let list = drained.map(|(site, _)| on_site(site, Pin::Drain, None)).collect();
            scene.knowledge.overrides = Overrides { list };
            let snapshot = scene.snapshot(2);
            for (number, roster) in snapshot.catalog().rosters().iter().enumerate() {
                let (dealt, now) = (snapshot.dealt(number), scene.knowledge.at(at(2)));
                let condition = Outlook { roster, dealt, standings: &now }.condition(0);
                let order: Vec<u16> = (0..roster.sites.len() as u16).collect();
                let is_right = match dealt.choose(&order, 0) {
                    Choice::Site { level: Level::Dead, .. } => condition == Condition::FailOpen,
                    Choice::Site { tier: 0, .. } => !condition.is_all_down(),
                    Choice::Site { .. } => condition == Condition::Fallback,
                    Choice::Nodata => condition == Condition::Nodata,
                    Choice::Fenced | Choice::Servfail => condition == Condition::Servfail,
                };
                assert!(is_right, "{bits:06b}: {condition}");
                seen.insert(condition);
            }
        }
        assert_eq!(seen.len(), 5, "all but SERVFAIL, which nothing here asks for: {seen:?}");
    }
}
