//! What is meant by the name of a director: the VIP that it or its twin of a VRRP pair may hold, wherever that is
//! handed out and whatever the endpoint is called there.

use super::{Part, Wanted};
use crate::health::overrides::{Override, OverrideTarget};
use crate::snapshot::Catalog;
use crate::steer::director::Director;
use crate::steer::model::{Endpoint, Pool};
use crate::wire::Name;

/// A director that is handed out, and the endpoints that stand for it.
pub(super) struct Handed<'a> {
    zone: Option<&'a Name>,
    name: &'a str,
    seats: Vec<(&'a Pool, &'a Endpoint)>,
}

/// Every director that is handed out, the server's own and each zone's.
pub(super) fn all(catalog: &Catalog) -> Vec<Handed<'_>> {
    let mut all: Vec<Handed> = Vec::new();
    for (pool, endpoint) in seats(catalog) {
        let vip = endpoint.vip.iter();
        for director in vip.flat_map(|vip| &vip.directors) {
            let Director { zone, name, .. } = &**director;
            let is_it = |one: &&mut Handed| one.zone == zone.as_ref() && one.name == name;
            match all.iter_mut().find(is_it) {
                Some(known) => known.seats.push((pool, endpoint)),
                None => {
                    let seats = vec![(pool, endpoint)];
                    all.push(Handed { zone: zone.as_ref(), name, seats });
                }
            }
        }
    }
    all
}

impl<'a> Handed<'a> {
    /// Whether the server's own file defines it.
    pub(super) fn is_servers(&self) -> bool {
        self.zone.is_none()
    }

    /// Its name.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// The same as far as it is wanted; none if it is not.
    pub(super) fn wanted(mut self, wanted: &Wanted) -> Option<Self> {
        if let Part::Only(zone) = &wanted.zone {
            // A zone may be that of the director, or that of the pools.
            let own = self.zone == Some(zone);
            self.seats.retain(|(pool, _)| own || pool.zone.as_ref() == Some(zone));
        }
        (self.name == wanted.name && !self.seats.is_empty()).then_some(self)
    }

    /// As it would have to be written to mean just that.
    pub(super) fn written(&self) -> String {
        let zone = self.zone.cloned().map_or(Part::Open, Part::Only);
        let kind = Some(super::Kind::Director);
        Wanted { kind, zone, pool: Part::Open, name: self.name.to_owned() }.to_string()
    }

    /// Whether a target is one of the endpoints that stand for it.
    pub(super) fn stands_at(&self, target: &OverrideTarget) -> bool {
        self.seats.iter().any(|seat| seated(seat) == *target)
    }

    /// What it is to be pinned by: one target for each name that its VIP bears, and one for each endpoint where others
    /// bear that name too.
    pub(super) fn targets(&self, catalog: &Catalog) -> Vec<OverrideTarget> {
        let mut targets = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for (_, endpoint) in &self.seats {
            if !names.contains(&&*endpoint.name) {
                names.push(&endpoint.name);
            }
        }
        for name in names {
            let named: Vec<_> = self.seats.iter().filter(|(_, it)| it.name == name).collect();
            let wide = wide(name, &named);
            // Two versions of a pool, while its zone is kept as it was last good, are one place.
            let mut places: Vec<OverrideTarget> = Vec::new();
            for place in named.into_iter().map(seated) {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
            match &places[..] {
                [_, _, ..] if self.holds_only(catalog, &wide) => targets.push(wide),
                _ => targets.extend(places),
            }
        }
        targets
    }

    /// Those of a list of overrides that are on it and on nothing else.
    pub(super) fn pinned(&self, catalog: &Catalog, list: &[Override]) -> Vec<OverrideTarget> {
        let mut found: Vec<OverrideTarget> = Vec::new();
        for target in list.iter().map(|pinned| &pinned.target) {
            let is_endpoint = matches!(target, OverrideTarget::Endpoint { .. });
            if is_endpoint && !found.contains(target) && self.holds_only(catalog, target) {
                found.push(target.clone());
            }
        }
        found
    }

    /// Whether a target takes in endpoints of it, and none of others.
    pub(super) fn holds_only(&self, catalog: &Catalog, target: &OverrideTarget) -> bool {
        let mut taken = seats(catalog)
            .filter(|(pool, endpoint)| target.matches(&pool.subject(endpoint)))
            .peekable();
        taken.peek().is_some() && taken.all(|seat| self.stands_at(&seated(&seat)))
    }
}

/// All of a name, in as few zones as can be said.
fn wide(name: &str, seats: &[&(&Pool, &Endpoint)]) -> OverrideTarget {
    let zone = seats.first().and_then(|(pool, _)| pool.zone.as_ref());
    let is_one = seats.iter().all(|(pool, _)| pool.zone.as_ref() == zone);
    let zone = zone.filter(|_| is_one).cloned();
    OverrideTarget::Endpoint { zone, pool: None, name: name.to_owned() }
}

fn seated((pool, endpoint): &(&Pool, &Endpoint)) -> OverrideTarget {
    OverrideTarget::Endpoint {
        zone: pool.zone.clone(),
        pool: Some(pool.name.clone()),
        name: endpoint.name.clone(),
    }
}

fn seats(catalog: &Catalog) -> impl Iterator<Item = (&Pool, &Endpoint)> {
    super::super::weight::endpoints(catalog)
}
