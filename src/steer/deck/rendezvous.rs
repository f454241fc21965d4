//! Cards by weighted rendezvous: the same network gets the same endpoints, and a loss moves only its own share.
//!
//! Networks are hashed into [`HASH_BUCKETS`] buckets. In each bucket every member has a score of its own,
//! `−ln(u)/weight` with `u` uniform in (0, 1) from bucket and identity: an exponential variate whose rate is the weight, so
//! that the smallest falls to each member in proportion to its weight. The `k` smallest scores, in order, are the card.
//! As no score depends on another member, taking one away leaves the order of the rest as it was.
//!
//! First places follow the weights; later places go to what is left, so with more than one answer a heavy member's part of
//! all addresses is less than its weight's. That is the price of the stable order.
//!
//! The buckets are a sample: a member's share is off its ideal by about `√(p(1−p)/HASH_BUCKETS)`, at most 0.4 % of all
//! queries (one standard deviation). `Deck::shares` gives the exact result.

use super::{Candidate, Cards, mix};
use std::collections::HashMap;

/// How many buckets networks are hashed into: enough to follow weights within half a percent, and a table of 32 KiB.
pub const HASH_BUCKETS: usize = 1 << BUCKET_BITS;

const BUCKET_BITS: u32 = 14;
const _: () = assert!(HASH_BUCKETS <= 1 << u16::BITS, "card numbers fit u16");

/// The bucket of a network, by the upper bits of its hash.
pub(super) fn bucket(network_hash: u64) -> usize {
    (network_hash >> (u64::BITS - BUCKET_BITS)) as usize
}

/// Cards, and the card of each bucket. `width` is 1 to the number of candidates.
pub(super) fn deal(candidates: &[Candidate], width: usize) -> (Cards, Vec<u16>) {
    let mut numbers: HashMap<Box<[u16]>, u16> = HashMap::new();
    let mut cards = Cards::default();
    let mut best = Vec::with_capacity(width + 1);
    let mut card = Vec::with_capacity(width);
    let slots = (0..HASH_BUCKETS as u64).map(|bucket| {
        rank(candidates, width, mix(bucket), &mut best);
        card.clear();
        card.extend(best.iter().map(|&(_, index)| candidates[index].position));
        if let Some(&number) = numbers.get(&*card) {
            return number;
        }
        let number = numbers.len() as u16;
        numbers.insert(card.as_slice().into(), number);
        cards.push_rotations(&card, 1, std::iter::once(0));
        number
    });
    let slots = slots.collect();
    (cards, slots)
}

/// Puts the `width` smallest scores of a bucket into `best`, smallest first, with the index of their candidate.
fn rank(candidates: &[Candidate], width: usize, seed: u64, best: &mut Vec<(f64, usize)>) {
    best.clear();
    for (index, candidate) in candidates.iter().enumerate() {
        let rate = f64::from(candidate.weight);
        // 52 bits and half a step up, which is exact: neither 0 nor 1.
        let u = ((mix(candidate.id ^ seed) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
        let full = best.len() == width;
        // −ln(u) is at least 1−u, so most logarithms need not be taken; the factor covers rounding.
        if full && (1.0 - u) * 0.999_999 > best[width - 1].0 * rate {
            continue;
        }
        let score = -u.ln() / rate;
        let at = best.partition_point(|&(other, _)| other <= score);
        if at < width {
            best.truncate(width - usize::from(full));
            best.insert(at, (score, index));
        }
    }
}
