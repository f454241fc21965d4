//! What is worth an event: pure, with the clock the caller's.
//!
//! A verdict that turns and an override that comes or goes are events as they are. Pools and their sites are looked at
//! after each publication, and what has changed since the last look is told with the newest cause that can be found
//! among the endpoints concerned. What moves by itself is looked at after each step. Recording is the part of
//! [`super::events`].

mod conditions;
mod directors;
mod movements;
mod pins;
mod ration;
#[cfg(test)]
mod tests;

pub(super) use conditions::Conditions;
pub(super) use directors::directors_turned;
pub(super) use movements::Movements;
pub(super) use pins::{overrides_changed, overrides_ended};

use super::events::{Event, Kind, Severity};
use crate::health::{Probe, Transition, Verdict};
use crate::report::listed;
use crate::snapshot::Catalog;
use crate::steer::model::{Endpoint, Pool};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Endpoints that are named in one event; a probe can speak for hundreds.
const NAMED_MAX: usize = 5;

/// A verdict has turned. The first of the catalogs that has endpoints of the probe names them.
pub(super) fn verdict_turned<'a>(
    catalogs: impl IntoIterator<Item = &'a Catalog>,
    transition: &Transition,
    at: Timestamp,
) -> Event {
    let Transition { probe, to, reason, .. } = transition;
    let concerned = catalogs
        .into_iter()
        .map(|catalog| endpoints_of(catalog, probe))
        .find(|concerned| !concerned.is_empty())
        .unwrap_or_default();
    let cause = format!("check {} at {}: {reason}", probe.check.name, probe.target);
    let severity = if *to == Verdict::Down { Severity::Warning } else { Severity::Info };
    let verb = if concerned.len() > 1 { "are" } else { "is" };
    let what = match &*concerned {
        [] => format!("{} {verb} {to}", probe.target),
        some => format!("{} {verb} {to}", named(some)),
    };
    let mut event = Event::new(at, Kind::Verdict, severity, what, cause);
    event.zone = common(&concerned, |(pool, _)| pool.zone.as_ref().map(ToString::to_string));
    event.site = common(&concerned, |(_, endpoint)| Some(endpoint.site.name.clone()));
    event.pool = common(&concerned, |(pool, _)| Some(pool.name.clone()));
    event.endpoint = common(&concerned, |(_, endpoint)| Some(endpoint.name.clone()));
    event
}

/// What all have in common, if they have.
fn common<T>(all: &[T], part: impl Fn(&T) -> Option<String>) -> Option<String> {
    let mut parts = all.iter().map(part);
    let first = parts.next()??;
    parts.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

/// `web/fra-1, web/fra-2`, and how many more.
fn named(concerned: &[(Arc<Pool>, Arc<Endpoint>)]) -> String {
    let names: Vec<String> = concerned
        .iter()
        .map(|(pool, endpoint)| format!("{}/{}", pool.name, endpoint.name))
        .collect();
    listed(&names, NAMED_MAX)
}

/// The endpoints that a probe speaks for, with their pools, each once.
fn endpoints_of(catalog: &Catalog, probe: &Probe) -> Vec<(Arc<Pool>, Arc<Endpoint>)> {
    let mut found = BTreeMap::new();
    for roster in catalog.rosters_of(probe).iter().map(|&roster| &catalog.rosters()[roster]) {
        for tier in &roster.tiers {
            let seated = tier.seats.iter().flatten().map(|&at| &tier.pool.endpoints[at]);
            for endpoint in seated {
                if roster.family.probe(endpoint).is_some_and(|own| **own == *probe) {
                    let zone = tier.pool.zone.as_ref().map(ToString::to_string);
                    let key = (zone, tier.pool.name.clone(), endpoint.name.clone());
                    found.entry(key).or_insert_with(|| (tier.pool.clone(), endpoint.clone()));
                }
            }
        }
    }
    found.into_values().collect()
}
