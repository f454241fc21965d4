//! How far a pool can be relied on in one family: each of its sites, and the pool as a whole, in a word.
//!
//! The words are for people and programs that look on: status, events, explanations, and what an override would do.
//! What a query gets is decided by [`Dealt::choose`] from the order of its client, and so it is here; only that all
//! sites count, in no order.

use crate::control::events::Severity;
use crate::health::Standing;
use crate::snapshot::Standings;
use crate::steer::pool::{Choice, Dealt, Level, Roster};
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

impl SiteLevel {
    /// How grave that is where the pool has other sites; none where nothing is wrong. Whom a strict route keeps to a
    /// dead site is not served.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Trusted | Self::Drained => None,
            Self::Degraded | Self::LastResort | Self::Held => Some(Severity::Warning),
            Self::Dead => Some(Severity::Error),
        }
    }

    /// What is to be said of a site: `under min_up`.
    pub fn told(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Degraded => "under min_up",
            Self::LastResort => "down to endpoints of weight 0",
            Self::Held => "down to endpoints that just came back",
            Self::Dead => "dead",
            Self::Drained => "drained",
        }
    }
}

impl Condition {
    /// Whether nothing of the pool itself is up.
    pub fn is_all_down(self) -> bool {
        !matches!(self, Self::Whole | Self::Degraded)
    }

    /// How grave it is that a pool is all down; none where it is not.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Whole | Self::Degraded => None,
            Self::Fallback => Some(Severity::Warning),
            Self::FailOpen | Self::Nodata | Self::Servfail => Some(Severity::Error),
        }
    }

    /// What clients get of a pool that is all down and has this fallback.
    pub fn instead(self, fallback: Option<&str>) -> String {
        match self {
            Self::Whole | Self::Degraded => "what is up serves".to_owned(),
            Self::Fallback => match fallback {
                Some(fallback) => format!("its fallback {fallback} serves"),
                None => "its fallback serves".to_owned(),
            },
            Self::FailOpen => "addresses are handed out all the same".to_owned(),
            Self::Nodata => "answers are empty".to_owned(),
            Self::Servfail => "answers are SERVFAIL".to_owned(),
        }
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
        let is_sound =
            |site| matches!(self.level(tier, site), SiteLevel::Trusted | SiteLevel::Drained);
        match self.dealt.choose_anywhere(tier) {
            Choice::Site { level: Level::Dead, .. } => Condition::FailOpen,
            Choice::Site { tier: serving, .. } if serving > tier => Condition::Fallback,
            // Where only what is held back serves, no site is sound that has any of it.
            Choice::Site { .. } if self.seated_sites(tier).all(is_sound) => Condition::Whole,
            Choice::Site { .. } => Condition::Degraded,
            // Only a roster without sites fences everybody, and there is none.
            Choice::Nodata | Choice::Fenced => Condition::Nodata,
            Choice::Servfail => Condition::Servfail,
        }
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
mod tests;
