//! What a route means: for one client, the rule that matches and the order of the sites.
//!
//! This is the definition, written to be read; `explain` shows what it says, and the compiled classes, which queries
//! are answered from, are held against it.
//!
//! - Consecutive rules of one kind are a tier. Tiers are tried in the order written; the first that matches decides.
//! - In a `subnets` tier the longest prefix around the client wins, over all rules of the tier. A client whose IPv6
//!   address embeds an IPv4 address (mapped, 6to4, NAT64, Teredo) is matched by that one and by no IPv6 prefix.
//! - In a `geo` tier the most specific code wins: subdivision, country, continent, AS number, `*`.
//! - Between equals the rule written first wins.
//! - `nearest` matches every client whose coordinates are known, and orders all sites by distance.
//! - Where a `networks` file orders the sites for the client's network itself, that order stands in the place of the
//!   first `geo` or `nearest` tier; a route with neither has it after its last tier, unless it is strict. An order that
//!   names none of the sites at hand says nothing about them and is passed over.
//! - The sites that the match does not name follow by distance (if the client's coordinates are unknown, as they come),
//!   except on a strict route: that is a fence, and whom nothing matches gets no site at all.

use super::model::{Route, Rule, Site};
use crate::geo::embed::placed_by;
use crate::geo::{GeoCode, Location};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;

/// Where a route sends a client, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The rule that matched, by its index in the route.
    pub rule: Option<usize>,
    /// What about the client it was that matched.
    pub matched: Matched,
    /// Indexes of sites, best first, each at most once.
    pub order: Vec<u16>,
}

/// What decided on the order of the sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// A prefix of a `subnets` rule.
    Subnet(IpNet),
    /// A code of a `geo` rule.
    Code(GeoCode),
    /// A `nearest` rule.
    Nearest,
    /// The order that a `networks` file gives for the client's network.
    Networks,
    /// Nothing.
    Nothing,
}

/// Orders `sites` for a client at `address`, of which `located` is known.
pub fn place(route: &Route, sites: &[Arc<Site>], located: &Location, address: IpAddr) -> Placement {
    let own_order = named_sites(sites, located);
    let (rule, matched) = first_match(route, &own_order, located, placed_by(address));
    let by_distance = nearest_first(sites.len(), |site| match located.coordinates {
        Some(client) => {
            sites[site].coordinates.map_or(f64::INFINITY, |site| client.distance_km(site))
        }
        None => 0.0,
    });
    let preferred = match matched {
        Matched::Networks => own_order,
        Matched::Nearest => by_distance.clone(),
        _ => rule.map_or_else(Vec::new, |rule| rule_sites(sites, &route.rules[rule])),
    };
    Placement { rule, matched, order: arrange(preferred, &by_distance, route.strict) }
}

/// The tiers of a route: runs of rules of the same kind, with the index of the first rule of each.
pub(super) fn tiers(route: &Route) -> impl Iterator<Item = (usize, &[Rule])> {
    let same_kind = |a: &Rule, b: &Rule| std::mem::discriminant(a) == std::mem::discriminant(b);
    let mut begin = 0;
    route.rules.chunk_by(same_kind).map(move |tier| {
        begin += tier.len();
        (begin - tier.len(), tier)
    })
}

/// The preferred sites, then the others as `by_distance` has them, or none of those behind a fence.
pub(super) fn arrange(mut preferred: Vec<u16>, by_distance: &[u16], strict: bool) -> Vec<u16> {
    if !strict {
        for &site in by_distance {
            if !preferred.contains(&site) {
                preferred.push(site);
            }
        }
    }
    preferred
}

/// Indexes of `count` sites, nearest first, equals as they come.
pub(super) fn nearest_first(count: usize, distance_km: impl Fn(usize) -> f64) -> Vec<u16> {
    let mut order: Vec<u16> = (0..=u16::MAX).take(count).collect();
    order.sort_by(|&a, &b| distance_km(a.into()).total_cmp(&distance_km(b.into())));
    order
}

/// The sites that a rule names, in its order, as indexes of `sites`; a site is known by zone and name.
pub(super) fn rule_sites(sites: &[Arc<Site>], rule: &Rule) -> Vec<u16> {
    let named = match rule {
        Rule::Subnets { sites, .. } | Rule::Geo { sites, .. } => sites.as_slice(),
        Rule::Nearest => &[],
    };
    indexes(sites, named, |site, named| site.zone == named.zone && site.name == named.name)
}

/// The sites that the `networks` file names for this location; it knows them by name alone.
pub(super) fn named_sites(sites: &[Arc<Site>], located: &Location) -> Vec<u16> {
    let named = located.sites.as_deref().unwrap_or_default();
    indexes(sites, named, |site, name| site.name == *name)
}

/// How specific a code is among those that hold for a location; none if it does not hold.
fn rank(code: GeoCode, located: &Location) -> Option<u8> {
    let rank = match code {
        GeoCode::Subdivision(..) => 4,
        GeoCode::Country(..) => 3,
        GeoCode::Continent(_) => 2,
        GeoCode::Asn(number) => return (located.asn == Some(number)).then_some(1),
        GeoCode::Any => return Some(0),
    };
    located.place.is_some_and(|place| code.contains(place)).then_some(rank)
}

fn indexes<N>(sites: &[Arc<Site>], named: &[N], is: impl Fn(&Site, &N) -> bool) -> Vec<u16> {
    let mut found = Vec::new();
    for name in named {
        for (index, site) in (0_u16..).zip(sites) {
            if is(site, name) && !found.contains(&index) {
                found.push(index);
            }
        }
    }
    found
}

fn first_match(
    route: &Route,
    own_order: &[u16],
    located: &Location,
    address: IpAddr,
) -> (Option<usize>, Matched) {
    for (begin, tier) in tiers(route) {
        let found = match &tier[0] {
            Rule::Subnets { .. } => longest_subnet(tier, address),
            _ if !own_order.is_empty() => return (None, Matched::Networks),
            Rule::Geo { .. } => best_code(tier, located),
            Rule::Nearest => located.coordinates.map(|_| (0, Matched::Nearest)),
        };
        if let Some((rule, matched)) = found {
            return (Some(begin + rule), matched);
        }
    }
    let has_own_order = !own_order.is_empty() && !route.strict;
    (None, if has_own_order { Matched::Networks } else { Matched::Nothing })
}

fn longest_subnet(tier: &[Rule], address: IpAddr) -> Option<(usize, Matched)> {
    let mut best: Option<(usize, IpNet)> = None;
    for (index, rule) in tier.iter().enumerate() {
        let Rule::Subnets { nets, .. } = rule else { continue };
        for net in nets.iter().filter(|net| net.contains(&address)) {
            if best.is_none_or(|(_, other)| net.prefix_len() > other.prefix_len()) {
                best = Some((index, *net));
            }
        }
    }
    best.map(|(index, net)| (index, Matched::Subnet(net)))
}

fn best_code(tier: &[Rule], located: &Location) -> Option<(usize, Matched)> {
    let mut best: Option<(usize, GeoCode, u8)> = None;
    for (index, rule) in tier.iter().enumerate() {
        let Rule::Geo { codes, .. } = rule else { continue };
        for &code in codes {
            let Some(rank) = rank(code, located) else { continue };
            if best.is_none_or(|(.., other)| rank > other) {
                best = Some((index, code, rank));
            }
        }
    }
    best.map(|(index, code, _)| (index, Matched::Code(code)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Coordinates;
    use crate::steer::testing;

    /// fra and iad where they are, sin without coordinates.
    fn sites() -> Vec<Arc<Site>> {
        let at = |latitude_deg, longitude_deg| Some(Coordinates { latitude_deg, longitude_deg });
        [
            ("fra", at(50.11, 8.68)),
            ("iad", at(39.04, -77.49)),
            ("sin", None),
            ("gru", at(-23.4, -46.5)),
        ]
        .map(|(name, coordinates)| Arc::new(site(name, coordinates)))
        .into()
    }

    fn site(name: &str, coordinates: Option<Coordinates>) -> Site {
        Site { coordinates, ..testing::site(name) }
    }

    fn named(names: &str) -> Vec<Arc<Site>> {
        names.split_whitespace().map(|name| Arc::new(site(name, None))).collect()
    }

    fn subnets(nets: &str, sites: &str) -> Rule {
        let nets = nets.split_whitespace().map(|net| net.parse().expect(net)).collect();
        Rule::Subnets { nets, sites: named(sites) }
    }

    const EU: GeoCode = GeoCode::Continent(*b"EU");
    const DE: GeoCode = GeoCode::Country(*b"EU", *b"DE");
    const US: GeoCode = GeoCode::Country(*b"NA", *b"US");
    const VA: GeoCode = GeoCode::Subdivision(*b"NA", *b"US", *b"VA\0");

    fn geo(codes: &[GeoCode], sites: &str) -> Rule {
        Rule::Geo { codes: codes.to_vec(), sites: named(sites) }
    }

    /// In Virginia, AS 64500.
    fn virginia() -> Location {
        let coordinates = Coordinates { latitude_deg: 37.5, longitude_deg: -78.9 };
        Location {
            place: Some(VA),
            coordinates: Some(coordinates),
            asn: Some(64500),
            ..Location::default()
        }
    }

    fn own(names: &str, location: Location) -> Location {
        Location { sites: Some(names.split_whitespace().map(String::from).collect()), ..location }
    }

    fn check(
        rules: &[Rule],
        strict: bool,
        located: &Location,
        address: &str,
        expected: (Option<usize>, Matched, &str),
    ) {
        let route = Route { rules: rules.to_vec(), strict };
        let sites = sites();
        let placed = place(&route, &sites, located, address.parse().expect(address));
        let order: Vec<&str> = placed.order.iter().map(|&s| &*sites[usize::from(s)].name).collect();
        let found = (placed.rule, placed.matched, &*order.join(" "));
        assert_eq!(found, expected, "{rules:?} strict={strict} {located:?} {address}");
    }

    #[test]
    fn the_longest_subnet_wins() {
        let rules = [
            subnets("10.0.0.0/8 2001:db8::/32", "fra"),
            subnets("10.1.0.0/16 10.0.0.0/8", "iad gru iad"),
        ];
        let unknown = Location::default();
        let matched = |net: &str| Matched::Subnet(net.parse().expect(net));
        let check = |address, expected| check(&rules, false, &unknown, address, expected);
        check("10.2.0.1", (Some(0), matched("10.0.0.0/8"), "fra iad sin gru"));
        check("10.1.0.1", (Some(1), matched("10.1.0.0/16"), "iad gru fra sin"));
        check("2001:db8::1", (Some(0), matched("2001:db8::/32"), "fra iad sin gru"));
        check("64:ff9b::10.1.0.1", (Some(1), matched("10.1.0.0/16"), "iad gru fra sin"));
        check("192.0.2.1", (None, Matched::Nothing, "fra iad sin gru"));
    }

    #[test]
    fn the_most_specific_code_wins() {
        let check = |codes: &[GeoCode], rule, code| {
            let rules: Vec<Rule> = codes.iter().map(|&code| geo(&[EU, code], "sin")).collect();
            let expected = (Some(rule), Matched::Code(code), "sin iad fra gru");
            check(&rules, false, &virginia(), "192.0.2.1", expected);
        };
        let (asn, north_america) = (GeoCode::Asn(64500), GeoCode::Continent(*b"NA"));
        check(&[GeoCode::Any, asn, north_america, US, VA], 4, VA);
        check(&[GeoCode::Any, asn, north_america, US, DE], 3, US);
        check(&[GeoCode::Any, asn, north_america, DE, EU], 2, north_america);
        check(&[GeoCode::Any, asn, GeoCode::Asn(1), DE], 1, asn);
        check(&[DE, GeoCode::Any, GeoCode::Any], 1, GeoCode::Any);
    }

    #[test]
    fn tiers_are_tried_in_the_order_written() {
        let (net, code) = (subnets("192.0.2.0/24", "gru"), geo(&[US], "fra"));
        let by_net = Matched::Subnet("192.0.2.0/24".parse().expect("a network"));
        let (here, virginia) = ("192.0.2.1", virginia());
        let check = |rules: &[Rule], expected| check(rules, false, &virginia, here, expected);
        check(&[net.clone(), code.clone()], (Some(0), by_net, "gru iad fra sin"));
        check(&[code.clone(), net.clone()], (Some(0), Matched::Code(US), "fra iad gru sin"));
        check(
            &[geo(&[DE], "sin"), net.clone(), code.clone()],
            (Some(1), by_net, "gru iad fra sin"),
        );
        check(&[Rule::Nearest, code.clone()], (Some(0), Matched::Nearest, "iad fra gru sin"));
        check(&[geo(&[EU], "gru"), Rule::Nearest], (Some(1), Matched::Nearest, "iad fra gru sin"));
        check(&[], (None, Matched::Nothing, "iad fra gru sin"));
    }

    #[test]
    fn a_strict_route_is_a_fence() {
        let (virginia, unknown) = (virginia(), Location::default());
        let check =
            |rules: &[Rule], located, expected| check(rules, true, located, "192.0.2.1", expected);
        check(&[geo(&[US], "iad nrt")], &virginia, (Some(0), Matched::Code(US), "iad"));
        check(&[geo(&[EU], "fra")], &virginia, (None, Matched::Nothing, ""));
        check(&[Rule::Nearest], &virginia, (Some(0), Matched::Nearest, "iad fra gru sin"));
        check(&[Rule::Nearest], &unknown, (None, Matched::Nothing, ""));
    }

    #[test]
    fn a_network_may_bring_its_own_order() {
        let by_net = Matched::Subnet("192.0.2.0/24".parse().expect("a network"));
        let (net, code) = (subnets("192.0.2.0/24", "gru"), geo(&[US], "fra"));
        let located = own("sin fra", virginia());
        let elsewhere = own("nrt", virginia());
        let check = |rules: &[Rule], strict, located, expected| {
            check(rules, strict, located, "192.0.2.1", expected);
        };
        check(
            &[code.clone(), net.clone()],
            false,
            &located,
            (None, Matched::Networks, "sin fra iad gru"),
        );
        check(&[Rule::Nearest], false, &located, (None, Matched::Networks, "sin fra iad gru"));
        check(&[net.clone(), code.clone()], false, &located, (Some(0), by_net, "gru iad fra sin"));
        check(&[], false, &located, (None, Matched::Networks, "sin fra iad gru"));
        check(&[], true, &located, (None, Matched::Nothing, ""));
        check(std::slice::from_ref(&code), true, &located, (None, Matched::Networks, "sin fra"));
        check(std::slice::from_ref(&code), true, &elsewhere, (Some(0), Matched::Code(US), "fra"));
    }

    #[test]
    fn sites_of_the_same_name_in_two_zones_are_two() {
        let zone = |text| crate::wire::Name::parse(text, None).ok();
        let ours = Arc::new(Site { zone: zone("example.com"), ..site("fra", None) });
        let sites = [named("fra").remove(0), Arc::clone(&ours)];
        let rules = vec![Rule::Geo { codes: vec![GeoCode::Any], sites: vec![ours] }];
        let route = Route { rules, strict: true };
        let address = "192.0.2.1".parse().expect("an address");
        assert_eq!(place(&route, &sites, &Location::default(), address).order, [1]);
    }
}
