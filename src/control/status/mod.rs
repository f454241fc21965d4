//! The whole server at one moment, for those who look after it.
//!
//! ```text
//! snapshot, knowledge, last load, counters ── view ──► Status ── wrong ──► what needs somebody, gravest first
//! ```
//!
//! A pure function of what the [handle](super::Handle) gathers, costly in proportion to the endpoints and names
//! served. Why one client gets what it gets is [`super::explain`]'s part, what has happened [`super::events`]'s.

mod directors;
mod pools;
#[cfg(test)]
mod tests;
mod view;
mod wrong;

pub(super) use pools::CERTIFICATE_DAYS_MIN;

pub use directors::{DirectorFamilyView, DirectorSeatView, DirectorView, FeedView, RealView};
pub use view::{
    CheckView, ComebackView, DatabaseView, EndpointFamilyView, EndpointView, FamilyView,
    FindingView, LastProbeView, OverrideView, PlanView, PoolView, ReloadView, ServerView,
    SiteLevelView, SiteView, Status, Wrong, ZoneView,
};

use super::counters::EndpointKey;
use super::handle::Readiness;
use super::knowledge::{Knowledge, Now};
use super::overrides;
use super::rates::Flow;
use super::reloader::LastLoad;
use crate::geo::Database;
use crate::health::overrides::{Override, OverrideTarget};
use crate::snapshot::{ServedZone, Snapshot};
use crate::steer::model::Site;
use crate::wire::Name;
use jiff::Timestamp;
use pools::PoolStatus;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

/// What a status is made of.
pub(super) struct Facts<'a> {
    pub(super) now: Timestamp,
    pub(super) started: Timestamp,
    pub(super) published_at: Option<Timestamp>,
    pub(super) readiness: Readiness,
    pub(super) snapshot: &'a Snapshot,
    pub(super) knowledge: &'a Knowledge,
    pub(super) last_load: &'a LastLoad,
    pub(super) queries: Flow,
    /// Answers that listed an endpoint.
    pub(super) answers: &'a dyn Fn(&EndpointKey) -> Flow,
}

/// Looks at everything.
pub(super) fn view(facts: &Facts<'_>) -> Status {
    let now = facts.knowledge.at(facts.now);
    let pools = pools::all(facts, &now);
    let mut status = Status {
        server: server(facts),
        wrong: Vec::new(),
        sites: sites(facts, &pools),
        pools: pools.into_iter().map(|pool| pool.view).collect(),
        directors: directors::all(facts),
        zones: zones(facts),
        overrides: in_force(&now)
            .map(|one| overrides::view(facts.snapshot.catalog(), one, facts.now))
            .collect(),
        reload: facts.last_load.into(),
        databases: facts.last_load.databases.iter().map(|database| (&**database).into()).collect(),
    };
    status.wrong = wrong::of(&status);
    status
}

fn server(facts: &Facts<'_>) -> ServerView {
    ServerView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: facts.started,
        now: facts.now,
        generation: facts.snapshot.generation(),
        generation_at: facts.published_at,
        ready: facts.readiness.ready,
        why: facts.readiness.why.clone(),
        queries_total: facts.queries.total,
        queries_per_s: facts.queries.per_s,
    }
}

/// Sites by zone and name, the server's own first.
fn sites(facts: &Facts<'_>, pools: &[PoolStatus]) -> Vec<SiteView> {
    let mut sites: BTreeMap<(Option<String>, String), SiteView> = BTreeMap::new();
    for (pool, view) in pools.iter().map(|status| (&status.pool, &status.view)) {
        for (endpoint, view) in pool.endpoints.iter().zip(&view.endpoints) {
            let site = &endpoint.site;
            let zone = site.zone.as_ref().map(ToString::to_string);
            let at = sites
                .entry((zone.clone(), site.name.clone()))
                .or_insert_with(|| empty_site(facts, site, zone));
            let is_up = view.families.iter().all(|family| family.standing == "up");
            at.endpoints += 1;
            at.endpoints_up += usize::from(is_up);
            let is_drained = view.families.iter().all(|family| family.standing == "drained");
            at.endpoints_drained += usize::from(is_drained);
            at.answers_total += view.answers_total;
            at.answers_per_s += view.answers_per_s;
        }
    }
    sites.into_values().collect()
}

fn empty_site(facts: &Facts<'_>, site: &Site, zone: Option<String>) -> SiteView {
    let now = facts.knowledge.at(facts.now);
    SiteView {
        zone,
        site: site.name.clone(),
        title: site.title.clone(),
        location: site.location.map(|location| location.to_string()),
        coordinates_deg: site.coordinates.map(|at| [at.latitude_deg, at.longitude_deg]),
        endpoints: 0,
        endpoints_up: 0,
        endpoints_drained: 0,
        pinned: pin_on(
            &now,
            |target| match target {
                OverrideTarget::Site { zone, name } => Some((zone, name)),
                _ => None,
            },
            (site.zone.as_ref(), &site.name),
        ),
        answers_total: 0,
        answers_per_s: 0.0,
    }
}

/// The override on a site or pool itself: of several the most cautious, as it is for their endpoints.
fn pin_on(
    now: &Now<'_>,
    select: impl Fn(&OverrideTarget) -> Option<(&Option<Name>, &String)>,
    (zone, name): (Option<&Name>, &str),
) -> Option<OverrideView> {
    let is_on = |pinned: &&Override| {
        select(&pinned.target).is_some_and(|(in_zone, of_name)| {
            of_name == name && in_zone.as_ref().is_none_or(|in_zone| Some(in_zone) == zone)
        })
    };
    in_force(now)
        .filter(is_on)
        .filter_map(|pinned| Some((pinned.pin()?, pinned)))
        .min_by_key(|(pin, _)| Reverse(*pin))
        .map(|(_, pinned)| pinned.into())
}

fn in_force<'a>(now: &Now<'a>) -> impl Iterator<Item = &'a Override> + use<'a> {
    let at = now.moment();
    now.knowledge().overrides.list.iter().filter(move |pinned| pinned.in_force(at))
}

fn zones(facts: &Facts<'_>) -> Vec<ZoneView> {
    let kept: HashSet<&Name> = facts.last_load.kept_zones.iter().collect();
    let served = facts.snapshot.zones().zones().iter().map(|served| {
        let is_kept = kept.contains(served.zone.apex());
        zone(served, if is_kept { "last good" } else { "served" })
    });
    let unserved = facts.last_load.unserved_zones.iter().map(|origin| ZoneView {
        zone: origin.to_string(),
        serial: None,
        steered_names: 0,
        names: 0,
        state: "not served".to_owned(),
    });
    let mut zones: Vec<ZoneView> = served.chain(unserved).collect();
    zones.sort_by(|one, other| one.zone.cmp(&other.zone));
    zones
}

fn zone(served: &ServedZone, state: &str) -> ZoneView {
    ZoneView {
        zone: served.zone.apex().to_string(),
        serial: served.zone.serial(),
        steered_names: served.names.len(),
        names: served.zone.name_count(),
        state: state.to_owned(),
    }
}

impl From<&LastLoad> for ReloadView {
    fn from(load: &LastLoad) -> Self {
        Self {
            at: load.at,
            outcome: load.outcome.to_string(),
            generation: load.generation,
            findings: load.report.findings.iter().map(FindingView::from).collect(),
        }
    }
}

impl From<&Database> for DatabaseView {
    fn from(database: &Database) -> Self {
        let epoch = i64::try_from(database.about.build_epoch).ok().filter(|epoch| *epoch > 0);
        Self {
            path: database.path.display().to_string(),
            kind: database.about.database_type.clone(),
            built: epoch.and_then(|epoch| Timestamp::from_second(epoch).ok()),
        }
    }
}
