//! The world: every address of both families → what is known of where it is.
//!
//! Databases are asked in order and later ones fill what earlier ones lack (City, then ASN); the user's own networks
//! win over all of them. Facts are combined once for every pair that occurs, not once for every network, and equal
//! locations are one location, so the world has as few runs as its content allows. A client with an IPv6 address
//! that embeds an IPv4 address is where that one is.

use super::intern::Interner;
use super::ranges::{Key, Ranges, block_bits};
use super::{Database, Location, centroid, embed};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::HashMap;
use std::net::IpAddr;

/// Index of a location in a world; 0 is the unknown one.
pub type LocationId = u32;

/// What is said of one of the user's own networks.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkEntry {
    /// The network.
    pub net: IpNet,
    /// What is set; the databases fill the rest.
    pub location: Location,
}

/// The user's own networks. The longest prefix that holds an address speaks for it, alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Networks {
    entries: Vec<NetworkEntry>,
}

impl Networks {
    /// In any order; of two entries for one network the later counts.
    pub fn new(entries: Vec<NetworkEntry>) -> Self {
        Self { entries }
    }

    /// The entries in the order given.
    pub fn entries(&self) -> &[NetworkEntry] {
        &self.entries
    }
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct World {
    /// The location of every IPv4 address.
    pub v4: Ranges<u32, LocationId>,
    /// The location of every IPv6 address, save those that embed IPv4: ask for these with [`World::locate`].
    pub v6: Ranges<u128, LocationId>,
    /// All distinct locations; the first knows nothing.
    pub locations: Vec<Location>,
}

/// What is known of an address, and how far around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Located<'a> {
    /// What is known.
    pub location: &'a Location,
    /// The largest network around the address of which all the same is known.
    pub network: IpNet,
}

impl World {
    /// A world of which nothing is known.
    pub fn unknown() -> Self {
        Self::new(&[], &Networks::default())
    }

    /// From databases in the order in which they are asked, and the user's networks over them.
    pub fn new<'a>(databases: impl IntoIterator<Item = &'a Database>, networks: &Networks) -> Self {
        let mut layers = Layers::new();
        for database in databases {
            let source = database.name();
            let locations = database.records.iter().map(|record| Location {
                place: record.place,
                coordinates: record.coordinates,
                asn: record.asn,
                sites: None,
                source: source.clone(),
            });
            layers.fill(&database.v4, &database.v6, &locations.collect::<Vec<_>>());
        }
        layers.lay_over(networks);
        layers.finish()
    }

    /// What is known of an address.
    pub fn locate(&self, address: IpAddr) -> Located<'_> {
        match address {
            IpAddr::V4(v4) => {
                let (id, bits) = self.block_v4(v4.to_bits());
                self.located(id, block(address, bits))
            }
            IpAddr::V6(v6) => {
                let key = v6.to_bits();
                if let Some((ipv4, bits_before)) = embed::embedded(key) {
                    let (id, bits) = self.block_v4(ipv4);
                    return self.located(id, block(address, bits_before + bits));
                }
                let (first, last, id) = self.v6.run(key);
                let bits = block_bits(key, first, last).max(embed::clear_bits(key));
                self.located(id, block(address, bits))
            }
        }
    }

    fn block_v4(&self, address: u32) -> (LocationId, u8) {
        let (first, last, id) = self.v4.run(address);
        (id, block_bits(address, first, last))
    }

    fn located(&self, id: LocationId, network: IpNet) -> Located<'_> {
        Located { location: &self.locations[id as usize], network }
    }
}

/// The network of that length around an address; lengths beyond the family's are taken for the family's.
fn block(address: IpAddr, bits: u8) -> IpNet {
    match address {
        IpAddr::V4(v4) => {
            let bits = bits.min(u32::BITS as u8);
            Ipv4Net::new_assert(v4.to_bits().block_first(bits).into(), bits).into()
        }
        IpAddr::V6(v6) => {
            let bits = bits.min(u128::BITS as u8);
            Ipv6Net::new_assert(v6.to_bits().block_first(bits).into(), bits).into()
        }
    }
}

/// A world being built.
struct Layers {
    v4: Ranges<u32, LocationId>,
    v6: Ranges<u128, LocationId>,
    locations: Interner<Location>,
}

impl Layers {
    fn new() -> Self {
        let locations = Interner::beginning_with(Location::default());
        Self { v4: Ranges::constant(0), v6: Ranges::constant(0), locations }
    }

    /// What is lacking so far is filled from one more database, given as records of every address.
    fn fill(&mut self, v4: &Ranges<u32, u32>, v6: &Ranges<u128, u32>, records: &[Location]) {
        let locations = &mut self.locations;
        let mut known = HashMap::new();
        let mut combine = |earlier: LocationId, record: u32| {
            *known.entry((earlier, record)).or_insert_with(|| {
                let earlier = &locations.values[earlier as usize];
                locations.number(filled(earlier, &records[record as usize]))
            })
        };
        self.v4 = self.v4.zip(v4, &mut combine);
        self.v6 = self.v6.zip(v6, &mut combine);
    }

    /// The user's networks win, and what they leave open is filled from below.
    fn lay_over(&mut self, networks: &Networks) {
        let numbered = || (1_u32..).zip(&networks.entries);
        let v4 = numbered().filter_map(|(number, entry)| match entry.net {
            IpNet::V4(net) => Some((net.network().to_bits(), net.prefix_len(), number)),
            IpNet::V6(_) => None,
        });
        let v6 = numbered().filter_map(|(number, entry)| match entry.net {
            IpNet::V4(_) => None,
            IpNet::V6(net) => Some((net.network().to_bits(), net.prefix_len(), number)),
        });
        let (v4, v6) = (Ranges::from_prefixes(0, v4), Ranges::from_prefixes(0, v6));

        let locations = &mut self.locations;
        let mut known = HashMap::new();
        let mut combine = |below: LocationId, number: u32| {
            let Some(index) = number.checked_sub(1) else { return below };
            *known.entry((below, number)).or_insert_with(|| {
                let entry = &networks.entries[index as usize];
                let below = &locations.values[below as usize];
                locations.number(filled(&entry.location, below))
            })
        };
        self.v4 = self.v4.zip(&v4, &mut combine);
        self.v6 = self.v6.zip(&v6, &mut combine);
    }

    /// Coordinates where only the place is known; and only the locations that still stand somewhere.
    fn finish(self) -> World {
        let mut used = Interner::beginning_with(Location::default());
        let mut renumbered: HashMap<LocationId, LocationId> = HashMap::new();
        let mut renumber = |id: LocationId| {
            *renumbered.entry(id).or_insert_with(|| {
                let mut location = self.locations.values[id as usize].clone();
                location.coordinates = location.coordinates.or(location.place.and_then(centroid));
                used.number(location)
            })
        };
        let (v4, v6) = (self.v4.map(&mut renumber), self.v6.map(&mut renumber));
        World { v4, v6, locations: used.values }
    }
}

/// `first` with what it lacks taken from `second`, where that does not contradict it: a finer place within its own,
/// and coordinates only of a place that is its own or finer. (Coordinates of a coarser place say less than its
/// centroid.)
fn filled(first: &Location, second: &Location) -> Location {
    match (first.is_unknown(), second.is_unknown()) {
        // Of nothing, it does not matter who said it.
        (true, true) => return Location::default(),
        (true, false) => return second.clone(),
        (false, _) => {}
    }
    let agrees = match (first.place, second.place) {
        (Some(place), Some(other)) => place.contains(other),
        _ => true,
    };
    let place = if agrees { second.place.or(first.place) } else { first.place };
    let coordinates = second.coordinates.filter(|_| agrees);
    let mut filled = Location {
        place,
        coordinates: first.coordinates.or(coordinates),
        asn: first.asn.or(second.asn),
        sites: first.sites.as_ref().or(second.sites.as_ref()).cloned(),
        source: first.source.clone(),
    };
    if filled != *first && !second.source.is_empty() {
        filled.source = match first.source.as_str() {
            "" => second.source.clone(),
            source => format!("{source}, {}", second.source),
        };
    }
    filled
}

#[cfg(test)]
mod tests;
