//! Cards whose mix follows weights: systematic sampling, dealt out in full.
//!
//! Of `k` places on a card a member gets a share `π = min(1, c·w)`, with `c` such that all shares add up to `k`: those
//! too heavy for their proportion are on every card, and the rest share the places left. Lay segments of length `π`
//! end to end, `k` long in all; a start `u` in [0, 1) picks the segments at `u, u+1, …, u+k−1`. No segment is longer
//! than 1, so none is picked twice, and each is picked for a part `π` of all `u`. As `u` moves, the picked set changes
//! only at the segments' ends: a handful of sets, each with its exact share. A few different orders of the segments
//! bring more pairs together; equal sets are merged.
//!
//! Clients lean on the first address, so the order on a card matters as much as the set. A set is led by the heavy
//! member `j` with probability `w_j/W`, else by one of its others, all alike. An other is on a card with probability
//! `places·w/W_others` and leads with `W_others/W/places` then, so every member leads exactly in proportion to its
//! weight.
//!
//! All of it is done in integers, in units of 2⁻³² of the queries.

use super::{Candidate, Cards, mix};
use std::collections::BTreeMap;

/// How many orders of the segments share the draws. A power of two, so that it divides 2³².
const ORDERINGS: u64 = 4;
/// Above so many cards, one order has to do.
const CARDS_MAX: usize = 16_384;

const _: () = assert!(ORDERINGS.is_power_of_two());

/// Cards, and the first of the 2³² equally likely values that draws each. `width` is 1 to the number of candidates.
pub(super) fn deal(candidates: &[Candidate], width: usize) -> (Cards, Vec<u32>) {
    let split = Split::new(candidates, width);
    let sets = split.sets(width);
    let mut cards = Cards::default();
    let mut starts = Vec::new();
    let mut begin = 0_u64;
    for (set, span) in sets {
        let leaders = split.leaders(&set, span);
        cards.push_rotations(&set, width, leaders.iter().map(|&(leader, _)| leader));
        starts.extend(leaders.iter().map(|&(_, at)| (begin + at) as u32));
        begin += span;
    }
    debug_assert_eq!(begin, 1 << 32, "the sets share all values");
    (cards, starts)
}

/// Who is on every card, and who shares the places left.
struct Split {
    heavy: Vec<Candidate>,
    others: Vec<Candidate>,
    /// Places on a card for `others`; 0 exactly if there are none.
    places: u64,
    /// Sum of all weights, and of those of `others`.
    weight: u64,
    others_weight: u64,
}

impl Split {
    fn new(candidates: &[Candidate], width: usize) -> Self {
        let mut others = candidates.to_vec();
        others.sort_by_key(|candidate| candidate.weight);
        let weight: u64 = others.iter().map(|candidate| candidate.weight).sum();
        let mut heavy = Vec::new();
        let mut others_weight = weight;
        let mut places = width as u64;
        while let Some(&last) = others.last() {
            if places * last.weight < others_weight {
                break;
            }
            heavy.push(last);
            others.pop();
            others_weight -= last.weight;
            places -= 1;
        }
        Self { heavy, others, places, weight, others_weight }
    }

    /// Every set of positions (ascending) that can be drawn, with its share of the 2³² values.
    fn sets(&self, width: usize) -> BTreeMap<Vec<u16>, u64> {
        let crowded = ORDERINGS as usize * (self.others.len() + 1) * width > CARDS_MAX;
        let orderings = if crowded { 1 } else { ORDERINGS };
        let unit = (1 << 32) / orderings;
        let mut sets = BTreeMap::new();
        let mut order = self.others.clone();
        for ordering in 0..orderings {
            order.sort_by_key(|other| (mix(other.id ^ mix(ordering)), other.position));
            let ends = self.segment_ends(&order, unit);
            let mut breaks: Vec<u64> = ends.iter().map(|end| end % unit).chain([0, unit]).collect();
            breaks.sort_unstable();
            breaks.dedup();
            for pair in breaks.windows(2) {
                let picked = (0..self.places).map(|place| {
                    let at = pair[0] + place * unit;
                    &order[ends.partition_point(|&end| end <= at)]
                });
                let mut set: Vec<u16> =
                    self.heavy.iter().chain(picked).map(|c| c.position).collect();
                set.sort_unstable();
                *sets.entry(set).or_insert(0) += pair[1] - pair[0];
            }
        }
        sets
    }

    /// Where each segment ends; the last ends at `places · unit`, and none is longer than `unit`, rounding included:
    /// two numbers no more than `unit` apart still are so when both are rounded down.
    fn segment_ends(&self, order: &[Candidate], unit: u64) -> Vec<u64> {
        let scale = u128::from(unit * self.places);
        let mut before = 0;
        let ends = order.iter().map(|other| {
            before += other.weight;
            (scale * u128::from(before) / u128::from(self.others_weight)) as u64
        });
        ends.collect()
    }

    /// Which members of `set` lead for a part of its `span`, by index in the set, and where that part begins.
    fn leaders(&self, set: &[u16], span: u64) -> Vec<(usize, u64)> {
        let scale = u128::from(self.places.max(1));
        let whole = u128::from(self.weight) * scale;
        let mut before = 0;
        let mut begin = 0;
        let mut leaders = Vec::with_capacity(set.len());
        for (index, &position) in set.iter().enumerate() {
            let heavy = self.heavy.iter().find(|heavy| heavy.position == position);
            before += match heavy {
                Some(heavy) => u128::from(heavy.weight) * scale,
                None => u128::from(self.others_weight),
            };
            let end = (u128::from(span) * before / whole) as u64;
            if end > begin {
                leaders.push((index, begin));
            }
            begin = end;
        }
        leaders
    }
}
