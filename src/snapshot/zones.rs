//! Which of the zones served encloses a name.
//!
//! Apexes are found by hash, from the longest suffix that any apex is as long as down to the shortest; a server of one
//! zone, or of ten thousand siblings, makes one probe.

use super::NamePlan;
use crate::wire::{FoldedName, folded};
use crate::zone::Zone;
use std::sync::Arc;

/// A zone with what its steered names mean.
#[derive(Debug)]
pub struct ServedZone {
    /// Its static data.
    pub zone: Arc<Zone>,
    /// By the number that [`Zone::steered`] gives.
    pub names: Vec<NamePlan>,
}

/// All zones served, found by suffix.
#[derive(Debug, Default)]
pub struct ZoneIndex {
    zones: Vec<ServedZone>,
    /// Places in `zones` plus one; 0 is free.
    slots: Vec<u32>,
    /// Bit n: there is an apex of n labels.
    depths: u128,
}

impl ZoneIndex {
    /// Indexes zones; of two with one apex the first is kept.
    pub fn new(zones: Vec<ServedZone>) -> Self {
        let slots = vec![0; (zones.len() * 2).next_power_of_two().max(2)];
        let mut index = Self { zones: Vec::with_capacity(zones.len()), slots, depths: 0 };
        for served in zones {
            let apex = served.zone.apex();
            if index.probe(apex.as_wire()).is_some() {
                continue;
            }
            // A name has at most 127 labels.
            index.depths |= 1 << apex.label_count();
            let mut at = index.first_slot(apex.as_wire());
            while index.slots[at] != 0 {
                at = (at + 1) % index.slots.len();
            }
            index.zones.push(served);
            index.slots[at] = index.zones.len() as u32;
        }
        index
    }

    /// The place of the zone that answers for a name. `from_parent` is set for types that live on the parent's side of
    /// a zone cut, DS (RFC 4035 §3.1.4.1): then the zone of that very name is second choice.
    pub fn find(&self, name: &FoldedName, from_parent: bool) -> Option<usize> {
        let labels = name.label_count();
        let mut own = None;
        for skip in 0..=labels {
            if self.depths >> (labels - skip) & 1 == 0 {
                continue;
            }
            match self.probe(name.suffix(skip)) {
                Some(zone) if skip == 0 && from_parent => own = Some(zone),
                Some(zone) => return Some(zone),
                None => {}
            }
        }
        own
    }

    /// All zones, by their places.
    pub fn zones(&self) -> &[ServedZone] {
        &self.zones
    }

    fn probe(&self, apex: &[u8]) -> Option<usize> {
        let mut at = self.first_slot(apex);
        loop {
            let zone = (self.slots.get(at)?).checked_sub(1)? as usize;
            if self.zones[zone].zone.apex().as_wire() == apex {
                return Some(zone);
            }
            at = (at + 1) % self.slots.len();
        }
    }

    fn first_slot(&self, apex: &[u8]) -> usize {
        folded::hash(apex) as usize & self.slots.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Name;

    #[test]
    fn the_longest_suffix_wins_and_ds_goes_to_the_parent() {
        let apexes = ["com", "example.com", "a.b.example.com", "example.org"];
        let served = |text: &&str| {
            let apex = Name::parse(text, None).expect("a name");
            ServedZone {
                zone: Arc::new(Zone::build(&apex, &[], &[]).expect("small")),
                names: vec![],
            }
        };
        let index = ZoneIndex::new(apexes.iter().chain(&["com"]).map(served).collect());
        assert_eq!(index.zones().len(), 4);
        let check = |text: &str, from_parent, expected: Option<&str>| {
            let mut name = FoldedName::default();
            name.read(Name::parse(text, None).expect("a name").as_wire()).expect("a name");
            let found = index.find(&name, from_parent).map(|zone| apexes[zone]);
            assert_eq!(found, expected, "{text} {from_parent}");
        };
        check("www.example.com", false, Some("example.com"));
        check("example.com", false, Some("example.com"));
        check("b.example.com", false, Some("example.com"));
        check("x.a.b.example.com", false, Some("a.b.example.com"));
        check("net", false, None);
        check(".", false, None);
        check("org", false, None);
        check("example.com", true, Some("com"));
        check("a.b.example.com", true, Some("example.com"));
        check("example.org", true, Some("example.org"));
        assert_eq!(ZoneIndex::default().find(&FoldedName::default(), false), None);
    }
}
