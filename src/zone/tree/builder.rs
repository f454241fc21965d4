//! How a zone's tree comes to be: names first, then the records grouped into sets, then what hides what.

use super::table::Table;
use super::{NONE, Node, NodeId, StoredSet, TooLarge, Zone, name_at};
use crate::wire::folded::{self, LABELS_MAX};
use crate::wire::{Name, Rtype};
use crate::zone::Record;
use std::collections::HashSet;

/// A tree that grows.
pub(super) struct Builder {
    pub(super) zone: Zone,
    pub(super) nodes: Vec<Node>,
    /// Parents by node; the apex is its own.
    parents: Vec<u32>,
}

impl Builder {
    pub(super) fn new(apex: &Name, names: usize) -> Self {
        let zone = Zone {
            apex: apex.clone(),
            nodes: Vec::new(),
            sets: Vec::new(),
            names: Vec::new(),
            rdata: Vec::new(),
            table: Table::with_room_for(names),
            depth: 0,
        };
        let mut builder = Self { zone, nodes: Vec::new(), parents: Vec::new() };
        // The first name cannot overflow anything.
        let _ = builder.push(apex.as_wire(), folded::hash(apex.as_wire()), 0);
        builder
    }

    /// The node of a name at or below the apex, made if need be, after the names above it.
    pub(super) fn node(&mut self, owner: &Name) -> Result<u32, TooLarge> {
        let wire = owner.as_wire();
        // The names from this one up that do not exist yet.
        let mut missing = [(0, 0); LABELS_MAX];
        let (mut count, mut at) = (0, 0);
        let mut node = loop {
            let hash = folded::hash(&wire[at..]);
            if let Some(node) = self.find(hash, &wire[at..]) {
                break node;
            }
            missing[count] = (at, hash);
            count += 1;
            at += 1 + usize::from(wire[at]);
        };
        if count > 0 {
            let depth = owner.label_count() - self.zone.apex.label_count();
            self.zone.depth = self.zone.depth.max(depth);
        }
        for &(start, hash) in missing[..count].iter().rev() {
            node = self.push(&wire[start..], hash, node)?;
        }
        Ok(node)
    }

    fn find(&self, hash: u64, wire: &[u8]) -> Option<u32> {
        let is_it = |node: u32| name_at(&self.zone.names, self.nodes[node as usize].name) == wire;
        self.zone.table.find(hash, is_it)
    }

    fn push(&mut self, wire: &[u8], hash: u64, parent: u32) -> Result<u32, TooLarge> {
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
        self.zone.table.insert(hash, index);
        if wire.starts_with(b"\x01*") && index != 0 {
            self.nodes[parent as usize].wildcard = index;
        }
        Ok(index)
    }

    /// Groups the records into sets by owner and type.
    pub(super) fn fill(&mut self, records: &[Record], owners: &[u32]) -> Result<(), TooLarge> {
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
    pub(super) fn survey(&mut self) {
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
