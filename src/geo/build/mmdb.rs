//! A MaxMind-format database as bytes: search tree, data section, metadata.
//!
//! The tree is one of IPv6 with IPv4 below `::/96`. `::ffff:0:0/96` and `2002::/16` lead to the same IPv4 part, as in
//! MaxMind's own files, so any reader finds mapped and 6to4 addresses. Equal subtrees are stored once: a country
//! database repeats the same few patterns of neighbours thousands of times. Readers cannot tell, since a look-up only
//! ever walks down.

use super::encode::Section;
use crate::geo::Record;
use crate::geo::ranges::{Key, Ranges};
use std::collections::HashMap;

/// Zero bytes between tree and data.
const SEPARATOR_BYTES: usize = 16;

/// What marks the metadata at the end of the file.
const METADATA_MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// Longest text taken over into the file. The format could hold more, but nobody reads it.
const TEXT_BYTES_MAX: usize = 4096;

/// What the file says of itself.
pub(super) struct Metadata<'a> {
    pub(super) database_type: &'a str,
    pub(super) description: &'a str,
    pub(super) build_epoch: u64,
}

/// The database that says `records[v4.get(address)]` of an IPv4 address, and likewise of IPv6; record 0 is "nothing".
/// None if it would be larger than the format allows.
pub(super) fn write(
    v4: &Ranges<u32, u32>,
    v6: &Ranges<u128, u32>,
    records: &[Record],
    metadata: &Metadata<'_>,
) -> Option<Vec<u8>> {
    let mut tree = Tree::default();
    let v4_root = tree.v4_root(&runs(v4, |address| u128::from(address) << 96));
    let root = tree.root(&runs(v6, |address| address), v4_root);
    let nodes = tree.in_order(root);
    let (data, offsets) = data_section(records);

    // A pointer to data is the number of nodes, the separator, and the offset; the number of nodes alone is
    // "nothing".
    let pointer_max = nodes.len() + SEPARATOR_BYTES + data.len();
    let record_bits: u16 = match pointer_max {
        0..0x0100_0000 => 24,
        0x0100_0000..0x1000_0000 => 28,
        _ => 32,
    };
    u32::try_from(pointer_max).ok()?;
    let pointer = |child: Child| match child {
        Child::Node(number) => number,
        Child::Record(0) => nodes.len() as u32,
        Child::Record(record) => (nodes.len() + SEPARATOR_BYTES + offsets[record as usize]) as u32,
    };

    let mut bytes = Vec::with_capacity(nodes.len() * usize::from(record_bits) / 4 + data.len());
    for &(left, right) in &nodes {
        push_node(&mut bytes, record_bits, pointer(left), pointer(right));
    }
    bytes.extend_from_slice(&[0; SEPARATOR_BYTES]);
    bytes.extend_from_slice(&data);
    bytes.extend_from_slice(METADATA_MARKER);
    bytes.extend_from_slice(&metadata_section(metadata, nodes.len() as u32, record_bits));
    Some(bytes)
}

/// Where a branch leads.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Child {
    Node(u32),
    Record(u32),
}

/// Last address of a run, from the top bit on, and its record.
type Run = (u128, u32);

fn runs<K: Key>(ranges: &Ranges<K, u32>, widen: impl Fn(K) -> u128) -> Vec<Run> {
    let unused = u128::MAX >> (K::BITS - 1) >> 1;
    ranges.iter().map(|(_, last, record)| (widen(last) | unused, record)).collect()
}

/// Distinct nodes; a child stands before its parents.
#[derive(Default)]
struct Tree {
    nodes: Vec<(Child, Child)>,
    numbers: HashMap<(Child, Child), u32>,
}

impl Tree {
    /// The tree over all runs of a family whose addresses have `bits_max` bits.
    fn family(&mut self, runs: &[Run], bits_max: u8) -> Child {
        self.block(runs, 0, &mut 0, 0, bits_max)
    }

    /// The tree of the block `first`/`bits`. The walk passes the runs in order; `at` is how far it has come.
    fn block(
        &mut self,
        runs: &[Run],
        first: u128,
        at: &mut usize,
        bits: u8,
        bits_max: u8,
    ) -> Child {
        while runs[*at].0 < first {
            *at += 1;
        }
        let (last, record) = runs[*at];
        if bits == bits_max || first.block_last(bits) <= last {
            return Child::Record(record);
        }
        let half = 1 << (127 - bits);
        let left = self.block(runs, first, at, bits + 1, bits_max);
        let right = self.block(runs, first | half, at, bits + 1, bits_max);
        self.node(left, right)
    }

    /// A node with these branches; none is needed where both say the same of everything.
    fn node(&mut self, left: Child, right: Child) -> Child {
        if left == right && matches!(left, Child::Record(_)) {
            return left;
        }
        let number = *self.numbers.entry((left, right)).or_insert_with(|| {
            self.nodes.push((left, right));
            self.nodes.len() as u32 - 1
        });
        Child::Node(number)
    }

    /// The tree of IPv4, as a node that stands for nothing else: readers that list a database pass over every branch
    /// that leads there from outside `::/96`, taking it for one of the aliases.
    fn v4_root(&mut self, v4: &[Run]) -> Child {
        match self.family(v4, 32) {
            Child::Node(number) => {
                self.numbers.remove(&self.nodes[number as usize]);
                Child::Node(number)
            }
            record => self.forced_node(record),
        }
    }

    /// A node that says the same on both sides.
    fn forced_node(&mut self, record: Child) -> Child {
        self.nodes.push((record, record));
        Child::Node(self.nodes.len() as u32 - 1)
    }

    /// The whole tree of IPv6 with the tree of IPv4 in its three places.
    fn root(&mut self, v6: &[Run], v4_root: Child) -> Child {
        let mut root = self.family(v6, 128);
        for (prefix, bits) in [(0, 96), (0xffff << 32, 96), (0x2002 << 112, 16)] {
            root = self.graft(root, prefix, bits, 0, v4_root);
        }
        root
    }

    /// `tree` with the block `prefix`/`bits` replaced.
    fn graft(&mut self, tree: Child, prefix: u128, bits: u8, depth: u8, graft: Child) -> Child {
        if depth == bits {
            return graft;
        }
        let (left, right) = match tree {
            Child::Node(number) => self.nodes[number as usize],
            record => (record, record),
        };
        if prefix >> (127 - depth) & 1 == 0 {
            let left = self.graft(left, prefix, bits, depth + 1, graft);
            self.node(left, right)
        } else {
            let right = self.graft(right, prefix, bits, depth + 1, graft);
            self.node(left, right)
        }
    }

    /// The nodes that are reached from `root`, which becomes the first, depth first.
    fn in_order(&self, root: Child) -> Vec<(Child, Child)> {
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        let mut order = Vec::new();
        let mut open = vec![root];
        while let Some(child) = open.pop() {
            let Child::Node(number) = child else { continue };
            if numbers.contains_key(&number) {
                continue;
            }
            numbers.insert(number, order.len() as u32);
            let (left, right) = self.nodes[number as usize];
            order.push((left, right));
            open.extend([right, left]);
        }
        let renumbered = |child| match child {
            Child::Node(number) => Child::Node(numbers[&number]),
            record => record,
        };
        order.into_iter().map(|(left, right)| (renumbered(left), renumbered(right))).collect()
    }
}

/// One node: two pointers of `record_bits`, big-endian; of 28 bits, the high four of both share the middle byte.
fn push_node(bytes: &mut Vec<u8>, record_bits: u16, left: u32, right: u32) {
    let (l, r) = (left.to_be_bytes(), right.to_be_bytes());
    match record_bits {
        24 => bytes.extend([l[1], l[2], l[3], r[1], r[2], r[3]]),
        28 => bytes.extend([l[1], l[2], l[3], l[0] << 4 | r[0], r[1], r[2], r[3]]),
        _ => bytes.extend(l.into_iter().chain(r)),
    }
}

/// The data section, and where in it each record stands.
fn data_section(records: &[Record]) -> (Vec<u8>, Vec<usize>) {
    let mut section = Section::default();
    let mut offsets = Vec::with_capacity(records.len());
    for record in records {
        offsets.push(section.bytes.len());
        let place = record.place;
        let continent = place.as_ref().and_then(|place| place.continent());
        let country = place.as_ref().and_then(|place| place.country());
        let subdivision = place.as_ref().and_then(|place| place.subdivision());
        let count = [
            continent.is_some(),
            country.is_some(),
            subdivision.is_some(),
            record.coordinates.is_some(),
            record.asn.is_some(),
        ];
        section.map(count.into_iter().filter(|is_there| *is_there).count());
        if let Some(asn) = record.asn {
            section.string("autonomous_system_number");
            section.u32(asn);
        }
        for (field, key, code) in
            [("continent", "code", continent), ("country", "iso_code", country)]
        {
            if let Some(code) = code {
                section.string(field);
                coded(&mut section, key, code);
            }
        }
        if let Some(at) = record.coordinates {
            section.string("location");
            section.map(2);
            section.string("latitude");
            section.double(at.latitude_deg);
            section.string("longitude");
            section.double(at.longitude_deg);
        }
        if let Some(code) = subdivision {
            section.string("subdivisions");
            section.array(1);
            coded(&mut section, "iso_code", code);
        }
    }
    (section.bytes, offsets)
}

fn coded(section: &mut Section, key: &str, code: &str) {
    section.map(1);
    section.string(key);
    section.string(code);
}

fn metadata_section(metadata: &Metadata<'_>, node_count: u32, record_bits: u16) -> Vec<u8> {
    let mut section = Section::default();
    section.map(9);
    section.string("binary_format_major_version");
    section.u16(2);
    section.string("binary_format_minor_version");
    section.u16(0);
    section.string("build_epoch");
    section.u64(metadata.build_epoch);
    section.string("database_type");
    section.string(clipped(metadata.database_type));
    section.string("description");
    section.map(1);
    section.string("en");
    section.string(clipped(metadata.description));
    section.string("ip_version");
    section.u16(6);
    section.string("languages");
    section.array(0);
    section.string("node_count");
    section.u32(node_count);
    section.string("record_size");
    section.u16(record_bits);
    section.bytes
}

/// The text up to [`TEXT_BYTES_MAX`].
fn clipped(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
