//! The directors that a file can refer to, and which of them stand in for each other.
//!
//! Directors at one site with the same VIP and service are a pair (or more) of which one holds the VIP at a time: one
//! [`Vip`]. A zone's directors join the server's. Within one file, two that share an address and cannot be such a pair
//! are a mistake; across files they are two, as the writer of one may not know the other.

use super::{Terms, director};
use crate::config::document::Document;
use crate::config::reader::{Table, Value};
use crate::config::scope::{Named, Scope};
use crate::report::Place;
use crate::steer::director::{Director, Real, Vip};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

/// The server's directors, for zones to share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shared {
    named: Named<Arc<Director>>,
    /// Each director is in one, in the order written.
    vips: Vec<Arc<Vip>>,
}

impl Shared {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Director>> {
        self.vips.iter().flat_map(|vip| &vip.directors)
    }
}

/// The directors that a file can refer to.
pub struct Directors<'a> {
    scope: Scope<'a, Arc<Director>>,
    /// Those with directors of this file.
    own: Vec<Arc<Vip>>,
    shared: Option<&'a Shared>,
}

impl<'a> Directors<'a> {
    /// Reads all directors of a file.
    pub fn read(table: Table<'_>, terms: &Terms<'_, '_>, shared: Option<&'a Shared>) -> Self {
        let doc = table.document();
        let mut scope = Scope::new("director", shared.map(|shared| &shared.named));
        for entry in table.into_entries() {
            let read = director(&entry, terms).map(Arc::new);
            scope.define(entry.key, entry.key_span.clone(), read);
        }
        let written: Vec<Written<'_>> = scope.own().collect();
        judge_pairs(doc, &written);
        let mut vips: Vec<Vip> = Vec::new();
        for (director, _) in &written {
            match vips.iter_mut().find(|vip| stands_in(&vip.directors[0], director)) {
                Some(vip) => vip.directors.push(Arc::clone(director)),
                None => vips.push(Vip { directors: vec![Arc::clone(director)] }),
            }
        }
        for vip in &mut vips {
            let others = shared.into_iter().flat_map(Shared::all);
            let joins = |other: &&Arc<Director>| {
                !scope.is_own(&other.name) && stands_in(&vip.directors[0], other)
            };
            let joining: Vec<Arc<Director>> = others.filter(joins).cloned().collect();
            vip.directors.extend(joining);
        }
        Self { scope, own: vips.into_iter().map(Arc::new).collect(), shared }
    }

    /// What a text refers to: the director, and all that share its VIP.
    pub fn find(&self, reference: &Value<'_>) -> Option<(Arc<Director>, Arc<Vip>)> {
        let director = self.scope.find(reference)?;
        let shared = self.shared.into_iter().flat_map(|shared| &shared.vips);
        let holds = |vip: &&Arc<Vip>| vip.directors.iter().any(|one| Arc::ptr_eq(one, &director));
        let vip = self.own.iter().chain(shared).find(holds)?.clone();
        for (own, _) in self.scope.own() {
            if vip.directors.iter().any(|one| Arc::ptr_eq(one, own)) {
                self.scope.mark_used(&own.name);
            }
        }
        Some((director, vip))
    }

    /// The directors of this file, in the order written.
    pub fn own(&self) -> impl Iterator<Item = &Arc<Director>> {
        self.scope.own().map(|(director, _)| director)
    }

    /// The directors of this file with the places of their names.
    pub fn places(&self, doc: &Document) -> Vec<(Arc<Director>, Place)> {
        let place = |(director, span): Written<'_>| (director.clone(), doc.place(span.clone()));
        self.scope.own().map(place).collect()
    }

    /// Warns of those that no pool of this file hands out.
    pub fn warn_unused(&self, doc: &Document) {
        self.scope.warn_unused(doc);
    }

    /// The file's own, for zones to share.
    pub fn into_shared(self) -> Shared {
        Shared { named: self.scope.into_own(), vips: self.own }
    }
}

/// A director and where its key stands.
type Written<'w> = (&'w Arc<Director>, &'w Range<usize>);

/// Whether one may hold the other's VIP in its place.
fn stands_in(one: &Director, other: &Director) -> bool {
    one.is_same_vip(other) && (one.a, one.aaaa) == (other.a, other.aaaa) && one.site == other.site
}

/// Directors of one file that share an address and a service: whether they can be one failure domain.
fn judge_pairs(doc: &Document, written: &[Written<'_>]) {
    for (at, (director, span)) in written.iter().enumerate() {
        let earlier = written[..at].iter().find(|(earlier, _)| earlier.is_same_vip(director));
        let Some((first, first_span)) = earlier else { continue };
        let shared = first.addresses().find(|one| director.addresses().any(|two| two == *one));
        let shared = shared.map(|address| address.to_string()).unwrap_or_default();
        let with = format!("with {:?} in line {}", first.name, doc.line(first_span));
        let message = format!("{:?} shares {shared} ({}) {with}", director.name, director.service);
        let span = Range::clone(span);
        if first.site != director.site {
            let help = "an address is at one place: give both the same site, or each its own VIP";
            doc.error(span, format!("{message}, and stands at another site"), help);
        } else if (first.a, first.aaaa) != (director.a, director.aaaa) {
            let help =
                "a VIP moves as a whole: give both the same vip = { … }, or nothing in common";
            doc.error(span, format!("{message}, and the VIPs differ"), help);
        } else if let Some(keys) = differences(first, director) {
            let help = "they stand in for each other: give both the same";
            doc.warning(span, format!("{message}, and differs in {keys}"), help);
        } else if let Some((told, mute)) = half_told(first, director) {
            let message = format!("{message}, and only {told:?} has a feed");
            let help = format!(
                "give {mute:?} one too: while it holds the VIP, nobody knows the sessions that the capacity is for"
            );
            doc.warning(span, message, help);
        }
    }
}

/// Of two with a capacity the one with a feed and the one without.
fn half_told<'d>(one: &'d Director, other: &'d Director) -> Option<(&'d str, &'d str)> {
    one.capacity.or(other.capacity)?;
    match (&one.feed, &other.feed) {
        (Some(_), None) => Some((&one.name, &other.name)),
        (None, Some(_)) => Some((&other.name, &one.name)),
        _ => None,
    }
}

/// The keys in which two directors that stand in for each other should not differ.
fn differences(one: &Director, other: &Director) -> Option<String> {
    let list = |director: &Director| {
        let of = |real: &Real| (real.address, real.weight);
        let mut reals: Vec<(SocketAddr, u32)> = director.reals.iter().map(of).collect();
        reals.sort_unstable();
        reals
    };
    // Where one leaves its reals to its feed, they may well be the other's.
    let told = !one.reals.is_empty() && !other.reals.is_empty();
    let keys: Vec<&str> = [
        ("mode", one.mode != other.mode),
        ("scheduler", one.scheduler != other.scheduler),
        ("min_up", one.min_up != other.min_up),
        ("reals", told && list(one) != list(other)),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect();
    (!keys.is_empty()).then(|| keys.join(", "))
}
