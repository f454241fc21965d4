//! How much of a shift is too much: what makes a comparison fail.

use super::view::{Change, Simulation, Steered};

/// What a comparison may come to at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The most that any site's part may shift for any name, 0 to 1.
    pub shift_max: f64,
    /// Whether clients may lose their answers.
    pub allow_unanswered: bool,
}

impl Gate {
    /// Why the comparison fails, a line for each name and site; empty if it passes.
    pub fn violations(&self, simulation: &Simulation) -> Vec<String> {
        simulation.steering.iter().flat_map(|steered| self.of(steered)).collect()
    }

    fn of(&self, steered: &Steered) -> Vec<String> {
        let who = format!("{} {}", named(&steered.names), steered.types.join("/"));
        let mut lines = Vec::new();
        for site in &steered.sites {
            let too_far = site.share.iter().filter(|(_, change)| self.is_exceeded(**change));
            lines.extend(too_far.map(|(clients, change)| {
                let verb = if change.shift() > 0.0 { "gains" } else { "loses" };
                format!(
                    "{who}: site {} {verb} {:.1} points of {clients} ({:.1} % → {:.1} %), more than {}",
                    site.site,
                    change.shift().abs() * 100.0,
                    change.before * 100.0,
                    change.after * 100.0,
                    limit(self.shift_max),
                )
            }));
        }
        if !self.allow_unanswered {
            let lost = steered.lost.iter().filter(|(_, share)| **share > 0.0);
            lines.extend(lost.map(|(clients, share)| {
                format!("{who}: {} of {clients} would be left without an answer", percent(*share))
            }));
            let uncounted = steered.uncounted.iter().filter(|row| row.lost);
            lines.extend(uncounted.map(|row| {
                format!("{who}: clients in {} would be left without an answer", row.example)
            }));
        }
        lines
    }

    fn is_exceeded(&self, change: Change) -> bool {
        change.shift().abs() > self.shift_max + super::view::ROUNDING
    }
}

/// Some of the names; a thousand may share a pool and a route.
fn named(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMES_SHOWN_MAX)].join(", ");
    match names.len().saturating_sub(NAMES_SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Enough to know which names are meant, short enough for a line.
const NAMES_SHOWN_MAX: usize = 3;

/// As it was typed, without the dust of binary fractions.
fn limit(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}

/// A part of one as a percentage; what is more than nothing never reads as nothing.
fn percent(share: f64) -> String {
    if share < 0.0005 { "less than 0.1 %".to_owned() } else { format!("{:.1} %", share * 100.0) }
}
