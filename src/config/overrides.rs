//! `overrides.toml`: what an operator has pinned up, down or to drain, and the weights that are planned.

use super::defaults::ENDPOINT_WEIGHT_MAX;
use super::document::Document;
use super::reader::{Table, Value};
use super::value::duration;
use crate::health::overrides::{Action, Override, OverrideTarget, Overrides, Pin, Plan};
use crate::report::{Report, Source};
use crate::steer::model::Pool;
use crate::wire::Name;
use jiff::Timestamp;
use std::collections::HashSet;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// Longest reason or name of an operator, in bytes; they stand in tables for people.
pub const TEXT_BYTES_MAX: usize = 500;

/// What is said of an override that does not end.
pub const ENDLESS: &str = "an override without an end is forgotten easily";

/// The shortest that a planned weight takes: a step of it is a second.
pub const OVER_MIN: Duration = Duration::from_secs(1);
/// The longest: who changes a weight for longer than a month writes it where the endpoint is configured.
pub const OVER_MAX: Duration = Duration::from_secs(30 * 86_400);

const PINS: [(&str, Pin); 3] = [("up", Pin::Up), ("down", Pin::Down), ("drain", Pin::Drain)];

/// Overrides, and where each stands in its file.
pub struct Written {
    /// The overrides.
    pub overrides: Overrides,
    places: Vec<Range<usize>>,
}

/// Reads the whole file; the findings of `doc` say whether the result may be used.
pub fn read(doc: &Document, now: Timestamp) -> Option<Written> {
    let tree = doc.tree()?;
    let mut root = Table::root(doc, &tree, "the overrides");
    let elements = root.take("override").and_then(|value| value.list()).unwrap_or_default();
    root.finish();
    let mut written = Written { overrides: Overrides::default(), places: Vec::new() };
    for element in &elements {
        if let Some(read) = one(element, now) {
            written.overrides.list.push(read);
            written.places.push(element.span());
        }
    }
    Some(written)
}

/// Overrides as a text has them, every entry of it at its own place; the report if any of them has a mistake.
pub fn parse(source: &Arc<Source>, now: Timestamp) -> Result<Overrides, Report> {
    let doc = Document::new(source.clone());
    let written = read(&doc, now);
    let sound = !doc.has_errors();
    match written {
        Some(written) if sound => Ok(written.overrides),
        _ => Err(doc.finish().0),
    }
}

/// Warns of overrides that match none of the endpoints that there are.
pub fn warn_unmatched<'p>(
    written: &Written,
    doc: &Document,
    pools: impl Iterator<Item = &'p Arc<Pool>>,
) {
    let list = &written.overrides.list;
    let mut unmatched: Vec<usize> = (0..list.len()).collect();
    let mut seen = HashSet::new();
    // Pools are shared by names, and fallbacks by pools.
    for pool in pools.flat_map(|pool| pool.chain()).filter(|pool| seen.insert(ptr::from_ref(*pool)))
    {
        for endpoint in &pool.endpoints {
            let subject = pool.subject(endpoint);
            unmatched.retain(|&index| !list[index].target.matches(&subject));
        }
    }
    for index in unmatched {
        let message = format!("no endpoint matches {}", list[index].target);
        let help = "correct the names, or remove the override";
        doc.warning(written.places[index].clone(), message, help);
    }
}

fn one(element: &Value<'_>, now: Timestamp) -> Option<Override> {
    let mut table = element.table("an override")?;
    let target = target(element, &mut table);
    let action = action(element, &mut table, target.as_ref());
    let until = table.take("until").map(|value| (moment(&value), value));
    let reason = table.take("reason");
    let by = table.take("by").map(|value| value.short_string(TEXT_BYTES_MAX));
    table.finish();
    match &until {
        None if matches!(action, Some(Action::Pin(_))) => {
            let help = "add until = and a time, such as 2030-01-31T18:00:00Z";
            element.warning(ENDLESS, help);
        }
        Some((Some(end), value)) if *end <= now => {
            value.warning("this override has ended", "remove it, or give it a later end");
        }
        Some((Some(end), value)) if ends_early(action, *end) => {
            let help = "give it a later end, or a shorter over =";
            value.warning("this override ends before its weight is reached", help);
        }
        // A weight is a setting, and may well hold for good.
        Some(_) | None => {}
    }
    if reason.is_none() {
        let help = "add reason = \"…\" for those who come after you";
        element.warning("an override without a reason", help);
    }
    let reason = reason.map_or(Some(String::new()), |value| value.short_string(TEXT_BYTES_MAX));
    Some(Override {
        target: target?,
        action: action?,
        until: if_given(until.map(|(until, _)| until))?,
        reason: reason?,
        by: if_given(by)?,
    })
}

/// What it does: a state or a weight.
fn action(
    element: &Value<'_>,
    table: &mut Table<'_>,
    target: Option<&OverrideTarget>,
) -> Option<Action> {
    let [state, weight] = ["state", "weight"].map(|key| table.take(key));
    let plan_keys = ["from", "begin", "over"].map(|key| table.take(key));
    let Some(weight) = weight else {
        for value in plan_keys.into_iter().flatten() {
            let message = format!("{:?} goes with a weight, and there is none", value.key);
            value.key_error(message, "add weight =, or remove it");
        }
        let Some(state) = state else {
            let help = "add state = \"up\", \"down\" or \"drain\", or weight = and a number";
            element.error("an override needs \"state\" or \"weight\"", help);
            return None;
        };
        return state.choice(&PINS).map(Action::Pin);
    };
    let mut is_sound = true;
    if let Some(state) = state {
        state.choice(&PINS);
        let help = "write two overrides, one with the state and one with the weight";
        weight.key_error("an override has a state or a weight, not both", help);
        is_sound = false;
    }
    if let Some(OverrideTarget::Site { .. } | OverrideTarget::Pool { .. }) = target {
        let help = "write endpoint = and a name, in an override for each; to take out all of it, \
                    state = \"drain\"";
        weight.key_error("only endpoints have a weight", help);
        is_sound = false;
    }
    plan(&weight, plan_keys).map(Action::Weight).filter(|_| is_sound)
}

fn plan(weight: &Value<'_>, [from, begin, over]: [Option<Value<'_>>; 3]) -> Option<Plan> {
    let to = weight.integer(0..=ENDPOINT_WEIGHT_MAX);
    let has_begin = begin.is_some();
    for value in [&from, &over].into_iter().flatten().filter(|_| !has_begin) {
        let message = format!("{:?} says nothing without a begin", value.key);
        value.key_error(message, "add begin = and a time, such as 2030-01-31T18:00:00Z");
    }
    let weights = 0.0..=ENDPOINT_WEIGHT_MAX as f64;
    let from = if_given(from.map(|value| value.float(weights)));
    let begin = if_given(begin.map(|value| moment(&value)));
    let over = if_given(over.map(|value| duration(&value, OVER_MIN..=OVER_MAX)));
    // Within the range above.
    Some(Plan { weight: to? as u32, from: from?, begin: begin?, over: over?.unwrap_or_default() })
}

/// Whether a weight would not be reached.
fn ends_early(action: Option<Action>, end: Timestamp) -> bool {
    match action {
        Some(Action::Weight(plan)) => plan.ends_at().is_some_and(|reached| end < reached),
        _ => false,
    }
}

fn target(element: &Value<'_>, table: &mut Table<'_>) -> Option<OverrideTarget> {
    let mut take = |key| table.take(key).map(|value| (value.string().map(str::to_owned), value));
    let (site, pool, endpoint) = (take("site"), take("pool"), take("endpoint"));
    let zone = if_given(take("zone").map(|(text, value)| zone(text?, &value)))?;
    match (site, pool, endpoint) {
        (Some((name, _)), None, None) => Some(OverrideTarget::Site { zone, name: name? }),
        (None, Some((name, _)), None) => Some(OverrideTarget::Pool { zone, name: name? }),
        (None, pool, Some((name, _))) => {
            let pool = if_given(pool.map(|(pool, _)| pool))?;
            Some(OverrideTarget::Endpoint { zone, pool, name: name? })
        }
        (None, None, None) => {
            let help = "add site = , pool = or endpoint = and its name";
            element.error("an override on nothing", help);
            None
        }
        (Some((_, site)), ..) => {
            let help = "write one override for the site and another for the rest";
            site.error("an override on a site has neither pool nor endpoint", help);
            None
        }
    }
}

/// What a key says that may be left out; none only if it was given and is wrong.
fn if_given<T>(given: Option<Option<T>>) -> Option<Option<T>> {
    match given {
        Some(read) => read.map(Some),
        None => Some(None),
    }
}

fn zone(text: String, value: &Value<'_>) -> Option<Name> {
    match Name::parse(&text, None) {
        Ok(zone) => Some(zone),
        Err(error) => {
            value.error(
                format!("{text:?} is no zone: {error}"),
                "write its name, as in \"example.com\"",
            );
            None
        }
    }
}

/// A moment: TOML's own form of date and time, or the same as a text (RFC 3339).
fn moment(value: &Value<'_>) -> Option<Timestamp> {
    let text = match value.datetime() {
        Some(text) => text,
        None if value.is_string() => value.string()?.to_owned(),
        None => {
            value.wrong_type("a date and time", "as in 2030-01-31T18:00:00Z");
            return None;
        }
    };
    let moment = text.parse().ok();
    if moment.is_none() {
        let help = "write date, time and offset, as in 2030-01-31T18:00:00Z";
        value.error(format!("{text:?} is no moment in time"), help);
    }
    moment
}
