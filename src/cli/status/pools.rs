//! The pools of a status: those with something wrong in full, and first; the others in full, in a line, or counted,
//! depending on how many there are.

use super::render::{Extent, Layout, folded, ink_of_state, names, pinned};
use super::words::{latency, rate, share, span};
use crate::cli::style::{Cell, Ink, Palette, Table};
use crate::control::outlook::{Condition, SiteLevel};
use crate::control::status::{
    CheckView, EndpointFamilyView, EndpointView, FamilyView, PoolView, SiteLevelView, Status,
};
use crate::report::count;
use jiff::Timestamp;
use std::cmp::Reverse;

/// Up to so many pools are all shown in full: about two screens.
const FULL_MAX: usize = 8;
/// Beyond these, whole pools get a line each; and beyond so many lines they are counted.
const LINES_MAX: usize = 30;
/// Pools with something wrong are shown in full up to this number, the others in a line each.
const WRONG_FULL_MAX: usize = 8;
/// In a pool of more endpoints than this, those that are up are counted.
const ENDPOINTS_MAX: usize = 24;
/// Sections, in order.
pub(super) fn render(status: &Status, layout: Layout) -> Vec<String> {
    // Of a pool that was narrowed to a site, what is wrong elsewhere is not asked about.
    let nothing_wrong = |pool: &&PoolView| match layout.extent {
        Extent::Wrong => pool.pinned.is_none() && pool.endpoints.iter().all(is_endpoint_well),
        Extent::Folded | Extent::All => is_well(pool),
    };
    let (whole, mut wrong): (Vec<_>, Vec<_>) = status.pools.iter().partition(nothing_wrong);
    // Stable: pools that fare alike stay in the server's order.
    wrong.sort_by_key(|pool| Reverse(worst(pool) as u8));
    let now = status.server.now;
    let full_max = if layout.extent == Extent::Folded { WRONG_FULL_MAX } else { usize::MAX };
    let (shown, rest) = wrong.split_at(wrong.len().min(full_max));
    let mut parts: Vec<_> = shown.iter().map(|pool| full(pool, now, layout)).collect();
    parts.push(in_lines("MORE POOLS WITH SOMETHING WRONG", rest, layout));
    match layout.extent {
        Extent::Wrong => {}
        Extent::Folded if status.pools.len() > FULL_MAX => {
            parts.push(if whole.len() > LINES_MAX {
                counted(&whole, layout)
            } else {
                in_lines("POOLS THAT ARE WHOLE", &whole, layout)
            });
        }
        Extent::Folded | Extent::All => {
            parts.extend(whole.iter().map(|pool| full(pool, now, layout)));
        }
    }
    parts
}

/// Whether there is nothing to say of a pool but that it works.
fn is_well(pool: &PoolView) -> bool {
    let whole = own_families(pool).all(|family| family.condition == Condition::Whole);
    whole && pool.pinned.is_none() && pool.endpoints.iter().all(is_endpoint_well)
}

/// A pool without addresses in a family is its fallback there by intent.
fn own_families(pool: &PoolView) -> impl Iterator<Item = &FamilyView> + Clone {
    pool.families.iter().filter(|family| !family.sites.is_empty())
}

fn is_endpoint_well(endpoint: &EndpointView) -> bool {
    let well = |family: &EndpointFamilyView| {
        family.standing == "up"
            && family.check.as_ref().is_none_or(|check| check.remarks.is_empty())
    };
    endpoint.pinned.is_none() && endpoint.families.iter().all(well)
}

/// One line for pools that are whole.
fn counted(pools: &[&PoolView], layout: Layout) -> String {
    let title = layout.palette.paint(Ink::Strong, "POOLS THAT ARE WHOLE");
    let endpoints = pools.iter().map(|pool| pool.endpoints.len()).sum();
    let how = format!("{}, all up", count(endpoints, "endpoint"));
    format!("{title}\n{}", folded(pools.len(), "pool", &how, layout))
}

/// A line for each pool.
fn in_lines(title: &str, pools: &[&PoolView], layout: Layout) -> String {
    if pools.is_empty() {
        return String::new();
    }
    let mut table = Table::new(2);
    table.header(&["POOL", "STATE", "UP", "ANSWERS/S", "NAMES"]);
    for pool in pools {
        let is_up = |endpoint: &&EndpointView| {
            endpoint.families.iter().all(|family| family.standing == "up")
        };
        let (up, all) = (pool.endpoints.iter().filter(is_up).count(), pool.endpoints.len());
        let worst = worst(pool);
        table.row([
            called(pool).into(),
            Cell::inked(ink_of_condition(worst), worst),
            Cell::inked(if up == all { Ink::Good } else { Ink::Doubt }, format_args!("{up}/{all}")),
            Cell::number(rate(answers_per_s(pool))),
            names(&pool.names).into(),
        ]);
    }
    format!("{}\n{}", layout.palette.paint(Ink::Strong, title), table.render(layout.palette))
}

fn called(pool: &PoolView) -> String {
    match &pool.zone {
        Some(zone) => format!("{} of {zone}", pool.pool),
        None => pool.pool.clone(),
    }
}

fn answers_per_s(pool: &PoolView) -> f64 {
    pool.endpoints.iter().map(|endpoint| endpoint.answers_per_s).sum()
}

/// A pool with its endpoints.
fn full(pool: &PoolView, now: Timestamp, layout: Layout) -> String {
    let palette = layout.palette;
    let name = palette.paint(Ink::Strong, format!("POOL {}", called(pool)));
    let serves = match pool.names.as_slice() {
        [] => "serves as a fallback".to_owned(),
        owners => format!("serves {}", names(owners)),
    };
    let answers = count(pool.answers, "answer");
    let conditions = conditions(pool, palette);
    let mut text = format!("{name}: {conditions}\n  {serves}; {}, {answers} each\n", pool.method);
    if let Some(one) = &pool.pinned {
        text.push_str(&format!(
            "  {}\n",
            palette.paint(Ink::Doubt, pinned(one, Some(&pool.pool), now))
        ));
    }
    let fold = match layout.extent {
        Extent::Wrong => true,
        Extent::Folded => pool.endpoints.len() > ENDPOINTS_MAX,
        Extent::All => false,
    };
    let shown: Vec<_> =
        pool.endpoints.iter().filter(|endpoint| !(fold && is_endpoint_well(endpoint))).collect();
    let mut table = Table::new(2);
    if !shown.is_empty() {
        table.header(&[
            "ENDPOINT",
            "SITE",
            "ADDRESS",
            "STATE",
            "SINCE",
            "SHARE",
            "ANSWERS/S",
            "PROBE",
            "WHY",
        ]);
    }
    for endpoint in &shown {
        rows(&mut table, endpoint, now);
    }
    text.push_str(&table.render(palette));
    text + &folded(pool.endpoints.len() - shown.len(), "endpoint", "all up", layout)
}

/// `whole`, or what each family comes to and which sites it is that fail.
fn conditions(pool: &PoolView, palette: Palette) -> String {
    let Some(first) = own_families(pool).next() else {
        return palette.paint(Ink::Doubt, "no addresses").to_string();
    };
    let alike =
        |family: &FamilyView| family.condition == first.condition && family.sites == first.sites;
    if own_families(pool).all(alike) {
        return condition(first, pool, palette);
    }
    let each = own_families(pool)
        .map(|family| format!("{} {}", family.family, condition(family, pool, palette)));
    each.collect::<Vec<_>>().join("; ")
}

/// What the clients get that fare worst; conditions are declared from well to ill.
fn worst(pool: &PoolView) -> Condition {
    let conditions = own_families(pool).map(|family| family.condition);
    conditions.max_by_key(|condition| *condition as u8).unwrap_or(Condition::Whole)
}

fn ink_of_condition(condition: Condition) -> Ink {
    match condition {
        Condition::Whole => Ink::Good,
        Condition::Degraded | Condition::Fallback => Ink::Doubt,
        Condition::FailOpen | Condition::Nodata | Condition::Servfail => Ink::Bad,
    }
}

fn condition(family: &FamilyView, pool: &PoolView, palette: Palette) -> String {
    let ink = ink_of_condition(family.condition);
    let word = match family.condition {
        Condition::Whole => "whole".to_owned(),
        Condition::Degraded => "degraded".to_owned(),
        down => format!("all down, {}", down.instead(pool.fallback.as_deref())),
    };
    let mut text = palette.paint(ink, word).to_string();
    let failing = family.sites.iter().filter(|site| site.level != SiteLevel::Trusted);
    let failing = failing.map(|site| format!("{} {}", site.site, site.level));
    let sheds = |site: &&SiteLevelView| site.level == SiteLevel::Trusted && site.admission < 1.0;
    let shedding = family.sites.iter().filter(sheds).map(|site| {
        let full = if site.admission_by_load < 1.0 { ", as it is full" } else { "" };
        format!("{} takes {} of its clients{full}", site.site, share(site.admission))
    });
    let failing: Vec<_> = failing.chain(shedding).collect();
    if !failing.is_empty() {
        text.push_str(&format!(" ({})", failing.join(", ")));
    }
    text
}

/// A row for each address; what both have in common is in the first.
fn rows(table: &mut Table, endpoint: &EndpointView, now: Timestamp) {
    let mut said = String::new();
    for (at, family) in endpoint.families.iter().enumerate() {
        let why = why(endpoint, family, now);
        let first = |text: &str| if at == 0 { text.to_owned() } else { String::new() };
        let answers = rate(endpoint.answers_per_s);
        let check = family.check.as_ref();
        let answers = if at == 0 { Cell::number(answers) } else { Cell::default() };
        table.row([
            first(&endpoint.endpoint).into(),
            first(&endpoint.site).into(),
            family.address.to_string().into(),
            Cell::inked(ink_of_state(&family.standing), &family.standing),
            family.since.map(|since| span(since, now)).unwrap_or_default().into(),
            Cell::number(share(family.share)),
            answers,
            probe(check),
            if why == said { Cell::default() } else { why.as_str().into() },
        ]);
        said = why;
    }
}

/// How the last probe went.
fn probe(check: Option<&CheckView>) -> Cell {
    match check.map(|check| check.last.as_ref()) {
        None => Cell::inked(Ink::Faint, "none"),
        Some(None) => Cell::inked(Ink::Doubt, "pending"),
        Some(Some(last)) if last.outcome == "success" => latency(last.latency_ms).into(),
        Some(Some(last)) if last.outcome == "failure" => Cell::inked(Ink::Bad, "failed"),
        Some(Some(last)) => Cell::inked(Ink::Doubt, &last.outcome),
    }
}

/// What there is to say of an address: the override that holds, why it is not up, what may come.
fn why(endpoint: &EndpointView, family: &EndpointFamilyView, now: Timestamp) -> String {
    let mut said = Vec::new();
    let check = family.check.as_ref();
    if let Some(one) = &endpoint.pinned {
        said.push(pinned(one, Some(&endpoint.endpoint), now));
        if let Some(check) = check.filter(|check| check.verdict != "up") {
            let colon = if check.cause.is_empty() { "" } else { ": " };
            said.push(format!("probes say {}{colon}{}", check.verdict, check.cause));
        }
    } else if family.standing != "up" {
        // Where it is not the check that decides, its cause is none.
        let check =
            check.filter(|check| check.verdict == family.standing && !check.cause.is_empty());
        said.push(check.map_or(&family.because, |check| &check.cause).clone());
    }
    let is_new = |shade: &&String| !said.iter().any(|words| words.contains(&***shade));
    let weight_because: Vec<String> =
        family.weight_because.iter().filter(is_new).cloned().collect();
    said.extend(weight_because);
    said.extend(check.into_iter().flat_map(|check| check.remarks.iter().cloned()));
    said.join("; ")
}
