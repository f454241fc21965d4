//! What a VIP is worth: which of the real servers behind it are live, and who says so.
//!
//! ```text
//! Director, what its feed said (or why it says nothing), verdicts of own probes ─► DirectorTruth ─┐
//!                                              of each director that may hold the VIP ────────────┴─► VipTruth
//! ```
//!
//! A feed that speaks is believed: it sees what clients' packets see. IPVS itself looks at no server, so its table says
//! who is in rotation, and own probes say who of them is dead. Where a feed is silent or lies, own probes decide, and
//! where they see nobody at all while the VIP answers its own check, it is they who are blind: then the check decides
//! alone. All of that is so in each family: what a VIP comes to for those who ask for A is no matter of real servers
//! that only AAAA leads to, and a host without IPv6 sees none of these. Pure; what was heard is kept by
//! [`super::hearing`], and each real server is judged by [`reals`].

mod reals;

use super::report::{RealState, Report};
use crate::health::{Probe, Verdict};
use crate::steer::director::{Director, Vip};
use crate::steer::pool::Family;
use jiff::Timestamp;
pub use reals::{NOT_PROBED, RealTruth};
use std::fmt;

/// What a director's feed has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Hearing {
    /// There is no feed.
    Mute,
    /// It says this, as [`FeedReport::of`](super::report::FeedReport::of) has made it.
    Heard(Report),
    /// It says nothing that can be used.
    Lost {
        /// Why, for people.
        why: String,
        /// Since when, where that is known.
        since: Option<Timestamp>,
        /// Sessions when it was last heard, if it ever was.
        last_sessions: Option<u64>,
    },
}

impl Hearing {
    /// Nothing that can be used, now or before.
    pub fn lost(why: impl Into<String>) -> Self {
        Self::Lost { why: why.into(), since: None, last_sessions: None }
    }
}

/// Who says which reals are live, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The director's feed.
    Feed,
    /// Own probes of the reals.
    Probes,
    /// Nobody: the VIP's own check alone decides.
    Check,
}

impl Source {
    /// Every source with its word.
    pub const ALL: [(&str, Self); 3] =
        [("feed", Self::Feed), ("probes", Self::Probes), ("check", Self::Check)];

    /// Who decides in place of a feed that is not heard, as a sentence.
    pub fn instead_of_feed(self) -> &'static str {
        match self {
            Self::Check => "only a check of the VIP itself decides",
            Self::Feed | Self::Probes => "own probes of the real servers decide",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::ALL.iter().find(|(_, source)| source == self).map_or("", |(word, _)| word))
    }
}

/// What a director comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectorTruth {
    /// Why its feed does not say which reals are live, where it has one.
    pub feed_fault: Option<String>,
    /// Since when it does not, where that is known.
    pub lost_since: Option<Timestamp>,
    /// The servers behind it.
    pub reals: Vec<RealTruth>,
    /// Servers that its feed lists beside those that are configured, for people; they count for nothing.
    pub unconfigured: Vec<String>,
    /// Whether it is in maintenance, by configuration, by its own word, or since all of its reals are.
    pub is_maintenance: bool,
    /// Sessions at this moment, as reported.
    pub sessions: Option<u64>,
    /// Of one whose feed is lost, sessions when it was last heard.
    pub last_sessions: Option<u64>,
    /// How long requests take, in milliseconds, as reported.
    pub response_ms: Option<f64>,
    families: [FamilyTruth; 2],
}

/// What stands behind a VIP in one family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FamilyTruth {
    /// Who says so.
    pub source: Source,
    /// Live part of the weight of all reals that serve it, 0 to 1; whole where nobody knows of any.
    pub live: f64,
    /// The same of those that are not out on purpose: how far it is as it should be.
    pub healthy: f64,
    /// Whether so much is live that the VIP may be handed out. What is out on purpose is not missed in that.
    pub is_enough: bool,
    /// Whether it is to drain.
    pub is_maintenance: bool,
    /// How many reals are live.
    pub up: usize,
    /// How many should be, and are not.
    pub down: usize,
    /// How many are out on purpose, and take their part with them.
    pub out: usize,
}

/// What a VIP comes to, by the director that speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct VipTruth {
    /// By director of the VIP.
    pub directors: Vec<DirectorTruth>,
    /// The place of the one that speaks for all.
    pub speaker: usize,
    /// Sessions at this moment, of whoever holds it; none where that may be one that does not tell.
    pub sessions: Option<u64>,
    /// How long requests to it take, in milliseconds; none likewise.
    pub response_ms: Option<f64>,
    families: [FamilyTruth; 2],
}

impl VipTruth {
    /// Puts together what is known of each director.
    pub fn new(
        vip: &Vip,
        hearing: impl Fn(&Director) -> Hearing,
        verdict: impl Fn(&Probe) -> Verdict,
    ) -> Self {
        let judge = |director| DirectorTruth::new(director, hearing(director), &verdict);
        let directors: Vec<DirectorTruth> = vip.directors.iter().map(|it| judge(it)).collect();
        let is_maintenance = directors.iter().all(|truth| truth.is_maintenance);
        let speaker = speaker(&directors);
        let families = Family::BOTH.map(|family| {
            let spoken = directors.get(speaker).map_or(FamilyTruth::UNTOLD, |it| it.of(family));
            FamilyTruth { is_maintenance: is_maintenance || spoken.is_maintenance, ..spoken }
        });
        let (sessions, response_ms) = load(&directors);
        Self { directors, speaker, sessions, response_ms, families }
    }

    /// What it comes to for those who ask in a family.
    pub fn of(&self, family: Family) -> FamilyTruth {
        self.families[family as usize]
    }

    /// What the director says that speaks for all.
    pub fn spoken(&self) -> Option<&DirectorTruth> {
        self.directors.get(self.speaker)
    }
}

/// Of several directors that may hold a VIP one holds it, and it is that one which has the sessions. One in maintenance
/// speaks only for itself.
fn speaker(directors: &[DirectorTruth]) -> usize {
    let rank = |truth: &DirectorTruth| {
        (!truth.is_maintenance, truth.is_heard(), truth.sessions.unwrap_or(0))
    };
    let best = directors.iter().map(rank).max();
    directors.iter().position(|truth| Some(rank(truth)) == best).unwrap_or(0)
}

/// Sessions and response time of a VIP, which are those of the director that holds it: of all that may, the one with
/// the most sessions, whether it is to go into maintenance or not, as VRRP may not have moved yet. One that is not
/// heard counts with what it had when it was; if that is the most, the load is not known. Nor is it where one was never
/// heard, unless the operator has it in maintenance.
fn load(directors: &[DirectorTruth]) -> (Option<u64>, Option<f64>) {
    let had = |truth: &DirectorTruth| truth.sessions.or(truth.last_sessions);
    let able = || directors.iter().filter(|it| had(it).is_some() || !it.is_maintenance);
    if able().count() > 1 && able().any(|truth| had(truth).is_none()) {
        // Whoever tells no sessions may yet tell times. The slowest's is no less than the holder's.
        let is_each_heard = able().all(DirectorTruth::is_heard);
        let slowest = able().filter_map(|it| it.response_ms).max_by(f64::total_cmp);
        return (None, slowest.filter(|_| is_each_heard));
    }
    let holder = able().max_by_key(|truth| (had(truth), truth.is_heard()));
    holder.map_or((None, None), |truth| (truth.sessions, truth.response_ms))
}

impl DirectorTruth {
    fn new(director: &Director, hearing: Hearing, verdict: &impl Fn(&Probe) -> Verdict) -> Self {
        let (report, feed_fault, lost_since, last_sessions) = match hearing {
            Hearing::Mute => (None, None, None, None),
            Hearing::Heard(report) => (Some(report), None, None, None),
            Hearing::Lost { why, since, last_sessions } => (None, Some(why), since, last_sessions),
        };
        let (reals, disbelief) = reals::judge(director, report.as_ref(), verdict);
        let is_believed = disbelief.is_none() || reals.iter().any(|it| it.source == Source::Feed);
        let report = report.filter(|_| is_believed);
        let feed_fault = feed_fault.or(disbelief);
        let is_out = |real: &RealTruth| real.is_out();
        let all_out = !reals.is_empty() && reals.iter().all(is_out);
        let reported = report.as_ref();
        let families = Family::BOTH.map(|family| {
            let serving: Vec<&RealTruth> = reals::serving(director.mode, &reals, family).collect();
            FamilyTruth::new(&serving, reported.is_some(), director.min_up)
        });
        Self {
            feed_fault,
            lost_since,
            is_maintenance: director.maintenance
                || reported.is_some_and(|report| report.is_maintenance)
                || all_out,
            sessions: reported.and_then(|report| report.sessions),
            last_sessions,
            response_ms: reported.and_then(|report| report.response_ms),
            unconfigured: reported.map_or_else(Vec::new, |it| reals::unconfigured(director, it)),
            reals,
            families,
        }
    }

    /// What it comes to for those who ask in a family.
    pub fn of(&self, family: Family) -> FamilyTruth {
        self.families[family as usize]
    }

    /// Whether its feed is heard and believed.
    pub fn is_heard(&self) -> bool {
        self.families.iter().any(|family| family.source == Source::Feed)
    }
}

impl FamilyTruth {
    /// Where nobody tells anything.
    const UNTOLD: Self = Self {
        source: Source::Check,
        live: 1.0,
        healthy: 1.0,
        is_enough: true,
        is_maintenance: false,
        up: 0,
        down: 0,
        out: 0,
    };

    /// By the reals that serve the family, and whether a feed has told which these are.
    fn new(reals: &[&RealTruth], is_told: bool, min_up: f64) -> Self {
        let untold = if is_told { Source::Feed } else { Source::Check };
        let is_maintenance = !reals.is_empty() && reals.iter().all(|real| real.is_out());
        let counted = || reals.iter().copied().filter(|real| real.is_counted);
        let healthy = part_up(counted().filter(|real| !real.is_out()));
        let count = |state| reals.iter().filter(|real| real.state == Some(state)).count();
        Self {
            source: reals.iter().map(|real| real.source).min().unwrap_or(untold),
            live: if is_maintenance { 0.0 } else { part_up(counted()) },
            healthy,
            is_enough: healthy > 0.0 && healthy >= min_up,
            is_maintenance,
            up: count(RealState::Up),
            down: count(RealState::Down),
            out: counted().filter(|real| real.is_out()).count(),
        }
    }

    /// The live and the healthy part that it is dealt by: what is handed out though nothing behind it is live is so by
    /// the operator's word, and whole.
    pub fn dealt(self) -> (f64, f64) {
        let dealt = |part: f64| if part > 0.0 { part } else { 1.0 };
        (dealt(self.live), dealt(self.healthy))
    }
}

/// The part of their weight which is up; whole where there are none. Backups that serve do so in place of others.
fn part_up<'r>(reals: impl Iterator<Item = &'r RealTruth>) -> f64 {
    let there: Vec<&RealTruth> = reals.collect();
    let is_weighted = there.iter().any(|real| real.weight > 0);
    // Weightless reals count alike.
    let weight = |real: &RealTruth| if is_weighted { f64::from(real.weight) } else { 1.0 };
    let is_up = |real: &&&RealTruth| real.state == Some(RealState::Up);
    let up = there.iter().filter(is_up).map(|real| weight(real)).fold(0.0, |sum, one| sum + one);
    let sum =
        |backups| there.iter().filter(|it| it.is_backup == backups).map(|it| weight(it)).sum();
    let (all, backups): (f64, f64) = (sum(false), sum(true));
    let all = if all > 0.0 { all } else { backups };
    if all > 0.0 { (up / all).min(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests;
