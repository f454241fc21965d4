//! Where to look: from a key to the few neighbouring runs that may hold it.
//!
//! A node lays a linear scale over the run starts that it is responsible for and cuts it into equal cells, about one
//! to every two starts; which cell a key falls into is a subtraction and a shift. A cell that still holds many
//! starts has a node of its own, whose scale spans just those, so clusters (a provider's /32 cut into thousands of
//! /48s) cost one more step and empty space costs none. Every node puts its lowest and its highest start into
//! different cells, hence the tree ends; random and real tables alike end after one to three steps.

use std::ops::Range;

/// A cell with no more starts than this is searched directly: so many runs fill one cache line (IPv4) or two (IPv6).
const LEAF_STARTS_MAX: usize = 8;

/// Bits of the widest scale: 2 MiB of cells, still worth it for half a million runs.
const SCALE_BITS_MAX: u32 = 18;

/// Bits of a cell that hold its count; the others say where.
const COUNT_BITS: u32 = 4;
const COUNT_MASK: u32 = (1 << COUNT_BITS) - 1;
/// In place of a count: the cell leads to a node.
const NODE: u32 = COUNT_MASK;
/// In place of a count: there are more starts than a count can tell, and all are equal.
const WIDE: u32 = COUNT_MASK - 1;

const _: () = assert!((LEAF_STARTS_MAX as u32) < WIDE);

/// The search tree over the sorted starts of runs; it holds no starts itself.
pub(super) struct Scale {
    root: Cell,
    nodes: Box<[Node]>,
    cells: Box<[Cell]>,
    /// Stretches of equal starts.
    wide: Box<[Range<u32>]>,
}

struct Node {
    /// The lowest start.
    base: u64,
    /// Binary logarithm of a cell's width.
    shift: u32,
    first_cell: u32,
    /// Counted from `first_cell`.
    last_cell: u32,
}

/// A count of starts and the number of the first, or [`NODE`] and the index of a node, or [`WIDE`] and an index in
/// `wide`. Four bytes, because on the packet path the time of a look-up is that of fetching its cell: the fewer, the
/// more of them stay cached between two batches.
#[derive(Clone, Copy, Default)]
struct Cell(u32);

impl Cell {
    fn new(at: usize, count: u32) -> Self {
        Self((at as u32) << COUNT_BITS | count)
    }

    #[inline]
    fn count(self) -> u32 {
        self.0 & COUNT_MASK
    }

    #[inline]
    fn at(self) -> usize {
        (self.0 >> COUNT_BITS) as usize
    }
}

impl Scale {
    /// Over starts that never fall; at most 2²⁸ of them.
    pub(super) fn new(starts: &[u64]) -> Self {
        let mut builder =
            Builder { starts, nodes: Vec::new(), cells: Vec::new(), wide: Vec::new() };
        let root = builder.cell(0..starts.len());
        let Builder { nodes, cells, wide, .. } = builder;
        Self { root, nodes: nodes.into(), cells: cells.into(), wide: wide.into() }
    }

    /// The starts to search for `key`: the run that holds it is the one before the first of them that is higher than
    /// `key`, or the one before their end if none is.
    #[inline]
    pub(super) fn candidates(&self, key: u64) -> Range<usize> {
        let mut cell = self.root;
        while cell.count() == NODE {
            let node = &self.nodes[cell.at()];
            let step = (key.saturating_sub(node.base) >> node.shift).min(u64::from(node.last_cell));
            cell = self.cells[node.first_cell as usize + step as usize];
        }
        if cell.count() == WIDE {
            let wide = &self.wide[cell.at()];
            return wide.start as usize..wide.end as usize;
        }
        cell.at()..cell.at() + cell.count() as usize
    }

    /// Memory that it holds, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.nodes) + size_of_val(&*self.cells) + size_of_val(&*self.wide)
    }
}

struct Builder<'a> {
    starts: &'a [u64],
    nodes: Vec<Node>,
    cells: Vec<Cell>,
    wide: Vec<Range<u32>>,
}

impl Builder<'_> {
    /// The cell for a stretch of starts.
    fn cell(&mut self, range: Range<usize>) -> Cell {
        let count = range.len();
        if count <= LEAF_STARTS_MAX {
            return Cell::new(range.start, count as u32);
        }
        // Equal starts cannot be told apart by a scale, however many there are.
        if self.starts[range.start] == self.starts[range.end - 1] {
            self.wide.push(range.start as u32..range.end as u32);
            return Cell::new(self.wide.len() - 1, WIDE);
        }
        Cell::new(self.node(range) as usize, NODE)
    }

    /// Adds a node over a stretch of starts, which must not all be equal, and what is below it.
    fn node(&mut self, range: Range<usize>) -> u32 {
        let base = self.starts[range.start];
        let span = self.starts[range.end - 1] - base;
        let bits = (range.len() / 2).ilog2().clamp(1, SCALE_BITS_MAX);
        let shift = (u64::BITS - span.leading_zeros()).saturating_sub(bits);
        let last_cell = (span >> shift) as u32;
        let first_cell = self.cells.len();
        self.cells.resize(first_cell + last_cell as usize + 1, Cell::default());
        let index = self.nodes.len();
        self.nodes.push(Node { base, shift, first_cell: first_cell as u32, last_cell });

        let mut from = range.start;
        for step in 0..=last_cell {
            let in_cell = self.starts[from..range.end]
                .partition_point(|start| (start - base) >> shift <= u64::from(step));
            self.cells[first_cell + step as usize] = self.cell(from..from + in_cell);
            from += in_cell;
        }
        index as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(scale: &Scale, starts: &[u64], key: u64) -> usize {
        let range = scale.candidates(key);
        range.start + starts[range].partition_point(|&start| start <= key)
    }

    fn check(mut starts: Vec<u64>, probes: &[u64]) {
        starts.push(0);
        starts.sort_unstable();
        let scale = Scale::new(&starts);
        let edges = starts.iter().flat_map(|&s| [s, s.wrapping_sub(1), s.wrapping_add(1)]);
        for key in edges.chain(probes.iter().copied()).chain([u64::MAX]) {
            let expected = starts.partition_point(|&start| start <= key);
            assert_eq!(find(&scale, &starts, key), expected, "{key:#x} in {starts:x?}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_binary_search(
            wide in proptest::collection::vec(any::<u64>(), 0..300),
            base: u64,
            near in proptest::collection::vec(0..2000_u64, 0..300),
            repeats in 0..40_usize,
            probes: [u64; 16],
        ) {
            let mut starts = wide;
            starts.extend(near.iter().map(|offset| base.wrapping_add(*offset)));
            starts.extend(std::iter::repeat_n(base, repeats));
            check(starts, &probes);
        }
    }

    #[test]
    fn spacings_that_grow_by_powers_end() {
        check((0..64).map(|bit| 1 << bit).collect(), &[]);
        check((0..64).map(|bit| u64::MAX - (1 << bit)).collect(), &[]);
        check((0..2000).map(|n: u64| n.pow(5)).collect(), &[]);
        check(vec![u64::MAX; 100], &[]);
        check(vec![], &[1]);
    }
}
