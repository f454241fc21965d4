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
//! alone. Pure; what was heard is kept by [`super::hearing`].

use super::report::{RealReport, RealState, Report};
use crate::health::{Probe, Verdict};
use crate::steer::director::{Director, FeedSource, Real, Vip};
use std::fmt;
use std::net::SocketAddr;

/// Why a real is taken for down of which nothing is known yet.
pub const NOT_PROBED: &str = "not probed yet";

/// What a director's feed has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Hearing {
    /// There is no feed.
    Mute,
    /// It says this, as [`FeedReport::of`](super::report::FeedReport::of) has made it.
    Heard(Report),
    /// It says nothing that can be used; why, for people.
    Lost(String),
}

/// Who says which reals are live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What a real server comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct RealTruth {
    /// Its name for people.
    pub name: String,
    /// Where it listens, as far as is known.
    pub address: Option<SocketAddr>,
    /// Its weight: as configured, or else as reported.
    pub weight: u32,
    /// What it does.
    pub state: RealState,
    /// Why, for people.
    pub because: &'static str,
    /// Sessions at this moment, as reported.
    pub sessions: Option<u64>,
}

/// What a director comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectorTruth {
    /// Who says so.
    pub source: Source,
    /// Why its feed does not, where it has one.
    pub feed_fault: Option<String>,
    /// The servers behind it.
    pub reals: Vec<RealTruth>,
    /// Servers that its feed lists beside those that are configured, for people; they count for nothing.
    pub unconfigured: Vec<String>,
    /// Whether it is in maintenance, by configuration, by its own word, or since all of its reals are.
    pub is_maintenance: bool,
    /// Sessions at this moment, as reported.
    pub sessions: Option<u64>,
    /// How long requests take, in milliseconds, as reported.
    pub response_ms: Option<f64>,
}

/// What a VIP comes to, by the director that speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct VipTruth {
    /// By director of the VIP.
    pub directors: Vec<DirectorTruth>,
    /// The place of the one that speaks for all.
    pub speaker: usize,
    /// Live part of the weight of all its reals, 0 to 1.
    pub live: f64,
    /// Whether so much is live that the VIP may be handed out. What is out on purpose is not missed in that.
    pub is_enough: bool,
    /// Whether all that may hold it are in maintenance.
    pub is_maintenance: bool,
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
        let live = directors.get(speaker).map_or(1.0, DirectorTruth::live);
        let spoken = directors.get(speaker).zip(vip.directors.get(speaker));
        let is_enough = spoken.is_none_or(|(truth, director)| truth.is_enough(director.min_up));
        Self { directors, speaker, live, is_enough, is_maintenance }
    }

    /// The live part that it is dealt by: what is handed out though nothing behind it is live is so by the operator's
    /// word, and whole.
    pub fn dealt_live(&self) -> f64 {
        if self.live > 0.0 { self.live } else { 1.0 }
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
        (!truth.is_maintenance, truth.source == Source::Feed, truth.sessions.unwrap_or(0))
    };
    let best = directors.iter().map(rank).max();
    directors.iter().position(|truth| Some(rank(truth)) == best).unwrap_or(0)
}

impl DirectorTruth {
    fn new(director: &Director, hearing: Hearing, verdict: &impl Fn(&Probe) -> Verdict) -> Self {
        let (report, feed_fault) = match hearing {
            Hearing::Mute => (None, None),
            Hearing::Heard(report) => (Some(report), None),
            Hearing::Lost(why) => (None, Some(why)),
        };
        let own = OwnProbes { reals: &director.reals, verdict };
        let (source, reals) = match &report {
            Some(report) => (Source::Feed, own.beside(report, is_table_only(director))),
            None if director.feed.is_none() => (Source::Probes, own.alone()),
            None if own.see_any() => (Source::Probes, own.alone()),
            None => (Source::Check, Vec::new()),
        };
        let is_out = |real: &RealTruth| is_out(real.state);
        let all_out = !reals.is_empty() && reals.iter().all(is_out);
        let reported = report.as_ref();
        Self {
            source,
            feed_fault,
            is_maintenance: director.maintenance
                || reported.is_some_and(|report| report.is_maintenance)
                || all_out,
            sessions: reported.and_then(|report| report.sessions),
            response_ms: reported.and_then(|report| report.response_ms),
            unconfigured: reported.map(|report| own.missing(report)).unwrap_or_default(),
            reals,
        }
    }

    /// Live part of the weight of all reals, 0 to 1; whole where nobody knows of any.
    pub fn live(&self) -> f64 {
        part_up(&self.reals, |_| true)
    }

    /// The same of those that are not out on purpose: how far it is as it should be.
    pub fn healthy(&self) -> f64 {
        part_up(&self.reals, |real| !is_out(real.state))
    }

    /// Whether enough of what should be is live for the VIP to be handed out.
    pub fn is_enough(&self, min_up: f64) -> bool {
        let healthy = self.healthy();
        healthy > 0.0 && healthy >= min_up
    }
}

/// The part of the weight of those that count which is up; whole where none counts.
fn part_up(reals: &[RealTruth], counts: impl Fn(&RealTruth) -> bool) -> f64 {
    let there: Vec<&RealTruth> = reals.iter().filter(|real| counts(real)).collect();
    let is_weighted = there.iter().any(|real| real.weight > 0);
    // Weightless reals count alike.
    let weight = |real: &RealTruth| if is_weighted { f64::from(real.weight) } else { 1.0 };
    let is_up = |real: &&&RealTruth| real.state == RealState::Up;
    let up = there.iter().filter(is_up).map(|real| weight(real)).fold(0.0, |sum, one| sum + one);
    let all: f64 = there.iter().map(|real| weight(real)).sum();
    if all > 0.0 { up / all } else { 1.0 }
}

/// Whether somebody took it out on purpose.
fn is_out(state: RealState) -> bool {
    matches!(state, RealState::Draining | RealState::Maintenance)
}

/// Whether the feed says who is in rotation, and not who is alive.
fn is_table_only(director: &Director) -> bool {
    director.feed.as_ref().is_some_and(|feed| matches!(feed.source, FeedSource::Ipvs(_)))
}

/// The reals as configured, with what own probes find.
struct OwnProbes<'a, V> {
    reals: &'a [Real],
    verdict: &'a V,
}

impl<V: Fn(&Probe) -> Verdict> OwnProbes<'_, V> {
    fn of(&self, real: &Real) -> Option<Verdict> {
        real.probe.as_deref().map(self.verdict)
    }

    fn see_any(&self) -> bool {
        self.reals.iter().any(|real| self.of(real) == Some(Verdict::Up))
    }

    /// By probes only; what is not probed is taken for up, as endpoints are.
    fn alone(&self) -> Vec<RealTruth> {
        let judge = |real: &Real| match self.of(real) {
            None => (RealState::Up, "not probed, taken for up"),
            Some(Verdict::Up) => (RealState::Up, "own probe"),
            Some(Verdict::Down) => (RealState::Down, "own probe"),
            Some(Verdict::Unknown) => (RealState::Down, NOT_PROBED),
        };
        self.reals.iter().map(|real| told(real, judge(real), None)).collect()
    }

    /// By the report, of the configured reals if there are any.
    fn beside(&self, report: &Report, is_table_only: bool) -> Vec<RealTruth> {
        if self.reals.is_empty() {
            return report.reals.iter().map(reported).collect();
        }
        let sees = is_table_only && self.see_any();
        let judge = |real: &Real| {
            let found = report.reals.iter().find(|row| row.address == Some(real.address));
            let judged = match found.map(|row| row.state) {
                None => (RealState::Down, "not in the director's table"),
                // keepalived may give the dead a weight of 0 instead of taking them out.
                Some(RealState::Up | RealState::Draining)
                    if sees && self.of(real) == Some(Verdict::Down) =>
                {
                    (RealState::Down, "in the director's table, and dead by own probe")
                }
                Some(state) => (state, "the director says so"),
            };
            told(real, judged, found)
        };
        self.reals.iter().map(judge).collect()
    }

    /// Those that the report has and the configuration lacks, where it names any.
    fn missing(&self, report: &Report) -> Vec<String> {
        if self.reals.is_empty() {
            return Vec::new();
        }
        // Of several at one address the first is the configured one, see `FeedReport::of`.
        let found =
            |real: &Real| report.reals.iter().position(|row| row.address == Some(real.address));
        let known: Vec<Option<usize>> = self.reals.iter().map(found).collect();
        let rows = report.reals.iter().enumerate();
        rows.filter(|(at, _)| !known.contains(&Some(*at))).map(|(_, row)| shown(row)).collect()
    }
}

/// `web4 (10.0.0.9:80)`, or which of the two there is.
fn shown(row: &RealReport) -> String {
    match (&row.name, row.address) {
        (Some(name), Some(address)) if *name != address.to_string() => {
            format!("{name} ({address})")
        }
        (Some(name), _) => name.clone(),
        (None, address) => address.map(|address| address.to_string()).unwrap_or_default(),
    }
}

fn told(
    real: &Real,
    (state, because): (RealState, &'static str),
    row: Option<&RealReport>,
) -> RealTruth {
    RealTruth {
        name: real.name.clone(),
        address: Some(real.address),
        weight: real.weight,
        state,
        because,
        sessions: row.and_then(|row| row.sessions),
    }
}

fn reported(row: &RealReport) -> RealTruth {
    let address = || row.address.map(|address| address.to_string());
    RealTruth {
        name: row.name.clone().or_else(address).unwrap_or_default(),
        address: row.address,
        weight: row.weight,
        state: row.state,
        because: "the director says so",
        sessions: row.sessions,
    }
}

#[cfg(test)]
mod tests;
