//! How much of a shift is too much: what makes a comparison fail.

use super::view::{ByClients, Change, Simulation, Steered};
use crate::report::{listed, percent_tenths};

/// What a comparison may come to at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The most that may shift for any name, 0 to 1: a site's part, an endpoint's, or the part of clients that move.
    pub shift_max: f64,
    /// Whether clients may lose their answers.
    pub allow_unanswered: bool,
}

impl Gate {
    /// Why the comparison fails, a line for each name and what is too much of it; empty if it passes.
    pub fn violations(&self, simulation: &Simulation) -> Vec<String> {
        simulation.steering.iter().flat_map(|steered| self.of(steered)).collect()
    }

    fn of(&self, steered: &Steered) -> Vec<String> {
        let who =
            format!("{} {}", listed(&steered.names, NAMES_SHOWN_MAX), steered.types.join("/"));
        let mut lines = Vec::new();
        for site in &steered.sites {
            let name = format!("site {}", site.site);
            lines.extend(self.too_far(&who, &name, &site.share, |_| true));
            for endpoint in &site.endpoints {
                let pool = endpoint.fallback.as_ref().unwrap_or(&steered.pool);
                let name = format!("endpoint {pool}/{}", endpoint.endpoint);
                // Where the whole site shifts too far, that its endpoints do is no news.
                let is_news = |clients: &str| {
                    site.share.get(clients).is_none_or(|change| !self.is_exceeded(change.shift()))
                };
                lines.extend(self.too_far(&who, &name, &endpoint.first, is_news));
            }
        }
        // Sites that swap their clients keep their parts.
        let moved = steered.moved.iter().filter(|(_, part)| self.is_exceeded(**part));
        lines.extend(moved.map(|(clients, part)| {
            let (part, limit) = (percent_tenths(*part), limit(self.shift_max));
            format!("{who}: clients move: {part} of {clients}, more than {limit}")
        }));
        if !self.allow_unanswered {
            let lost = steered.lost.iter().filter(|(_, share)| **share > 0.0);
            lines.extend(lost.map(|(clients, share)| {
                format!(
                    "{who}: {} of {clients} would be left without an answer",
                    percent_tenths(*share)
                )
            }));
            let uncounted = steered.uncounted.iter().filter(|row| row.lost);
            lines.extend(uncounted.map(|row| {
                format!("{who}: clients in {} would be left without an answer", row.example)
            }));
        }
        lines
    }

    /// A line for each kind of clients of which a part shifts too far.
    fn too_far(
        &self,
        who: &str,
        name: &str,
        parts: &ByClients<Change>,
        is_news: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let told = |(clients, change): (&&str, &Change)| {
            if !self.is_exceeded(change.shift()) || !is_news(clients) {
                return None;
            }
            let verb = if change.shift() > 0.0 { "gains" } else { "loses" };
            Some(format!(
                "{who}: {name} {verb} {:.1} points of {clients} ({:.1} % → {:.1} %), more than {}",
                change.shift().abs() * 100.0,
                change.before * 100.0,
                change.after * 100.0,
                limit(self.shift_max),
            ))
        };
        parts.iter().filter_map(told).collect()
    }

    fn is_exceeded(&self, shift: f64) -> bool {
        shift.abs() > self.shift_max + super::view::ROUNDING
    }
}

/// Enough to know which names are meant, short enough for a line; a thousand may share a pool and a route.
const NAMES_SHOWN_MAX: usize = 3;

/// As it was typed, without the dust of binary fractions.
fn limit(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}
