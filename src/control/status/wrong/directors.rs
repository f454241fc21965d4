//! What is wrong behind VIPs: too little that is live, feeds that are not heard, real servers that are down.

use super::{error, warning};
use crate::control::knowledge::words::{self, UTILISATION_TOLD_MIN};
use crate::control::outlook::SiteLevel;
use crate::control::status::directors::{DirectorFamilyView, DirectorView, RealView};
use crate::control::status::view::{EndpointView, PoolView, Status, Wrong};
use crate::director::Source;
use crate::report::{listed, percent};
use jiff::Timestamp;

/// Real servers that are named in one line.
const REALS_NAMED_MAX: usize = 4;

/// Of directors that share a VIP the one that speaks is told; a feed that is lost is lost for each.
pub(super) fn of_directors(status: &Status, wrong: &mut Vec<Wrong>) {
    for director in &status.directors {
        if director.speaks {
            of_reals(director, wrong);
        } else {
            of_reserve(director, speaker(status, director), wrong);
        }
        of_feed(director, wrong);
        of_unconfigured(director, wrong);
    }
}

/// Whether an endpoint is down for no other reason than what stands behind it, which is told of its director.
pub(super) fn is_told_of_director(status: &Status, endpoint: &EndpointView) -> bool {
    let Some(name) = &endpoint.director else { return false };
    let is_down = |it: &DirectorView| it.director == *name && it.speaks && it.state == "down";
    let probed = endpoint.families.iter().filter_map(|family| family.check.as_ref());
    status.directors.iter().any(is_down) && probed.into_iter().all(|check| check.verdict == "up")
}

/// `director lvs-fra`, `director lvs-fra of example.com.`
fn title(director: &DirectorView) -> String {
    let zone = director.zone.as_ref().map_or_else(String::new, |zone| format!(" of {zone}"));
    format!("director {}{zone}", director.director)
}

fn of_reals(director: &DirectorView, wrong: &mut Vec<Wrong>) {
    let down: Vec<&RealView> = director.reals.iter().filter(|real| real.state == "down").collect();
    if down.is_empty() || director.state == "maintenance" {
        return;
    }
    let since = down.iter().map(|real| down_since(real)).max().flatten();
    let named: Vec<String> =
        down.iter().map(|real| format!("{} ({})", real.name, real.because)).collect();
    let named = format!("down: {}", listed(&named, REALS_NAMED_MAX));
    let title = title(director);
    let counts = |family: &DirectorFamilyView| (family.reals_up, family.reals_down);
    let is_one = director.families.iter().all(|it| counts(it) == counts(&director.families[0]));
    let mut lacking = director.families.iter().filter(|family| family.state == "down").peekable();
    if lacking.peek().is_none() {
        let counted = director.reals.iter().filter(is_counted).count();
        let what = format!("{title}: {} of {counted} real servers down", down.len());
        wrong.push(warning(what, since, named));
        return;
    }
    for family in lacking.take(if is_one { 1 } else { usize::MAX }) {
        let (up, counted) = (family.reals_up, family.reals_up + family.reals_down);
        let (min_up, part) = (percent(director.min_up), percent(family.healthy));
        let of = if is_one { String::new() } else { format!(" for {}", family.family) };
        let what =
            format!("{title} has {up} of {counted} real servers live{of}, {part} of the weight");
        let vip = if is_one { "its VIP".to_owned() } else { family.address.to_string() };
        let help = format!("{vip} is not handed out below min_up = {min_up}; {named}");
        wrong.push(error(what, since, help));
    }
}

/// The director that speaks for the VIP that another may take over.
fn speaker<'a>(status: &'a Status, reserve: &DirectorView) -> Option<&'a DirectorView> {
    status.directors.iter().find(|other| {
        other.speaks
            && other.service == reserve.service
            && other.vip.iter().any(|address| reserve.vip.contains(address))
    })
}

/// Of a director in reserve only what it lacks itself: a real server that is dead for both is told of the one that
/// speaks.
fn of_reserve(director: &DirectorView, speaker: Option<&DirectorView>, wrong: &mut Vec<Wrong>) {
    let place = |real: &RealView| real.address.clone().unwrap_or_else(|| real.name.clone());
    let is_told = |real: &RealView| {
        let mut told = speaker.into_iter().flat_map(|speaker| &speaker.reals);
        told.any(|it| it.state == "down" && place(it) == place(real))
    };
    let lost = director.reals.iter().filter(|real| real.state == "down" && !is_told(real));
    let lost: Vec<&RealView> = lost.collect();
    if lost.is_empty() || director.state == "maintenance" {
        return;
    }
    let since = lost.iter().map(|real| down_since(real)).max().flatten();
    let named: Vec<String> =
        lost.iter().map(|real| format!("{} ({})", real.name, real.because)).collect();
    let other = speaker.map_or("the other", |speaker| &speaker.director);
    let what = format!(
        "{}, in reserve: {} of {} real servers down",
        title(director),
        director.reals.iter().filter(|real| real.state == "down").count(),
        director.reals.iter().filter(is_counted).count()
    );
    let help = format!(
        "it would carry {} if it took over from {other}; down for it alone: {}",
        percent(director.live),
        listed(&named, REALS_NAMED_MAX)
    );
    wrong.push(warning(what, since, help));
}

/// Servers that only the director knows of: what they carry is missing in the VIP's weight.
fn of_unconfigured(director: &DirectorView, wrong: &mut Vec<Wrong>) {
    let number = match director.unconfigured.len() {
        0 => return,
        1 => "a real server that is".to_owned(),
        more => format!("{more} real servers that are"),
    };
    let what = format!("{}: its feed lists {number} not configured", title(director));
    let named = listed(&director.unconfigured, REALS_NAMED_MAX);
    let help = format!("{}: {named}", words::UNCONFIGURED);
    wrong.push(warning(what, None, help));
}

/// Whether a real server is meant to carry anything.
fn is_counted(real: &&RealView) -> bool {
    matches!(&*real.state, "up" | "down")
}

fn down_since(real: &RealView) -> Option<Timestamp> {
    real.check.as_ref().filter(|check| check.verdict == "down")?.since
}

/// One answer that fails is no fault yet: what was said before still counts.
fn of_feed(director: &DirectorView, wrong: &mut Vec<Wrong>) {
    let Some(feed) = director.feed.as_ref().filter(|_| director.source != "feed") else { return };
    // Nor is it one that nobody has asked yet.
    let Some(why) = feed.fault.as_deref().filter(|_| feed.asked_total > 0) else { return };
    let source = if director.source == "probes" { Source::Probes } else { Source::Check };
    let instead = source.instead_of_feed();
    let cure = match &*feed.kind {
        // It answers, and speaks of something else.
        _ if feed.fault_since.is_none() => {
            "make the director's vip, service and reals, or the feed's backend, agree with what is told at"
        }
        "ipvs" => "see that `fingerpost director agent` runs on its host and is reached at",
        "haproxy" => "see that HAProxy's statistics are reached at",
        _ => "see what answers at",
    };
    let what = format!("{}: its feed is not heard: {why}", title(director));
    let help = format!("{instead}; {cure} {}", feed.from);
    wrong.push(warning(what, feed.fault_since.or(feed.heard_at), help));
}

/// Sites of a pool that are full: they send clients on, or all are.
pub(super) fn of_load(pool: &PoolView, wrong: &mut Vec<Wrong>) {
    let sites = pool.families.iter().flat_map(|family| &family.sites);
    let mut told: Vec<&str> = Vec::new();
    for site in sites {
        if site.level != SiteLevel::Trusted {
            continue;
        }
        let is_over = site.utilisation.is_some_and(|part| part > UTILISATION_TOLD_MIN);
        if (site.admission_by_load >= 1.0 && !is_over) || told.contains(&&*site.site) {
            continue;
        }
        told.push(&site.site);
        let (pool, cure) =
            (super::title(pool), "add servers, or raise its capacity if it can carry more");
        let used = site
            .utilisation
            .map_or_else(String::new, |part| format!(" ({} of its capacity)", percent(part)));
        let what = format!("{pool}: site {} is full{used}", site.site);
        let help = format!("{}; {cure}", words::full(site.admission_by_load));
        wrong.push(warning(what, None, help));
    }
}
