//! Who is counted: every address of both families to a place and a weight.
//!
//! Without traffic an IPv4 address counts one and an IPv6 /48, which is what one customer usually holds, counts one;
//! the two families are told apart, since no rate of exchange between them means anything. Counted is what clients can
//! have: global unicast space (RFC 6890 and its registries), and of IPv6, nearly all of which is nobody's, what a
//! database knows something of. Private space and unknown IPv6 weigh nothing, but what happens to them is told.
//! With traffic, both families are counted together by what was seen.

use super::traffic::Traffic;
use crate::geo::embed::embedding_ranges;
use crate::geo::intern::Interner;
use crate::geo::ranges::Key;
use crate::geo::{GeoCode, Location, LocationId, Ranges, World};
use ipnet::IpNet;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// By what clients are counted.
#[derive(Clone, Debug)]
pub enum Measure {
    /// By the size of their networks.
    Addresses,
    /// By what was seen.
    Traffic(Traffic),
}

/// Clients that are counted together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Population {
    /// `IPv4`, `IPv6` or `traffic`.
    pub name: &'static str,
    /// What is counted, as it reads after a number.
    pub unit: &'static str,
    /// How many there are.
    pub total: f64,
    /// The part that is in another country after the change than before; other databases do that.
    pub relocated: f64,
}

/// Every address to what it counts.
#[derive(Debug)]
pub struct Clients {
    pub(super) v4: Ranges<u32, u32>,
    pub(super) v6: Ranges<u128, u32>,
    pub(super) cells: Vec<Cell>,
    /// By the numbers that cells give; no place where the country is unknown.
    pub(super) countries: Vec<Option<GeoCode>>,
    /// Population and country to what they count.
    pub(super) by_country: HashMap<(usize, u32), f64>,
    populations: Vec<Population>,
    uncovered: BTreeMap<&'static str, f64>,
}

/// What neighbouring addresses have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    /// Which population they count to.
    pub(super) population: usize,
    /// Where they are: before the change, or after it where that was unknown.
    pub(super) country: u32,
    pub(super) weight: Weight,
    relocated: bool,
}

/// How addresses count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Weight {
    /// Each so much.
    Counts(f64),
    /// Clients may be there, but nothing says how many: `private`, `unplaced` or `unseen`.
    Uncounted(&'static str),
    /// No client can be there, or the address stands for an IPv4 one.
    Nobody,
}

impl Weight {
    fn of_each(self) -> f64 {
        if let Self::Counts(weight) = self { weight } else { 0.0 }
    }
}

/// Space that is no client's: the IANA special-purpose registries, what is not globally reachable.
const NOBODYS: [&str; 16] = [
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/3",
    "4000::/2",
    "8000::/1",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
];

/// Space that clients have, but whose size says nothing of how many they are.
const PRIVATES: [&str; 5] =
    ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// Numbers of weights: nothing seen; an address of the space in use; then in place of one.
const UNSEEN: u32 = 0;
const UNIT: u32 = 1;
const ELSEWHERE: u32 = u32::MAX;
const PRIVATE: u32 = u32::MAX - 1;
const UNPLACED: u32 = u32::MAX - 2;

/// The number of the spot of which nothing is known.
const UNKNOWN: u32 = 0;

/// Bits of the IPv6 network that counts one.
const V6_UNIT_BITS: u8 = 48;

impl Clients {
    /// Counts the clients of two worlds, which may be the same.
    pub fn new(before: &World, after: &World, measure: &Measure) -> Self {
        let mut spots = Interner::beginning_with(Spot::default());
        let spots_before = number(before, &mut spots);
        let spots_after = number(after, &mut spots);
        let mut builder = Builder::default();
        let used = used(before, after);
        let weights = Weights::new(&used, measure);
        let spots_of = |world: &[u32]| {
            let world = world.to_vec();
            move |at: LocationId| world[at as usize]
        };
        let v4 = before.v4.map(spots_of(&spots_before));
        let v4 = builder.lay(0, &v4, &after.v4.map(spots_of(&spots_after)), &weights.v4);
        let v6 = before.v6.map(spots_of(&spots_before));
        let second = weights.populations.len() - 1;
        let v6 = builder.lay(second, &v6, &after.v6.map(spots_of(&spots_after)), &weights.v6);
        let units = [1.0, 0.5_f64.powi(i32::from(u128::BITS as u8 - V6_UNIT_BITS))];
        let cell = |&(population, from, to, weight): &(usize, u32, u32, u32)| {
            let (was, is) = (spots.values[from as usize], spots.values[to as usize]);
            let weight = match weight {
                ELSEWHERE => Weight::Nobody,
                PRIVATE => Weight::Uncounted("private"),
                UNPLACED => Weight::Uncounted("unplaced"),
                UNSEEN => Weight::Uncounted("unseen"),
                UNIT if weights.densities.is_empty() => Weight::Counts(units[population]),
                seen => Weight::Counts(weights.densities[seen as usize - 1]),
            };
            Cell {
                population,
                country: if was.country.is_some() { from } else { to },
                weight,
                relocated: was.known && is.known && was.country != is.country,
            }
        };
        let cells: Vec<Cell> = builder.cells.values.iter().map(cell).collect();
        let countries = spots.values.iter().map(|spot| spot.country).collect();
        let mut clients = Self {
            v4,
            v6,
            cells,
            countries,
            by_country: HashMap::new(),
            populations: weights.populations,
            uncovered: weights.uncovered,
        };
        clients.count();
        clients
    }

    /// Those that are counted together.
    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    /// The part of the space in use of which no traffic was seen.
    pub(super) fn uncovered(&self) -> BTreeMap<&'static str, f64> {
        self.uncovered.clone()
    }

    fn count(&mut self) {
        let v4 = self.v4.iter().map(|(first, last, cell)| (size(first, last), cell));
        let v6 = self.v6.iter().map(|(first, last, cell)| (size(first, last), cell));
        for (addresses, cell) in v4.chain(v6) {
            let cell = self.cells[cell as usize];
            let count = addresses * cell.weight.of_each();
            *self.by_country.entry((cell.population, cell.country)).or_default() += count;
            let population = &mut self.populations[cell.population];
            population.total += count;
            population.relocated += if cell.relocated { count } else { 0.0 };
        }
        for population in &mut self.populations {
            if population.total > 0.0 {
                population.relocated /= population.total;
            }
        }
    }
}

/// What is known of where somebody is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Spot {
    known: bool,
    country: Option<GeoCode>,
}

/// Location to number of its spot.
fn number(world: &World, spots: &mut Interner<Spot>) -> Vec<u32> {
    let spot = |location: &Location| {
        // No finer than a country.
        let country = location.place.map(|place| match place {
            GeoCode::Subdivision(continent, country, _) => GeoCode::Country(continent, country),
            other => other,
        });
        spots.number(Spot { known: !location.is_unknown(), country })
    };
    world.locations.iter().map(spot).collect()
}

/// Which numbers of weights the space itself has.
struct Used {
    v4: Ranges<u32, u32>,
    v6: Ranges<u128, u32>,
}

fn used(before: &World, after: &World) -> Used {
    let (mut v4, mut v6) = (vec![(0, 0, UNIT)], vec![(0, 0, UNIT)]);
    let special = NOBODYS.map(|net| (net, ELSEWHERE)).into_iter();
    for (net, weight) in special.chain(PRIVATES.map(|net| (net, PRIVATE))) {
        match net.parse().expect("the lists above hold networks") {
            IpNet::V4(net) => v4.push((net.network().to_bits(), net.prefix_len(), weight)),
            IpNet::V6(net) => v6.push((net.network().to_bits(), net.prefix_len(), weight)),
        }
    }
    let v6 = Ranges::from_prefixes(ELSEWHERE, v6).zip(&embedding_ranges(), elsewhere_if);
    let known =
        |world: &World| world.v6.map(|location| !world.locations[location as usize].is_unknown());
    let known = known(before).zip(&known(after), |one, other| one || other);
    let is_known_at_all = known.iter().any(|(_, _, known)| known);
    let v6 = v6.zip(&known, |weight, known| match weight {
        UNIT if is_known_at_all && !known => UNPLACED,
        weight => weight,
    });
    Used { v4: Ranges::from_prefixes(ELSEWHERE, v4), v6 }
}

/// Addresses that embed an IPv4 one are counted where that one is.
fn elsewhere_if(weight: u32, is_embedding: bool) -> u32 {
    if is_embedding { ELSEWHERE } else { weight }
}

/// Numbers of weights, and what they mean.
struct Weights {
    v4: Ranges<u32, u32>,
    v6: Ranges<u128, u32>,
    /// What an address counts, by the number less one; empty where addresses count by themselves.
    densities: Vec<f64>,
    populations: Vec<Population>,
    uncovered: BTreeMap<&'static str, f64>,
}

impl Weights {
    fn new(used: &Used, measure: &Measure) -> Self {
        let population = |name, unit| Population { name, unit, total: 0.0, relocated: 0.0 };
        let Measure::Traffic(traffic) = measure else {
            return Self {
                v4: used.v4.clone(),
                v6: used.v6.clone(),
                densities: Vec::new(),
                populations: vec![
                    population("IPv4", "addresses"),
                    population("IPv6", "/48 networks"),
                ],
                uncovered: BTreeMap::new(),
            };
        };
        let mut densities = Vec::new();
        let v4 = traffic.v4.iter();
        let v4 = v4.map(|(net, count)| (net.network().to_bits(), net.prefix_len(), *count));
        let v4 = spread(v4, &mut densities);
        let v6 = traffic.v6.iter();
        let v6 = v6.map(|(net, count)| (net.network().to_bits(), net.prefix_len(), *count));
        let v6 = spread(v6, &mut densities);
        let uncovered = [("IPv4", uncovered(&used.v4, &v4)), ("IPv6", uncovered(&used.v6, &v6))];
        // Who was seen is a client wherever it is; who was not is one only where clients can be.
        let seen_or = |seen, used| if seen == UNSEEN && used == ELSEWHERE { used } else { seen };
        Self {
            v4: v4.zip(&used.v4, seen_or),
            v6: v6.zip(&used.v6, seen_or).zip(&embedding_ranges(), elsewhere_if),
            densities,
            populations: vec![population("traffic", "observations")],
            uncovered: uncovered.into(),
        }
    }
}

/// Counts of prefixes, in order, to the number of what an address counts. A prefix within another adds to it.
fn spread<K: Size>(
    prefixes: impl Iterator<Item = (K, u8, f64)>,
    densities: &mut Vec<f64>,
) -> Ranges<K, u32> {
    let mut open: Vec<(K, f64)> = Vec::new();
    let numbered: Vec<(K, u8, u32)> = prefixes
        .map(|(first, bits, count)| {
            let last = first.block_last(bits);
            while open.pop_if(|(end, _)| *end < first).is_some() {}
            let around = open.last().map_or(0.0, |(_, density)| *density);
            let density = around + count / size(first, last);
            open.push((last, density));
            densities.push(density);
            (first, bits, densities.len() as u32)
        })
        .collect();
    Ranges::from_prefixes(UNSEEN, numbered)
}

/// The part of the space in use that nobody was seen from.
fn uncovered<K: Size>(used: &Ranges<K, u32>, seen: &Ranges<K, u32>) -> f64 {
    let both = used.zip(seen, |used, seen| (used == UNIT, seen != UNSEEN));
    let sum = |keep: &dyn Fn(bool) -> bool| -> f64 {
        let kept = both.iter().filter(|(_, _, (used, seen))| *used && keep(*seen));
        kept.map(|(first, last, _)| size(first, last)).sum()
    };
    let all = sum(&|_| true);
    if all > 0.0 { sum(&|seen| !seen) / all } else { 0.0 }
}

#[derive(Default)]
struct Builder {
    /// Population, spots before and after, number of the weight.
    cells: Interner<(usize, u32, u32, u32)>,
}

impl Builder {
    fn lay<K: Key>(
        &mut self,
        population: usize,
        before: &Ranges<K, u32>,
        after: &Ranges<K, u32>,
        weights: &Ranges<K, u32>,
    ) -> Ranges<K, u32> {
        let mut pairs = Interner::default();
        let both = before.zip(after, |from, to| pairs.number((from, to)));

        both.zip(weights, |pair, weight| {
            let (from, to) = match weight {
                ELSEWHERE => (UNKNOWN, UNKNOWN),
                _ => pairs.values[pair as usize],
            };
            self.cells.number((population, from, to, weight))
        })
    }
}

/// How many addresses are in a range.
pub(super) fn size<K: Size>(first: K, last: K) -> f64 {
    first.addresses_to(last)
}

/// Addresses that can be counted.
pub(super) trait Size: Key {
    /// Both ends included.
    fn addresses_to(self, last: Self) -> f64;
}

impl Size for u32 {
    fn addresses_to(self, last: Self) -> f64 {
        f64::from(last - self) + 1.0
    }
}

impl Size for u128 {
    fn addresses_to(self, last: Self) -> f64 {
        (last - self) as f64 + 1.0
    }
}
