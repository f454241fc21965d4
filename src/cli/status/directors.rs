//! The directors of a status: each in a line, and below it the real servers that it has anything to say of.

use super::render::{Extent, Layout, folded, heading, names};
use super::words::{latency, share, span};
use crate::cli::style::{Cell, Ink, Table};
use crate::control::status::{DirectorView, FeedView, RealView, Status};
use jiff::Timestamp;

/// More directors than this that are well are counted, not listed.
const LISTED_MAX: usize = 20;
/// Beyond so many real servers in all, those that are up are counted.
const REALS_MAX: usize = 24;

/// The section; empty where there are none.
pub(super) fn render(status: &Status, layout: Layout) -> String {
    let fold = match layout.extent {
        Extent::Wrong => true,
        Extent::Folded => status.directors.len() > LISTED_MAX,
        Extent::All => false,
    };
    let shown: Vec<_> = status.directors.iter().filter(|it| !(fold && is_well(it))).collect();
    if status.directors.is_empty() || (shown.is_empty() && layout.extent == Extent::Wrong) {
        return String::new();
    }
    let reals: usize = shown.iter().map(|director| director.reals.len()).sum();
    let all_reals = match layout.extent {
        Extent::Wrong => false,
        Extent::Folded => reals <= REALS_MAX,
        Extent::All => true,
    };
    let now = status.server.now;
    let mut table = Table::new(2);
    if !shown.is_empty() {
        table.header(&[
            "DIRECTOR", "SITE", "VIP", "STATE", "LIVE", "SESSIONS", "RESPONSE", "KNOWN BY", "WHY",
        ]);
    }
    for director in &shown {
        rows(&mut table, director, now);
        let told = |real: &&RealView| all_reals || real.state != "up";
        director.reals.iter().filter(told).for_each(|real| table.row(real_row(real)));
        let up = director.reals.iter().filter(|real| !told(real)).count();
        if up > 0 {
            table.row([
                "".into(),
                "".into(),
                Cell::inked(Ink::Faint, format_args!("{up} more up")),
            ]);
        }
    }
    let mut text = heading("DIRECTORS", layout) + &table.render(layout.palette);
    if layout.extent != Extent::Wrong {
        let left = status.directors.len() - shown.len();
        text.push_str(&folded(left, "director", "all up", layout));
    }
    text
}

fn is_well(director: &DirectorView) -> bool {
    let is_heard = director.feed.is_none() || director.source == "feed";
    let is_known = director.unconfigured.is_empty();
    director.state == "up" && director.live >= 1.0 && is_heard && is_known
}

/// A row for each address; what both have in common is in the first.
fn rows(table: &mut Table, director: &DirectorView, now: Timestamp) {
    let zone = director.zone.as_ref().map(|zone| format!(" of {zone}")).unwrap_or_default();
    let of = |place: usize| match director.families.get(place) {
        Some(family) => (&*family.state, family.live),
        None => (&*director.state, director.live),
    };
    let state = |(state, live): (&str, f64)| match state {
        "up" if live < 1.0 => Cell::inked(Ink::Doubt, state),
        "up" => Cell::inked(Ink::Good, state),
        "maintenance" => Cell::inked(Ink::Doubt, state),
        _ => Cell::inked(Ink::Bad, state),
    };
    let first = director.vip.first().map(ToString::to_string).unwrap_or_default();
    table.row([
        format!("{}{zone}", director.director).into(),
        director.site.as_str().into(),
        format!("{first} {} {}", director.service, director.mode).into(),
        state(of(0)),
        Cell::number(share(of(0).1)),
        Cell::number(sessions(director)),
        Cell::number(director.response_ms.map(latency).unwrap_or_default()),
        known_by(director, now),
        remarks(director).join("; ").into(),
    ]);
    for (place, address) in director.vip.iter().enumerate().skip(1) {
        let mut row = vec!["".into(), "".into(), address.to_string().into()];
        if of(place) != of(0) {
            row.extend([state(of(place)), Cell::number(share(of(place).1))]);
        }
        table.row(row);
    }
}

fn real_row(real: &RealView) -> Vec<Cell> {
    let ink = match &*real.state {
        "up" => Ink::Good,
        "down" => Ink::Bad,
        "standby" => Ink::Plain,
        _ => Ink::Doubt,
    };
    let address = real.address.as_ref().filter(|address| **address != real.name);
    let name = match address {
        Some(address) => format!("{} {address}", real.name),
        None => real.name.clone(),
    };
    let probe = real.check.as_ref().filter(|check| check.verdict != real.state);
    let probe = probe.map(|check| {
        let colon = if check.cause.is_empty() { "" } else { ": " };
        format!("; own probe: {}{colon}{}", check.verdict, check.cause)
    });
    let why = match &*real.state {
        "up" => probe.unwrap_or_default().trim_start_matches("; ").to_owned(),
        _ => format!("{}{}", real.because, probe.unwrap_or_default()),
    };
    vec![
        "".into(),
        "".into(),
        format!("  {name}").into(),
        Cell::inked(ink, &real.state),
        Cell::number(format_args!("w {}", real.weight)),
        Cell::number(real.sessions.map(|sessions| sessions.to_string()).unwrap_or_default()),
        "".into(),
        "".into(),
        why.into(),
    ]
}

/// `123`, `123/20000`.
fn sessions(director: &DirectorView) -> String {
    match (director.sessions, director.capacity) {
        (Some(sessions), Some(capacity)) => format!("{sessions}/{capacity}"),
        (Some(sessions), None) => sessions.to_string(),
        (None, Some(capacity)) => format!("?/{capacity}"),
        (None, None) => String::new(),
    }
}

/// Who says what is live: `ipvs 2 s ago`, `probes`, `VIP's check`.
fn known_by(director: &DirectorView, now: Timestamp) -> Cell {
    match (&*director.source, &director.feed) {
        ("feed", Some(FeedView { kind, heard_at: Some(at), .. })) => {
            format!("{kind} {} ago", span(*at, now)).into()
        }
        (source, feed) => {
            let word = if source == "check" { "VIP's check" } else { source };
            Cell::inked(if feed.is_some() { Ink::Doubt } else { Ink::Plain }, word)
        }
    }
}

/// What there is to say of a director beside its state.
fn remarks(director: &DirectorView) -> Vec<String> {
    let mut remarks = Vec::new();
    if director.state == "down" {
        remarks.push(format!("less than min_up = {} is live", share(director.min_up)));
    }
    if let Some(feed) = &director.feed {
        let why = feed.fault.as_deref().unwrap_or("nothing was heard yet");
        match (&*director.source, &feed.fault) {
            ("feed", None) => {}
            ("feed", Some(fault)) => {
                remarks.push(format!("{} at the last question: {fault}", feed.kind))
            }
            _ => remarks.push(format!("{} is not heard: {why}", feed.kind)),
        }
    }
    if !director.older_in.is_empty() {
        let zones = director.older_in.join(", ");
        remarks.push(format!("{zones} goes by an older version, as it was last good"));
    }
    if !director.unconfigured.is_empty() {
        remarks.push(format!("lists also, not configured: {}", names(&director.unconfigured)));
    }
    if !director.shared_with.is_empty() {
        let others = director.shared_with.join(", ");
        let speaks = if director.speaks { "speaks for it" } else { "in reserve" };
        remarks.push(format!("shares its VIP with {others}, {speaks}"));
    }
    remarks
}
