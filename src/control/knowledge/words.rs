//! What is known of an endpoint, in words: why it stands as it does, and what its weight is made of.

use crate::control::spans::{coming, span, until};
use crate::director::{Source, VipTruth};
use crate::health::comeback::Phase;
use crate::health::overrides::{Action, Override, Pin};
use crate::health::table::Row;
use crate::health::{Probe, Verdict};
use crate::report::percent;
use crate::steer::balance::FavourTold;
use crate::steer::director::Director;
use crate::steer::model::Endpoint;
use crate::steer::pool::Family;
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

/// Why what stands behind a VIP keeps it out of the answers of a family; none where it does not.
pub(in crate::control) fn behind(
    truth: &VipTruth,
    endpoint: &Endpoint,
    family: Family,
) -> Option<String> {
    let director = endpoint.vip.as_ref()?.directors.get(truth.speaker)?;
    let name = &director.name;
    let found = truth.of(family);
    if found.is_maintenance {
        let is_whole = Family::BOTH.into_iter().all(|family| truth.of(family).is_maintenance);
        let of = if is_whole { String::new() } else { format!(" for {}", family.rtype()) };
        return Some(format!("director {name} is in maintenance{of}"));
    }
    let less = || format!("director {name}: {}", against_min_up(truth, family, director));
    (!found.is_enough).then(less)
}

/// How much of what serves a family behind a director is live, held against what should be at least.
pub(in crate::control) fn against_min_up(
    truth: &VipTruth,
    family: Family,
    director: &Director,
) -> String {
    let found = truth.of(family);
    let (part, min_up) = (percent(found.healthy), percent(director.min_up));
    let less = if found.is_enough { "" } else { "less than " };
    format!("{}, {part} of the weight, {less}min_up = {min_up}", live_reals(truth, family))
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

/// What part of a VIP is live in a family, if not the whole, and who says so if its feed does not.
pub(in crate::control) fn live(truth: &VipTruth, family: Family, now: Timestamp) -> Option<String> {
    let (found, spoken) = (truth.of(family), truth.spoken()?);
    let fault = spoken.feed_fault.as_ref().filter(|_| found.source != Source::Feed);
    let fault = fault.map(|why| {
        let instead = found.source.instead_of_feed();
        let since = spoken.lost_since.map(|since| format!(" (since {})", span(since, now)));
        format!("{instead}, as the feed is not heard: {why}{}", since.unwrap_or_default())
    });
    // Why it is out altogether is said where its standing is.
    let part = (found.live < 1.0 && found.is_enough).then(|| {
        let out = match found.out {
            0 => String::new(),
            out => format!(", {out} out on purpose"),
        };
        format!("{}{out}: {} of the weight", live_reals(truth, family), percent(found.live))
    });
    let both: Vec<String> = [part, fault].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join("; "))
}

/// `3 of 4 real servers live`, those that are out on purpose not counted; `2 of 2 real servers live for A` where the
/// other family has others.
fn live_reals(truth: &VipTruth, family: Family) -> String {
    let counts = |family| (truth.of(family).up, truth.of(family).down);
    let (up, down) = counts(family);
    let is_same = Family::BOTH.into_iter().all(|family| counts(family) == (up, down));
    let of = if is_same { String::new() } else { format!(" for {}", family.rtype()) };
    format!("{up} of {} real servers live{of}", up + down)
}

/// How far something has come back; none if wholly.
pub(super) fn phase(phase: Phase, now: Timestamp) -> Option<String> {
    match phase {
        Phase::Down | Phase::Whole => None,
        Phase::Held { since, until, doublings } => {
            let again = match doublings {
                0 => String::new(),
                1 => ", twice as long since it failed again soon".to_owned(),
                _ => format!(", doubled {doublings} times since it keeps failing"),
            };
            let (since, until) = (span(since, now), self::until(now, Some(until)));
            Some(format!("up again since {since}, held back {until}{again}"))
        }
        Phase::Ramping { since, until, share } => {
            let (share, since) = (percent(share), span(since, now));
            let whole = coming(now, until);
            Some(format!("slow start: {share} of its weight, since {since}, whole at {whole}"))
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
            let begun = plan.begin.filter(|begin| *begin <= now);
            let since = begun.map_or_else(String::new, |it| format!(" since {}", span(it, now)));
            let there = coming(now, end);
            format!(
                "{weight:.1} on the way from {from:.1} to {}{since}, there at {there}",
                plan.weight
            )
        }
        _ => format!("{} in place of {configured}", plan.weight),
    };
    let until = pinned.until.map(|end| format!(", {}", self::until(now, Some(end))));
    let until = until.unwrap_or_default();
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
