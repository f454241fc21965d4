//! What each real server behind a director comes to, and which of them serve a family of its VIP.

use super::Source;
use crate::director::report::{RealReport, RealState, Report};
use crate::health::{Probe, Verdict};
use crate::report::listed;
use crate::steer::director::{Director, FeedSource, Mode, Real};
use crate::steer::pool::Family;
use std::net::SocketAddr;

/// How many servers are named that nobody has configured.
const NAMED_MAX: usize = 4;

/// Why a real is taken for down of which nothing is known yet.
pub const NOT_PROBED: &str = "not probed yet";

/// What a real server comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct RealTruth {
    /// Its name for people.
    pub name: String,
    /// Where it listens, as far as is known.
    pub address: Option<SocketAddr>,
    /// Its weight: as configured, or else as reported.
    pub weight: u32,
    /// Who says what it does.
    pub source: Source,
    /// What it does; none where nobody knows, and only the VIP's own check is left.
    pub state: Option<RealState>,
    /// Why, for people.
    pub because: &'static str,
    /// Sessions at this moment, as reported.
    pub sessions: Option<u64>,
    /// Whether it only stands in for others.
    pub(super) is_backup: bool,
    /// Whether it is counted on.
    pub(super) is_counted: bool,
}

impl RealTruth {
    /// Whether somebody took it out on purpose.
    pub(super) fn is_out(&self) -> bool {
        matches!(self.state, Some(RealState::Draining | RealState::Maintenance))
    }

    /// Whether it may be of a family, for all that is known.
    fn is_of(&self, family: Family) -> bool {
        self.address.is_none_or(|address| is_of(address, family))
    }
}

fn is_of(address: SocketAddr, family: Family) -> bool {
    address.is_ipv4() == (family == Family::V4)
}

/// Which reals those come to who connect to the VIP in a family. A proxy makes connections of its own, to reals of
/// either; NAT and DR stay within the family. Where none of its own is listed, those that are stand for it: a tunnel
/// carries packets of either, and a real may be listed by one address for the machine that has both.
pub(super) fn serving(
    mode: Mode,
    reals: &[RealTruth],
    family: Family,
) -> impl Iterator<Item = &RealTruth> {
    let all = mode == Mode::Proxy || !reals.iter().any(|real| real.is_of(family));
    reals.iter().filter(move |real| all || real.is_of(family))
}

/// Judges the reals of a director by its report, where there is one, and by own probes: those that are configured, or
/// else those that are reported. With it comes why the report is not believed, as far as it is not.
pub(super) fn judge(
    director: &Director,
    report: Option<&Report>,
    verdict: &impl Fn(&Probe) -> Verdict,
) -> (Vec<RealTruth>, Option<String>) {
    let own = OwnProbes { reals: &director.reals, verdict };
    let sees = Family::BOTH.map(|family| own.see_any(family));
    let table = report.filter(|_| is_table_only(director));
    let strangers = Family::BOTH.map(|family| {
        let seen = table.filter(|_| sees[family as usize]);
        seen.map_or_else(Vec::new, |table| strangers(&director.reals, table, family))
    });
    let judge = |real: &Real| {
        let family = usize::from(real.address.is_ipv6());
        match report {
            Some(report) if strangers[family].is_empty() => {
                own.beside(real, report, table.is_some() && sees[family])
            }
            None if director.feed.is_some() && !sees[family] => blind(real),
            _ => own.alone(real),
        }
    };
    let reals = match report {
        Some(report) if director.reals.is_empty() => report.reals.iter().map(reported).collect(),
        _ => director.reals.iter().map(judge).collect(),
    };
    let strangers: Vec<String> = strangers.concat().iter().map(ToString::to_string).collect();
    let fault = (!strangers.is_empty()).then(|| {
        let listed = listed(&strangers, NAMED_MAX);
        format!("its table has {listed} in place of the configured reals, which own probes see up")
    });
    (reals, fault)
}

/// Whom a table sends clients of a family to in place of all the reals that are configured; empty where it has one of
/// these. A single server in place of several is the sorry server of keepalived, and says that all are lost.
fn strangers(configured: &[Real], table: &Report, family: Family) -> Vec<SocketAddr> {
    let own: Vec<SocketAddr> =
        configured.iter().map(|real| real.address).filter(|at| is_of(*at, family)).collect();
    let rows = || table.reals.iter().filter_map(|row| Some((row.address?, row.state)));
    if rows().any(|(address, _)| own.contains(&address)) {
        return Vec::new();
    }
    let used = rows().filter(|(address, state)| is_of(*address, family) && *state == RealState::Up);
    let used: Vec<SocketAddr> = used.map(|(address, _)| address).collect();
    if used.len() == 1 && own.len() > 1 { Vec::new() } else { used }
}

/// Those that the report has and the configuration lacks, where it names any, for people.
pub(super) fn unconfigured(director: &Director, report: &Report) -> Vec<String> {
    if director.reals.is_empty() {
        return Vec::new();
    }
    // Of several at one address the first is the configured one, see `FeedReport::of`.
    let found = |real: &Real| report.reals.iter().position(|row| row.address == Some(real.address));
    let known: Vec<Option<usize>> = director.reals.iter().map(found).collect();
    let rows = report.reals.iter().enumerate();
    rows.filter(|(at, _)| !known.contains(&Some(*at))).map(|(_, row)| shown(row)).collect()
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

    /// Whether they see any real at an address of this family. The way to the others may be closed to them.
    fn see_any(&self, family: Family) -> bool {
        let there = self.reals.iter().filter(|real| is_of(real.address, family));
        there.into_iter().any(|real| self.of(real) == Some(Verdict::Up))
    }

    /// By its probe only; what is not probed is taken for up, as endpoints are.
    fn alone(&self, real: &Real) -> RealTruth {
        let (state, because) = match self.of(real) {
            None => (RealState::Up, "not probed, taken for up"),
            Some(Verdict::Up) => (RealState::Up, "own probe"),
            Some(Verdict::Down) => (RealState::Down, "own probe"),
            Some(Verdict::Unknown) => (RealState::Down, NOT_PROBED),
        };
        let (source, state, is_counted) = (Source::Probes, Some(state), true);
        RealTruth { source, state, because, is_counted, ..blind(real) }
    }

    /// By the report, and if that says nothing of who is alive, by its probe.
    fn beside(&self, real: &Real, report: &Report, is_probe_asked: bool) -> RealTruth {
        let found = report.reals.iter().find(|row| row.address == Some(real.address));
        let (state, because) = match found.map(|row| row.state) {
            None => (RealState::Down, "not in the director's table"),
            // keepalived may give the dead a weight of 0 instead of taking them out.
            Some(RealState::Up | RealState::Draining)
                if is_probe_asked && self.of(real) == Some(Verdict::Down) =>
            {
                (RealState::Down, "in the director's table, and dead by own probe")
            }
            Some(state) => (state, "the director says so"),
        };
        RealTruth {
            source: Source::Feed,
            state: Some(state),
            because,
            sessions: found.and_then(|row| row.sessions),
            is_backup: found.is_some_and(|row| row.is_backup),
            is_counted: state != RealState::Standby,
            ..blind(real)
        }
    }
}

/// A configured real of which nobody knows anything.
fn blind(real: &Real) -> RealTruth {
    RealTruth {
        name: real.name.clone(),
        address: Some(real.address),
        weight: real.weight,
        source: Source::Check,
        state: None,
        because: "no probe from here reaches any of them",
        sessions: None,
        is_backup: false,
        is_counted: false,
    }
}

fn reported(row: &RealReport) -> RealTruth {
    let address = || row.address.map(|address| address.to_string());
    RealTruth {
        name: row.name.clone().or_else(address).unwrap_or_default(),
        address: row.address,
        weight: row.weight,
        source: Source::Feed,
        state: Some(row.state),
        because: "the director says so",
        sessions: row.sessions,
        is_backup: row.is_backup,
        // What is in maintenance and nobody has listed may never have been there: the free slots of a `server-template`.
        is_counted: !matches!(row.state, RealState::Standby | RealState::Maintenance),
    }
}
