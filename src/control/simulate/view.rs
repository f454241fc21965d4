//! What a comparison comes to, as its readers get it: plain words and numbers, ready for a page or for JSON.
//!
//! Shares are parts of one, of the clients that a map's key names.

use super::clients::Population;
use serde::Serialize;
use std::collections::BTreeMap;

/// By the name of a population of clients.
pub type ByClients<T> = BTreeMap<&'static str, T>;

/// A comparison of two sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Simulation {
    /// Who is counted, and how.
    pub clients: Vec<Population>,
    /// Where clients are counted by observed traffic: the part of the space in use that none was seen from.
    pub uncovered: ByClients<f64>,
    /// What is steered, the biggest shift first. Names that come out the same are told together.
    pub steering: Vec<Steered>,
}

/// Names that share all of what follows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Steered {
    /// The names as configured.
    pub names: Vec<String>,
    /// `A`, `AAAA` or both.
    pub types: Vec<&'static str>,
    /// The pool that serves them, after the change if it still does.
    pub pool: String,
    /// Whether anything is different.
    pub changed: bool,
    /// The part of clients that get another site, or an answer where they had none, or the other way round.
    pub moved: ByClients<f64>,
    /// The part of clients that had an answer and would have none.
    pub lost: ByClients<f64>,
    /// Sites, the biggest shift first.
    pub sites: Vec<SiteShare>,
    /// Clients without an answer, by why.
    pub unanswered: Vec<Unanswered>,
    /// Where endpoints are handed out that are down, since all are.
    pub fail_open: ByClients<Change>,
    /// Where a fallback pool serves.
    pub fallback: ByClients<Change>,
    /// Where the site that serves has too little up to be trusted.
    pub degraded: ByClients<Change>,
    /// Who moves where, the most clients first.
    pub moves: Vec<Move>,
    /// Networks that nobody is counted in, and that move.
    pub uncounted: Vec<Uncounted>,
}

/// Before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    /// As it is.
    pub before: f64,
    /// As it would be.
    pub after: f64,
}

/// A site's part of the clients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteShare {
    /// Its name.
    pub site: String,
    /// Its name for people.
    pub title: String,
    /// Its part.
    pub share: ByClients<Change>,
    /// Its endpoints.
    pub endpoints: Vec<EndpointShare>,
}

/// An endpoint's part of the answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointShare {
    /// Its pool, if it is a fallback's.
    pub fallback: Option<String>,
    /// Its name.
    pub endpoint: String,
    /// Part of all answers that list it.
    pub listed: ByClients<Change>,
    /// Part of all answers that list it first; these add up to the site's part.
    pub first: ByClients<Change>,
}

/// Clients without an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unanswered {
    /// `fenced`, `nodata`, `servfail` or `no address`.
    pub why: &'static str,
    /// Their part.
    pub share: ByClients<Change>,
}

/// Clients of one place who move from one site to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Move {
    /// Geo code of a country or, where no country is known, a continent; none: the place is unknown.
    pub country: Option<String>,
    /// The site before, or why there was no answer.
    pub from: String,
    /// The site after, or why there is no answer.
    pub to: String,
    /// The part of the country's clients.
    pub of_country: ByClients<f64>,
    /// The part of all clients.
    pub of_all: ByClients<f64>,
}

/// Networks that move without anybody being counted in them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Uncounted {
    /// Why nobody is: `private` space; `unplaced`, IPv6 of which no database knows anything; `unseen` in the traffic.
    pub kind: &'static str,
    /// One of them.
    pub example: String,
    /// How many runs of addresses there are.
    pub runs: usize,
    /// The site before, or why there was no answer.
    pub from: String,
    /// The site after, or why there is no answer.
    pub to: String,
    /// Whether there was an answer and would be none.
    pub lost: bool,
}

impl Change {
    /// By how much it grows; negative where it shrinks.
    pub fn shift(self) -> f64 {
        self.after - self.before
    }

    /// The one of a side, 0 before and 1 after.
    pub(super) fn side(&mut self, side: usize) -> &mut f64 {
        if side == 0 { &mut self.before } else { &mut self.after }
    }

    /// Whether it is more than the rounding of sums.
    pub fn is_change(self) -> bool {
        self.shift().abs() > ROUNDING
    }
}

/// Sums over a million networks, in different orders, agree to within this.
pub(super) const ROUNDING: f64 = 1e-9;

impl Steered {
    /// The biggest shift of any site, of any clients.
    pub fn shift_max(&self) -> f64 {
        let shares = self.sites.iter().map(|site| &site.share);
        let shares = shares.chain(self.unanswered.iter().map(|row| &row.share));
        let shifts = shares.flat_map(BTreeMap::values).map(|change| change.shift().abs());
        shifts.fold(0.0, f64::max)
    }

    /// Whether anybody who had an answer would have none, counted or not.
    pub fn loses_answers(&self) -> bool {
        self.lost.values().any(|&share| share > 0.0) || self.uncounted.iter().any(|row| row.lost)
    }
}
