//! A status as text for people: what is wrong first, then what there is.
//!
//! Where there is much of something, those that are well are counted instead of shown, so that the others stay in
//! sight.

use super::words::{action, rate, span, until};
use super::{directors, pools};
use crate::cli::style::{Cell, Ink, Palette, Table};
use crate::control::events::Severity;
use crate::control::status::{OverrideView, SiteView, Status, ZoneView};
use crate::report::{count, listed};
use jiff::Timestamp;
use std::fmt::Write;

/// What is shown, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Colours.
    pub palette: Palette,
    /// How much of what is well.
    pub extent: Extent,
    /// Whether files and databases are shown: not where only one name is asked about.
    pub files: bool,
}

/// How much is shown of what is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Nothing.
    Wrong,
    /// As much as a person reads.
    Folded,
    /// Everything.
    All,
}

/// As much as is wrong and still leaves room for the rest.
const WRONG_MAX: usize = 12;
/// More sites or zones than this that are well are counted, not listed.
const LISTED_MAX: usize = 20;
/// Names and the like within one line.
const NAMED_MAX: usize = 3;

/// The whole text.
pub(super) fn render(status: &Status, base: &str, layout: Layout) -> String {
    let mut text = header(status, base, layout.palette);
    let mut section = |part: String| {
        if !part.is_empty() {
            text.push('\n');
            text.push_str(&part);
        }
    };
    section(wrong(status, layout));
    section(overrides(status, layout));
    if layout.extent != Extent::Wrong {
        section(sites(status, layout));
    }
    section(directors::render(status, layout));
    for part in pools::render(status, layout) {
        section(part);
    }
    section(zones(status, layout));
    if layout.files && layout.extent != Extent::Wrong {
        section(files(status, layout));
    }
    text
}

fn header(status: &Status, base: &str, palette: Palette) -> String {
    let server = &status.server;
    let ready = match server.ready {
        true => palette.paint(Ink::Good, "ready".to_owned()),
        false => palette.paint(Ink::Bad, format!("not ready ({})", server.why)),
    };
    let generation = match server.generation_at {
        Some(at) => format!("generation {} since {}", server.generation, span(at, server.now)),
        None => "nothing published yet".to_owned(),
    };
    let name = palette.paint(Ink::Strong, format!("fingerpost {}", server.version));
    let (up, rate) = (span(server.started, server.now), rate(server.queries_per_s));
    let base = base.trim_end_matches('/');
    format!("{name} at {base}: {ready}, {generation}, started {up} ago, {rate} queries/s\n")
}

pub(super) fn heading(title: impl std::fmt::Display, layout: Layout) -> String {
    format!("{}\n", layout.palette.paint(Ink::Strong, title))
}

fn wrong(status: &Status, layout: Layout) -> String {
    if status.wrong.is_empty() {
        let scope = if layout.files { "All is well." } else { "All is well here." };
        return format!("{}\n", layout.palette.paint(Ink::Good, scope));
    }
    let shown = match layout.extent {
        Extent::Folded => WRONG_MAX,
        Extent::Wrong | Extent::All => usize::MAX,
    };
    let palette = layout.palette;
    let mut text = heading(format_args!("WRONG ({})", status.wrong.len()), layout);
    for wrong in status.wrong.iter().take(shown) {
        let severity = palette.paint(ink_of(wrong.severity), format!("{:7}", wrong.severity));
        let since = wrong.since.map(|since| format!(", for {}", span(since, status.server.now)));
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(text, "  {severity}  {}{}", wrong.what, since.unwrap_or_default());
        if !wrong.help.is_empty() {
            let _ = writeln!(text, "           {}", palette.paint(Ink::Faint, &wrong.help));
        }
    }
    if let Some(more) = status.wrong.len().checked_sub(shown).filter(|more| *more > 0) {
        let more = format!("{more} more; --wrong shows all");
        let _ = writeln!(text, "  {}", palette.paint(Ink::Faint, more));
    }
    text
}

/// The colour of how grave something is.
pub(in crate::cli) fn ink_of(severity: Severity) -> Ink {
    match severity {
        Severity::Info => Ink::Plain,
        Severity::Warning => Ink::Doubt,
        Severity::Error => Ink::Bad,
    }
}

fn overrides(status: &Status, layout: Layout) -> String {
    if status.overrides.is_empty() {
        return String::new();
    }
    let mut table = Table::new(2);
    table.header(&["TARGET", "STATE", "UNTIL", "BY", "REASON"]);
    for pinned in &status.overrides {
        table.row([
            pinned.target.as_str().into(),
            Cell::inked(ink_of_state(&pinned.state), action(pinned, status.server.now)),
            until(status.server.now, pinned.until).into(),
            pinned.by.as_deref().unwrap_or("").into(),
            pinned.reason.as_str().into(),
        ]);
    }
    heading("OVERRIDES", layout) + &table.render(layout.palette)
}

/// The colour of an endpoint's standing, or of what an override makes of it.
pub(super) fn ink_of_state(state: &str) -> Ink {
    match state {
        "up" => Ink::Good,
        "down" => Ink::Bad,
        _ => Ink::Doubt,
    }
}

/// An override in a few words, for a line that it holds for; `subject` is whose line that is, and not repeated.
pub(super) fn pinned(pinned: &OverrideView, subject: Option<&str>, now: Timestamp) -> String {
    let of = match subject {
        Some(subject) if subject == pinned.name => String::new(),
        _ => format!(" of {}", pinned.target),
    };
    let text = format!("{}{of} {}", pinned.state, until(now, pinned.until));
    let by = pinned.by.iter().map(String::as_str);
    let said = by.chain([pinned.reason.as_str()]).filter(|said| !said.is_empty());
    match said.collect::<Vec<_>>().join(": ") {
        said if said.is_empty() => text,
        said => format!("{text} ({said})"),
    }
}

fn sites(status: &Status, layout: Layout) -> String {
    let is_well = |site: &&SiteView| site.endpoints_up == site.endpoints && site.pinned.is_none();
    let fold = layout.extent == Extent::Folded && status.sites.len() > LISTED_MAX;
    let shown: Vec<_> = status.sites.iter().filter(|site| !(fold && is_well(site))).collect();
    if status.sites.is_empty() {
        return String::new();
    }
    let mut table = Table::new(2);
    if !shown.is_empty() {
        table.header(&["SITE", "NAME", "LOCATION", "UP", "ANSWERS/S", "OVERRIDE"]);
    }
    for site in &shown {
        let ink = match site.endpoints_up {
            up if up == site.endpoints => Ink::Good,
            0 if site.endpoints_drained < site.endpoints => Ink::Bad,
            _ => Ink::Doubt,
        };
        let zone = site.zone.as_ref().map(|zone| format!(" of {zone}")).unwrap_or_default();
        let override_ =
            site.pinned.as_ref().map(|one| pinned(one, Some(&site.site), status.server.now));
        table.row([
            format!("{}{zone}", site.site).into(),
            site.title.as_str().into(),
            site.location.as_deref().unwrap_or("").into(),
            Cell::inked(ink, format_args!("{}/{}", site.endpoints_up, site.endpoints)),
            Cell::number(rate(site.answers_per_s)),
            Cell::inked(Ink::Doubt, override_.unwrap_or_default()),
        ]);
    }
    let mut text = heading("SITES", layout) + &table.render(layout.palette);
    text.push_str(&folded(status.sites.len() - shown.len(), "site", "all up", layout));
    text
}

/// A line for those that are not listed.
pub(super) fn folded(number: usize, thing: &str, how: &str, layout: Layout) -> String {
    if number == 0 {
        return String::new();
    }
    let cure = if layout.extent == Extent::Folded { " (--all lists them)" } else { "" };
    let line = format!("not listed: {}, {how}{cure}", count(number, thing));
    format!("  {}\n", layout.palette.paint(Ink::Faint, line))
}

fn zones(status: &Status, layout: Layout) -> String {
    let fold = match layout.extent {
        Extent::Wrong => true,
        Extent::Folded => status.zones.len() > LISTED_MAX,
        Extent::All => false,
    };
    let is_well = |zone: &ZoneView| zone.state == "served";
    let shown: Vec<_> = status.zones.iter().filter(|zone| !(fold && is_well(zone))).collect();
    if status.zones.is_empty() || (shown.is_empty() && layout.extent == Extent::Wrong) {
        return String::new();
    }
    let mut table = Table::new(2);
    if !shown.is_empty() {
        table.header(&["ZONE", "SERIAL", "NAMES", "STEERED", "STATE"]);
    }
    for zone in &shown {
        let ink = match zone.state.as_str() {
            "served" => Ink::Good,
            "last good" => Ink::Doubt,
            _ => Ink::Bad,
        };
        table.row([
            zone.zone.as_str().into(),
            Cell::number(zone.serial.map(|serial| serial.to_string()).unwrap_or_default()),
            Cell::number(zone.names),
            Cell::number(zone.steered_names),
            Cell::inked(ink, &zone.state),
        ]);
    }
    let mut text = heading("ZONES", layout) + &table.render(layout.palette);
    if layout.extent != Extent::Wrong {
        text.push_str(&folded(status.zones.len() - shown.len(), "zone", "all served", layout));
    }
    text
}

/// How the last reading went, and what clients are placed by. What was found is told with what is wrong.
fn files(status: &Status, layout: Layout) -> String {
    let (reload, now, palette) = (&status.reload, status.server.now, layout.palette);
    let ink = if reload.outcome == "refused" { Ink::Bad } else { Ink::Plain };
    let outcome = palette.paint(ink, &reload.outcome);
    let (ago, generation) = (span(reload.at, now), reload.generation);
    let found = match reload.findings.len() {
        0 => String::new(),
        number => format!(", {}", count(number, "finding")),
    };
    let mut text = heading("FILES", layout);
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(text, "  read {ago} ago: {outcome}, generation {generation}{found}");
    for database in &status.databases {
        let built = database.built.map(|at| format!(", built {} ago", span(at, now)));
        let built = built.unwrap_or_default();
        let _ = writeln!(text, "  database {}: {}{built}", database.path, database.kind);
    }
    text
}

/// Names within a line.
pub(super) fn names(names: &[String]) -> String {
    listed(names, NAMED_MAX)
}
