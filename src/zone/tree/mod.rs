//! A zone compiled for answering: every name that exists, hashed, with its record sets in wire form.
//!
//! A name exists if it owns data or something below it does (an empty non-terminal, RFC 8020). Names live in one arena
//! and are found through one open-addressing table, so a hit is one probe and a miss costs one probe a label on the way
//! up to the closest encloser. What a query must know of a name's surroundings is worked out here once: the zone cut or
//! DNAME that it lies under, and the wildcard below it. Which records to give is the answer's part, what they mean the
//! sanity check's. A tree never changes; a changed zone is a new tree.

mod builder;
mod table;
#[cfg(test)]
mod tests;

use super::record::Record;
use crate::wire::{FoldedName, Name, Rtype, folded};
use builder::Builder;
use table::Table;

/// Stands for "no such node".
const NONE: u32 = u32::MAX;

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
            && let Some(node) = self.exact(name.suffix(skip))
        {
            return Found::Exact(node);
        }
        (first.max(skip + 1)..inside)
            .find_map(|labels| self.exact(name.suffix(labels)))
            .map_or(Found::Below(NodeId(0)), Found::Below)
    }

    /// The node of a name in wire form and lower case, if it exists.
    pub fn exact(&self, name: &[u8]) -> Option<NodeId> {
        let is_it = |node: u32| name_at(&self.names, self.nodes[node as usize].name) == name;
        self.table.find(folded::hash(name), is_it).map(NodeId)
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
            + self.table.memory_bytes()
    }

    fn some(index: u32) -> Option<NodeId> {
        (index != NONE).then_some(NodeId(index))
    }
}

fn name_at(names: &[u8], at: u32) -> &[u8] {
    let at = at as usize;
    &names[at + 1..at + 1 + usize::from(names[at])]
}
