//! Overrides that come and go.

use crate::control::events::{Event, Kind, Severity};
use crate::health::overrides::{Override, OverrideTarget, Overrides};
use jiff::Timestamp;

/// An operator has edited the overrides; `by` has asked that they be read, if it is known who. One that had ended is
/// not missed, and one that was written after its end sets nothing.
pub(in crate::control) fn overrides_changed(
    old: &Overrides,
    new: &Overrides,
    by: Option<&str>,
    at: Timestamp,
) -> Vec<Event> {
    let gone = missing(old, new, at).map(|pinned| {
        let what = format!("{}: {} removed", pinned.target, pinned.action);
        let cause = [by.map(|by| format!("removed by {by}")), origin(pinned)];
        let cause = cause.into_iter().flatten().collect::<Vec<_>>().join("; ");
        about(pinned, Event::new(at, Kind::OverrideRemoved, Severity::Info, what, cause))
    });
    let come = missing(new, old, at).map(|pinned| {
        let until = pinned
            .until
            .map_or_else(|| "without an end".to_owned(), |until| format!("until {until:.0}"));
        let what = format!("{}: {} {until}", pinned.target, pinned.action);
        about(pinned, Event::new(at, Kind::OverrideSet, Severity::Info, what, why(pinned)))
    });
    gone.chain(come).collect()
}

/// Overrides that ran out after `since`, and no later than `at`.
pub(in crate::control) fn overrides_ended(
    overrides: &Overrides,
    since: Timestamp,
    at: Timestamp,
) -> Vec<Event> {
    let ended = |pinned: &&Override| pinned.until.is_some_and(|until| since < until && until <= at);
    overrides
        .list
        .iter()
        .filter(ended)
        .map(|pinned| {
            let what = format!("{}: {} has run out", pinned.target, pinned.action);
            about(pinned, Event::new(at, Kind::OverrideEnded, Severity::Info, what, why(pinned)))
        })
        .collect()
}

/// The overrides in force of one list that the other does not have.
fn missing<'a>(
    from: &'a Overrides,
    there: &'a Overrides,
    at: Timestamp,
) -> impl Iterator<Item = &'a Override> {
    let absent = move |pinned: &&Override| pinned.in_force(at) && !there.list.contains(pinned);
    from.list.iter().filter(absent)
}

/// The reason and who gave it.
fn why(pinned: &Override) -> String {
    match (&*pinned.reason, &pinned.by) {
        ("", None) => String::new(),
        ("", Some(by)) => format!("by {by}"),
        (reason, None) => reason.to_owned(),
        (reason, Some(by)) => format!("{reason} (by {by})"),
    }
}

/// Who had set one that is gone, and why, if anything is known of that.
fn origin(pinned: &Override) -> Option<String> {
    match (&*pinned.reason, &pinned.by) {
        ("", None) => None,
        ("", Some(by)) => Some(format!("it was set by {by}")),
        (reason, None) => Some(format!("it was set for: {reason}")),
        (reason, Some(by)) => Some(format!("it was set by {by}: {reason}")),
    }
}

fn about(pinned: &Override, mut event: Event) -> Event {
    let zone = match &pinned.target {
        OverrideTarget::Site { zone, name } => {
            event.site = Some(name.clone());
            zone
        }
        OverrideTarget::Pool { zone, name } => {
            event.pool = Some(name.clone());
            zone
        }
        OverrideTarget::Endpoint { zone, pool, name } => {
            event.endpoint = Some(name.clone());
            event.pool.clone_from(pool);
            zone
        }
    };
    event.zone = zone.as_ref().map(ToString::to_string);
    event
}
