//! A route compiled: every address of both families → class, and class → order of the sites.
//!
//! ```text
//! World: address → location ─┐
//!                            ├─ zip ─► (location, subnet rules) ─► class ─► ClassTable
//! subnets: address → rules ──┘                                       └────► orders
//! ```
//!
//! A route decides per location, of which there are far fewer than networks, and apart from that only where one of its
//! subnets lies. What has the same order of sites is the same class, whatever rule it came by, so that scopes are as
//! short as can be.
//! The meaning is that of [`order::place`](super::order::place), and tests hold the two together.

mod atlas;
mod subnets;
mod tier;

pub use atlas::Atlas;

use super::model::{Route, Rule, Site};
use super::order::{arrange, named_sites, rule_sites, tiers};
use crate::geo::intern::Interner;
use crate::geo::{ClassTable, embed};
use atlas::{SpotOrders, UNKNOWN_SPOT};
use std::collections::HashMap;
use std::sync::Arc;
use subnets::Subnets;
use tier::Tier;

/// The classes of a route over some sites.
#[derive(Debug)]
pub struct Classes {
    /// Address → class and scope.
    pub table: ClassTable,
    /// Class → indexes of sites, best first. No two are equal, and each is some address's.
    pub orders: Vec<Box<[u16]>>,
}

/// Compiles a route over `sites`, for the world of `atlas`.
pub fn compile(route: &Route, sites: &[Arc<Site>], atlas: &mut Atlas) -> Classes {
    let near = atlas.spot_orders(sites);
    let mut subnets = Subnets::default();
    let ready = |(begin, tier)| Tier::new(begin, tier, atlas, &mut subnets);
    let tiers = tiers(route).map(ready).collect();
    let Subnets { v4, v6, combinations } = subnets;
    let mut classifier = Classifier::new(route, sites, atlas, near, tiers, combinations.values);
    let world = atlas.world();
    let v4 = world.v4.zip(&v4, |location, subnets| classifier.class(location, subnets));
    // Within the embeddings the table goes by IPv4, so there any class that exists anyway will do.
    let embedded = v4.get(0);
    let v6 = v6.zip(&embed::embedding_ranges(), |subnets, embeds| (!embeds).then_some(subnets));
    let v6 = world.v6.zip(&v6, |location, subnets| {
        subnets.map_or(embedded, |subnets| classifier.class(location, subnets))
    });
    Classes { table: ClassTable::new(&v4, &v6), orders: classifier.orders.values }
}

/// In place of a class: not asked for yet.
const UNDECIDED: u32 = u32::MAX;

/// What a route comes to for a client, up to distances.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Choice {
    Rule(u32),
    /// The order that the network of this location brings with it.
    Own(u32),
    Nothing,
}

/// From pairs of location and subnet rules to classes.
///
/// A choice and an order by distance decide on the order of the sites; each pair of them that occurs is a cell, and a
/// class is worked out for each cell that some address is in.
struct Classifier<'a> {
    route: &'a Route,
    sites: &'a [Arc<Site>],
    atlas: &'a Atlas,
    near: Arc<SpotOrders>,
    tiers: Vec<Tier>,
    combinations: Vec<Vec<Option<u32>>>,
    /// Location → the sites that its network names, if it names any of those at hand.
    own: HashMap<u32, Vec<u16>>,
    /// Choices with orders by distance.
    cells: Interner<(Choice, u32)>,
    /// Location → cell where no subnet rule matches, which is mostly so.
    cell_of_location: Vec<u32>,
    class_of_cell: Vec<u32>,
    orders: Interner<Box<[u16]>>,
}

impl<'a> Classifier<'a> {
    fn new(
        route: &'a Route,
        sites: &'a [Arc<Site>],
        atlas: &'a Atlas,
        near: Arc<SpotOrders>,
        tiers: Vec<Tier>,
        combinations: Vec<Vec<Option<u32>>>,
    ) -> Self {
        let locations = &atlas.world().locations;
        let own = atlas.with_own().iter().filter_map(|&location| {
            let own = named_sites(sites, &locations[location as usize]);
            (!own.is_empty()).then_some((location, own))
        });
        let mut classifier = Self {
            route,
            sites,
            atlas,
            near,
            tiers,
            combinations,
            own: own.collect(),
            cells: Interner::default(),
            cell_of_location: Vec::new(),
            class_of_cell: Vec::new(),
            orders: Interner::default(),
        };
        classifier.cell_of_location =
            (0..locations.len() as u32).map(|location| classifier.cell(location, 0)).collect();
        classifier
    }

    fn class(&mut self, location: u32, combination: u32) -> u32 {
        let cell = match combination {
            0 => self.cell_of_location[location as usize],
            _ => self.cell(location, combination),
        };
        if self.class_of_cell[cell as usize] == UNDECIDED {
            let order = self.order(cell);
            self.class_of_cell[cell as usize] = self.orders.number(order.into());
        }
        self.class_of_cell[cell as usize]
    }

    fn cell(&mut self, location: u32, combination: u32) -> u32 {
        let near = self.near.of_spot[self.atlas.facts(location).spot as usize];
        let cell = self.cells.number((self.choice(location, combination), near));
        self.class_of_cell.resize(self.cells.values.len(), UNDECIDED);
        cell
    }

    /// The order of the sites for everyone in a cell.
    fn order(&self, cell: u32) -> Vec<u16> {
        let (choice, near) = self.cells.values[cell as usize];
        let by_distance = &self.near.orders[near as usize];
        let preferred = match choice {
            Choice::Nothing => Vec::new(),
            Choice::Rule(rule) => match &self.route.rules[rule as usize] {
                Rule::Nearest => by_distance.to_vec(),
                rule => rule_sites(self.sites, rule),
            },
            Choice::Own(location) => self.own[&location].clone(),
        };
        arrange(preferred, by_distance, self.route.strict)
    }

    fn choice(&self, location: u32, combination: u32) -> Choice {
        let facts = self.atlas.facts(location);
        let has_own = facts.has_own && self.own.contains_key(&location);
        for tier in &self.tiers {
            let rule = match tier {
                Tier::Subnets { nth } => self.combinations[combination as usize][*nth],
                _ if has_own => return Choice::Own(location),
                Tier::Geo(tier) => tier.rule(facts.place, facts.asn),
                Tier::Nearest { rule } => (facts.spot != UNKNOWN_SPOT).then_some(*rule),
            };
            if let Some(rule) = rule {
                return Choice::Rule(rule);
            }
        }
        if has_own && !self.route.strict { Choice::Own(location) } else { Choice::Nothing }
    }
}

#[cfg(test)]
mod tests;
