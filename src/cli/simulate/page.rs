//! A comparison as a page: what is compared, then a block for each set of names that come out the same, the biggest
//! shift first, then one line for all that stays as it is.

use super::Said;
use crate::cli::style::{Cell, Ink, Palette, Table};
use crate::control::simulate::{Change, EndpointShare, Move, Population, SiteShare, Steered};
use crate::report::{count, listed, percent_tenths};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter;

/// Blocks shown; a thousand names can move in a thousand ways.
const BLOCKS_SHOWN_MAX: usize = 20;
/// Countries shown of a block.
const MOVES_SHOWN_MAX: usize = 10;
/// Names shown of a block, or of those that stay as they are.
const NAMES_SHOWN_MAX: usize = 6;
/// Columns of a bar that stands for everybody.
const BAR_COLUMNS: f64 = 24.0;
/// Less than this shows as nothing.
const VISIBLE_MIN: f64 = 0.0005;

/// The page of a comparison.
pub(super) struct Page<'a> {
    pub(super) said: &'a Said,
    pub(super) palette: Palette,
}

type ByClients<T> = BTreeMap<&'static str, T>;

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        let Said { changes, simulation, .. } = self.said;
        let is_compared = !changes.is_empty();
        let (shown, same): (Vec<&Steered>, Vec<&Steered>) =
            simulation.steering.iter().partition(|steered| steered.changed || !is_compared);
        for steered in shown.iter().take(BLOCKS_SHOWN_MAX) {
            write!(f, "\n{}", self.block(steered, is_compared))?;
        }
        if let Some(more) = more(shown.len(), BLOCKS_SHOWN_MAX) {
            writeln!(f, "\nand {more} more that shift less; --json has them all")?;
        }
        if !same.is_empty() {
            let names: Vec<String> = same.iter().flat_map(|steered| named(steered)).collect();
            let verb = if names.len() == 1 { "stays as it is" } else { "stay as they are" };
            let line = format!(
                "{} {verb}: {}",
                count(names.len(), "name"),
                listed(&names, NAMES_SHOWN_MAX)
            );
            writeln!(f, "\n{}", self.palette.paint(Ink::Faint, line))?;
        }
        f.write_str(&self.verdict())
    }
}

impl Page<'_> {
    /// What is compared, and who is counted.
    fn head(&self) -> String {
        let Said { changes, health, simulation, .. } = self.said;
        let mut facts = Table::new(0);
        let change = match &changes[..] {
            [] => "nothing: this is how it stands".to_owned(),
            changes => changes.join(", "),
        };
        facts.row([faint("change"), Cell::inked(Ink::Strong, change)]);
        facts.row([
            faint("health"),
            match *health {
                "all up" => "everything is taken for up (--as-is: what the server knows)".into(),
                _ => "as the server knows it, overrides included".into(),
            },
        ]);
        let inhabited = inhabited(&simulation.clients);
        let clients: Vec<String> = inhabited
            .iter()
            .map(|population| format!("{} {}", short(population.total), unit(population)))
            .collect();
        facts.row([faint("clients"), clients.join(", ").into()]);
        let unseen: Vec<String> = simulation
            .uncovered
            .iter()
            .map(|(family, part)| format!("{} of {family}", percent_tenths(*part)))
            .collect();
        if !unseen.is_empty() {
            let line =
                format!("none was seen from {} space; it is not counted", unseen.join(" and "));
            facts.row([faint(""), line.into()]);
        }
        for population in inhabited.iter().filter(|population| population.relocated > 0.0) {
            let part = percent_tenths(population.relocated);
            let line =
                format!("{part} of {} are now said to be in another country", population.name);
            facts.row([faint("databases"), Cell::inked(Ink::Doubt, line)]);
        }
        facts.render(self.palette)
    }

    fn block(&self, steered: &Steered, is_compared: bool) -> String {
        let palette = self.palette;
        let title =
            format!("{} {}", listed(&steered.names, NAMES_SHOWN_MAX), steered.types.join(" "));
        let mut text = format!("{}  ", palette.paint(Ink::Strong, title));
        text.push_str(&format!(
            "{}\n",
            palette.paint(Ink::Faint, format!("pool {}", steered.pool))
        ));
        for (ink, line) in notes(steered, is_compared) {
            text.push_str(&format!("  {}\n", palette.paint(ink, line)));
        }
        text.push('\n');
        text.push_str(&sites(steered, is_compared).render(palette));
        if !steered.moves.is_empty() {
            text.push('\n');
            text.push_str(&moves(&steered.moves).render(palette));
            if let Some(more) = more(steered.moves.len(), MOVES_SHOWN_MAX) {
                let line = format!("  and {more} more, of fewer clients; --json has them all\n");
                text.push_str(&palette.paint(Ink::Faint, line).to_string());
            }
        }
        text
    }

    /// Whether the gate holds, if there is one.
    fn verdict(&self) -> String {
        let Said { max_shift: Some(max_shift), violations, .. } = self.said else {
            return String::new();
        };
        if violations.is_empty() {
            let line = format!(
                "passed: no part of a site or endpoint shifts by more than {max}, nor do more clients move",
                max = percent_tenths(*max_shift)
            );
            return format!("\n{}\n", self.palette.paint(Ink::Good, line));
        }
        let mut text = format!("\n{}\n", self.palette.paint(Ink::Bad, "failed:"));
        for violation in violations {
            text.push_str(&format!("  {violation}\n"));
        }
        text
    }
}

/// What the tables do not say.
fn notes(steered: &Steered, is_compared: bool) -> Vec<(Ink, String)> {
    let mut notes = Vec::new();
    if is_compared {
        let moved = visible(&steered.moved);
        if !moved.is_empty() {
            notes.push((Ink::Plain, format!("{moved} move")));
        }
        let lost = visible(&steered.lost);
        if !lost.is_empty() {
            notes.push((Ink::Bad, format!("{lost} lose their answer")));
        }
    }
    for (change, ink, what) in [
        (&steered.fail_open, Ink::Bad, "get endpoints that are down, since all are (on_all_down)"),
        (&steered.fallback, Ink::Doubt, "are served by a fallback pool"),
        (&steered.degraded, Ink::Doubt, "are served by a site that has too little up (min_up)"),
    ] {
        let after: ByClients<f64> =
            change.iter().map(|(&name, change)| (name, change.after)).collect();
        let after = visible(&after);
        if !after.is_empty() {
            notes.push((ink, format!("{after} {what}")));
        }
    }
    for row in &steered.uncounted {
        let kind = match row.kind {
            "unplaced" => "IPv6 of unknown place",
            "unseen" => "networks without traffic",
            kind => kind,
        };
        let more = if row.runs > 1 { format!(" and {} more", row.runs - 1) } else { String::new() };
        let line =
            format!("not counted: {kind} ({}{more}), {} → {}", row.example, row.from, row.to);
        notes.push((if row.lost { Ink::Bad } else { Ink::Faint }, line));
    }
    notes
}

/// Sites with their endpoints, and those without an answer.
fn sites(steered: &Steered, is_compared: bool) -> Table {
    let mut table = Table::new(2);
    let clients: Vec<&'static str> = steered.moved.keys().copied().collect();
    let mut header = vec!["SITE".to_owned()];
    for name in &clients {
        header.push((*name).to_owned());
        if is_compared {
            header.extend(["→".to_owned(), "SHIFT".to_owned()]);
        }
    }
    let numbers = header.iter().skip(1).map(|title| faint(title).flush_right());
    let bars = clients.first().map(|name| faint(name));
    table.row(iter::once(faint(&header[0])).chain(numbers).chain(bars));
    for SiteShare { site, title, share, endpoints } in &steered.sites {
        // In a comparison, who has no part in it only stands in the way.
        let has_part =
            |part: &ByClients<Change>| part.values().any(|part| part.before + part.after > 0.0);
        if is_compared && !has_part(share) {
            continue;
        }
        let name = if site == title { site.clone() } else { format!("{site} {title}") };
        table.row(site_row(Cell::inked(Ink::Strong, name), share, is_compared, true));
        let changes = |row: &&EndpointShare| row.first.values().any(|part| part.is_change());
        if endpoints.len() < 2 || is_compared && !endpoints.iter().any(|row| changes(&row)) {
            continue;
        }
        for row in endpoints.iter().filter(|row| !is_compared || has_part(&row.first)) {
            let name = match &row.fallback {
                Some(pool) => format!("  {pool}/{}", row.endpoint),
                None => format!("  {}", row.endpoint),
            };
            table.row(site_row(name.into(), &row.first, is_compared, false));
        }
    }
    for row in &steered.unanswered {
        let name = Cell::inked(Ink::Bad, format!("no answer ({})", row.why));
        table.row(site_row(name, &row.share, is_compared, true));
    }
    table
}

fn site_row(name: Cell, share: &ByClients<Change>, is_compared: bool, has_bar: bool) -> Vec<Cell> {
    let mut cells = vec![name];
    for change in share.values() {
        cells.push(Cell::number(percent_tenths(change.before)));
        if is_compared {
            cells.push(Cell::number(percent_tenths(change.after)));
            cells.push(shift(*change));
        }
    }
    cells.extend(share.values().next().filter(|_| has_bar).map(|change| bar(*change)));
    cells
}

/// Points gained or lost.
fn shift(change: Change) -> Cell {
    let points = change.shift() * 100.0;
    let (ink, text) = match () {
        () if !change.is_change() => (Ink::Faint, "=".to_owned()),
        () if points.abs() < VISIBLE_MIN * 100.0 => (Ink::Faint, "<0.1".to_owned()),
        () if points > 0.0 => (Ink::Good, format!("+{points:.1}")),
        () => (Ink::Bad, format!("−{:.1}", -points)),
    };
    Cell::inked(ink, text).flush_right()
}

/// What stays is full, what is gained or lost is shaded.
fn bar(change: Change) -> Cell {
    let columns = |part: f64| (part * BAR_COLUMNS).round() as usize;
    let (low, high) = (change.before.min(change.after), change.before.max(change.after));
    let (kept, all) = (columns(low), columns(high));
    let (ink, shade) = match () {
        () if all == kept => (Ink::Plain, ""),
        () if change.shift() > 0.0 => (Ink::Good, "▒"),
        () => (Ink::Bad, "░"),
    };
    Cell::inked(ink, format!("{}{}", "█".repeat(kept), shade.repeat(all - kept)))
}

/// Who moves from where to where, the most clients first.
fn moves(moves: &[Move]) -> Table {
    let mut table = Table::new(2);
    let shown = &moves[..moves.len().min(MOVES_SHOWN_MAX)];
    let clients: BTreeSet<&'static str> =
        shown.iter().flat_map(|row| row.of_all.keys().copied()).collect();
    let mut header = vec![faint("COUNTRY"), faint("FROM → TO")];
    for name in &clients {
        header.push(faint(&format!("OF ITS {name}")).flush_right());
        header.push(faint(&format!("OF ALL {name}")).flush_right());
    }
    table.row(header);
    for row in shown {
        let mut cells = vec![
            row.country.as_deref().unwrap_or("unknown").into(),
            format!("{} → {}", row.from, row.to).into(),
        ];
        for name in &clients {
            for part in [row.of_country.get(name), row.of_all.get(name)] {
                cells.push(
                    part.map_or_else(Cell::default, |part| Cell::number(percent_tenths(*part))),
                );
            }
        }
        table.row(cells);
    }
    table
}

fn faint(text: &str) -> Cell {
    Cell::inked(Ink::Faint, text)
}

/// `27.1 % of IPv4 and 30.0 % of IPv6`, leaving out where it is nobody.
fn visible(parts: &ByClients<f64>) -> String {
    let some: Vec<String> = parts
        .iter()
        .filter(|(_, part)| **part > 0.0)
        .map(|(name, part)| format!("{} of {name}", percent_tenths(*part)))
        .collect();
    some.join(" and ")
}

fn inhabited(clients: &[Population]) -> Vec<&Population> {
    clients.iter().filter(|population| population.total > 0.0).collect()
}

fn unit(population: &Population) -> String {
    match population.name {
        "traffic" => population.unit.to_owned(),
        name => format!("{name} {}", population.unit),
    }
}

/// A count that may be in the billions.
fn short(number: f64) -> String {
    match number {
        1e12.. => format!("{:.2} trillion", number / 1e12),
        1e9.. => format!("{:.2} billion", number / 1e9),
        1e6.. => format!("{:.2} million", number / 1e6),
        _ => format!("{}", number.round()),
    }
}

/// Names with the types that are meant, where not both are.
fn named(steered: &Steered) -> impl Iterator<Item = String> + '_ {
    let types =
        if steered.types.len() > 1 { String::new() } else { format!(" {}", steered.types[0]) };
    steered.names.iter().map(move |name| format!("{name}{types}"))
}

fn more(all: usize, shown: usize) -> Option<usize> {
    all.checked_sub(shown).filter(|more| *more > 0)
}
