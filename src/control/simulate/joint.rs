//! Who is in which class, before and after: the runs of two tables and of the clients, walked side by side.

use super::clients::{Cell, Clients, Size, Weight, size};
use crate::geo::ranges::block_bits;
use crate::steer::classes::Classes;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Everybody, by class before, class after and country. A side without classes has one class, 0.
#[derive(Debug, Default)]
pub(super) struct Joint {
    /// Those who are counted, each combination once, in order.
    pub(super) parts: Vec<Part>,
    /// Those who are not, by their classes alone.
    pub(super) uncounted: Vec<Rest>,
}

/// Clients of one country and the same classes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) population: usize,
    pub(super) before: u32,
    pub(super) after: u32,
    pub(super) country: u32,
    /// What they count.
    pub(super) weight: f64,
}

/// Networks that nobody is counted in.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    pub(super) before: u32,
    pub(super) after: u32,
    /// Why nobody is.
    pub(super) kind: &'static str,
    /// One of them.
    pub(super) example: IpNet,
    pub(super) runs: usize,
}

impl Joint {
    pub(super) fn new(
        before: Option<&Classes>,
        after: Option<&Classes>,
        clients: &Clients,
    ) -> Self {
        let mut sums =
            Sums { cells: &clients.cells, parts: Map::default(), uncounted: HashMap::new() };
        let constant = |none: bool| none.then_some((0, u32::MAX, 0));
        walk(
            before.into_iter().flat_map(|it| it.table.runs_v4()).chain(constant(before.is_none())),
            after.into_iter().flat_map(|it| it.table.runs_v4()).chain(constant(after.is_none())),
            clients.v4.iter(),
            |first, last, classes, cell| {
                sums.add(classes, cell, size(first, last), || {
                    let bits = block_bits(first, first, last);
                    Ipv4Net::new_assert(first.into(), bits).into()
                });
            },
        );
        let constant = |none: bool| none.then_some((0, u128::MAX, 0));
        walk(
            before.into_iter().flat_map(|it| it.table.runs_v6()).chain(constant(before.is_none())),
            after.into_iter().flat_map(|it| it.table.runs_v6()).chain(constant(after.is_none())),
            clients.v6.iter(),
            |first, last, classes, cell| {
                sums.add(classes, cell, size(first, last), || {
                    let bits = block_bits(first, first, last);
                    Ipv6Net::new_assert(first.into(), bits).into()
                });
            },
        );
        sums.finish()
    }
}

/// Calls `each` for every stretch in which none of the three changes.
fn walk<K: Size>(
    mut before: impl Iterator<Item = (K, K, u32)>,
    mut after: impl Iterator<Item = (K, K, u32)>,
    mut clients: impl Iterator<Item = (K, K, u32)>,
    mut each: impl FnMut(K, K, (u32, u32), u32),
) {
    let mut runs = (before.next(), after.next(), clients.next());
    let mut first = K::ZERO;
    while let (Some(one), Some(two), Some(three)) = runs {
        let last = one.1.min(two.1).min(three.1);
        each(first, last, (one.2, two.2), three.2);
        let Some(next) = last.successor() else { return };
        first = next;
        if one.1 == last {
            runs.0 = before.next();
        }
        if two.1 == last {
            runs.1 = after.next();
        }
        if three.1 == last {
            runs.2 = clients.next();
        }
    }
}

struct Sums<'a> {
    cells: &'a [Cell],
    /// Classes, country and population to what they count.
    parts: Map<(u32, u32, u32, usize), f64>,
    uncounted: HashMap<(u32, u32, &'static str), Rest>,
}

impl Sums<'_> {
    fn add(
        &mut self,
        (before, after): (u32, u32),
        cell: u32,
        addresses: f64,
        example: impl FnOnce() -> IpNet,
    ) {
        let cell = self.cells[cell as usize];
        match cell.weight {
            Weight::Nobody => {}
            Weight::Uncounted(kind) => {
                let rest = || Rest { before, after, kind, example: example(), runs: 0 };
                let key = (before, after, kind);
                self.uncounted.entry(key).or_insert_with(rest).runs += 1;
            }
            Weight::Counts(weight) => {
                let key = (before, after, cell.country, cell.population);
                *self.parts.entry(key).or_default() += weight * addresses;
            }
        }
    }

    fn finish(self) -> Joint {
        let part = |((before, after, country, population), weight)| Part {
            population,
            before,
            after,
            country,
            weight,
        };
        let mut parts: Vec<Part> = self.parts.into_iter().map(part).collect();
        // Sums come out the same every time only if they are made in the same order.
        parts.sort_by_key(|part| (part.population, part.country, part.before, part.after));
        let mut uncounted: Vec<Rest> = self.uncounted.into_values().collect();
        uncounted.sort_by_key(|rest| (rest.kind, rest.example));
        Joint { parts, uncounted }
    }
}

/// One look-up for every run of every table: the usual hasher, made to withstand attackers, would be most of the work.
type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

/// Multiplies each number in.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The table takes its place from the lower bits, and the upper ones are the best mixed.
        self.0.rotate_left(32)
    }
}
