//! The tree against what its records say.

use super::*;
use crate::report::{Place, Source};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn name(text: &str) -> Name {
    Name::parse(text, None).expect("a name")
}

fn folded_name(name: &Name) -> FoldedName {
    let mut folded = FoldedName::default();
    folded.read(name.as_wire()).expect("a name");
    folded
}

fn record(owner: &Name, rtype: Rtype, ttl_s: u32, rdata: &[u8]) -> Record {
    let place = Place::new(&Source::new("z", ""), 0..0);
    Record { owner: owner.clone(), ttl_s, rtype, rdata: rdata.into(), place }
}

fn zone(owners: &[(&str, Rtype)]) -> Zone {
    let records: Vec<Record> =
        owners.iter().map(|(owner, rtype)| record(&name(owner), *rtype, 60, &[1])).collect();
    Zone::build(&name("example"), &records, &[name("*.steered.example")]).expect("small enough")
}

#[test]
fn finds_names_enclosers_covers_and_wildcards() {
    let zone = zone(&[
        ("example", Rtype::SOA),
        ("a.b.c.example", Rtype::A),
        ("*.wild.example", Rtype::TXT),
        ("cut.example", Rtype::NS),
        ("ns.cut.example", Rtype::A),
        ("deep.cut.example", Rtype::NS),
        ("d.example", Rtype::DNAME),
        ("x.d.example", Rtype::NS),
        ("elsewhere", Rtype::A),
    ]);
    let found = |text: &str| zone.find(&folded_name(&name(text)), 0);
    let shown = |node: NodeId| Name::from_wire(zone.name(node)).expect("a name").to_string();
    let check = |text: &str, exact: bool, node: &str, cover: Option<&str>| {
        let (is_exact, id) = match found(text) {
            Found::Exact(id) => (true, id),
            Found::Below(id) => (false, id),
        };
        assert_eq!((is_exact, shown(id).as_str()), (exact, node), "{text}");
        assert_eq!(zone.cover(id).map(shown).as_deref(), cover, "{text}");
    };
    check("example", true, "example.", None);
    check("a.b.c.example", true, "a.b.c.example.", None);
    check("b.c.example", true, "b.c.example.", None);
    check("x.b.c.example", false, "b.c.example.", None);
    check("y.x.z.example", false, "example.", None);
    check("q.wild.example", false, "wild.example.", None);
    check("cut.example", true, "cut.example.", Some("cut.example."));
    check("ns.cut.example", true, "ns.cut.example.", Some("cut.example."));
    check("deep.cut.example", true, "deep.cut.example.", Some("cut.example."));
    check("d.example", true, "d.example.", None);
    check("x.d.example", true, "x.d.example.", Some("d.example."));
    let wild = zone.exact(name("wild.example").as_wire()).expect("an empty non-terminal");
    assert_eq!(zone.wildcard(wild).map(shown).as_deref(), Some("*.wild.example."));
    assert_eq!(zone.sets(wild).count(), 0);
    let steered = zone.exact(name("*.steered.example").as_wire()).expect("a steered name");
    assert_eq!(zone.steered(steered), Some(0));
    assert!(zone.exact(name("elsewhere").as_wire()).is_none());
}

#[test]
fn sets_take_the_least_ttl_and_each_record_once() {
    let owner = name("www.example");
    let records = [(300, [1]), (60, [2]), (300, [1])]
        .map(|(ttl, rdata)| record(&owner, Rtype::A, ttl, &rdata));
    let zone = Zone::build(&name("example"), &records, &[]).expect("small enough");
    let node = zone.exact(owner.as_wire()).expect("it exists");
    let set = zone.set(node, Rtype::A).expect("it has addresses");
    assert_eq!(set.ttl_s, 60);
    assert_eq!(set.rdatas().collect::<Vec<_>>(), [[1], [2]]);
    assert_eq!(zone.record_count(), 2);
}

/// Owner names over a tiny alphabet, so that they nest and meet.
fn owners() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    let labels = proptest::collection::vec(0..4_u8, 0..5);
    proptest::collection::vec((labels, any::<bool>()), 0..40)
}

fn owner_name(labels: &[u8]) -> Name {
    labels.iter().fold(name("example"), |below, label| {
        below.child(&[b"abc*"[usize::from(*label)]]).expect("short")
    })
}

proptest! {
    /// Held against a plain map: what exists, what is the closest encloser, which cut is topmost.
    #[test]
    fn agrees_with_a_map_walk(owners in owners(), asked in proptest::collection::vec(0..4_u8, 0..6)) {
        let records: Vec<Record> = owners.iter()
            .map(|(labels, cut)| record(&owner_name(labels), if *cut { Rtype::NS } else { Rtype::A }, 1, &[0]))
            .collect();
        let zone = Zone::build(&name("example"), &records, &[]).expect("small enough");
        let mut exists = BTreeMap::from([(name("example"), false)]);
        for record in &records {
            let mut at = Some(record.owner.clone());
            while let Some(owner) = at.filter(|owner| owner.is_at_or_below(&name("example"))) {
                let is_cut = owner == record.owner && record.rtype == Rtype::NS && owner != name("example");
                *exists.entry(owner.clone()).or_default() |= is_cut;
                at = owner.parent();
            }
        }
        prop_assert_eq!(zone.name_count(), exists.len());
        let asked = owner_name(&asked);
        let mut encloser = asked.clone();
        while !exists.contains_key(&encloser) {
            encloser = encloser.parent().expect("the apex exists");
        }
        let (exact, node) = match zone.find(&folded_name(&asked), 0) {
            Found::Exact(node) => (true, node),
            Found::Below(node) => (false, node),
        };
        prop_assert_eq!(zone.name(node), encloser.as_wire());
        prop_assert_eq!(exact, encloser == asked);
        let topmost = exists.iter().filter(|(owner, cut)| **cut && encloser.is_at_or_below(owner))
            .map(|(owner, _)| owner).min_by_key(|owner| owner.label_count());
        prop_assert_eq!(zone.cover(node).map(|cover| zone.name(cover)), topmost.map(Name::as_wire));
    }
}
