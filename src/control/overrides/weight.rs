//! Weights that operators plan: whose they can be, where they begin, and what is to be known of them.

use super::refused::Refused;
use super::target::{self, LISTED_MAX, Wanted, written};
use crate::health::overrides::{Action, Override, OverrideTarget, Overrides, Plan};
use crate::report::listed;
use crate::snapshot::Catalog;
use crate::steer::model::{Endpoint, Method, Pool};
use jiff::Timestamp;
use std::time::Duration;

/// Weights of the past are written with so many parts of 1 at most.
const PARTS: f64 = 100.0;

/// Finds whose weight is meant: that of an endpoint, of all of its name, or of a director's VIP.
pub(super) fn find(catalog: &Catalog, wanted: &Wanted) -> Result<Vec<OverrideTarget>, Refused> {
    let lost = match target::find_weighing(catalog, wanted) {
        Ok(found) => return Ok(found),
        Err(lost) => lost,
    };
    match target::find(catalog, wanted).as_deref() {
        Ok([larger @ (OverrideTarget::Site { .. } | OverrideTarget::Pool { .. })]) => {
            Err(of_many(catalog, larger))
        }
        _ => Err(Refused::lost(lost)),
    }
}

/// What has no weight itself, but endpoints that do.
fn of_many(catalog: &Catalog, larger: &OverrideTarget) -> Refused {
    let mut names = Vec::new();
    for (pool, endpoint) in endpoints(catalog) {
        if larger.matches(&pool.subject(endpoint)) {
            names.push(written(&OverrideTarget::Endpoint {
                zone: pool.zone.clone(),
                pool: Some(pool.name.clone()),
                name: endpoint.name.clone(),
            }));
        }
    }
    let title = format!("{larger} has no weight; its endpoints have");
    let help = format!("name one of them: {}", listed(&names, LISTED_MAX));
    Refused::invalid(title, help)
}

/// The plan that takes a target from what it weighs at this moment to another weight, and what to know of it.
pub(super) fn plan(
    catalog: &Catalog,
    old: &Overrides,
    target: &OverrideTarget,
    (weight, begin, over): (u32, Timestamp, Duration),
) -> (Plan, Vec<String>) {
    if over.is_zero() {
        return (Plan::at_once(weight), Vec::new());
    }
    let mut plan = Plan { weight, from: None, begin: Some(begin), over };
    let mut notes = Vec::new();
    let (mut is_planned, mut reached) = (false, Vec::new());
    for (pool, endpoint) in meant(catalog, target) {
        let subject = pool.subject(endpoint);
        is_planned |= old.weight_for(&subject, begin).is_some();
        let weighed = old.weighed(&subject, endpoint.weight, begin);
        reached.push((weighed * PARTS).round() / PARTS);
    }
    reached.dedup();
    match reached[..] {
        [from] if is_planned => plan.from = Some(from),
        [_, _, ..] if is_planned => {
            notes.push(
                "they weigh differently by now: each begins at its configured weight".to_owned(),
            );
        }
        _ => {}
    }
    (plan, notes)
}

/// What is not as one might expect of a new weight, beside what is so of any override.
pub(super) fn notes(catalog: &Catalog, new: &Override) -> Vec<String> {
    let mut notes = Vec::new();
    let mut ignoring: Vec<&str> = Vec::new();
    let mut zones: Vec<String> = Vec::new();
    let mut alone: Vec<String> = Vec::new();
    for (pool, endpoint) in meant(catalog, &new.target) {
        let mut there = pool.endpoints.iter().filter(|other| other.site == endpoint.site);
        if there.nth(1).is_none() {
            alone.push(format!("{}/{}", pool.name, endpoint.name));
        }
        if !goes_by_weight(pool.method) && !ignoring.contains(&&*pool.name) {
            ignoring.push(&pool.name);
        }
        let file = match &pool.zone {
            Some(zone) => format!("the file of zone {zone}"),
            None => "the server's file".to_owned(),
        };
        if !zones.contains(&file) {
            zones.push(file);
        }
    }
    if !ignoring.is_empty() {
        let pools = ignoring.join(", ");
        notes.push(format!(
            "the method of pool {pools} goes by weights only for min_up and for weight 0"
        ));
    }
    // With a weight of 0 its clients go elsewhere.
    if let (Some(first), Some(1..)) = (alone.first(), new.plan().map(|plan| plan.weight)) {
        let more = match alone.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notes.push(format!(
            "a weight decides among the endpoints of a site: no answer changes for {first}{more}, alone at its site"
        ));
    }
    if let (None, Some(plan)) = (new.until, new.plan()) {
        notes.push(format!(
            "it holds until somebody resets it; what is to stay so belongs into {}, as weight = {}",
            zones.join(" and "),
            plan.weight
        ));
    }
    notes
}

/// The same overrides with a new one as it is in the end.
pub(super) fn reached(mut overrides: Overrides, new: &Override) -> Overrides {
    if let Some(Plan { weight, .. }) = new.plan() {
        for one in overrides.list.iter_mut().filter(|one| *one == new) {
            one.action = Action::Weight(Plan::at_once(weight));
        }
    }
    overrides
}

/// What the endpoints that a weight is on weigh by it; none if that differs, or there are none.
pub(in crate::control) fn weighed(catalog: &Catalog, one: &Override, at: Timestamp) -> Option<f64> {
    let plan = one.plan()?;
    let mut weights = meant(catalog, &one.target).map(|(_, endpoint)| plan.at(endpoint.weight, at));
    let first = weights.next()?;
    weights.all(|weight| weight == first).then_some(first)
}

fn goes_by_weight(method: Method) -> bool {
    !matches!(method, Method::RoundRobin | Method::Random | Method::LeastConnections)
}

fn meant<'a>(
    catalog: &'a Catalog,
    target: &'a OverrideTarget,
) -> impl Iterator<Item = (&'a Pool, &'a Endpoint)> {
    endpoints(catalog).filter(|(pool, endpoint)| target.matches(&pool.subject(endpoint)))
}

pub(super) fn endpoints(catalog: &Catalog) -> impl Iterator<Item = (&Pool, &Endpoint)> {
    let pools = catalog.pools().all().iter().map(|served| &*served.pool);
    pools.flat_map(|pool| pool.endpoints.iter().map(move |endpoint| (pool, &**endpoint)))
}
