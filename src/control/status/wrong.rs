//! What needs somebody, read off the rest of a status.
//!
//! One cause is one line where that can be: a pool that is all down is not also told site by site, and both families of
//! an endpoint are one. What the operator has taken out on purpose is not wrong; that it has no end is.

mod directors;

use super::pools::certificate_ends;
use super::view::{
    EndpointFamilyView, EndpointView, FamilyView, FindingView, OverrideView, PoolView, Status,
    Wrong,
};
use crate::config::OVERRIDE_WITHOUT_END;
use crate::control::events::Severity;
use crate::control::outlook::SiteLevel;
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;
use std::collections::HashSet;

/// A database that is older is wrong: the free ones are built anew every week or month.
const DATABASE_AGE_MAX: SignedDuration = SignedDuration::from_hours(60 * 24);
/// Findings of one reading that are told one by one; `reload` has them all.
const FINDINGS_TOLD_MAX: usize = 10;

/// All that is wrong, gravest first.
pub(super) fn of(status: &Status) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if !status.server.ready {
        let what = format!("not ready: {}", status.server.why);
        wrong.push(error(what, None, "queries wait until it is"));
    }
    status.pools.iter().for_each(|pool| of_conditions(pool, &mut wrong));
    directors::of_directors(status, &mut wrong);
    status.pools.iter().for_each(|pool| directors::of_load(pool, &mut wrong));
    of_zones(status, &mut wrong);
    of_reload(status, &mut wrong);
    status.pools.iter().for_each(|pool| of_endpoints(status, pool, &mut wrong));
    of_certificates(status, &mut wrong);
    of_databases(status, &mut wrong);
    // A weight is a setting, and may well hold for good.
    let is_endless = |one: &&OverrideView| one.until.is_none() && one.weight.is_none();
    for pinned in status.overrides.iter().filter(is_endless) {
        let by = pinned.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let what = format!("{} is pinned {}{by} without an end", pinned.target, pinned.state);
        let help = format!("{}; give it an end, or take it away", pinned.reason);
        wrong.push(warning(what, None, help.trim_start_matches("; ")));
    }
    // Stable: of equal severity, what matters most was found first.
    wrong.sort_by_key(|wrong| Reverse(wrong.severity));
    wrong
}

fn error(what: String, since: Option<Timestamp>, help: impl Into<String>) -> Wrong {
    Wrong { severity: Severity::Error, what, since, help: help.into() }
}

fn warning(what: String, since: Option<Timestamp>, help: impl Into<String>) -> Wrong {
    Wrong { severity: Severity::Warning, what, since, help: help.into() }
}

/// `pool web`, `pool web of example.com.`
fn title(pool: &PoolView) -> String {
    let zone = pool.zone.as_ref().map_or_else(String::new, |zone| format!(" of {zone}"));
    format!("pool {}{zone}", pool.pool)
}

/// Groups families by something that they have in common: each with its families, and ` (A)` if they are not all.
fn grouped<T: PartialEq>(of: impl Iterator<Item = (String, T)>) -> Vec<(T, Vec<String>, String)> {
    let mut groups: Vec<(T, Vec<String>)> = Vec::new();
    for (family, value) in of {
        match groups.iter_mut().find(|(known, _)| *known == value) {
            Some((_, families)) => families.push(family),
            None => groups.push((value, vec![family])),
        }
    }
    let is_all = groups.len() == 1;
    let named = |(value, families): (T, Vec<String>)| {
        let suffix = if is_all { String::new() } else { format!(" ({})", families.join(" and ")) };
        (value, families, suffix)
    };
    groups.into_iter().map(named).collect()
}

fn of_conditions(pool: &PoolView, wrong: &mut Vec<Wrong>) {
    let conditions = pool
        .families
        .iter()
        // A pool without addresses in a family is its fallback there by intent.
        .filter(|family| !family.sites.is_empty())
        .map(|family| (family.family.clone(), family.condition));
    for (condition, families, suffix) in grouped(conditions) {
        let Some(severity) = condition.severity() else { continue };
        let instead = condition.instead(pool.fallback.as_deref());
        wrong.push(Wrong {
            severity,
            what: format!("{}{suffix} is all down: {instead}", title(pool)),
            since: down_since(pool, |_| true, &families),
            help: "see its endpoints; one that is up again takes over at once".to_owned(),
        });
    }
    of_sites(pool, wrong);
}

/// Dead and weak sites, where the pool has others.
fn of_sites(pool: &PoolView, wrong: &mut Vec<Wrong>) {
    let partly: Vec<&FamilyView> =
        pool.families.iter().filter(|family| !family.condition.is_all_down()).collect();
    let mut told = HashSet::new();
    for site in partly.iter().flat_map(|family| &family.sites).map(|level| &level.site) {
        if !told.insert(site) {
            continue;
        }
        let levels = partly.iter().filter_map(|family| {
            let level = family.sites.iter().find(|level| level.site == *site)?;
            Some((family.family.clone(), level.level))
        });
        for (level, families, suffix) in grouped(levels) {
            let since = down_since(pool, |endpoint| endpoint.site == *site, &families);
            let Some(severity) = level.severity() else { continue };
            let cure = match level {
                SiteLevel::Trusted | SiteLevel::Drained | SiteLevel::Dead => String::new(),
                SiteLevel::Degraded => format!("less than {} of its weight is up; ", pool.min_up),
                SiteLevel::Held => "they are up again and held back for a while; ".to_owned(),
                SiteLevel::LastResort => "give another endpoint a weight; ".to_owned(),
            };
            wrong.push(Wrong {
                severity,
                what: format!("{}{suffix}: site {site} is {}", title(pool), level.told()),
                since,
                help: cure + "clients go to the next site in their order",
            });
        }
    }
}

/// When the last of these endpoints went down; none if one was taken out by hand, since that has no time.
fn down_since(
    pool: &PoolView,
    concerned: impl Fn(&EndpointView) -> bool,
    families: &[String],
) -> Option<Timestamp> {
    let seats = pool.endpoints.iter().filter(|endpoint| concerned(endpoint)).flat_map(|endpoint| {
        endpoint.families.iter().filter(|family| families.contains(&family.family))
    });
    let down = seats.filter(|seat| seat.standing != "up");
    down.map(|seat: &EndpointFamilyView| seat.since).collect::<Option<Vec<_>>>()?.into_iter().max()
}

fn of_zones(status: &Status, wrong: &mut Vec<Wrong>) {
    for zone in &status.zones {
        let help = "mend its files; `fingerpost check` says where";
        match &*zone.state {
            "last good" => {
                let what = format!("zone {} is served as it was last good", zone.zone);
                wrong.push(error(what, None, help));
            }
            "not served" => {
                wrong.push(error(format!("zone {} is not served", zone.zone), None, help));
            }
            _ => {}
        }
    }
}

fn of_reload(status: &Status, wrong: &mut Vec<Wrong>) {
    let reload = &status.reload;
    if reload.outcome == "refused" {
        let what = format!("the last reload was refused: generation {} stays", reload.generation);
        wrong.push(error(what, Some(reload.at), "mend what it found, and reload"));
    }
    // Overrides without an end are told by themselves, as they are.
    let findings: Vec<&FindingView> =
        reload.findings.iter().filter(|finding| finding.message != OVERRIDE_WITHOUT_END).collect();
    for finding in findings.iter().take(FINDINGS_TOLD_MAX) {
        let place = finding.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
        wrong.push(Wrong {
            severity: finding.severity,
            what: format!("{place}{}", finding.message),
            since: None,
            help: finding.help.clone().unwrap_or_default(),
        });
    }
    if let Some(more) = findings.get(FINDINGS_TOLD_MAX..).filter(|more| !more.is_empty()) {
        let severity = more.iter().map(|finding| finding.severity).max();
        wrong.push(Wrong {
            severity: severity.unwrap_or(Severity::Warning),
            what: format!("{} more findings of the last reload", more.len()),
            since: None,
            help: "`fingerpost check` shows them all".to_owned(),
        });
    }
}

/// What is drained without an override is so by its director, on purpose; what is held back comes back by itself, and
/// is wrong only if it keeps failing.
fn of_endpoints(status: &Status, pool: &PoolView, wrong: &mut Vec<Wrong>) {
    for endpoint in pool.endpoints.iter().filter(|endpoint| endpoint.pinned.is_none()) {
        if directors::is_told_of_director(status, endpoint) {
            continue;
        }
        let standings =
            endpoint.families.iter().map(|family| (family.family.clone(), &*family.standing));
        for (standing, families, suffix) in grouped(standings) {
            let first = endpoint.families.iter().find(|seat| families.contains(&seat.family));
            let held = first.and_then(|seat| seat.comeback.as_ref());
            let doublings = held.map_or(0, |comeback| comeback.doublings);
            if matches!(standing, "up" | "drained") || (standing == "held" && doublings == 0) {
                continue;
            }
            let since = first.and_then(|seat| seat.since);
            let word = if standing == "held" { "held back, as it keeps failing" } else { standing };
            let what = format!("{}: endpoint {}{suffix} is {word}", title(pool), endpoint.endpoint);
            wrong.push(warning(what, since, first.map_or("", |seat| &seat.because)));
        }
    }
}

fn of_certificates(status: &Status, wrong: &mut Vec<Wrong>) {
    let mut told = HashSet::new();
    for pool in &status.pools {
        for endpoint in &pool.endpoints {
            let checks = endpoint.families.iter().filter_map(|family| family.check.as_ref());
            for check in checks {
                let Some(ends) = check.certificate_days_left.and_then(certificate_ends) else {
                    continue;
                };
                if !told.insert((&check.name, &check.target)) {
                    continue;
                }
                let name = &endpoint.endpoint;
                let what = format!("{}: the certificate of {name} {ends}", title(pool));
                wrong.push(warning(what, None, format!("renew it at {}", check.target)));
            }
        }
    }
}

fn of_databases(status: &Status, wrong: &mut Vec<Wrong>) {
    for database in &status.databases {
        let age = database.built.map(|built| status.server.now.duration_since(built));
        if let Some(age) = age.filter(|age| *age > DATABASE_AGE_MAX) {
            let days = age.as_hours() / 24;
            let what = format!("the database {} is {days} days old", database.path);
            wrong.push(warning(what, None, "fetch or build a newer one"));
        }
    }
}
