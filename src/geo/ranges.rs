//! A total function from every address of one family to a value, kept as runs.
//!
//! A run is a stretch of addresses with one value; it is stored by its first address and reaches to where the next
//! one starts. The first run starts at zero and neighbours always differ, so two [`Ranges`] that say the same are
//! equal, and every boundary is a true change of value. Databases, the user's networks and the classes of a route
//! are all of this shape: they are overlaid with [`Ranges::zip`] and reduced with [`Ranges::map`], in time linear in
//! their runs. For looking up single addresses quickly there is [`ClassTable`](super::ClassTable).

use std::fmt::Debug;
use std::hash::Hash;

/// An address of one family as a number.
pub trait Key: Copy + Ord + Hash + Debug + Send + Sync + 'static {
    /// The lowest address.
    const ZERO: Self;
    /// The highest address.
    const MAX: Self;
    /// Bits in an address.
    const BITS: u8;

    /// The next address, if there is one.
    fn successor(self) -> Option<Self>;
    /// The previous address, if there is one.
    fn predecessor(self) -> Option<Self>;
    /// How many leading bits two addresses share.
    fn common_bits(self, other: Self) -> u8;
    /// The first address of the block of `prefix_bits` (at most [`Key::BITS`]) around this one.
    fn block_first(self, prefix_bits: u8) -> Self;
    /// The last address of that block.
    fn block_last(self, prefix_bits: u8) -> Self;
}

macro_rules! key {
    ($number:ty) => {
        impl Key for $number {
            const ZERO: Self = 0;
            const MAX: Self = <$number>::MAX;
            const BITS: u8 = <$number>::BITS as u8;

            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn predecessor(self) -> Option<Self> {
                self.checked_sub(1)
            }
            fn common_bits(self, other: Self) -> u8 {
                (self ^ other).leading_zeros() as u8
            }
            fn block_first(self, prefix_bits: u8) -> Self {
                self & !host_mask(prefix_bits, <$number>::MAX)
            }
            fn block_last(self, prefix_bits: u8) -> Self {
                self | host_mask(prefix_bits, <$number>::MAX)
            }
        }
    };
}

key!(u32);
key!(u128);

/// `all_ones` without its first `prefix_bits` bits.
fn host_mask<K: std::ops::Shr<u32, Output = K> + Default + PartialEq>(bits: u8, all_ones: K) -> K {
    // A shift by the whole width is not defined, and means "no host bits".
    if usize::from(bits) >= size_of::<K>() * 8 { K::default() } else { all_ones >> u32::from(bits) }
}

/// The length of the shortest prefix around `address` that lies within `first..=last`; `address` must.
///
/// An aligned block holds `address` but not `first - 1` exactly if it is longer than the bits that the two share, and
/// likewise with `last + 1`. So no loop is needed, and no shorter prefix would do.
pub fn block_bits<K: Key>(address: K, first: K, last: K) -> u8 {
    debug_assert!(first <= address && address <= last);
    let below = first.predecessor().map_or(0, |outside| address.common_bits(outside) + 1);
    let above = last.successor().map_or(0, |outside| address.common_bits(outside) + 1);
    below.max(above)
}

/// Every address of a family to its value; see the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges<K, V> {
    /// Sorted, distinct; the first is zero.
    starts: Vec<K>,
    /// One to a start; neighbours differ.
    values: Vec<V>,
}

impl<K: Key, V: Copy + Eq> Ranges<K, V> {
    /// The same value everywhere.
    pub fn constant(value: V) -> Self {
        Self { starts: vec![K::ZERO], values: vec![value] }
    }

    /// From prefixes (any address within, length in bits, value). Where they nest the longest wins, of equal ones the
    /// later; `default` is the rest. Lengths beyond the family's are taken for the family's.
    pub fn from_prefixes(default: V, prefixes: impl IntoIterator<Item = (K, u8, V)>) -> Self {
        let mut prefixes: Vec<(K, u8, V)> = prefixes
            .into_iter()
            .map(|(address, bits, value)| {
                let bits = bits.min(K::BITS);
                (address.block_first(bits), bits, value)
            })
            .collect();
        // Stable: of equal prefixes the later stays later, lands on top of the stack, and wins.
        prefixes.sort_by_key(|&(first, bits, _)| (first, bits));

        let mut ranges = Self::constant(default);
        // The prefixes that are open at the sweep's position, from the outermost: last address and value.
        let mut open: Vec<(K, V)> = Vec::with_capacity(usize::from(K::BITS));
        for (first, bits, value) in prefixes {
            ranges.close(&mut open, default, |last| last < first);
            ranges.push(first, value);
            open.push((first.block_last(bits), value));
        }
        ranges.close(&mut open, default, |_| true);
        ranges
    }

    /// Closes the innermost open prefixes for as long as `ended` says so: what lies around them goes on.
    fn close(&mut self, open: &mut Vec<(K, V)>, default: V, ended: impl Fn(K) -> bool) {
        while let Some((last, _)) = open.pop_if(|(last, _)| ended(*last)) {
            if let Some(next) = last.successor() {
                self.push(next, open.last().map_or(default, |&(_, outer)| outer));
            }
        }
    }

    /// From `start` on the value is `value`. Starts must not fall; the later of two equal ones counts.
    fn push(&mut self, start: K, value: V) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.values.pop();
        }
        if self.values.last() != Some(&value) {
            self.starts.push(start);
            self.values.push(value);
        }
    }

    /// The value at an address.
    pub fn get(&self, address: K) -> V {
        self.values[self.index(address)]
    }

    /// The run around an address: its first address, its last, and its value.
    pub fn run(&self, address: K) -> (K, K, V) {
        self.nth(self.index(address))
    }

    /// All runs in order: first address, last address, value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (K, K, V)> + '_ {
        (0..self.run_count()).map(|index| self.nth(index))
    }

    /// How many runs there are; one where the value is the same everywhere.
    pub fn run_count(&self) -> usize {
        self.starts.len()
    }

    /// The values put through `function`, which is called once a run and in order.
    pub fn map<W: Copy + Eq>(&self, mut function: impl FnMut(V) -> W) -> Ranges<K, W> {
        let mut mapped = Ranges::empty();
        for (&start, &value) in self.starts.iter().zip(&self.values) {
            mapped.push(start, function(value));
        }
        mapped
    }

    /// The values of both put through `function`, which is called once for every stretch where neither changes.
    pub fn zip<W: Copy + Eq, X: Copy + Eq>(
        &self,
        other: &Ranges<K, W>,
        mut function: impl FnMut(V, W) -> X,
    ) -> Ranges<K, X> {
        let mut zipped = Ranges::empty();
        let (mut mine, mut theirs) = (0, 0);
        let mut start = K::ZERO;
        loop {
            zipped.push(start, function(self.values[mine], other.values[theirs]));
            let next_mine = self.starts.get(mine + 1);
            let next_theirs = other.starts.get(theirs + 1);
            start = match (next_mine, next_theirs) {
                (Some(&a), Some(&b)) => a.min(b),
                (Some(&next), None) | (None, Some(&next)) => next,
                (None, None) => return zipped,
            };
            mine += usize::from(next_mine == Some(&start));
            theirs += usize::from(next_theirs == Some(&start));
        }
    }

    /// Without runs: only to be filled before anyone sees it.
    fn empty() -> Self {
        Self { starts: Vec::new(), values: Vec::new() }
    }

    /// Which run holds an address.
    fn index(&self, address: K) -> usize {
        // The first run starts at zero, so at least one start is not above the address.
        self.starts.partition_point(|&start| start <= address) - 1
    }

    fn nth(&self, index: usize) -> (K, K, V) {
        let next = self.starts.get(index + 1).and_then(|start| start.predecessor());
        (self.starts[index], next.unwrap_or(K::MAX), self.values[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Prefix = (u32, u8, u8);

    /// Addresses and lengths from few bits, so that prefixes nest, touch and repeat.
    fn prefixes() -> impl Strategy<Value = Vec<Prefix>> {
        let address = prop_oneof![
            (0..32_u32).prop_map(|bits| bits << 27),
            (0..32_u32),
            any::<u32>(),
            Just(u32::MAX)
        ];
        proptest::collection::vec((address, 0..=33_u8, 0..4_u8), 0..24)
    }

    fn naive(prefixes: &[Prefix], address: u32) -> u8 {
        prefixes
            .iter()
            .enumerate()
            .filter(|(_, (net, bits, _))| net.common_bits(address) >= (*bits).min(32))
            .max_by_key(|(order, (_, bits, _))| ((*bits).min(32), *order))
            .map_or(9, |(_, &(_, _, value))| value)
    }

    /// Every address at which anything may change, and its neighbours.
    fn edges(prefixes: &[Prefix]) -> Vec<u32> {
        let mut edges = vec![0, u32::MAX];
        for &(net, bits, _) in prefixes {
            let (first, last) = (net.block_first(bits.min(32)), net.block_last(bits.min(32)));
            edges.extend([first, last, first.wrapping_sub(1), last.wrapping_add(1)]);
        }
        edges
    }

    fn assert_well_formed<K: Key, V: Copy + Eq>(ranges: &Ranges<K, V>) {
        assert_eq!(ranges.starts.first(), Some(&K::ZERO));
        assert!(ranges.starts.windows(2).all(|pair| pair[0] < pair[1]), "starts rise");
        assert!(ranges.values.windows(2).all(|pair| pair[0] != pair[1]), "neighbours differ");
    }

    proptest! {
        #[test]
        fn prefixes_agree_with_a_linear_scan(prefixes in prefixes(), probes: [u32; 8]) {
            let ranges = Ranges::from_prefixes(9, prefixes.clone());
            assert_well_formed(&ranges);
            for address in edges(&prefixes).into_iter().chain(probes) {
                prop_assert_eq!(ranges.get(address), naive(&prefixes, address), "{:#x}", address);
            }
        }

        #[test]
        fn zip_and_map_agree_with_get(a in prefixes(), b in prefixes(), probes: [u32; 8]) {
            let (left, right) = (Ranges::from_prefixes(9, a.clone()), Ranges::from_prefixes(9, b.clone()));
            let both = left.zip(&right, |x, y| x / 2 + y);
            let halved = left.map(|x| x / 2);
            assert_well_formed(&both);
            assert_well_formed(&halved);
            for address in edges(&a).into_iter().chain(edges(&b)).chain(probes) {
                prop_assert_eq!(both.get(address), left.get(address) / 2 + right.get(address));
                prop_assert_eq!(halved.get(address), left.get(address) / 2);
            }
        }

        #[test]
        fn runs_cover_everything_once(prefixes in prefixes()) {
            let ranges = Ranges::from_prefixes(9, prefixes);
            let mut next = Some(0);
            for (first, last, value) in ranges.iter() {
                prop_assert_eq!(Some(first), next);
                prop_assert!(first <= last);
                prop_assert_eq!(ranges.run(first), (first, last, value));
                prop_assert_eq!(ranges.run(last), (first, last, value));
                next = last.successor();
            }
            prop_assert_eq!(next, None);
        }
    }

    #[test]
    fn the_shortest_block_within_a_run() {
        let check = |address: u32, first, last, bits| {
            assert_eq!(
                block_bits(address, first, last),
                bits,
                "{address:#x} in {first:#x}..={last:#x}"
            );
        };
        check(7, 0, u32::MAX, 0);
        check(0x0a00_0001, 0x0a00_0000, 0x0aff_ffff, 8);
        check(0x0a00_0001, 0x0a00_0001, 0x0a00_0001, 32);
        check(0x8000_0000, 1, u32::MAX, 1);
        check(1, 1, u32::MAX, 32);
        check(6, 1, 7, 30);
        check(6, 3, 0xffff, 30);
    }

    #[test]
    fn prefixes_at_both_ends_of_the_family() {
        let ranges = Ranges::from_prefixes(0, [(u128::MAX, 128, 1), (0, 128, 2), (0, 0, 3)]);
        let runs: Vec<_> = ranges.iter().collect();
        assert_eq!(runs, [(0, 0, 2), (1, u128::MAX - 1, 3), (u128::MAX, u128::MAX, 1)]);
    }
}
