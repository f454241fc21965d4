//! A zone compiled for answering: every name that exists, hashed, with its record sets in wire form.
//!
//! A name exists if it owns data or something below it does (an empty non-terminal, RFC 8020). Names live in one arena
//! and are found through one open-addressing table, so a hit is one probe and a miss costs one probe a label on the way
//! up to the closest encloser. What a query must know of a name's surroundings is worked out here once: the zone cut or
//! DNAME that it lies under, and the wildcard below it. Which records to give is the answer's part, what they mean the
//! sanity check's. A tree never changes; a changed zone is a new tree.

use super::record::Record;
use crate::wire::{FoldedName, Name, Rtype, folded};
use std::collections::HashSet;

/// Stands for "no such node".
const NONE: u32 = u32::MAX;
/// Slots of the table per name, at least: long runs of taken slots are what makes a miss slow.
const SLOTS_PER_NAME: usize = 2;

/// A compiled zone.
#[derive(Debug)]
pub struct Zone {
    apex: Name,
    nodes: Vec<Node>,
    sets: Vec<StoredSet>,
    /// Names of nodes, end to end, each with its length in front.
    names: Vec<u8>,
    /// RDATA, each with its length in front, set after set.
    rdata: Vec<u8>,
    table: Table,
    /// Labels that the deepest name has below the apex: no longer name is looked for.
    depth: usize,
}

/// A name of a zone, by number; the apex is 0, and every name comes after the names above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(u32);

#[derive(Clone, Copy, Debug)]
struct Node {
    name: u32,
    sets: u32,
    set_count: u16,
    is_cut: bool,
    has_dname: bool,
    cover: u32,
    wildcard: u32,
    steered: u32,
}

#[derive(Clone, Copy, Debug)]
struct StoredSet {
    rtype: Rtype,
    count: u16,
    ttl_s: u32,
    start: u32,
    bytes: u32,
}

/// What a look-up finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The name itself.
    Exact(NodeId),
    /// Not the name, but this its closest encloser (RFC 4592 §3.3.1).
    Below(NodeId),
}

/// A record set, borrowed from its zone.
#[derive(Clone, Copy, Debug)]
pub struct RecordSet<'a> {
    /// Its type.
    pub rtype: Rtype,
    /// Its TTL in seconds: the least of its records' (RFC 2181 §5.2).
    pub ttl_s: u32,
    bytes: &'a [u8],
}

impl<'a> RecordSet<'a> {
    /// The RDATA of each record, in uncompressed wire form.
    pub fn rdatas(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk::<2>()?;
            let (rdata, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)));
            rest = tail;
            Some(rdata)
        })
    }
}

/// The zone has more data than its offsets can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Zone {
    /// Compiles the records that lie at or below `apex`; others are passed over. `steered` are the owner names whose
    /// addresses come from pools; each is a name of the zone from now on, and is known by its place in the list.
    pub fn build(apex: &Name, records: &[Record], steered: &[Name]) -> Result<Self, TooLarge> {
        let mut builder = Builder::new(apex, records.len() + steered.len());
        let mut owners = Vec::with_capacity(records.len());
        for record in records {
            owners.push(if record.owner.is_at_or_below(apex) {
                builder.node(&record.owner)?
            } else {
                NONE
            });
        }
        for (index, owner) in
            steered.iter().enumerate().filter(|(_, owner)| owner.is_at_or_below(apex))
        {
            let node = builder.node(owner)?;
            builder.nodes[node as usize].steered = index as u32;
        }
        builder.fill(records, &owners)?;
        builder.survey();
        Ok(builder.zone)
    }

    /// The name at which the zone begins.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The node of the apex.
    pub fn apex_node(&self) -> NodeId {
        NodeId(0)
    }

    /// Looks a name up that lies at or below the apex; `skip` labels on its left are left out.
    pub fn find(&self, name: &FoldedName, skip: usize) -> Found {
        let inside = name.label_count() - self.apex.label_count().min(name.label_count());
        let first = skip.max(inside.saturating_sub(self.depth));
        if first == skip
            && let Some(node) = self.table.find(&self.names, &self.nodes, name.suffix(skip))
        {
            return Found::Exact(node);
        }
        (first.max(skip + 1)..inside)
            .find_map(|labels| self.table.find(&self.names, &self.nodes, name.suffix(labels)))
            .map_or(Found::Below(NodeId(0)), Found::Below)
    }

    /// The node of a name in wire form and lower case, if it exists.
    pub fn exact(&self, name: &[u8]) -> Option<NodeId> {
        self.table.find(&self.names, &self.nodes, name)
    }

    /// The node's name in wire form.
    pub fn name(&self, node: NodeId) -> &[u8] {
        name_at(&self.names, self.nodes[node.0 as usize].name)
    }

    /// The record sets of a node, by type.
    pub fn sets(&self, node: NodeId) -> impl Iterator<Item = RecordSet<'_>> {
        let node = &self.nodes[node.0 as usize];
        let start = node.sets as usize;
        self.sets[start..start + usize::from(node.set_count)].iter().map(|set| RecordSet {
            rtype: set.rtype,
            ttl_s: set.ttl_s,
            bytes: &self.rdata[set.start as usize..(set.start + set.bytes) as usize],
        })
    }

    /// The record set of that type, if the node has one.
    pub fn set(&self, node: NodeId, rtype: Rtype) -> Option<RecordSet<'_>> {
        self.sets(node).find(|set| set.rtype == rtype)
    }

    /// The node that hides this one: the topmost zone cut at or above it, or DNAME above it, whichever comes first on
    /// the way down from the apex.
    pub fn cover(&self, node: NodeId) -> Option<NodeId> {
        Self::some(self.nodes[node.0 as usize].cover)
    }

    /// Whether the zone is delegated here: NS records at a name other than the apex.
    pub fn is_cut(&self, node: NodeId) -> bool {
        self.nodes[node.0 as usize].is_cut
    }

    /// Whether the node has a DNAME.
    pub fn has_dname(&self, node: NodeId) -> bool {
        self.nodes[node.0 as usize].has_dname
    }

    /// The wildcard just below the node.
    pub fn wildcard(&self, node: NodeId) -> Option<NodeId> {
        Self::some(self.nodes[node.0 as usize].wildcard)
    }

    /// Which of the steered names the node is.
    pub fn steered(&self, node: NodeId) -> Option<usize> {
        Self::some(self.nodes[node.0 as usize].steered).map(|node| node.0 as usize)
    }

    /// How many names exist.
    pub fn name_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many records there are.
    pub fn record_count(&self) -> usize {
        self.sets.iter().map(|set| usize::from(set.count)).sum()
    }

    /// The serial of the SOA, if there is one.
    pub fn serial(&self) -> Option<u32> {
        let soa = self.set(self.apex_node(), Rtype::SOA)?.rdatas().next()?;
        let numbers = soa.len().checked_sub(20)?;
        soa[numbers..].first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Memory that the zone takes, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.sets.capacity() * size_of::<StoredSet>()
            + self.names.capacity()
            + self.rdata.capacity()
            + self.table.slots.capacity() * size_of::<u64>()
    }

    fn some(index: u32) -> Option<NodeId> {
        (index != NONE).then_some(NodeId(index))
    }
}

/// Hash of the name in the upper half, node in the lower; all ones where free.
#[derive(Debug)]
struct Table {
    slots: Vec<u64>,
}

const FREE: u64 = u64::MAX;

impl Table {
    fn with_room_for(names: usize) -> Self {
        Self { slots: vec![FREE; (names * SLOTS_PER_NAME).next_power_of_two().max(8)] }
    }

    fn find(&self, names: &[u8], nodes: &[Node], name: &[u8]) -> Option<NodeId> {
        let hash = folded::hash(name);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == FREE {
                return None;
            }
            let node = slot as u32;
            if (slot ^ hash) >> 32 == 0 && name_at(names, nodes[node as usize].name) == name {
                return Some(NodeId(node));
            }
            at = (at + 1) & mask;
        }
    }

    fn insert(&mut self, names: &[u8], nodes: &[Node], node: u32) {
        if nodes.len() * SLOTS_PER_NAME > self.slots.len() {
            *self = Self::with_room_for(nodes.len());
            (0..nodes.len() as u32 - 1).for_each(|earlier| self.put(names, nodes, earlier));
        }
        self.put(names, nodes, node);
    }

    fn put(&mut self, names: &[u8], nodes: &[Node], node: u32) {
        let hash = folded::hash(name_at(names, nodes[node as usize].name));
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != FREE {
            at = (at + 1) & mask;
        }
        self.slots[at] = (hash & !0xffff_ffff) | u64::from(node);
    }
}

fn name_at(names: &[u8], at: u32) -> &[u8] {
    let at = at as usize;
    &names[at + 1..at + 1 + usize::from(names[at])]
}

struct Builder {
    zone: Zone,
    nodes: Vec<Node>,
    /// Parents by node; the apex is its own.
    parents: Vec<u32>,
}

impl Builder {
    fn new(apex: &Name, names: usize) -> Self {
        let zone = Zone {
            apex: apex.clone(),
            nodes: Vec::new(),
            sets: Vec::new(),
            names: Vec::new(),
            rdata: Vec::new(),
            table: Table::with_room_for(names.min(1 << 16)),
            depth: 0,
        };
        let mut builder = Self { zone, nodes: Vec::new(), parents: Vec::new() };
        // The first name cannot overflow anything.
        let _ = builder.push(apex.as_wire(), 0);
        builder
    }

    /// The node of a name at or below the apex, made if need be, after the names above it.
    fn node(&mut self, owner: &Name) -> Result<u32, TooLarge> {
        let wire = owner.as_wire();
        if let Some(node) = self.zone.table.find(&self.zone.names, &self.nodes, wire) {
            return Ok(node.0);
        }
        self.zone.depth = self.zone.depth.max(owner.label_count() - self.zone.apex.label_count());
        let mut missing: Vec<usize> = vec![0];
        let mut at = 1 + usize::from(wire[0]);
        let mut node = loop {
            if let Some(node) = self.zone.table.find(&self.zone.names, &self.nodes, &wire[at..]) {
                break node.0;
            }
            missing.push(at);
            at += 1 + usize::from(wire[at]);
        };
        for start in missing.into_iter().rev() {
            node = self.push(&wire[start..], node)?;
        }
        Ok(node)
    }

    fn push(&mut self, wire: &[u8], parent: u32) -> Result<u32, TooLarge> {
        let index =
            u32::try_from(self.nodes.len()).ok().filter(|&index| index != NONE).ok_or(TooLarge)?;
        let name = u32::try_from(self.zone.names.len()).map_err(|_| TooLarge)?;
        self.zone.names.push(wire.len() as u8);
        self.zone.names.extend_from_slice(wire);
        self.nodes.push(Node {
            name,
            sets: 0,
            set_count: 0,
            is_cut: false,
            has_dname: false,
            cover: NONE,
            wildcard: NONE,
            steered: NONE,
        });
        self.parents.push(parent);
        self.zone.table.insert(&self.zone.names, &self.nodes, index);
        if wire.starts_with(b"\x01*") && index != 0 {
            self.nodes[parent as usize].wildcard = index;
        }
        Ok(index)
    }

    /// Groups the records into sets by owner and type.
    fn fill(&mut self, records: &[Record], owners: &[u32]) -> Result<(), TooLarge> {
        let mut order: Vec<u32> =
            (0..records.len() as u32).filter(|&at| owners[at as usize] != NONE).collect();
        let key = |at: u32| (owners[at as usize], records[at as usize].rtype);
        order.sort_by_key(|&at| key(at));
        for group in order.chunk_by(|&a, &b| key(a) == key(b)) {
            let (owner, rtype) = key(group[0]);
            let node = &mut self.nodes[owner as usize];
            if node.set_count == 0 {
                node.sets = u32::try_from(self.zone.sets.len()).map_err(|_| TooLarge)?;
            }
            node.set_count += 1;
            let records = group.iter().map(|&at| &records[at as usize]);
            let set = self.zone.store(records, group.len(), rtype)?;
            self.zone.sets.push(set);
        }
        Ok(())
    }

    /// Works out for each name what hides it. Parents come before their children, so one pass in order does.
    fn survey(&mut self) {
        self.zone.nodes = std::mem::take(&mut self.nodes);
        for index in 0..self.zone.nodes.len() {
            let id = NodeId(index as u32);
            let has = |rtype| self.zone.set(id, rtype).is_some();
            let (is_cut, has_dname) = (index != 0 && has(Rtype::NS), has(Rtype::DNAME));
            let above = &self.zone.nodes[self.parents[index] as usize];
            let cover = match () {
                () if index == 0 => NONE,
                () if above.cover != NONE => above.cover,
                () if above.has_dname => self.parents[index],
                () if is_cut => index as u32,
                () => NONE,
            };
            let node = &mut self.zone.nodes[index];
            (node.is_cut, node.has_dname, node.cover) = (is_cut, has_dname, cover);
        }
        self.zone.sets.shrink_to_fit();
        self.zone.nodes.shrink_to_fit();
        self.zone.names.shrink_to_fit();
        self.zone.rdata.shrink_to_fit();
    }
}

impl Zone {
    /// Appends the RDATA of one set; a record that stands twice is kept once (RFC 2181 §5).
    fn store<'r>(
        &mut self,
        records: impl Iterator<Item = &'r Record>,
        record_count: usize,
        rtype: Rtype,
    ) -> Result<StoredSet, TooLarge> {
        let start = self.rdata.len();
        let (mut count, mut ttl_s) = (0_u16, u32::MAX);
        let mut seen = HashSet::new();
        for record in records {
            ttl_s = ttl_s.min(record.ttl_s);
            // Most sets have one record; only the others are looked through.
            if record_count > 1 && !seen.insert(&*record.rdata) {
                continue;
            }
            let length = u16::try_from(record.rdata.len()).map_err(|_| TooLarge)?;
            self.rdata.extend_from_slice(&length.to_be_bytes());
            self.rdata.extend_from_slice(&record.rdata);
            count = count.checked_add(1).ok_or(TooLarge)?;
        }
        let start = u32::try_from(start).map_err(|_| TooLarge)?;
        let end = u32::try_from(self.rdata.len()).map_err(|_| TooLarge)?;
        Ok(StoredSet { rtype, count, ttl_s, start, bytes: end - start })
    }
}

#[cfg(test)]
mod tests {
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
}
