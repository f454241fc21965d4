//! What all routes ask of the same world, worked out once: which locations stand at the same spot or place, and how
//! sites are ordered by distance from each spot.
//!
//! A world may hold a hundred thousand locations, many at the same coordinates, and fifty routes mostly order the same
//! few sites. An atlas lives as long as its world, and holds what it has worked out up to a fixed amount.

use crate::geo::intern::Interner;
use crate::geo::{Coordinates, GeoCode, Location, World};
use crate::steer::model::Site;
use crate::steer::order::nearest_first;
use std::collections::HashMap;
use std::sync::Arc;

/// Distances and orders kept, in bytes; beyond it all of them are dropped and those still asked for come back.
const KEPT_BYTES_MAX: usize = 128 << 20;

/// A world, indexed for compiling routes.
#[derive(Debug)]
pub struct Atlas {
    world: Arc<World>,
    /// Distinct coordinates; number [`UNKNOWN_SPOT`] is none.
    spots: Vec<Option<Coordinates>>,
    /// Distinct places.
    places: Vec<Option<GeoCode>>,
    facts: Vec<Facts>,
    /// Locations that have sites of their own.
    with_own: Vec<u32>,
    /// Site coordinates → distance from each spot, in kilometres.
    distances: HashMap<Coordinates, Arc<[f64]>>,
    /// Coordinates of some sites in order → how far which is from where.
    orders: HashMap<Vec<Option<Coordinates>>, Arc<SpotOrders>>,
    kept_bytes: usize,
}

/// The number of the spot of locations whose coordinates are unknown.
pub(super) const UNKNOWN_SPOT: u32 = 0;

/// A location in numbers; small, as all of them are gone through for every route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) spot: u32,
    pub(super) place: u32,
    pub(super) asn: Option<u32>,
    /// Whether a `networks` file orders sites for it.
    pub(super) has_own: bool,
}

/// For each spot, the order of some sites by distance.
#[derive(Debug)]
pub(super) struct SpotOrders {
    /// Spot → index in `orders`.
    pub(super) of_spot: Vec<u32>,
    /// Each order once.
    pub(super) orders: Vec<Box<[u16]>>,
}

impl Atlas {
    /// Goes through all locations of a world.
    pub fn new(world: Arc<World>) -> Self {
        let mut spots = Interner::beginning_with(None);
        let mut places = Interner::default();
        let fact = |location: &Location| Facts {
            spot: spots.number(location.coordinates),
            place: places.number(location.place),
            asn: location.asn,
            has_own: location.sites.is_some(),
        };
        let facts: Vec<Facts> = world.locations.iter().map(fact).collect();
        let with_own = (0..).zip(&facts).filter(|(_, facts)| facts.has_own);
        Self {
            with_own: with_own.map(|(location, _)| location).collect(),
            facts,
            spots: spots.values,
            places: places.values,
            distances: HashMap::new(),
            orders: HashMap::new(),
            kept_bytes: 0,
            world,
        }
    }

    /// The world that this is about.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// What counts of a location.
    pub(super) fn facts(&self, location: u32) -> Facts {
        self.facts[location as usize]
    }

    /// The locations that a `networks` file orders sites for.
    pub(super) fn with_own(&self) -> &[u32] {
        &self.with_own
    }

    /// Every distinct place, by number.
    pub(super) fn places(&self) -> &[Option<GeoCode>] {
        &self.places
    }

    /// The order of `sites` by distance from every spot.
    pub(super) fn spot_orders(&mut self, sites: &[Arc<Site>]) -> Arc<SpotOrders> {
        let key: Vec<Option<Coordinates>> = sites.iter().map(|site| site.coordinates).collect();
        if let Some(known) = self.orders.get(&key) {
            return Arc::clone(known);
        }
        if self.kept_bytes > KEPT_BYTES_MAX {
            self.distances.clear();
            self.orders.clear();
            self.kept_bytes = 0;
        }
        let columns: Vec<Option<Arc<[f64]>>> =
            sites.iter().map(|site| Some(self.distances_to(site.coordinates?))).collect();
        let mut orders = Interner::default();
        let of_spot: Vec<u32> = (0..self.spots.len())
            .map(|spot| {
                let to = |site: usize| columns[site].as_ref().map_or(f64::INFINITY, |to| to[spot]);
                let known = self.spots[spot].is_some();
                orders.number(
                    nearest_first(sites.len(), |site| if known { to(site) } else { 0.0 }).into(),
                )
            })
            .collect();
        self.kept_bytes += size_of_val(&*of_spot);
        let found = Arc::new(SpotOrders { of_spot, orders: orders.values });
        self.orders.insert(key, Arc::clone(&found));
        found
    }

    fn distances_to(&mut self, site: Coordinates) -> Arc<[f64]> {
        let distances = self.distances.entry(site).or_insert_with(|| {
            let from = |spot: &Option<Coordinates>| spot.map_or(0.0, |spot| spot.distance_km(site));
            self.kept_bytes += self.spots.len() * size_of::<f64>();
            self.spots.iter().map(from).collect()
        });
        Arc::clone(distances)
    }
}
