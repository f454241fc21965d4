//! What is known of an endpoint, in words: why it stands as it does, and what its weight is made of.

use crate::director::{DirectorTruth, RealState, VipTruth};
use crate::health::comeback::Phase;
use crate::health::overrides::{Action, Override, Pin};
use crate::health::table::Row;
use crate::health::{Probe, Verdict};
use crate::report::percent;
use crate::steer::balance::FavourTold;
use crate::steer::director::Director;
use crate::steer::model::Endpoint;
use jiff::Timestamp;

/// Why a VIP is handed out only where nothing else is, though nothing speaks against it.
pub(in crate::control) const UNVOUCHED: &str =
    "nobody vouches for it: feed lost, no real server in sight, VIP unchecked";
/// What a real server is to its VIP that only the director's feed lists, and the cure.
pub(in crate::control) const UNCONFIGURED: &str =
    "it counts for nothing until it is among the director's reals, or taken out of the director";
/// A factor that is no further from 1 than this is not worth a word.
const FAVOUR_TOLD_MIN: f64 = 0.005;

/// So far beyond its capacity a site may be before it is called full: it is filled up to it on purpose.
pub(in crate::control) const UTILISATION_TOLD_MIN: f64 = 1.1;

/// Why an address stands that nothing probes.
pub(in crate::control) const UNCHECKED: &str = "not checked, taken for up";

/// What a pin does, until when, by whom and why.
pub(in crate::control) fn by_pin(pinned: &Override) -> String {
    let word = match pinned.action {
        Action::Pin(Pin::Drain) => "drained".to_owned(),
        other => other.to_string(),
    };
    let until = pinned.until.map_or_else(String::new, |until| format!(" until {until:.0}"));
    let by = pinned.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let reason = &pinned.reason;
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("override: {word}{until}{by}{reason}")
}

/// What a check has found; none without a verdict.
pub(in crate::control) fn by_row(probe: &Probe, row: Option<&Row>) -> Option<String> {
    let row = row.filter(|row| row.state.verdict != Verdict::Unknown)?;
    Some(format!("check {} at {}: {}", probe.check.name, probe.target, row.cause))
}

/// Since when a verdict holds, as a supplement to why it does.
pub(in crate::control) fn since(row: Option<&Row>) -> String {
    let since = row.and_then(|row| row.state.since);
    since.map_or_else(String::new, |since| format!(" (since {since:.0})"))
}

/// Why what stands behind a VIP keeps it out of the answers; none where it does not.
pub(in crate::control) fn behind(truth: &VipTruth, endpoint: &Endpoint) -> Option<String> {
    let director = endpoint.vip.as_ref()?.directors.get(truth.speaker)?;
    if truth.is_maintenance {
        return Some(format!("director {} is in maintenance", director.name));
    }
    let spoken = truth.spoken()?;
    (!truth.is_enough)
        .then(|| format!("director {}: {}", director.name, against_min_up(spoken, director)))
}

/// How much behind a director is live, held against what should be at least.
pub(in crate::control) fn against_min_up(truth: &DirectorTruth, director: &Director) -> String {
    let (part, min_up) = (percent(truth.healthy()), percent(director.min_up));
    let less = if truth.is_enough(director.min_up) { "" } else { "less than " };
    format!("{}, {part} of the weight, {less}min_up = {min_up}", live_reals(truth))
}

/// What becomes of those who come to a site that is full and takes this part of them.
pub(in crate::control) fn full(part: f64) -> String {
    match part {
        1.0 => "all who come to it are still sent there".to_owned(),
        part => {
            let part = percent(part);
            format!("it takes {part} of the client networks that come to it, the others go on")
        }
    }
}

/// What part of a VIP is live, if not the whole, and who says so if its feed does not.
pub(in crate::control) fn live(truth: &VipTruth) -> Option<String> {
    let spoken = truth.spoken()?;
    let fault = spoken.feed_fault.as_ref().map(|why| {
        let instead = spoken.source.instead_of_feed();
        format!("{instead}, as the feed is not heard: {why}")
    });
    // Why it is out altogether is said where its standing is.
    let part = (truth.live < 1.0 && truth.is_enough)
        .then(|| format!("{}: {} of the weight", live_reals(spoken), percent(truth.live)));
    let both: Vec<String> = [part, fault].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join("; "))
}

/// `3 of 4 real servers live`, those that are out on purpose not counted.
fn live_reals(truth: &DirectorTruth) -> String {
    let up = truth.reals.iter().filter(|real| real.state == RealState::Up).count();
    let down = truth.reals.iter().filter(|real| real.state == RealState::Down).count();
    format!("{up} of {} real servers live", up + down)
}

/// How far something has come back; none if wholly.
pub(super) fn phase(phase: Phase) -> Option<String> {
    match phase {
        Phase::Down | Phase::Whole => None,
        Phase::Held { since, until, doublings } => {
            let again = match doublings {
                0 => String::new(),
                1 => ", twice as long since it failed again soon".to_owned(),
                _ => format!(", doubled {doublings} times since it keeps failing"),
            };
            Some(format!("up again since {since:.0}, held back until {until:.0}{again}"))
        }
        Phase::Ramping { since, until, share } => {
            let share = percent(share);
            Some(format!(
                "slow start: {share} of its weight, since {since:.0}, whole at {until:.0}"
            ))
        }
    }
}

/// What an operator has planned for a weight, and how far that is.
pub(in crate::control) fn plan(
    pinned: &Override,
    configured: u32,
    now: Timestamp,
) -> Option<String> {
    let plan = pinned.plan()?;
    let weight = plan.at(configured, now);
    let way = match plan.ends_at() {
        Some(end) if now < end => {
            let from = plan.from.unwrap_or(configured.into());
            let since = plan.begin.map_or_else(String::new, |begin| format!(" since {begin:.0}"));
            format!(
                "{weight:.1} on the way from {from:.1} to {}{since}, there at {end:.0}",
                plan.weight
            )
        }
        _ => format!("{} in place of {configured}", plan.weight),
    };
    let until = pinned.until.map_or_else(String::new, |until| format!(", until {until:.0}"));
    let by = pinned.by.as_ref().map_or_else(String::new, |by| format!(", by {by}"));
    let reason = &pinned.reason;
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    Some(format!("planned weight: {way}{until}{by}{reason}"))
}

/// How much more or less than its due it gets by load, and what load that is.
pub(in crate::control) fn favour(told: FavourTold) -> Option<String> {
    let is_told = (told.favour - 1.0).abs() >= FAVOUR_TOLD_MIN;
    let load = match (told.load, told.due) {
        (Some(load), Some(due)) => format!(" (load {load:.0}, due {due:.0})"),
        _ => " (its load is not known now)".to_owned(),
    };
    is_told.then(|| format!("by load: {:.2} times its due{load}", told.favour))
}
