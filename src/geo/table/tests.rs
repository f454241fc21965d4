//! The table against the plain reading of its ranges: class by linear search, scope by looking at every boundary.

use super::*;
use crate::geo::ranges::Key;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const MAPPED: u128 = 0xffff << 32;
const NAT64: u128 = 0x0064_ff9b << 96;
const SIX_TO_FOUR: u128 = 0x2002 << 112;
const TEREDO: u128 = 0x2001 << 112;

/// The ranges, and the class of an address read off them without the table.
struct Model {
    v4: Ranges<u32, u32>,
    v6: Ranges<u128, u32>,
}

impl Model {
    fn class(&self, address: u128) -> u32 {
        let low = address as u32;
        let ipv4 = if address >> 32 == MAPPED >> 32 || address >> 32 == NAT64 >> 32 {
            low
        } else if address >> 112 == 0x2002 {
            (address >> 80) as u32
        } else if address >> 96 == 0x2001_0000 {
            !low
        } else {
            return scan(&self.v6, address);
        };
        scan(&self.v4, ipv4)
    }

    /// Every IPv6 address at which the class may change, and the one before it; within Teredo next to `address`.
    fn v6_edges(&self, address: u128) -> Vec<u128> {
        let mut edges: Vec<u128> =
            self.v6.iter().flat_map(|(first, last, _)| [first, last]).collect();
        for (prefix, bits) in [(MAPPED, 96), (NAT64, 96), (SIX_TO_FOUR, 16), (TEREDO, 32)] {
            let (first, last) = (prefix, prefix.block_last(bits));
            edges.extend([first, last, first - 1, last + 1]);
        }
        for ipv4 in self.v4.iter().flat_map(|(first, last, _)| [first, last]) {
            let ipv4_wide = u128::from(ipv4);
            edges.extend([MAPPED | ipv4_wide, NAT64 | ipv4_wide]);
            edges.extend([SIX_TO_FOUR | ipv4_wide << 80, (SIX_TO_FOUR | ipv4_wide << 80) - 1]);
            edges.extend([address & !0xffff_ffff | u128::from(!ipv4), TEREDO | u128::from(!ipv4)]);
        }
        edges
    }

    fn check_v6(&self, table: &ClassTable, address: u128) {
        let found = table.find(IpAddr::V6(address.into()));
        let shown = Ipv6Addr::from_bits(address);
        assert_eq!(found.class, self.class(address), "class of {shown}");
        let edges = self.v6_edges(address);
        let differs = |bits: u8| {
            let block = (address.block_first(bits), address.block_last(bits));
            let inside = edges.iter().copied().filter(|edge| block.0 <= *edge && *edge <= block.1);
            inside.chain([block.0, block.1]).any(|other| self.class(other) != found.class)
        };
        assert!(!differs(found.scope_bits), "{shown}/{} is not of one class", found.scope_bits);
        if let Some(shorter) = found.scope_bits.checked_sub(1) {
            assert!(differs(shorter), "{shown}/{} could be shorter", found.scope_bits);
        }
    }

    fn check_v4(&self, table: &ClassTable, address: u32) {
        let found = table.find(IpAddr::V4(address.into()));
        let shown = Ipv4Addr::from_bits(address);
        assert_eq!(found.class, scan(&self.v4, address), "class of {shown}");
        let differs = |bits: u8| {
            let block = (address.block_first(bits), address.block_last(bits));
            self.v4.iter().any(|(first, last, class)| {
                first <= block.1 && block.0 <= last && class != found.class
            })
        };
        assert!(!differs(found.scope_bits), "{shown}/{} is not of one class", found.scope_bits);
        if let Some(shorter) = found.scope_bits.checked_sub(1) {
            assert!(differs(shorter), "{shown}/{} could be shorter", found.scope_bits);
        }
    }
}

fn scan<K: Key>(ranges: &Ranges<K, u32>, address: K) -> u32 {
    let holds = |(first, last, class)| (first <= address && address <= last).then_some(class);
    ranges.iter().find_map(holds).expect("runs cover everything")
}

fn v4_prefixes() -> impl Strategy<Value = Vec<(u32, u8, u32)>> {
    let address = prop_oneof![
        any::<u32>(),
        (0..64_u32).prop_map(|low| 0x0a01_0200 | low),
        (0..16_u32).prop_map(|top| top << 28),
        Just(u32::MAX),
        Just(0),
    ];
    proptest::collection::vec((address, 0..=32_u8, 0..3_u32), 0..40)
}

fn v6_address() -> impl Strategy<Value = u128> {
    prop_oneof![
        any::<u128>(),
        (0x2000_u128..0x2004, any::<u16>())
            .prop_map(|(top, next)| top << 112 | u128::from(next) << 96),
        (any::<u8>()).prop_map(|low| 0x2001_0db8 << 96 | u128::from(low)),
        (any::<u8>()).prop_map(|net| 0x2001_0db8 << 96 | u128::from(net) << 64),
        any::<u32>().prop_map(|ipv4| MAPPED | u128::from(ipv4)),
        any::<u32>().prop_map(|ipv4| NAT64 | u128::from(ipv4)),
        any::<u64>().prop_map(|rest| TEREDO | u128::from(rest)),
        (any::<u32>(), any::<u64>())
            .prop_map(|(ipv4, rest)| SIX_TO_FOUR | u128::from(ipv4) << 80 | u128::from(rest)),
        Just(0),
        Just(u128::MAX),
    ]
}

fn v6_prefixes() -> impl Strategy<Value = Vec<(u128, u8, u32)>> {
    proptest::collection::vec((v6_address(), 0..=128_u8, 0..3_u32), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn class_and_scope_are_true_and_minimal(
        v4 in v4_prefixes(),
        v6 in v6_prefixes(),
        v4_is_single in proptest::bool::weighted(0.2),
        v4_probes: [u32; 4],
        v6_probes in proptest::collection::vec(v6_address(), 8),
    ) {
        let v4 = if v4_is_single { Ranges::constant(1) } else { Ranges::from_prefixes(0, v4) };
        let model = Model { v4, v6: Ranges::from_prefixes(0, v6) };
        let table = ClassTable::new(&model.v4, &model.v6);
        for address in model.v4.iter().flat_map(|(first, last, _)| [first, last]).chain(v4_probes) {
            model.check_v4(&table, address);
        }
        prop_assert_eq!(table.runs_v4().collect::<Vec<_>>(), model.v4.iter().collect::<Vec<_>>());
        for (first, last, class) in table.runs_v6() {
            let is_plain = |&address: &u128| embed::embedded(address).is_none();
            for address in [first, last].into_iter().filter(is_plain) {
                prop_assert_eq!(class, model.class(address), "{:x}", address);
            }
        }
        let teredo_probe = v6_probes[0] & !(u128::MAX << 96) | TEREDO;
        let probes = v6_probes.iter().copied().chain([teredo_probe]);
        for address in model.v6_edges(teredo_probe).into_iter().take(40).chain(probes) {
            model.check_v6(&table, address);
        }
        let classes: std::collections::HashSet<u32> = model.v6_edges(TEREDO).into_iter()
            .map(|edge| model.class(edge)).collect();
        prop_assert_eq!(is_single_class(&table), classes.len() == 1);
    }
}

/// Whether no scope tells any address from another.
fn is_single_class(table: &ClassTable) -> bool {
    let any = [IpAddr::from([0; 4]), IpAddr::from([0; 16])];
    any.into_iter().all(|address| table.find(address).scope_bits == 0)
}

#[test]
fn scopes_by_example() {
    let prefix = |text: &str, class| {
        let net: ipnet::Ipv4Net = text.parse().expect("a prefix");
        (net.addr().to_bits(), net.prefix_len(), class)
    };
    let v4 = Ranges::from_prefixes(0, [prefix("10.0.0.0/8", 1), prefix("10.1.2.0/24", 2)]);
    let several = ClassTable::new(&v4, &Ranges::constant(0));
    let one = ClassTable::new(&Ranges::constant(1), &Ranges::constant(0));
    let check = |table: &ClassTable, text: &str, class, scope_bits| {
        let found = table.find(text.parse().expect("an address"));
        assert_eq!(found, Found { class, scope_bits }, "{text}");
    };
    check(&several, "10.1.2.3", 2, 24);
    check(&several, "10.1.3.0", 1, 24);
    check(&several, "10.128.0.0", 1, 9);
    check(&several, "192.0.2.1", 0, 1);
    check(&several, "::ffff:10.1.2.3", 2, 120);
    check(&several, "64:ff9b::10.128.0.0", 1, 105);
    check(&several, "2002:a01:203::1", 2, 40);
    check(&several, "2001:0:1:2:3:4:f5fe:fdfc", 2, 120);
    check(&several, "2003::1", 0, 16);
    check(&several, "8000::", 0, 1);
    check(&one, "192.0.2.1", 1, 0);
    check(&one, "::ffff:192.0.2.1", 1, 96);
    check(&one, "2002::1", 1, 16);
    check(&one, "2003::1", 0, 16);

    let single = ClassTable::new(&Ranges::constant(7), &Ranges::constant(7));
    assert!(is_single_class(&single) && !is_single_class(&one) && !is_single_class(&several));
    check(&single, "192.0.2.1", 7, 0);
    check(&single, "2001:db8::1", 7, 0);
}
