use super::*;
use crate::geo::{Coordinates, GeoCode, Location, Ranges, World};
use crate::steer::order::place;
use crate::steer::testing;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A world as a list of networks, later ones laid over earlier ones of the same length.
#[derive(Clone, Debug)]
struct Plan {
    locations: Vec<Location>,
    v4: Vec<(Ipv4Net, u32)>,
    v6: Vec<(Ipv6Net, u32)>,
}

impl Plan {
    fn world(&self) -> World {
        let v4 = self.v4.iter().map(|(net, at)| (net.addr().to_bits(), net.prefix_len(), *at));
        let v6 = self.v6.iter().map(|(net, at)| (net.addr().to_bits(), net.prefix_len(), *at));
        World {
            v4: Ranges::from_prefixes(0, v4),
            v6: Ranges::from_prefixes(0, v6),
            locations: self.locations.clone(),
        }
    }

    fn locate(&self, address: IpAddr) -> &Location {
        let number = match embed::placed_by(address) {
            IpAddr::V4(address) => {
                let around =
                    self.v4.iter().enumerate().filter(|(_, (net, _))| net.contains(&address));
                around
                    .max_by_key(|(nth, (net, _))| (net.prefix_len(), *nth))
                    .map(|(_, (_, at))| *at)
            }
            IpAddr::V6(address) => {
                let around =
                    self.v6.iter().enumerate().filter(|(_, (net, _))| net.contains(&address));
                around
                    .max_by_key(|(nth, (net, _))| (net.prefix_len(), *nth))
                    .map(|(_, (_, at))| *at)
            }
        };
        &self.locations[number.unwrap_or(0) as usize]
    }
}

const PLACES: [GeoCode; 6] = [
    GeoCode::Continent(*b"EU"),
    GeoCode::Country(*b"EU", *b"DE"),
    GeoCode::Country(*b"EU", *b"FR"),
    GeoCode::Country(*b"NA", *b"US"),
    GeoCode::Subdivision(*b"NA", *b"US", *b"CA\0"),
    GeoCode::Subdivision(*b"NA", *b"US", *b"VA\0"),
];

fn coordinates() -> impl Strategy<Value = Option<Coordinates>> {
    let at = |latitude_deg, longitude_deg| Coordinates { latitude_deg, longitude_deg };
    let known = prop::sample::select(vec![
        at(50.0, 8.0),
        at(39.0, -77.0),
        at(37.0, -122.0),
        at(-33.0, 151.0),
    ]);
    prop_oneof![1 => Just(None), 4 => known.prop_map(Some)]
}

fn any_location() -> impl Strategy<Value = Location> {
    let place = prop::option::weighted(0.8, prop::sample::select(PLACES.to_vec()));
    let own = prop::collection::vec(prop::sample::select(vec!["s0", "s1", "nowhere"]), 1..3);
    let own = prop::option::weighted(
        0.15,
        own.prop_map(|names| names.iter().map(ToString::to_string).collect()),
    );
    (place, coordinates(), prop::option::of(1..3_u32), own).prop_map(
        |(place, coordinates, asn, sites)| Location {
            place,
            coordinates,
            asn,
            sites,
            source: String::new(),
        },
    )
}

/// From few bits, so that networks nest, touch and repeat.
fn net_v4() -> impl Strategy<Value = Ipv4Net> {
    let address =
        prop_oneof![(0..16_u32).prop_map(|n| n << 28), (0..8_u32).prop_map(|n| n | 0xc000_0200)];
    let bits = prop_oneof![0..6_u8, 22..=32_u8];
    (address, bits)
        .prop_map(|(address, bits)| Ipv4Net::new(address.into(), bits).expect("at most 32").trunc())
}

/// The same, with networks in and around those that embed IPv4.
fn net_v6() -> impl Strategy<Value = Ipv6Net> {
    let address = prop_oneof![
        (0..16_u128).prop_map(|n| n << 124),
        (0..8_u128).prop_map(|n| 0x2001 << 112 | n << 95),
        (0..8_u128).prop_map(|n| (0x2002 + n) << 112),
        (0..8_u128).prop_map(|n| 0xffff_c000_0200 | n),
        (0..8_u128).prop_map(|n| 0x0064_ff9b << 96 | n),
    ];
    let bits = prop_oneof![0..6_u8, 14..36_u8, 94..98_u8, 120..=128_u8];
    (address, bits).prop_map(|(address, bits)| {
        Ipv6Net::new(address.into(), bits).expect("at most 128").trunc()
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let v4 = prop::collection::vec((net_v4(), 0..5_u32), 0..10);
    let v6 = prop::collection::vec((net_v6(), 0..5_u32), 0..10);
    (prop::collection::vec(any_location(), 5), v4, v6).prop_map(|(locations, v4, v6)| Plan {
        locations,
        v4,
        v6,
    })
}

fn any_sites() -> impl Strategy<Value = Vec<Arc<Site>>> {
    prop::collection::vec(coordinates(), 1..5).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered.map(|(n, coordinates)| Arc::new(site(n, coordinates))).collect()
    })
}

fn site(number: usize, coordinates: Option<Coordinates>) -> Site {
    Site { coordinates, ..testing::site(&format!("s{number}")) }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let named = || {
        let numbers = prop::collection::vec(0..5_usize, 1..4);
        numbers.prop_map(|all| all.into_iter().map(|n| Arc::new(site(n, None))).collect::<Vec<_>>())
    };
    let net = prop_oneof![net_v4().prop_map(IpNet::from), net_v6().prop_map(IpNet::from)];
    let code = prop_oneof![
        6 => prop::sample::select(PLACES.to_vec()),
        1 => Just(GeoCode::Continent(*b"NA")),
        1 => (1..4_u32).prop_map(GeoCode::Asn),
        1 => Just(GeoCode::Any),
    ];
    prop_oneof![
        3 => (prop::collection::vec(net, 1..5), named()).prop_map(|(nets, sites)| Rule::Subnets { nets, sites }),
        3 => (prop::collection::vec(code, 1..4), named()).prop_map(|(codes, sites)| Rule::Geo { codes, sites }),
        1 => Just(Rule::Nearest),
    ]
}

fn any_route() -> impl Strategy<Value = Route> {
    (prop::collection::vec(any_rule(), 0..6), any::<bool>())
        .prop_map(|(rules, strict)| Route { rules, strict })
}

/// Every address where anything may change, and the one before; IPv6 forms of IPv4 ones included, Teredo's with
/// `upper` in their first 96 bits.
fn edges(plan: &Plan, route: &Route, upper: u128) -> Vec<IpAddr> {
    let subnets = route.rules.iter().filter_map(|rule| match rule {
        Rule::Subnets { nets, .. } => Some(nets),
        _ => None,
    });
    let mut nets: Vec<IpNet> = subnets.flatten().copied().collect();
    nets.extend(plan.v4.iter().map(|(net, _)| IpNet::from(*net)));
    nets.extend(plan.v6.iter().map(|(net, _)| IpNet::from(*net)));
    let fixed = ["0.0.0.0/0", "::/0", "::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32"];
    nets.extend(fixed.map(|net| net.parse::<IpNet>().expect(net)));
    let mut edges = Vec::new();
    for net in nets {
        match (net.network(), net.broadcast()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (first, last) = (first.to_bits(), last.to_bits());
                for v4 in [first, last, first.wrapping_sub(1), last.wrapping_add(1)] {
                    edges.push(IpAddr::V4(v4.into()));
                    edges.extend(forms_of(v4, upper).map(|bits| IpAddr::V6(bits.into())));
                }
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let (first, last) = (first.to_bits(), last.to_bits());
                let all = [first, last, first.wrapping_sub(1), last.wrapping_add(1)];
                edges.extend(all.map(|bits| IpAddr::V6(bits.into())));
            }
            _ => unreachable!("both ends of a network are of one family"),
        }
    }
    edges
}

fn forms_of(v4: u32, upper: u128) -> [u128; 5] {
    let wide = u128::from(v4);
    let teredo = 0x2001 << 112 | u128::from(!v4);
    [
        0xffff << 32 | wide,
        0x0064_ff9b << 96 | wide,
        0x2002 << 112 | wide << 80,
        teredo,
        teredo | (upper << 32 & (u128::MAX >> 32)),
    ]
}

/// The network of `bits` around an address.
fn block(address: IpAddr, bits: u8) -> IpNet {
    IpNet::new(address, bits).expect("not longer than the address").trunc()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn classes_and_scopes_agree_with_the_definition(
        plan in plan(), route in any_route(), sites in any_sites(), v4: [u32; 2], v6: [u128; 2], upper: u32,
    ) {
        let mut atlas = Atlas::new(Arc::new(plan.world()));
        let classes = compile(&route, &sites, &mut atlas);
        let naive = |address| place(&route, &sites, plan.locate(address), address).order;
        let mut addresses = edges(&plan, &route, upper.into());
        addresses.extend(v4.map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))));
        addresses.extend(v6.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))));
        let known: Vec<(IpAddr, Vec<u16>)> = addresses.into_iter().map(|at| (at, naive(at))).collect();
        let mut used = vec![false; classes.orders.len()];
        for (address, order) in &known {
            let found = classes.table.find(*address);
            used[found.class as usize] = true;
            prop_assert_eq!(&*classes.orders[found.class as usize], &order[..], "at {}", address);
            let scope = block(*address, found.scope_bits);
            let within = |net: IpNet| known.iter().filter(move |(other, _)| net.contains(other));
            for (other, other_order) in within(scope) {
                prop_assert_eq!(order, other_order, "{} and {} are both in {}", address, other, scope);
            }
            prop_assert_eq!(order, &naive(scope.network()), "{} and the first of {}", address, scope);
            prop_assert_eq!(order, &naive(scope.broadcast()), "{} and the last of {}", address, scope);
            if found.scope_bits > 0 {
                // Orders change only at edges, so a wider network of one order would show none but its own.
                let wider = block(*address, found.scope_bits - 1);
                let mut differs = within(wider).any(|(_, other_order)| other_order != order)
                    || naive(wider.network()) != *order
                    || naive(wider.broadcast()) != *order;
                // Teredo has its IPv4 address last, so every /96 in it has edges of its own.
                if let IpAddr::V6(v6) = address && v6.to_bits() >> 96 == 0x2001_0000 {
                    let upper = v6.to_bits() >> 32 << 32;
                    differs |= known.iter().any(|(other, other_order)| match other {
                        IpAddr::V4(v4) => {
                            let twin = Ipv6Addr::from_bits(upper | u128::from(!v4.to_bits()));
                            wider.contains(&IpAddr::V6(twin)) && other_order != order
                        }
                        IpAddr::V6(_) => false,
                    });
                }
                prop_assert!(differs, "{} holds for all of {}", address, wider);
            }
        }
        let mut distinct = classes.orders.clone();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), classes.orders.len(), "no two classes are alike");
        prop_assert!(used.iter().all(|&used| used), "no class without an address: {:?}", used);
    }

    #[test]
    fn an_atlas_serves_many_routes(plan in plan(), routes in prop::collection::vec((any_route(), any_sites()), 1..5)) {
        let world = Arc::new(plan.world());
        let mut shared = Atlas::new(Arc::clone(&world));
        for (route, sites) in &routes {
            let alone = compile(route, sites, &mut Atlas::new(Arc::clone(&world)));
            prop_assert_eq!(compile(route, sites, &mut shared).orders, alone.orders);
        }
    }
}

#[test]
fn a_route_that_tells_nobody_apart_is_one_class() {
    let world = World {
        v4: Ranges::from_prefixes(0, [(0x0a00_0000, 8, 1)]),
        v6: Ranges::constant(0),
        locations: vec![Location::default(), Location { asn: Some(1), ..Location::default() }],
    };
    let sites = vec![Arc::new(site(0, None)), Arc::new(site(1, None))];
    let mut atlas = Atlas::new(Arc::new(world));
    let classes = compile(&Route::default(), &sites, &mut atlas);
    for any in [IpAddr::from([0; 4]), IpAddr::from([0; 16])] {
        assert_eq!(classes.table.find(any).scope_bits, 0);
    }
    assert_eq!(classes.orders, [Box::from([0, 1])]);
}
